/// Columnwise normal: density, derivatives and expectations from a table's column moments.
#include "engine/models/columnwise_normal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/column_moments.hpp"
#include "engine/models/log_scale.hpp"

namespace variscope::models {

namespace {

using simd::Pack;

/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;

/// Kept between calls, so that nothing is allocated in the steady state.
ColumnMoments& moments_of(const data::Table& table, const RowList& rows) {
  thread_local ColumnMoments moments;
  column_moments(table, rows, moments);
  return moments;
}

void add_to(double* place, Pack term) { simd::store(place, simd::load(place) + term); }

/// Adds a term and a bound on its rounding.
struct Sum {
  double& value;
  double& error;
  void add(double term, double size) const {
    value += term;
    error += kRounding * size;
  }
};

}  // namespace

ColumnwiseNormal::ColumnwiseNormal(const data::Table& table, double prior_sd) : table_(table), prior_sd_(prior_sd) {
  if (!(prior_sd > 0) || !std::isfinite(prior_sd))
    throw UserError(
        "model.prior_sd: must be positive and finite (it is the scale of the half-normal prior of every sd). Use 1.0 for standardised "
        "columns.");
  if (std::find(table.columns.begin(), table.columns.end(), "intercept") != table.columns.end())
    throw UserError(
        "model.name: 'columnwise_normal' explains every column, and an intercept of ones has no sd. Set data.intercept = false.");
}

std::vector<std::string> ColumnwiseNormal::parameter_names() const {
  std::vector<std::string> names;
  for (const std::string& column : table_.columns) names.push_back("mean[" + column + "]");
  for (const std::string& column : table_.columns) names.push_back("log_sd[" + column + "]");
  return names;
}

std::vector<Variable> ColumnwiseNormal::variables() const { return {{"mean", {table_.width()}}, {"sd", {table_.width()}}}; }

void ColumnwiseNormal::constrain(ConstBatchView theta, BatchView out) const {
  const Index width = table_.width();
  for (Index b = 0; b < theta.blocks(); ++b) {
    std::copy_n(theta.block(b), width * tiles::kLanes, out.block(b));
    for (Index k = width * tiles::kLanes; k < 2 * width * tiles::kLanes; k += simd::kWidth)
      simd::store(out.block(b) + k, bounded_exp(simd::load(theta.block(b) + k)).value);
  }
}

void ColumnwiseNormal::unconstrain(std::span<const double> values, std::span<double> theta) const {
  const auto width = static_cast<std::size_t>(table_.width());
  for (std::size_t j = 0; j < width; ++j) {
    const double sd = values[width + j];
    if (!(sd > 0) || !std::isfinite(sd))
      throw UserError(
          fmt::format("sd: {} is not positive and finite (it is the sd of column '{}'). Give a number above 0.", sd, table_.columns[j]));
    theta[j] = values[j];
    theta[width + j] = std::log(sd);
  }
}

void ColumnwiseNormal::log_prior(ConstBatchView theta, Evaluation& out) const {
  const Index width = table_.width();
  const Index product = out.wanted.hessian_row(2 * width);
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < tiles::kLanes; lane += simd::kWidth) {
      const auto row_of = [lane](double* block, Index row) { return block + row * tiles::kLanes + lane; };
      double* to = out.out.block(b);
      Pack value{};
      for (Index j = width; j < 2 * width; ++j) {
        const LogTerms terms = half_normal_log_scale(simd::load(theta.block(b) + j * tiles::kLanes + lane), prior_sd_);
        value = value + terms.value;
        if (out.wanted.gradient) add_to(row_of(to, 1 + j), terms.first);
        if (out.wanted.hessian_vector)
          add_to(row_of(to, product + j), terms.second * simd::load(out.direction.block(b) + j * tiles::kLanes + lane));
      }
      if (out.wanted.value) add_to(row_of(to, 0), value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void ColumnwiseNormal::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  const ColumnMoments& moments = moments_of(table_, rows);
  const Index width = table_.width();
  const Index product = out.wanted.hessian_row(2 * width);
  const auto n = static_cast<double>(rows.size());
  const double constant = -n * static_cast<double>(width) * kHalfLogTwoPi;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < tiles::kLanes; lane += simd::kWidth) {
      const auto row_of = [lane](auto* block, Index row) { return block + row * tiles::kLanes + lane; };
      double* to = out.out.block(b);
      Pack value = simd::broadcast(constant);
      for (Index j = 0; j < width; ++j) {
        const Pack mean = simd::load(row_of(theta.block(b), j));
        const Pack log_sd = simd::load(row_of(theta.block(b), width + j));
        const Exponential precision = bounded_exp(-2.0 * log_sd);
        const Pack difference = moments.mean.data()[j] - mean;
        const Pack squares = simd::fma(n * difference, difference, simd::broadcast(moments.squares.data()[j]));
        if (out.wanted.value) value = value - (n * log_sd + 0.5 * (precision.value * squares));
        if (out.wanted.gradient) {
          add_to(row_of(to, 1 + j), precision.value * (n * difference));
          add_to(row_of(to, 1 + width + j), precision.first * squares - n);
        }
        if (out.wanted.hessian_vector) {
          const Pack along_mean = simd::load(row_of(out.direction.block(b), j));
          const Pack along_scale = simd::load(row_of(out.direction.block(b), width + j));
          const Pack mixed = -2.0 * (precision.first * (n * difference));
          add_to(row_of(to, product + j), mixed * along_scale - n * (precision.value * along_mean));
          add_to(row_of(to, product + width + j), mixed * along_mean - 2.0 * (precision.second * squares) * along_scale);
        }
      }
      if (out.wanted.value) add_to(row_of(to, 0), value);
    }
  }
  out.counts.add_rows(out.wanted, rows.size() * theta.count);
}

void ColumnwiseNormal::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  const auto width = static_cast<std::size_t>(table_.width());
  const double constant = std::log(2.0) - std::log(prior_sd_) - kHalfLogTwoPi;
  for (std::size_t j = width; j < 2 * width; ++j) {
    const double v = scale[j] * scale[j];
    const double square = std::exp(2.0 * mean[j] + 2.0 * v) / (prior_sd_ * prior_sd_);  // E sd^2 / prior_sd^2
    const double rounded = square * (1.0 + std::fabs(mean[j]) + v);                     // of the exponent
    Sum{out.value, out.value_error}.add(mean[j] + constant - 0.5 * square, std::fabs(mean[j]) + std::fabs(constant) + rounded);
    Sum{out.gradient[j], out.error[j]}.add(1.0 - square, 1.0 + rounded);
    Sum{out.gradient[2 * width + j], out.error[2 * width + j]}.add(-2.0 * v * square, 2.0 * v * rounded);
  }
}

void ColumnwiseNormal::expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const {
  const ColumnMoments& moments = moments_of(table_, {rows});
  const auto width = static_cast<std::size_t>(table_.width());
  const auto n = static_cast<double>(rows.size());
  for (std::size_t j = 0; j < width; ++j) {
    const std::size_t l = width + j;
    const double mean_variance = scale[j] * scale[j];
    const double v = scale[l] * scale[l];
    const double precision = std::exp(2.0 * v - 2.0 * mean[l]);  // E sd^-2
    const double difference = moments.mean.data()[j] - mean[j];
    const double squares = precision * (moments.squares.data()[j] + n * (difference * difference + mean_variance));
    const double span = std::fabs(moments.mean.data()[j]) + std::fabs(mean[j]);  // what may have cancelled in the difference
    const double rounded = (1.0 + std::fabs(mean[l]) + v) * (squares + precision * n * std::fabs(difference) * span);
    const double normaliser = n * (mean[l] + kHalfLogTwoPi);
    Sum{out.value, out.value_error}.add(-normaliser - 0.5 * squares, std::fabs(normaliser) + rounded);
    Sum{out.gradient[j], out.error[j]}.add(n * precision * difference, n * precision * (1.0 + std::fabs(mean[l]) + v) * span);
    Sum{out.gradient[l], out.error[l]}.add(squares - n, n + rounded);
    Sum{out.gradient[2 * width + j], out.error[2 * width + j]}.add(-n * precision * mean_variance, rounded);
    Sum{out.gradient[2 * width + l], out.error[2 * width + l]}.add(-2.0 * v * squares, 2.0 * v * rounded);
  }
}

void ColumnwiseNormal::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  const auto width = static_cast<std::size_t>(table_.width());
  const std::size_t dim = 2 * width;
  const double constant = std::log(2.0) - std::log(prior_sd_) - kHalfLogTwoPi;
  for (std::size_t j = width; j < dim; ++j) {
    const double v = covariance[j * dim + j];
    const double square = std::exp(2.0 * mean[j] + 2.0 * v) / (prior_sd_ * prior_sd_);
    const double rounded = square * (1.0 + std::fabs(mean[j]) + v);
    Sum{out.value, out.value_error}.add(mean[j] + constant - 0.5 * square, std::fabs(mean[j]) + std::fabs(constant) + rounded);
    Sum{out.gradient[j], out.error[j]}.add(1.0 - square, 1.0 + rounded);
    const std::size_t at = dim + j * dim + j;
    Sum{out.gradient[at], out.error[at]}.add(-square, rounded);  // half of E[-2 sd^2 / prior_sd^2]
  }
}

void ColumnwiseNormal::expected_log_likelihood_under(Range rows, const double* mean, const double* covariance,
                                                     GaussianExpectation& out) const {
  const ColumnMoments& moments = moments_of(table_, {rows});
  const auto width = static_cast<std::size_t>(table_.width());
  const std::size_t dim = 2 * width;
  const auto n = static_cast<double>(rows.size());
  for (std::size_t j = 0; j < width; ++j) {
    const std::size_t l = width + j;
    const double v = covariance[l * dim + l];
    const double shared = 0.5 * covariance[j * dim + l] + 0.5 * covariance[l * dim + j];
    const double precision = std::exp(2.0 * v - 2.0 * mean[l]);
    // E[sd^-2 f(mean)] = E[sd^-2] E[f(mean - 2 cov(mean, log sd))].
    const double difference = moments.mean.data()[j] - mean[j] + 2.0 * shared;
    const double squares = precision * (moments.squares.data()[j] + n * (difference * difference + covariance[j * dim + j]));
    const double span = std::fabs(moments.mean.data()[j]) + std::fabs(mean[j]) + 2.0 * std::fabs(shared);
    const double relative = 1.0 + std::fabs(mean[l]) + v;
    const double rounded = relative * (squares + precision * n * std::fabs(difference) * span);
    const double normaliser = n * (mean[l] + kHalfLogTwoPi);
    Sum{out.value, out.value_error}.add(-normaliser - 0.5 * squares, std::fabs(normaliser) + rounded);
    Sum{out.gradient[j], out.error[j]}.add(n * precision * difference, n * precision * relative * span);
    Sum{out.gradient[l], out.error[l]}.add(squares - n, n + rounded);
    const auto half_hessian = [&](std::size_t row, std::size_t column, double term, double size) {
      Sum{out.gradient[dim + row * dim + column], out.error[dim + row * dim + column]}.add(term, size);
    };
    half_hessian(j, j, -0.5 * n * precision, n * precision * relative);
    half_hessian(j, l, -n * precision * difference, n * precision * relative * span);
    half_hessian(l, j, -n * precision * difference, n * precision * relative * span);
    half_hessian(l, l, -squares, rounded);
  }
}

Entry columnwise_normal_entry() {
  Entry entry;
  entry.name = "columnwise_normal";
  entry.summary = "every column of the table a normal of its own, mean flat, sd half-normal; no response (data.intercept = false)";
  entry.source = "definition; expectations under a Gaussian q: lognormal moments";
  entry.response = ResponseKind::table;
  entry.parameters = {{"prior_sd", "scale of the half-normal prior of every column's sd", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<ColumnwiseNormal>(*arguments.table, arguments.number("prior_sd"));
  };
  entry.smoke.numbers = {{"prior_sd", {1.5}}};
  return entry;
}

}  // namespace variscope::models
