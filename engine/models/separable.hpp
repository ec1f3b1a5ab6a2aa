/// A target whose coordinates are independent and alike: one scalar log density, summed over the coordinates.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/model.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::models {

/// dim independent coordinates of the same density. Cost O(dim) per column.
/// Density, all const: value, gradient, curvature (first and second derivative of the value) of a pack; has_draws(); draw(stream, lane), a
/// number distributed as the density says, a function of uniform number `lane` alone.
template <class Density>
class Separable : public Model {
 public:
  /// Throws UserError if dim < 1. name: of the variable, a vector if dim > 1.
  Separable(Index dim, std::string name, Density density) : dim_(dim), name_(std::move(name)), density_(density) {
    if (dim < 1) throw UserError(fmt::format("model.dim: {} (a target has at least one coordinate). Give 1 or more.", dim));
  }

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override {
    if (dim_ == 1) return {name_};
    std::vector<std::string> names;
    for (Index d = 0; d < dim_; ++d) names.push_back(fmt::format("{}[{}]", name_, d));
    return names;
  }
  [[nodiscard]] std::vector<Variable> variables() const override { return {{name_, dim_ == 1 ? std::vector<Index>{} : std::vector{dim_}}}; }

  void log_prior(ConstBatchView theta, Evaluation& out) const override {
    using transforms::packs::rows;
    const Index product = out.wanted.hessian_row(dim_);
    transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
      const auto x = rows(theta, block, lane, 0);
      const auto to = rows(out.out, block, lane, 0);
      if (out.wanted.value) {
        simd::Pack sum{};
        for (Index d = 0; d < dim_; ++d) sum += density_.value(x[d]);
        to.add(0, sum);
      }
      if (out.wanted.gradient) {
        for (Index d = 0; d < dim_; ++d) to.add(1 + d, density_.gradient(x[d]));
      }
      if (!out.wanted.hessian_vector) return;
      const auto along = rows(out.direction, block, lane, 0);
      for (Index d = 0; d < dim_; ++d) to.add(product + d, density_.curvature(x[d]) * along[d]);
    });
    out.counts.add_evaluations(out.wanted, theta.count);
  }
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  [[nodiscard]] bool has_prior_simulation() const override { return density_.has_draws(); }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override {
    for (std::size_t d = 0; d < theta.size(); ++d) theta[d] = density_.draw(stream, static_cast<std::uint32_t>(d));
  }

  [[nodiscard]] const Density& density() const { return density_; }

 private:
  Index dim_;
  std::string name_;
  Density density_;
};

}  // namespace variscope::models
