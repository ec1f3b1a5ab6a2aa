/// Exact moments and normalising constants of the test targets: what approximations and samplers are measured against.
#pragma once

#include <optional>
#include <vector>

#include "engine/models/model.hpp"

namespace variscope::oracles {

/// Of the normalised density, one entry per number of Model::constrain (constrained_dim() of them). NaN: does not exist; infinity: is so.
struct TargetTruth {
  std::vector<double> mean;
  std::vector<double> sd;
  double log_normaliser = 0;  ///< log of the integral of exp(log_prior) over theta; 0 for a density that is normalised
};

/// Closed forms, for horseshoe_ridge one-dimensional quadrature to rounding. Of gaussian, conditioned_gaussian (cost O(dim^3)), banana,
/// student_t, beta, normal_mixture, rosenbrock, funnel, horseshoe_ridge; nothing for other models.
std::optional<TargetTruth> target_truth(const models::Model& model);

}  // namespace variscope::oracles
