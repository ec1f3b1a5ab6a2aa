/// Neal's funnel: normals whose common scale is itself the exponential of a normal.
#pragma once

#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// v ~ N(0, scale^2), x_i | v ~ N(0, exp(v)), i = 1 .. dim - 1, in these (centred) coordinates, normalised. E v = 0, Var v = scale^2, E x =
/// 0, Var x = exp(scale^2 / 2). Beyond |v| = 600 the x keep the spread of that bound (and the gradient is that of this), so that all is
/// finite. Cost O(dim) per column. Source: Neal 2003, Ann. Statist. 31(3), section 8: dim 10, scale 3.
class Funnel final : public Model {
 public:
  /// Throws UserError unless dim >= 2 and scale > 0 is finite.
  Funnel(Index dim, double scale);

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  [[nodiscard]] std::vector<Variable> variables() const override { return {{"v", {}}, {"x", {dim_ - 1}}}; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// E[x^2 exp(-v)] = (m_x^2 + s_x^2) exp(-m_v + s_v^2 / 2). Of the density without its bound: exact as long as q(|v| > 600) is nothing.
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;

  [[nodiscard]] double scale() const { return scale_; }

 private:
  Index dim_;
  double scale_;
  double constant_;
};

Entry funnel_entry();

}  // namespace variscope::models
