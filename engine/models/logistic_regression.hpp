/// Bayesian logistic regression: y in {0, 1}, P(y = 1 | x, z) = 1 / (1 + exp(-x'z)), independent normal prior.
#pragma once

#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

namespace logistic {
struct Chunk;
}

/// dim = columns of the table (the intercept is one of them). Log likelihood of a row: log sigmoid((2 y - 1) x'z), safe for any finite x'z.
/// Cost per row and column: 2 dim flops and one exp for the value, 4 dim flops, one exp and one division with the gradient.
class LogisticRegression final : public Model {
 public:
  /// The table must outlive the model; its response holds 0 and 1.
  LogisticRegression(const data::Table& table, double prior_mean, double prior_sd);

  [[nodiscard]] Index dim() const override { return table_.width(); }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override { return table_.columns; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] const GaussianPrior* gaussian_prior() const override { return &prior_; }
  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  /// x'z is normal under q, so every row is a one-dimensional integral; Bonnet's and Price's theorems give the gradient
  /// (Opper and Archambeau 2009, Neural Computation 21(3), eqs. 5-6). logistic_smooth.hpp does the integral.
  void expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const override;

 private:
  void look_ahead(const RowList& rows, Index first, logistic::Chunk& chunk) const;

  const data::Table& table_;
  GaussianPrior prior_;
  std::vector<double> sign_;  ///< 2 y - 1 of each held row
};

Entry logistic_regression_entry();

}  // namespace variscope::models
