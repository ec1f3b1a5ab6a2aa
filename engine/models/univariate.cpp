/// Univariate test functions: values, derivatives and Gaussian expectations.
#include "engine/models/univariate.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "engine/error.hpp"

namespace variscope::models {

Univariate::Univariate(Function function, double k) : function_(function), k_(k) {
  if (!std::isfinite(k)) throw UserError("model.k: not finite (it is the function's constant). Give a finite number.");
  if (function == Function::exponential && k < 0) {
    throw UserError(fmt::format("model.k: {} is negative (E exp(-k x^2) does not exist for every q). Give k >= 0.", k));
  }
}

Univariate::Function Univariate::function_named(const std::string& word) {
  if (word == "square") return Function::square;
  if (word == "exponential") return Function::exponential;
  if (word == "cosine") return Function::cosine;
  throw UserError(fmt::format("model.function: \"{}\" is unknown (it says which f(x) is meant). Use square, exponential or cosine.", word));
}

void Univariate::log_prior(ConstBatchView theta, Evaluation& out) const {
  // One number per column: libm, lane by lane, costs less than everything around it. Padding lanes included, as everywhere.
  for (Index b = 0; b < theta.blocks(); ++b) {
    const double* xs = theta.block(b);
    double* value = out.out.block(b);
    double* gradient = value + tiles::kLanes;
    double* product = value + out.wanted.hessian_row(1) * tiles::kLanes;
    const double* along = out.wanted.hessian_vector ? out.direction.block(b) : nullptr;
    for (Index lane = 0; lane < tiles::kLanes; ++lane) {
      const double x = xs[lane];
      switch (function_) {
        case Function::square:
          if (out.wanted.value) value[lane] += (x - k_) * (x - k_);
          if (out.wanted.gradient) gradient[lane] += 2.0 * (x - k_);
          if (out.wanted.hessian_vector) product[lane] += 2.0 * along[lane];
          break;
        case Function::exponential: {
          const double bell = std::exp(-k_ * x * x);
          if (out.wanted.value) value[lane] += bell;
          if (out.wanted.gradient) gradient[lane] -= 2.0 * k_ * x * bell;
          if (out.wanted.hessian_vector) product[lane] += 2.0 * k_ * (2.0 * k_ * x * x - 1.0) * bell * along[lane];
          break;
        }
        case Function::cosine:
          if (out.wanted.value) value[lane] += std::cos(k_ * x);
          if (out.wanted.gradient) gradient[lane] -= k_ * std::sin(k_ * x);
          if (out.wanted.hessian_vector) product[lane] -= k_ * k_ * std::cos(k_ * x) * along[lane];
          break;
      }
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Univariate::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  const double m = mean[0];
  const double v = scale[0] * scale[0];
  double value = 0;
  double by_mean = 0;
  double by_log_scale = 0;
  // Sizes of the terms, and how many epsilon of them may be lost: a relative error of the argument of exp or cos counts times its size.
  double sizes[3] = {0, 0, 0};
  double roundings = 16;
  switch (function_) {
    case Function::square:
      value = (m - k_) * (m - k_) + v;
      by_mean = 2.0 * (m - k_);
      by_log_scale = 2.0 * v;
      sizes[0] = value;
      sizes[1] = std::abs(by_mean);
      sizes[2] = by_log_scale;
      break;
    case Function::exponential: {
      const double w = 1.0 + 2.0 * k_ * v;
      const double argument = k_ * m * m / w;
      const double spread = 2.0 * k_ * v / w;
      value = std::exp(-argument) / std::sqrt(w);
      by_mean = -2.0 * k_ * m / w * value;
      by_log_scale = value * spread * (2.0 * argument - 1.0);
      roundings += 6.0 * argument;
      sizes[0] = value;
      sizes[1] = std::abs(by_mean);
      sizes[2] = value * spread * (2.0 * argument + 1.0);
      break;
    }
    case Function::cosine: {
      const double decay = std::exp(-0.5 * k_ * k_ * v);
      value = decay * std::cos(k_ * m);
      by_mean = -k_ * decay * std::sin(k_ * m);
      by_log_scale = -k_ * k_ * v * value;
      roundings += 3.0 * k_ * k_ * v + 2.0 * std::abs(k_ * m);
      sizes[0] = decay;
      sizes[1] = std::abs(k_) * decay;
      sizes[2] = k_ * k_ * v * decay;
      break;
    }
  }
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const auto add = [&](double& to, double& error, double term, double size) {
    to += term;
    error += kEpsilon * (roundings * size + std::abs(to));
  };
  add(out.value, out.value_error, value, sizes[0]);
  add(out.gradient[0], out.error[0], by_mean, sizes[1]);
  add(out.gradient[1], out.error[1], by_log_scale, sizes[2]);
}

void Univariate::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  if (!(covariance[0] > 0)) throw std::logic_error("expected_log_prior_under of a variance that is not positive");
  const double scale = std::sqrt(covariance[0]);
  GaussianExpectation one{0, 0, {0, 0}, {0, 0}};
  expected_log_prior(mean, &scale, one);
  out.value += one.value;
  out.value_error += one.value_error;
  // d / d log s = 2 s^2 d / d s^2.
  const double factors[2] = {1.0, 0.5 / covariance[0]};
  for (std::size_t i = 0; i < 2; ++i) {
    const double term = one.gradient[i] * factors[i];
    out.gradient[i] += term;
    out.error[i] += one.error[i] * factors[i] + 4.0 * std::numeric_limits<double>::epsilon() * (std::abs(term) + std::abs(out.gradient[i]));
  }
}

Entry univariate_entry() {
  Entry entry;
  entry.name = "univariate";
  entry.summary = "test functions of one variable for the objective E_q[f]: square (x-k)^2, exponential exp(-k x^2), cosine cos(k x)";
  entry.source = "Mohamed, Rosca, Figurnov, Mnih 2020, JMLR 21(132), Figs. 2-3";
  entry.parameters = {{"k", "the function's constant", {}}};
  entry.words = {{.name = "function",
                  .description = "the function f: square (z - k)^2, exponential exp(-k z^2), cosine cos(k z)",
                  .choices = {"square", "exponential", "cosine"}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Univariate>(Univariate::function_named(arguments.word("function")), arguments.number("k"));
  };
  entry.smoke.numbers = {{"k", {1.5}}};
  entry.smoke.words = {{"function", "cosine"}};
  return entry;
}

}  // namespace variscope::models
