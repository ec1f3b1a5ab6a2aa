/// Linear regression: its likelihood for the fused kernels, and its rows' expectations in closed form.
#include "engine/models/linear_regression.hpp"

#include <cmath>

#include "engine/error.hpp"

namespace variscope::models {

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;

/// The policy of linear_kernels.hpp; the response is y. The squares of a chunk are one chain of fma, scaled once.
struct Likelihood {
  static constexpr bool kConstantCurvature = true;

  double precision;   ///< 1 / noise_sd^2
  double normaliser;  ///< -log noise_sd - 1/2 log 2 pi

  explicit Likelihood(double noise_sd) : precision(1.0 / (noise_sd * noise_sd)), normaliser(-std::log(noise_sd) - kHalfLog2Pi) {}

  struct Row {
    simd::Pack difference;
    simd::Pack precision;
    [[nodiscard]] simd::Pack residual() const { return difference * precision; }
    [[nodiscard]] simd::Pack curvature() const { return -precision; }
  };
  struct Sum {
    simd::Pack squares{};
    void add(const Row& row) { squares = simd::fma(row.difference, row.difference, squares); }
    [[nodiscard]] simd::Pack log_likelihood(const Likelihood& likelihood, int rows) const {
      return squares * (-0.5 * likelihood.precision) + rows * likelihood.normaliser;
    }
  };

  [[nodiscard]] Row row(simd::Pack eta, simd::Pack response) const { return {response - eta, simd::broadcast(precision)}; }
};

}  // namespace

LinearRegression::LinearRegression(const data::Table& table, double noise_sd, double prior_mean, double prior_sd)
    : LinearModel(table, prior_mean, prior_sd, table.response), noise_sd_(noise_sd) {
  if (!(noise_sd > 0) || !std::isfinite(noise_sd))
    throw UserError("model.noise_sd: must be positive and finite (it is the known standard deviation of the response). Use 1.0.");
}

void LinearRegression::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  linear::log_likelihood(Likelihood(noise_sd_), data(), rows, theta, out);
}

void LinearRegression::local_gradient(const RowList& rows, const double* mean, const double* scale, Evaluation& out) const {
  linear::local_gradient(Likelihood(noise_sd_), data(), rows, mean, scale, out);
}

void LinearRegression::local_gradient_under(const RowList& rows, const double* mean, const double* covariance, Evaluation& out) const {
  linear::local_gradient_under(Likelihood(noise_sd_), data(), rows, mean, covariance, out);
}

RowExpectation LinearRegression::expected_row(const Projection& eta, double response) const {
  const Likelihood likelihood(noise_sd_);
  const double difference = response - eta.center;
  const double size = std::fabs(response) + eta.size;  // what may have cancelled in the difference
  RowExpectation row;
  row.value = -0.5 * likelihood.precision * (difference * difference + eta.variance) + likelihood.normaliser;
  row.first = likelihood.precision * difference;
  row.second = -likelihood.precision;
  row.value_error = kRounding * (likelihood.precision * (size * size + eta.variance) + std::fabs(likelihood.normaliser));
  row.first_error = kRounding * likelihood.precision * size;
  row.second_error = kRounding * likelihood.precision;
  return row;
}

double LinearRegression::row_value(double eta, double response) const {
  const double z = (response - eta) / noise_sd_;
  return -0.5 * z * z - std::log(noise_sd_) - kHalfLog2Pi;
}

Entry linear_regression_entry() {
  Entry entry;
  entry.name = "linear_regression";
  entry.summary = "Bayesian linear regression with known noise, independent normal prior on every coefficient; the posterior is Gaussian";
  entry.source = "definition; conjugacy: Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., chapter 14";
  entry.response = ResponseKind::real;
  entry.parameters = {{"noise_sd", "known standard deviation of the response about x'z", {1.0}},
                      {"prior_mean", "mean of every coefficient's normal prior", {0.0}},
                      {"prior_sd", "standard deviation of every coefficient's normal prior", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<LinearRegression>(*arguments.table, arguments.number("noise_sd"), arguments.number("prior_mean"),
                                              arguments.number("prior_sd"));
  };
  entry.smoke.numbers = {{"noise_sd", {0.8}}, {"prior_mean", {0.25}}, {"prior_sd", {1.5}}};
  return entry;
}

}  // namespace variscope::models
