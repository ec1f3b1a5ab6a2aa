/// The target as approximations see it: values, gradients and Hessian-vector products of many columns at once, whoever computes them.
#pragma once

#include <functional>
#include <span>

#include "engine/models/model.hpp"
#include "engine/optimizers/lbfgs.hpp"

namespace variscope::approximations {

using tiles::BatchView;
using tiles::ConstBatchView;

/// The rows that one lane block of columns is evaluated on.
struct BlockRows {
  Index columns = 1;            ///< live ones in the block
  std::span<const Index> rows;  ///< global, ascending
  double scale = 1;             ///< of the log likelihood
};

/// log p(theta), unnormalised. A run supplies one whose rows are spread over ranks; its bits must not depend on them.
struct Density {
  Index dim = 0;
  /// out (wanted.rows(dim) rows, columns of theta) becomes what is wanted, in the layout of models::Wanted; what it held is lost.
  /// direction: dim rows, for Hessian-vector products only.
  std::function<void(ConstBatchView theta, const models::Wanted& wanted, ConstBatchView direction, BatchView out)> evaluate;
  bool has_hessian_vector = false;
  /// Global data rows that evaluate_rows may be asked for; 0: it is not there.
  Index rows = 0;
  /// out becomes log prior + scale x log likelihood of rows[b], for the live columns of each lane block b; value and gradient only.
  std::function<void(ConstBatchView theta, std::span<const BlockRows> rows, const models::Wanted& wanted, BatchView out)> evaluate_rows{};
};

/// All rows of a model, one after the other, on this thread. The model must outlive it and hold all its rows.
Density density_of(const models::Model& model);

/// Value at one point (dim entries); gradient becomes the gradient.
double value_and_gradient(const Density& density, std::span<const double> theta, std::span<double> gradient);

/// For optimizers::maximise.
optimizers::Objective objective_of(const Density& density);

}  // namespace variscope::approximations
