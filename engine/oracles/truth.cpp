/// Exact mean and variance of whole M-sample estimates: closed form where there is one, otherwise from one-sample moments.
#include "engine/oracles/truth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "engine/oracles/bernoulli.hpp"
#include "engine/oracles/full_rank_variance.hpp"
#include "engine/oracles/gaussian_variance.hpp"
#include "engine/oracles/importance.hpp"
#include "engine/oracles/measure_valued.hpp"
#include "engine/oracles/moments.hpp"
#include "engine/oracles/quadratic_surrogate.hpp"
#include "engine/oracles/score_truth.hpp"
#include "engine/oracles/scrambled_net.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using models::Model;

enum class Kind {
  score,
  pathwise,
  pathwise_kl,
  landing,
  mixture,
  antithetic,
  taylor_hessian,
  taylor_product,
  surrogate,
  price,
  measure_valued,
  bound
};

std::optional<Kind> kind_of(const std::string& name) {
  static const std::array<std::pair<const char*, Kind>, 13> kinds = {{
      {"pw_cfe", Kind::pathwise},
      {"pw_kl", Kind::pathwise_kl},
      {"stl", Kind::landing},
      {"mix", Kind::mixture},
      {"pw_antithetic", Kind::antithetic},
      {"taylor_hessian", Kind::taylor_hessian},
      {"taylor_hvp", Kind::taylor_product},
      {"pw_quadratic", Kind::surrogate},
      {"bonnet_price", Kind::price},
      {"mvd", Kind::measure_valued},
      {"iwae", Kind::bound},
      {"stl_iw", Kind::bound},
      {"dreg", Kind::bound},
  }};
  if (is_score_estimator(name)) return Kind::score;
  for (const auto& [known, kind] : kinds) {
    if (name == known) return kind;
  }
  return std::nullopt;
}

/// Everything a truth is asked for.
struct Request {
  std::string estimator;
  Kind kind;
  const Model& model;
  const LocationScale& q;
  std::span<const double> lambda;
  Objective objective;
  Index samples;
  const Options& options;

  [[nodiscard]] bool elbo() const { return objective == Objective::elbo; }
  /// K of the importance-weighted bounds.
  [[nodiscard]] Index importance() const { return options.importance_samples > 0 ? options.importance_samples : samples; }
  /// Whether an estimate of this kind exists at all.
  [[nodiscard]] bool exists() const {
    if (samples < 1) return false;
    switch (kind) {
      case Kind::score:
        return (estimator != "sf_loo" || samples >= 2) && (options.entropy != Entropy::own || q.mean_field);
      case Kind::antithetic:
        return samples % 2 == 0;
      case Kind::landing:
      case Kind::mixture:
        return elbo();
      case Kind::bound:
        return elbo() && samples % importance() == 0;
      case Kind::measure_valued:
        // Beyond mean-field no more is known than the Gaussian target's closed form.
        return q.mean_field || (options.entropy == Entropy::exact && dynamic_cast<const models::Gaussian*>(&model) != nullptr);
      default:
        return true;
    }
  }
};

std::vector<double> divided(std::vector<double> values, Index by) {
  for (double& value : values) value /= static_cast<double>(by);
  return values;
}

/// Means from one vector, the factor's parameters from the other.
std::vector<double> blocks(const LocationScale& q, const std::vector<double>& location, const std::vector<double>& factor) {
  std::vector<double> both = location;
  const auto dim = static_cast<std::ptrdiff_t>(q.dim);
  std::copy(factor.begin() + dim, factor.end(), both.begin() + dim);
  return both;
}

std::optional<EstimatorTruth> from_moments(const Request& r, const OneSampleMoments& one) {
  EstimatorTruth result{one.path_mean, {}, one.error};
  switch (r.kind) {
    case Kind::score:
      return score_truth(r.estimator, one, r.samples, r.options);
    case Kind::pathwise:
      result.variance = one.path_variance;
      break;
    case Kind::pathwise_kl:
      if (one.likelihood_mean.empty()) return std::nullopt;
      result.mean = one.likelihood_mean;
      result.variance = one.likelihood_variance;
      break;
    case Kind::landing:
      result.mean = one.landing_mean;
      result.variance = one.landing_variance;
      break;
    case Kind::mixture: {
      const double c = r.options.mixture.value_or(one.optimal_mixture());
      for (std::size_t p = 0; p < one.path_mean.size(); ++p) {
        result.variance.push_back(one.path_variance[p] + c * (2.0 * one.path_score[p] + c * one.score2[p]));
      }
      result.error *= 1.0 + 2.0 * std::abs(c);
      break;
    }
    case Kind::antithetic:
      result.variance = one.even_variance;
      break;
    case Kind::taylor_hessian:
      result.variance = one.taylor_variance;
      break;
    case Kind::taylor_product:
      if (one.taylor_variance.empty()) return std::nullopt;
      result.variance =
          blocks(r.q, one.taylor_variance, r.options.taylor_scale == TaylorScale::none ? one.path_variance : one.constant_variance);
      break;
    case Kind::price:
      result.mean = one.price_mean;
      result.variance = one.price_variance;
      break;
    case Kind::surrogate:
    case Kind::measure_valued:
    case Kind::bound:
      return std::nullopt;
  }
  if (result.variance.empty()) return std::nullopt;  // without Hessians
  result.variance = divided(std::move(result.variance), r.kind == Kind::antithetic ? r.samples / 2 : r.samples);
  return result;
}

std::optional<EstimatorTruth> by_quadrature(const Request& r) {
  std::optional<EstimatorTruth> result;
  if (!r.exists()) return result;
  if (r.kind == Kind::bound) {
    if (r.q.dim != 1 || r.importance() > 3) return result;
    result = importance_truth(r.estimator, r.model, r.q, r.importance());
    result->variance = divided(std::move(result->variance), r.samples / r.importance());
  } else if (r.q.dim > 2 || (r.kind == Kind::measure_valued && !r.q.mean_field)) {
    return result;
  } else if (r.kind == Kind::measure_valued) {
    const MeasureValuedMoments one = measure_valued_moments(r.model, r.q, r.objective, r.options.entropy);
    result = EstimatorTruth{one.mean, divided(one.variance, r.samples), one.error};
  } else if (r.kind == Kind::surrogate) {
    result = quadratic_surrogate_moments(r.model, r.q, r.objective, r.options.surrogate);
    result->variance = divided(std::move(result->variance), r.samples);
  } else {
    const Entropy entropy = r.kind == Kind::score ? r.options.entropy : Entropy::sampled;
    result = from_moments(r, one_sample_moments(r.model, r.q, r.objective, entropy));
  }
  if (result && !std::isfinite(result->error)) return std::nullopt;
  return result;
}

/// Score-function variances on the Gaussian target under a mean-field q.
std::vector<double> gaussian_score_variance(const Request& r, const models::Gaussian& target) {
  const Entropy entropy = r.options.entropy;
  if (r.estimator == "sf_loo") return leave_one_out_variance(target, r.lambda, r.objective, r.samples, entropy);
  std::vector<double> coefficients(r.lambda.size(), 0.0);
  if (r.estimator == "sf_mean") {
    coefficients = mean_baseline(target, r.lambda, r.objective, entropy);
    if (r.options.baseline) coefficients.assign(r.lambda.size(), *r.options.baseline);
  }
  if (r.estimator == "sf_rb") {
    coefficients = r.options.coefficients.empty() ? optimal_coefficients(target, r.lambda, r.objective, entropy) : r.options.coefficients;
  }
  return divided(baseline_variance(target, r.lambda, r.objective, entropy, coefficients), r.samples);
}

/// Nothing where there is no closed form.
std::optional<EstimatorTruth> gaussian_truth(const Request& r, const models::Gaussian& target) {
  const LocationScale& q = r.q;
  const Index m = r.samples;
  EstimatorTruth result{full_rank_gradient(target, q, r.objective), {}, 0.0};
  std::vector<double>& variance = result.variance;
  const std::vector<double> path = full_rank_mixture_variance(target, q, 0.0);
  switch (r.kind) {
    case Kind::score:
      if (!q.mean_field) return std::nullopt;
      variance = gaussian_score_variance(r, target);
      break;
    case Kind::pathwise:
      variance = divided(path, m);
      break;
    case Kind::landing:
      variance = divided(full_rank_mixture_variance(target, q, 1.0), m);
      break;
    case Kind::mixture:
      variance = divided(full_rank_mixture_variance(target, q, r.options.mixture.value_or(full_rank_optimal_mixture(target, q))), m);
      break;
    case Kind::antithetic:
      variance = divided(full_rank_antithetic_variance(target, q), m / 2);
      break;
    case Kind::taylor_hessian:
      variance.assign(q.parameters(), 0.0);
      break;
    case Kind::taylor_product:
      variance = divided(r.options.taylor_scale == TaylorScale::none ? path : full_rank_antithetic_variance(target, q), m);
      std::fill(variance.begin(), variance.begin() + static_cast<std::ptrdiff_t>(q.dim), 0.0);
      break;
    case Kind::surrogate:
      variance = divided(quadratic_surrogate_variance(target, q, r.options.surrogate), m);
      break;
    case Kind::price:
      variance = divided(blocks(q, path, std::vector<double>(q.parameters(), 0.0)), m);
      break;
    case Kind::measure_valued:
      variance = divided(
          q.mean_field ? measure_valued_variance(target, q, r.objective, r.options.entropy) : full_rank_measure_valued_variance(target, q),
          m);
      break;
    case Kind::pathwise_kl:  // the target has no prior and likelihood to tell apart
    case Kind::bound:
      return std::nullopt;
  }
  double size = 0;
  for (std::size_t p = 0; p < result.mean.size(); ++p) size = std::max({size, std::abs(result.mean[p]), variance[p]});
  result.error = static_cast<double>(target.dim() + 10) * std::numeric_limits<double>::epsilon() * 4.0 * size;
  return result;
}

/// What X_rqmc is called without the randomised points; empty for any other name.
std::string without_rqmc(const std::string& name) {
  const std::string suffix = "_rqmc";
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return {};
  const std::string base = name.substr(0, name.size() - suffix.size());
  if (base == "pw") return "pw_cfe";
  return base == "sf" ? "sf_raw" : base;
}

std::optional<EstimatorTruth> find_truth(const std::string& estimator, const Model& model, const std::string& family,
                                         std::span<const double> lambda, Objective objective, Index samples, const Options& options,
                                         bool closed_forms) {
  if (const std::string base = without_rqmc(estimator); !base.empty()) {
    // An average over samples keeps its mean, every point being uniform by itself; what combines samples does not.
    if (base == "sf_loo" || base == "iwae" || base == "stl_iw" || base == "dreg") return std::nullopt;
    std::optional<EstimatorTruth> result = find_truth(base, model, family, lambda, objective, samples, options, closed_forms);
    if (!result) return result;
    result->variance.clear();
    const std::optional<LocationScale> q = location_scale(family, static_cast<std::size_t>(model.dim()), lambda, options.layout);
    if (!q || base != "pw_cfe") return result;
    const std::optional<EstimatorTruth> net = scrambled_net_truth(model, *q, objective, samples);
    if (net) {
      result->variance = net->variance;
      result->error = std::max(result->error, net->error);
    }
    return result;
  }
  if (family == "bernoulli") return bernoulli_truth(estimator, model, lambda, objective, samples, options);
  const std::optional<LocationScale> q = location_scale(family, static_cast<std::size_t>(model.dim()), lambda, options.layout);
  const std::optional<Kind> kind = kind_of(estimator);
  if (!q || !kind) return std::nullopt;
  const Request request{estimator, *kind, model, *q, lambda, objective, samples, options};
  if (!request.exists()) return std::nullopt;
  const auto* gaussian = dynamic_cast<const models::Gaussian*>(&model);
  if (closed_forms && gaussian != nullptr) {
    if (std::optional<EstimatorTruth> result = gaussian_truth(request, *gaussian)) return result;
  }
  return by_quadrature(request);
}

}  // namespace

std::optional<EstimatorTruth> truth(const std::string& estimator, const Model& model, const std::string& family,
                                    std::span<const double> lambda, Objective objective, Index samples, const Options& options) {
  return find_truth(estimator, model, family, lambda, objective, samples, options, true);
}

std::optional<EstimatorTruth> truth(const std::string& estimator, const Model& model, std::span<const double> lambda, Objective objective,
                                    Index samples) {
  return truth(estimator, model, "mean_field_gaussian", lambda, objective, samples);
}

std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const Model& model, const std::string& family,
                                               std::span<const double> lambda, Objective objective, Index samples, const Options& options) {
  return find_truth(estimator, model, family, lambda, objective, samples, options, false);
}

std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const Model& model, std::span<const double> lambda,
                                               Objective objective, Index samples) {
  return quadrature_truth(estimator, model, "mean_field_gaussian", lambda, objective, samples);
}

}  // namespace variscope::oracles
