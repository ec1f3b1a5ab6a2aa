/// Densities, quantiles and the parser of prior distributions.
#include "engine/distributions/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/simd/special.hpp"

namespace variscope::distributions {

namespace {

using simd::broadcast;
using simd::fma;
using simd::Pack;

constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr double kLog2 = std::numbers::ln2;
const double kLogPi = std::log(std::numbers::pi);

/// Extreme uniforms give extreme draws, not exceptions.
using Quiet = boost::math::policies::policy<boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
                                            boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
                                            boost::math::policies::denorm_error<boost::math::policies::ignore_error>,
                                            boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

const Description& describe(Kind kind) { return descriptions()[static_cast<std::size_t>(kind)]; }

std::string usage(const Description& of) {
  return of.arguments.empty() ? of.name : fmt::format("{}({})", of.name, fmt::join(of.arguments, ", "));
}

std::string trimmed(const std::string& text) {
  const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto first = std::find_if_not(text.begin(), text.end(), space);
  const auto last = std::find_if_not(text.rbegin(), text.rend(), space).base();
  return first < last ? std::string(first, last) : std::string();
}

bool is_location(const std::string& argument) { return argument == "mean" || argument == "location" || argument == "log_mean"; }

double gamma_quantile(double shape, double u) {
  return boost::math::quantile(boost::math::gamma_distribution<double, Quiet>(shape, 1.0), u);
}

}  // namespace

const std::vector<Description>& descriptions() {
  static const std::vector<Description> all = {
      {Kind::flat, "flat", {}, "1"},
      {Kind::normal, "normal", {"mean", "sd"}, "exp(-((x - mean) / sd)^2 / 2) / (sd sqrt(2 pi))"},
      {Kind::student_t,
       "student_t",
       {"degrees", "location", "scale"},
       "(1 + ((x - location) / scale)^2 / degrees)^(-(degrees + 1) / 2) / (scale sqrt(degrees) B(1 / 2, degrees / 2))"},
      {Kind::cauchy, "cauchy", {"location", "scale"}, "1 / (pi scale (1 + ((x - location) / scale)^2))"},
      {Kind::half_normal, "half_normal", {"scale"}, "2 exp(-(x / scale)^2 / 2) / (scale sqrt(2 pi)), x >= 0"},
      {Kind::half_cauchy, "half_cauchy", {"scale"}, "2 / (pi scale (1 + (x / scale)^2)), x >= 0"},
      {Kind::exponential, "exponential", {"rate"}, "rate exp(-rate x), x >= 0"},
      {Kind::gamma, "gamma", {"shape", "rate"}, "rate^shape x^(shape - 1) exp(-rate x) / Gamma(shape), x > 0"},
      {Kind::inverse_gamma, "inverse_gamma", {"shape", "scale"}, "scale^shape x^(-shape - 1) exp(-scale / x) / Gamma(shape), x > 0"},
      {Kind::lognormal, "lognormal", {"log_mean", "log_sd"}, "exp(-((log x - log_mean) / log_sd)^2 / 2) / (x log_sd sqrt(2 pi)), x > 0"},
      {Kind::log_flat, "log_flat", {}, "1 / x, x > 0: flat on log x"},
  };
  return all;
}

Distribution::Distribution(Kind kind, const std::vector<double>& arguments, const std::string& key) : kind_(kind) {
  const Description& of = describe(kind);
  if (arguments.size() != of.arguments.size()) {
    throw UserError(fmt::format("{}: '{}' with {} argument{} (it takes {}). Write {}.", key, of.name, arguments.size(),
                                arguments.size() == 1 ? "" : "s", of.arguments.empty() ? "none" : std::to_string(of.arguments.size()),
                                usage(of)));
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const double value = arguments[i];
    if (is_location(of.arguments[i]) ? std::isfinite(value) : value > 0 && std::isfinite(value)) {
      arguments_.at(i) = value;
      continue;
    }
    throw UserError(fmt::format("{}: {} of '{}' is {} (it must be {}). Write {}.", key, of.arguments[i], of.name, value,
                                is_location(of.arguments[i]) ? "finite" : "positive and finite", usage(of)));
  }
  const double a = arguments_[0];
  const double b = arguments_[1];
  switch (kind) {
    case Kind::flat:
    case Kind::log_flat:
      break;
    case Kind::normal:
    case Kind::lognormal:
      normaliser_ = -std::log(b) - kHalfLog2Pi;
      break;
    case Kind::student_t:
      normaliser_ = std::lgamma(0.5 * (a + 1)) - std::lgamma(0.5 * a) - 0.5 * (std::log(a) + kLogPi) - std::log(arguments_[2]);
      break;
    case Kind::cauchy:
      normaliser_ = -kLogPi - std::log(b);
      break;
    case Kind::half_normal:
      normaliser_ = kLog2 - std::log(a) - kHalfLog2Pi;
      break;
    case Kind::half_cauchy:
      normaliser_ = kLog2 - kLogPi - std::log(a);
      break;
    case Kind::exponential:
      normaliser_ = std::log(a);
      break;
    case Kind::gamma:
    case Kind::inverse_gamma:
      normaliser_ = a * std::log(b) - std::lgamma(a);
      break;
  }
}

std::string Distribution::text() const {
  const Description& of = describe(kind_);
  if (of.arguments.empty()) return of.name;
  std::string list;
  for (std::size_t i = 0; i < of.arguments.size(); ++i) list += fmt::format("{}{}", i == 0 ? "" : ", ", arguments_.at(i));
  return fmt::format("{}({})", of.name, list);
}

Support Distribution::support() const {
  return kind_ == Kind::flat || kind_ == Kind::normal || kind_ == Kind::student_t || kind_ == Kind::cauchy ? Support::real
                                                                                                           : Support::positive;
}

namespace {

/// -(degrees + 1) / 2 log(1 + z^2 / degrees), z = (x - location) / scale.
Terms student(Pack x, double degrees, double location, double scale, double normaliser) {
  const Pack z = (x - location) / scale;
  const Pack square = z * z;
  const Pack weight = (degrees + 1) / (square + degrees);
  return {broadcast(normaliser) - 0.5 * (degrees + 1) * simd::log1p_nonnegative(square / degrees), -(weight * z) / scale,
          weight * ((square - degrees) / (square + degrees)) / (scale * scale)};
}

Terms normal(Pack x, double mean, double sd, double normaliser) {
  const Pack z = (x - mean) / sd;
  return {fma(z * -0.5, z, broadcast(normaliser)), -z / sd, broadcast(-1.0 / (sd * sd))};
}

}  // namespace

Terms Distribution::terms(Pack x) const {
  const double a = arguments_[0];
  const double b = arguments_[1];
  const Pack zero{};
  Terms terms{zero, zero, zero};
  // A positive number where there is none, for the formulas' sake.
  const bool open = kind_ == Kind::gamma || kind_ == Kind::inverse_gamma || kind_ == Kind::lognormal || kind_ == Kind::log_flat;
  const simd::Mask outside = support() == Support::real ? simd::Mask{} : open ? x <= 0.0 : x < 0.0;
  const Pack at = outside ? broadcast(1.0) : x;
  switch (kind_) {
    case Kind::flat:
      break;
    case Kind::normal:
      terms = normal(at, a, b, normaliser_);
      break;
    case Kind::student_t:
      terms = student(at, a, b, arguments_[2], normaliser_);
      break;
    case Kind::cauchy:
      terms = student(at, 1.0, a, b, normaliser_);
      break;
    case Kind::half_normal:
      terms = normal(at, 0.0, a, normaliser_);
      break;
    case Kind::half_cauchy:
      terms = student(at, 1.0, 0.0, a, normaliser_);
      break;
    case Kind::exponential:
      terms = {fma(at, broadcast(-a), broadcast(normaliser_)), broadcast(-a), zero};
      break;
    case Kind::gamma:
      terms.value = fma(at, broadcast(-b), fma(simd::log_positive(at), broadcast(a - 1), broadcast(normaliser_)));
      terms.slope = (a - 1) / at - b;
      terms.curvature = -((a - 1) / at) / at;
      break;
    case Kind::inverse_gamma: {
      const Pack scaled = b / at;
      terms.value = fma(simd::log_positive(at), broadcast(-(a + 1)), broadcast(normaliser_)) - scaled;
      terms.slope = (scaled - (a + 1)) / at;
      terms.curvature = ((a + 1) - 2.0 * scaled) / at / at;
      break;
    }
    case Kind::lognormal: {
      const Pack log_x = simd::log_positive(at);
      const Pack z = (log_x - a) / b;
      terms.value = fma(z * -0.5, z, broadcast(normaliser_) - log_x);
      terms.slope = -(z / b + 1.0) / at;
      terms.curvature = ((z / b + 1.0) - 1.0 / (b * b)) / at / at;
      break;
    }
    case Kind::log_flat:
      terms.value = -simd::log_positive(at);
      terms.slope = -1.0 / at;
      terms.curvature = (1.0 / at) / at;
      break;
  }
  if (support() == Support::real) return terms;
  return {outside ? broadcast(-std::numeric_limits<double>::infinity()) : terms.value, outside ? zero : terms.slope,
          outside ? zero : terms.curvature};
}

double Distribution::draw(const random::Stream& stream, std::uint32_t lane) const {
  const double a = arguments_[0];
  const double b = arguments_[1];
  const auto normal = [&] { return random::normal(stream, lane); };
  const auto uniform = [&] { return random::uniform(stream, lane); };
  switch (kind_) {
    case Kind::flat:
    case Kind::log_flat:
      throw std::logic_error("draw from an improper distribution");
    case Kind::normal:
      return a + b * normal();
    case Kind::student_t:
      return b + arguments_[2] * boost::math::quantile(boost::math::students_t_distribution<double, Quiet>(a), uniform());
    case Kind::cauchy:
      return a + b * std::tan(std::numbers::pi * (uniform() - 0.5));
    case Kind::half_normal:
      return a * std::fabs(normal());
    case Kind::half_cauchy:
      return a * std::tan(0.5 * std::numbers::pi * uniform());
    case Kind::exponential:
      return -std::log(uniform()) / a;
    case Kind::gamma:
      return gamma_quantile(a, uniform()) / b;
    case Kind::inverse_gamma:
      return b / gamma_quantile(a, uniform());
    case Kind::lognormal:
      return std::exp(a + b * normal());
  }
  throw std::logic_error("draw of no kind");
}

Call parse_call(const std::string& text, const std::string& key) {
  const std::string all = trimmed(text);
  const std::size_t open = all.find('(');
  Call call{trimmed(all.substr(0, open)), {}};
  if (call.name.empty()) throw UserError(fmt::format("{}: no distribution in '{}' (a name is expected). Write normal(0, 1).", key, text));
  if (open == std::string::npos) return call;
  if (all.back() != ')') {
    throw UserError(fmt::format("{}: '{}' does not end with ')' (its arguments stand in brackets). Write normal(0, 1).", key, all));
  }
  const std::string inside = trimmed(all.substr(open + 1, all.size() - open - 2));
  std::size_t first = 0;
  while (!inside.empty() && first <= inside.size()) {
    const std::size_t comma = std::min(inside.find(',', first), inside.size());
    const std::string number = trimmed(inside.substr(first, comma - first));
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size()) {
      throw UserError(
          fmt::format("{}: '{}' in '{}' is no number (arguments are numbers between commas). Write normal(0, 1).", key, number, all));
    }
    call.arguments.push_back(value);
    first = comma + 1;
  }
  return call;
}

Distribution make(const Call& call, const std::string& key, const std::vector<std::string>& others) {
  std::vector<std::string> names;
  for (const Description& of : descriptions()) {
    if (of.name == call.name) return {of.kind, call.arguments, key};
    names.push_back(of.name);
  }
  names.insert(names.end(), others.begin(), others.end());
  std::string near = data::nearest_name(names, call.name);
  for (const Description& of : descriptions()) {
    if (of.name == near) near = usage(of);
  }
  throw UserError(fmt::format("{}: no distribution '{}' (valid: {}). Did you mean {}?", key, call.name, fmt::join(names, ", "), near));
}

Distribution parse(const std::string& text, const std::string& key) { return make(parse_call(text, key), key); }

}  // namespace variscope::distributions
