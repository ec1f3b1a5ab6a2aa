/// Exact mean and variance of whole M-sample estimates: closed form where there is one, otherwise from one-sample moments.
#include "engine/oracles/truth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/oracles/gaussian_variance.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

enum class Kind { score_function, leave_one_out, pathwise, pathwise_kl, landing, antithetic };

std::optional<Kind> kind_of(const std::string& name) {
  static const std::array<std::pair<const char*, Kind>, 6> kinds = {{
      {"sf_raw", Kind::score_function},
      {"sf_loo", Kind::leave_one_out},
      {"pw_cfe", Kind::pathwise},
      {"pw_kl", Kind::pathwise_kl},
      {"stl", Kind::landing},
      {"pw_antithetic", Kind::antithetic},
  }};
  for (const auto& [known, kind] : kinds) {
    if (name == known) return kind;
  }
  return std::nullopt;
}

/// Whether an estimate of this kind exists at all for M samples and this objective.
bool exists(Kind kind, Objective objective, Index samples) {
  switch (kind) {
    case Kind::leave_one_out:
      return samples >= 2;
    case Kind::antithetic:
      return samples >= 2 && samples % 2 == 0;
    case Kind::landing:
      return objective == Objective::elbo && samples >= 1;
    default:
      return samples >= 1;
  }
}

std::vector<double> divided(std::vector<double> values, Index by) {
  for (double& value : values) value /= static_cast<double>(by);
  return values;
}

std::optional<EstimatorTruth> from_moments(Kind kind, const OneSampleMoments& one, Index samples) {
  EstimatorTruth result{one.path_mean, {}, one.error};
  switch (kind) {
    case Kind::score_function:
      result.mean = one.gradient;
      result.variance = divided(one.score_variance, samples);
      break;
    case Kind::leave_one_out: {
      result.mean = one.gradient;
      double growth = 1;  // of the moments' error through the products below
      for (std::size_t p = 0; p < one.gradient.size(); ++p) {
        const double mu11 = one.gradient[p];
        result.variance.push_back(
            sample_covariance_variance(one.centred_variance[p] + mu11 * mu11, one.value_variance, one.score2[p], mu11, samples));
        growth = std::max(growth, 1 + one.score2[p] + 2 * std::abs(mu11));
      }
      result.error *= growth;
      break;
    }
    case Kind::pathwise:
      result.variance = divided(one.path_variance, samples);
      break;
    case Kind::pathwise_kl:
      if (one.likelihood_mean.empty()) return std::nullopt;
      result.mean = one.likelihood_mean;
      result.variance = divided(one.likelihood_variance, samples);
      break;
    case Kind::landing:
      result.mean = one.landing_mean;
      result.variance = divided(one.landing_variance, samples);
      break;
    case Kind::antithetic:
      result.variance = divided(one.even_variance, samples / 2);
      break;
  }
  if (!std::isfinite(result.error)) return std::nullopt;
  return result;
}

std::optional<EstimatorTruth> gaussian_truth(Kind kind, const models::Gaussian& target, std::span<const double> lambda, Objective objective,
                                             Index samples) {
  EstimatorTruth result{gaussian_gradient(target, lambda, objective), {}, 0.0};
  switch (kind) {
    case Kind::score_function:
      result.variance = divided(score_function_variance(target, lambda, objective), samples);
      break;
    case Kind::leave_one_out:
      result.variance = leave_one_out_variance(target, lambda, objective, samples);
      break;
    case Kind::pathwise:
      result.variance = divided(closed_form_entropy_variance(target, lambda), samples);
      break;
    case Kind::landing:
      result.variance = divided(stick_the_landing_variance(target, lambda), samples);
      break;
    case Kind::antithetic:
      result.variance = divided(antithetic_pair_variance(target, lambda), samples / 2);
      break;
    case Kind::pathwise_kl:
      return std::nullopt;  // the target has no prior and likelihood to tell apart
  }
  double size = 0;
  for (std::size_t p = 0; p < result.mean.size(); ++p) size = std::max({size, std::abs(result.mean[p]), result.variance[p]});
  result.error = static_cast<double>(target.dim() + 10) * std::numeric_limits<double>::epsilon() * 4.0 * size;
  return result;
}

}  // namespace

std::optional<EstimatorTruth> truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                    Objective objective, Index samples) {
  const auto* gaussian = dynamic_cast<const models::Gaussian*>(&model);
  if (gaussian == nullptr) return quadrature_truth(estimator, model, lambda, objective, samples);
  const std::optional<Kind> kind = kind_of(estimator);
  if (!kind || !exists(*kind, objective, samples)) return std::nullopt;
  return gaussian_truth(*kind, *gaussian, lambda, objective, samples);
}

std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                               Objective objective, Index samples) {
  const std::optional<Kind> kind = kind_of(estimator);
  if (!kind || !exists(*kind, objective, samples) || model.dim() > 2) return std::nullopt;
  return from_moments(*kind, one_sample_moments(model, lambda, objective), samples);
}

}  // namespace variscope::oracles
