/// Generalised linear models written in a spec: a likelihood, a prior for every group of coefficients, offsets, effects varying by group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/glm_layout.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

namespace glm {
struct Call;
}

/// eta_n = offset_n + x_n'beta + sum over varying terms of x_nk u_k[level of n]; the response's distribution has mean g(eta_n).
/// docs/models/glm.md holds every formula. Coordinates: glm::Layout. Densities are normalised in y and, where proper, in the parameters.
/// A log scale beyond +-100 has prior density 0; a Poisson row beyond eta = 400 likelihood 0. Derivatives are finite everywhere.
class Glm : public Model {
 public:
  /// The table must outlive the model. Throws UserError where keys and table do not fit.
  explicit Glm(const Arguments& arguments);

  [[nodiscard]] Index dim() const override { return layout_.dim; }
  [[nodiscard]] Index rows() const override { return layout_.table->rows; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// Coefficients as scalars by their columns' names ("level:column" for categories, the first level being the reference), then tau and
  /// lambda of every horseshoe, sigma or phi, and for every varying term sd_group, correlation_group (of the pairs 21, 31, 32, ..., where
  /// they are not independent) and r_group (levels x effects).
  [[nodiscard]] std::vector<Variable> variables() const override;
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  [[nodiscard]] bool has_prior_simulation() const override { return proper_; }
  /// Coordinate j takes number 2 j of the stream.
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_response_simulation() const override { return true; }
  /// Numbers 0 and 2 of the row's stream. Counts are quantiles of a uniform; a Poisson mean beyond 1e9 is drawn as a rounded normal.
  void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                          std::span<double> responses) const override;

  [[nodiscard]] bool has_row_log_likelihood() const override { return true; }
  void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const override;
  /// Of student_t the location (it is the mean beyond one degree of freedom), of categorical the expected code.
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

  /// Cost O(dim) per column.
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  /// Cost per row and column: 4 flops a coefficient with the gradient, 2 without; and O(dim) per column and call where coefficients are
  /// made from others (horseshoe, non-centred effects).
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  /// Where coefficients and a scale are the only coordinates, categorical apart.
  [[nodiscard]] bool has_hessian_vector() const override {
    return layout_.horseshoes.empty() && layout_.varying.empty() && layout_.likelihood != glm::Likelihood::categorical;
  }
  [[nodiscard]] const GaussianPrior* gaussian_prior() const override { return gaussian_.mean.empty() ? nullptr : &gaussian_; }

  [[nodiscard]] const glm::Layout& layout() const { return layout_; }

 private:
  /// Coordinates to what the likelihood sees: effects of horseshoes and non-centred terms in the place of z.
  void effective(ConstBatchView theta, BatchView out) const;
  /// L, K x K, of R = L L'; its rows are 0 for independent effects.
  static void correlation_factor(const glm::Varying& term, ConstBatchView theta, tiles::Batch& to);
  /// The chain rule of effective(): adds `from` (value and derivatives in the effects) into `out` (derivatives in the coordinates).
  void pull_back(ConstBatchView theta, ConstBatchView effects, ConstBatchView from, Evaluation& out) const;
  /// log Gamma(y + phi) - log Gamma(phi) over the rows, once for every distinct y.
  void add_gamma_ratios(const RowList& rows, const glm::Call& call) const;
  void add_categories(const RowList& rows, ConstBatchView theta, BatchView out, const Wanted& wanted) const;
  void category_rows(const RowList& rows, ConstBatchView theta, BatchView out, bool mean) const;

  glm::Layout layout_;
  GaussianPrior gaussian_;
  bool proper_ = true;
  std::vector<double> distinct_;    ///< responses of a negative binomial, ascending
  std::vector<std::int32_t> code_;  ///< of the held rows: position in distinct_
};

Entry glm_entry();

}  // namespace variscope::models
