/// The target as approximations see it: values, gradients and Hessian-vector products of many columns at once, whoever computes them.
#pragma once

#include <functional>
#include <span>

#include "engine/models/model.hpp"
#include "engine/optimizers/lbfgs.hpp"

namespace variscope::approximations {

using tiles::BatchView;
using tiles::ConstBatchView;

/// log p(theta), unnormalised. A run supplies one whose rows are spread over ranks; its bits must not depend on them.
struct Density {
  Index dim = 0;
  /// out (wanted.rows(dim) rows, columns of theta) becomes what is wanted, in the layout of models::Wanted; what it held is lost.
  /// direction: dim rows, for Hessian-vector products only.
  std::function<void(ConstBatchView theta, const models::Wanted& wanted, ConstBatchView direction, BatchView out)> evaluate;
  bool has_hessian_vector = false;
};

/// All rows of a model, one after the other, on this thread. The model must outlive it and hold all its rows.
Density density_of(const models::Model& model);

/// Value at one point (dim entries); gradient becomes the gradient.
double value_and_gradient(const Density& density, std::span<const double> theta, std::span<double> gradient);

/// For optimizers::maximise.
optimizers::Objective objective_of(const Density& density);

}  // namespace variscope::approximations
