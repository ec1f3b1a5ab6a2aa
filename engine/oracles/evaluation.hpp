/// The target at a list of points: log density, gradient and Hessian-vector products, in chunks through the batched interface.
#pragma once

#include <vector>

#include "engine/models/model.hpp"

namespace variscope::oracles {

/// 1 + dim numbers a point: value, gradient. The prior's and the likelihood's share apart.
struct Density {
  std::vector<double> prior;
  std::vector<double> likelihood;
};

/// points: dim numbers each. Full data; all rows must be held.
Density evaluate(const models::Model& model, const std::vector<double>& points);

/// log prior + log likelihood alone, one number a point.
std::vector<double> evaluate_values(const models::Model& model, const std::vector<double>& points);

/// Gradient of one row's log likelihood at every point, dim numbers each.
std::vector<double> evaluate_row(const models::Model& model, Index row, const std::vector<double>& points);

/// Hessian of the log density times `direction` (dim numbers, the same everywhere), dim numbers a point.
/// Throws std::logic_error where the model has no Hessian-vector products.
std::vector<double> evaluate_hessian(const models::Model& model, const std::vector<double>& points, const std::vector<double>& direction);

}  // namespace variscope::oracles
