/// Logistic regression: its likelihood for the fused kernels, and its rows' expectations by quadrature.
#include "engine/models/logistic_regression.hpp"

#include <cmath>

#include "engine/models/logistic_single.hpp"
#include "engine/models/logistic_smooth.hpp"
#include "engine/models/logistic_terms.hpp"

namespace variscope::models {

namespace {

/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;

/// The policy of linear_kernels.hpp; the response is 2 y - 1.
struct Likelihood {
  static constexpr bool kConstantCurvature = false;

  struct Row {
    logistic::Terms terms;
    simd::Pack sign;
    [[nodiscard]] simd::Pack residual() const { return sign * terms.residual(); }
    [[nodiscard]] simd::Pack curvature() const { return -terms.slope(); }
  };
  struct Sum {
    logistic::Loss loss;
    void add(const Row& row) { loss.add(row.terms); }
    [[nodiscard]] simd::Pack log_likelihood(const Likelihood&, int) const { return loss.log_likelihood(); }
  };

  [[nodiscard]] Row row(simd::Pack eta, simd::Pack response) const { return {logistic::terms(eta * response), response}; }

  template <bool value, bool gradient>
  static void single_column(const linear::Chunk& chunk, Index dim, const double* theta, double* out) {
    logistic::single_column<value, gradient>(chunk, dim, theta, out);
  }
};

std::vector<double> signs(const data::Table& table) {
  std::vector<double> sign;
  sign.reserve(table.response.size());
  for (const double y : table.response) sign.push_back(y > 0.5 ? 1.0 : -1.0);
  return sign;
}

}  // namespace

LogisticRegression::LogisticRegression(const data::Table& table, double prior_mean, double prior_sd)
    : LinearModel(table, prior_mean, prior_sd, signs(table)) {}

void LogisticRegression::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  linear::log_likelihood(Likelihood{}, data(), rows, theta, out);
}

void LogisticRegression::local_gradient(const RowList& rows, const double* mean, const double* scale, Evaluation& out) const {
  linear::local_gradient(Likelihood{}, data(), rows, mean, scale, out);
}

void LogisticRegression::local_gradient_under(const RowList& rows, const double* mean, const double* covariance, Evaluation& out) const {
  linear::local_gradient_under(Likelihood{}, data(), rows, mean, covariance, out);
}

RowExpectation LogisticRegression::expected_row(const Projection& eta, double response) const {
  const double y = response > 0 ? 1.0 : 0.0;
  const logistic::Smoothed e = logistic::smooth(eta.center, std::sqrt(eta.variance));
  RowExpectation row;
  row.value = y * eta.center - e.softplus;
  row.first = y - e.sigmoid;
  row.second = -e.slope;
  row.value_error = e.softplus_error + kRounding * (std::fabs(eta.center) + e.softplus);
  row.first_error = e.sigmoid_error;
  row.second_error = e.slope_error;
  return row;
}

double LogisticRegression::row_value(double eta, double response) const {
  const double margin = eta * response;  // the response is 2 y - 1
  return std::fmin(margin, 0.0) - std::log1p(std::exp(-std::fabs(margin)));
}

double LogisticRegression::mean_response(double eta) const {
  const double t = std::exp(-std::fabs(eta));
  return (eta >= 0 ? 1.0 : t) / (1.0 + t);
}

double LogisticRegression::draw_response(double eta, const random::Stream& own) const {
  return random::uniform(own, 0) < mean_response(eta) ? 1.0 : 0.0;
}

Entry logistic_regression_entry() {
  Entry entry;
  entry.name = "logistic_regression";
  entry.summary = "Bayesian logistic regression, y in {0, 1}, independent normal prior on every coefficient (intercept included)";
  entry.source = "definition; fair-comparison setting of Mohamed et al. 2020, JMLR 21(132), section 8";
  entry.response = ResponseKind::binary;
  entry.parameters = {{"prior_mean", "mean of every coefficient's normal prior", {0.0}},
                      {"prior_sd", "standard deviation of every coefficient's normal prior", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<LogisticRegression>(*arguments.table, arguments.number("prior_mean"), arguments.number("prior_sd"));
  };
  entry.smoke.numbers = {{"prior_mean", {0.25}}, {"prior_sd", {1.5}}};
  return entry;
}

}  // namespace variscope::models
