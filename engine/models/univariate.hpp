/// Test functions of one variable whose gradient estimators have published exact variances: (x-k)^2, exp(-k x^2), cos(k x).
#pragma once

#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// Takes the place of the log density; meant for the objective E_q[f] without entropy, since f need not be one.
/// Source: Mohamed, Rosca, Figurnov, Mnih 2020, "Monte Carlo Gradient Estimation in Machine Learning", JMLR 21(132), Figs. 2-3.
class Univariate final : public Model {
 public:
  enum class Function { square, exponential, cosine };

  /// Throws UserError if k is not finite, or negative for the exponential (no expectation exists for wide q).
  Univariate(Function function, double k);

  [[nodiscard]] Index dim() const override { return 1; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override { return {"x"}; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;

  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// (m-k)^2 + s^2; exp(-k m^2 / v) / sqrt(v) with v = 1 + 2 k s^2; exp(-k^2 s^2 / 2) cos(k m).
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;

  /// "square", "exponential" or "cosine". Throws UserError for any other word.
  static Function function_named(const std::string& word);

 private:
  Function function_;
  double k_;
};

Entry univariate_entry();

}  // namespace variscope::models
