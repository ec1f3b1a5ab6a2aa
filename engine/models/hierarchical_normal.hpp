/// Normal groups with a common normal population: eight schools and its like, centred or not.
#pragma once

#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// What a hierarchical normal is made of beside its table.
struct HierarchicalShape {
  std::string sigma;      ///< side column of the known sds of the responses
  std::string group;      ///< categorical side column; empty: every row is a group of its own
  bool centred = false;   ///< theta_j itself is a coordinate; otherwise eta_j = (theta_j - mu) / tau
  double prior_mean = 0;  ///< of mu
  double prior_sd = 5;
  double tau_scale = 5;  ///< of tau's half-Cauchy prior
};

/// y_n ~ N(theta_g(n), sigma_n^2), theta_j ~ N(mu, tau^2), mu ~ N(prior_mean, prior_sd^2), tau ~ half-Cauchy(tau_scale).
/// Coordinates: mu, log tau, then theta_j (centred) or eta_j, one per group (Gelman et al. 2013, section 5.5; Papaspiliopoulos, Roberts,
/// Skoeld 2007, Stat. Sci. 22(1), for the two parameterisations). Cost O(|rows| + groups) per column. Beyond |log tau| = 150 powers of tau
/// continue by their tangents (log_scale.hpp).
class HierarchicalNormal final : public Model {
 public:
  /// The table must outlive the model. Throws UserError naming the key or column that makes no sense: covariates, a side column that is
  /// not there, a sigma that is not positive, a group without levels.
  HierarchicalNormal(const data::Table& table, const HierarchicalShape& shape);

  [[nodiscard]] Index dim() const override { return 2 + groups_; }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  /// "mu", "log_tau", then "theta[level]" or "eta[level]"; rows that are groups count from 1.
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// mu, tau, theta (one per group) in both parameterisations.
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
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

 private:
  /// A held row: group, response and 1 / sigma^2, log sigma.
  struct Row {
    Index group;
    double response;
    double precision;
    double log_sigma;
  };
  [[nodiscard]] const Row& row(Index global) const { return held_[static_cast<std::size_t>(global - table_.held.first)]; }

  const data::Table& table_;
  HierarchicalShape shape_;
  Index groups_ = 0;
  std::vector<std::string> levels_;
  std::vector<Row> held_;
};

Entry hierarchical_normal_entry();

}  // namespace variscope::models
