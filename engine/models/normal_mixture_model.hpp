/// Finite mixture of normals: unknown means, weights and perhaps standard deviations, each row one of K components.
#pragma once

#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// What a normal mixture is made of beside its table.
struct MixtureShape {
  Index components = 2;
  bool ordered = false;      ///< means ascend: one labelling of K! is left
  double prior_mean = 0;     ///< of every mean
  double prior_sd = 1;       ///< of every mean
  double concentration = 1;  ///< of the weights' symmetric Dirichlet prior
  double sd = 1;             ///< of every component, where known
  double sd_prior_sd = 0;    ///< above 0: each component has an unknown sd, half-normal with this scale
};

/// p(y_n) = sum_k weight_k N(y_n; mean_k, sd_k^2); mean_k ~ N(prior_mean, prior_sd^2) iid (of the ordered ones, K! times that where they
/// ascend), weights ~ Dirichlet(concentration), sd_k known or half-normal.
/// Coordinates: mean_1..K (ordered: mean_1, then log(mean_k - mean_(k-1))); log sd_1..K where unknown; K - 1 sticks, the logits of stick
/// breaking, 0 at equal weights (Stan reference manual, "Unit simplex"; Betancourt 2012, arXiv 1010.3436). Cost per row and column: K exp
/// and one log. Beyond exp(100) precisions and gaps continue by their tangents (log_scale.hpp).
class NormalMixtureModel final : public Model {
 public:
  /// The table must outlive the model. Throws UserError naming the key that makes no sense, or covariates.
  NormalMixtureModel(const data::Table& table, const MixtureShape& shape);

  [[nodiscard]] Index dim() const override { return 2 * shape_.components - 1 + (has_sds() ? shape_.components : 0); }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  /// "mean[1]", ... (ordered: "mean[1]", "log_gap[2]", ...), "log_sd[1]", ..., "stick[1]", ...
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// mean, sd where unknown, weight: K numbers each.
  [[nodiscard]] std::vector<Variable> variables() const override;
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_response_simulation() const override { return true; }
  void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                          std::span<double> responses) const override;
  [[nodiscard]] bool has_row_log_likelihood() const override { return true; }
  void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const override;
  /// The mixture's mean, the same for every row.
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  /// More components are refused: their packs are kept on the stack.
  static constexpr Index kMostComponents = 64;

 private:
  struct Components;
  struct Along;
  [[nodiscard]] bool has_sds() const { return shape_.sd_prior_sd > 0; }
  [[nodiscard]] Index first_sd() const { return shape_.components; }
  [[nodiscard]] Index first_stick() const { return has_sds() ? 2 * shape_.components : shape_.components; }
  /// The components of one pack of columns; theta: lane 0 of the pack.
  void unpack(const double* theta, Components& to) const;
  /// Their derivatives along a direction of the coordinates; direction: lane 0 of the pack.
  void differentiate(const Components& components, const double* direction, Along& to) const;

  const data::Table& table_;
  MixtureShape shape_;
};

Entry normal_mixture_model_entry();

}  // namespace variscope::models
