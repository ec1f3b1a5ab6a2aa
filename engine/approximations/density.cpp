/// The target as approximations see it.
#include "engine/approximations/density.hpp"

#include <algorithm>

namespace variscope::approximations {

Density density_of(const models::Model& model) {
  Density density;
  density.dim = model.dim();
  density.has_hessian_vector = model.has_hessian_vector();
  density.evaluate = [&model](ConstBatchView theta, const models::Wanted& wanted, ConstBatchView direction, BatchView out) {
    std::fill(out.data, out.data + out.blocks() * out.dim * tiles::kLanes, 0.0);
    models::Evaluation evaluation{wanted, out, {}, direction};
    model.log_prior(theta, evaluation);
    if (model.rows() > 0) model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta, evaluation);
  };
  density.rows = model.rows();
  density.evaluate_rows = [&model](ConstBatchView theta, std::span<const BlockRows> rows, const models::Wanted& wanted, BatchView out) {
    std::fill(out.data, out.data + out.blocks() * out.dim * tiles::kLanes, 0.0);
    for (std::size_t b = 0; b < rows.size(); ++b) {
      const auto block = static_cast<Index>(b);
      const ConstBatchView columns{theta.block(block), theta.dim, rows[b].columns};
      models::Evaluation evaluation{wanted, {out.block(block), out.dim, rows[b].columns}, {}};
      model.log_likelihood({{}, rows[b].rows.data(), static_cast<Index>(rows[b].rows.size())}, columns, evaluation);
      for (double* x = out.block(block); x != out.block(block + 1); ++x) *x *= rows[b].scale;
      model.log_prior(columns, evaluation);
    }
  };
  return density;
}

double value_and_gradient(const Density& density, std::span<const double> theta, std::span<double> gradient) {
  const models::Wanted wanted{true, true};
  tiles::Batch point(density.dim, 1);
  tiles::Batch out(wanted.rows(density.dim), 1);
  for (Index d = 0; d < density.dim; ++d) point(d, 0) = theta[static_cast<std::size_t>(d)];
  density.evaluate(point.view(), wanted, {}, out.view());
  for (Index d = 0; d < density.dim; ++d) gradient[static_cast<std::size_t>(d)] = out(1 + d, 0);
  return out(0, 0);
}

optimizers::Objective objective_of(const Density& density) {
  return [&density](std::span<const double> theta, std::span<double> gradient) { return value_and_gradient(density, theta, gradient); };
}

}  // namespace variscope::approximations
