/// Unknown positive numbers on the logarithm.
#include "engine/models/scale_prior.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "engine/error.hpp"
#include "engine/simd/special.hpp"

namespace variscope::models {

using distributions::Distribution;
using simd::Pack;

Distribution positive_prior(const std::string& text, const std::string& key) {
  const Distribution prior = distributions::make(distributions::parse_call(text, key), key, {"fixed"});
  if (prior.support() == distributions::Support::positive || !prior.proper()) return prior;
  throw UserError(
      fmt::format("{}: {} gives weight to negative numbers (a scale is positive). Use half_normal(...), half_cauchy(...), "
                  "exponential(...), gamma(...), "
                  "inverse_gamma(...) or lognormal(...).",
                  key, prior.text()));
}

ScalePrior parse_scale_prior(const std::string& text, const std::string& key, double limit) {
  const distributions::Call call = distributions::parse_call(text, key);
  if (call.name != "fixed") return {false, 0, positive_prior(text, key)};
  const bool valid = call.arguments.size() == 1 && call.arguments[0] > 0 && std::isfinite(call.arguments[0]);
  const double log_value = valid ? std::log(call.arguments[0]) : 0;
  if (!valid || std::fabs(log_value) > limit)
    throw UserError(fmt::format("{}: '{}' (fixed takes one positive number). Write fixed(1).", key, text));
  return {true, log_value, {}};
}

distributions::Terms log_scale_terms(const Distribution& prior, Pack u, double limit) {
  const Pack below = u > limit ? simd::broadcast(limit) : u;
  const Pack log = below < -limit ? simd::broadcast(-limit) : below;
  const Pack scale = simd::exp_bounded(log);
  const distributions::Terms terms = prior.terms(scale);
  const Pack slope = terms.slope * scale;
  const Pack nothing = simd::broadcast(-std::numeric_limits<double>::infinity());
  const Pack outside = simd::abs(u) > limit ? nothing : Pack{};
  return {terms.value + log + outside, slope + 1.0, terms.curvature * scale * scale + slope};
}

}  // namespace variscope::models
