/// What every gradient estimator must come out as: exact mean and variance of a whole M-sample estimate, without any sampling.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/index.hpp"
#include "engine/models/model.hpp"

namespace variscope::oracles {

/// 2 dim entries each, lambda's order. error bounds the numerical error of every entry.
struct EstimatorTruth {
  std::vector<double> mean;
  std::vector<double> variance;
  double error = 0;
};

/// Truth of the M-sample estimate (M = samples) of a catalogued estimator: closed form for the Gaussian target in any dimension, otherwise
/// quadrature in one or two dimensions. Empty where neither applies, or where the estimator cannot serve the model, objective or M.
std::optional<EstimatorTruth> truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                    estimators::Objective objective, Index samples);

/// The same by quadrature only, whatever the model: the independent check of the closed forms.
std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                               estimators::Objective objective, Index samples);

}  // namespace variscope::oracles
