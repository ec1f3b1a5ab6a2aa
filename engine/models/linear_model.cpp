/// Priors and expectations of models with a linear predictor.
#include "engine/models/linear_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.hpp"
#include "engine/models/gaussian_prior.hpp"
#include "engine/models/linear_predictor.hpp"
#include "engine/models/row_chunk.hpp"

namespace variscope::models {

namespace {
/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;
}  // namespace

LinearModel::LinearModel(const data::Table& table, double prior_mean, double prior_sd, std::vector<double> response)
    : table_(table), response_(std::move(response)) {
  if (!std::isfinite(prior_mean)) throw UserError("model.prior_mean: must be finite (it is the mean of a normal). Use 0.0.");
  if (!(prior_sd > 0) || !std::isfinite(prior_sd))
    throw UserError("model.prior_sd: must be positive and finite (it is a standard deviation). Use 1.0 for standardised columns.");
  const auto dim = static_cast<std::size_t>(table.width());
  prior_ = {std::vector<double>(dim, prior_mean), std::vector<double>(dim, prior_sd)};
}

void LinearModel::log_prior(ConstBatchView theta, Evaluation& out) const { gaussian_log_prior(prior_, theta, out); }

void LinearModel::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  expected_gaussian_log_prior(prior_, mean, scale, out);
}

void LinearModel::expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const {
  const Index width = dim();
  for (Index n = rows.first; n < rows.last; ++n) {
    const double* x = table_.row(n);
    Projection eta;
    for (Index d = 0; d < width; ++d) {
      eta.center += x[d] * mean[d];
      eta.size += std::fabs(x[d] * mean[d]);
      eta.variance += x[d] * x[d] * scale[d] * scale[d];
    }
    const RowExpectation e = expected_row(eta, response_[static_cast<std::size_t>(n - table_.held.first)]);
    out.value += e.value;
    out.value_error += e.value_error;
    for (Index d = 0; d < width; ++d) {
      const double first = x[d] * e.first;
      const double second = x[d] * x[d] * scale[d] * scale[d] * e.second;
      const auto i = static_cast<std::size_t>(d);
      const auto j = static_cast<std::size_t>(width + d);
      out.gradient[i] += first;
      out.gradient[j] += second;
      out.error[i] += std::fabs(x[d]) * e.first_error + kRounding * std::fabs(first);
      out.error[j] += x[d] * x[d] * scale[d] * scale[d] * e.second_error + kRounding * std::fabs(second);
    }
  }
}

void LinearModel::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  expected_gaussian_log_prior_under(prior_, mean, covariance, out);
}

void LinearModel::expected_log_likelihood_under(Range rows, const double* mean, const double* covariance, GaussianExpectation& out) const {
  const Index width = dim();
  for (Index n = rows.first; n < rows.last; ++n) {
    const double* x = table_.row(n);
    Projection eta;
    for (Index d = 0; d < width; ++d) {
      eta.center += x[d] * mean[d];
      eta.size += std::fabs(x[d] * mean[d]);
      double along = 0;
      for (Index c = 0; c < width; ++c) along += covariance[d * width + c] * x[c];
      eta.variance += x[d] * along;
    }
    eta.variance = std::fmax(eta.variance, 0.0);  // rounding
    const RowExpectation e = expected_row(eta, response_[static_cast<std::size_t>(n - table_.held.first)]);
    out.value += e.value;
    out.value_error += e.value_error;
    auto place = static_cast<std::size_t>(width);
    for (Index d = 0; d < width; ++d) {
      const double first = x[d] * e.first;
      out.gradient[static_cast<std::size_t>(d)] += first;
      out.error[static_cast<std::size_t>(d)] += std::fabs(x[d]) * e.first_error + kRounding * std::fabs(first);
      for (Index c = 0; c < width; ++c, ++place) {
        const double product = 0.5 * x[d] * x[c];
        out.gradient[place] += product * e.second;
        out.error[place] += std::fabs(product) * (e.second_error + kRounding * std::fabs(e.second));
      }
    }
  }
}

void LinearModel::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  for (std::size_t j = 0; j < theta.size(); ++j)
    theta[j] = prior_.mean[j] + prior_.sd[j] * random::normal(stream, static_cast<std::uint32_t>(j));
}

void LinearModel::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                     std::span<double> responses) const {
  for (Index k = 0; k < rows.size(); ++k) {
    const Index row = rows[k];
    random::Stream own = stream;
    own.minor = static_cast<std::uint32_t>(row);
    own.task = stream.task + static_cast<std::uint32_t>(row >> 32);
    const double* x = table_.row(row);
    double eta = 0;
    for (std::size_t d = 0; d < theta.size(); ++d) eta = std::fma(x[d], theta[d], eta);
    responses[static_cast<std::size_t>(k)] = draw_response(eta, own);
  }
}

template <class Value>
void LinearModel::for_predictors(const RowList& rows, ConstBatchView theta, BatchView out, const Value& value) const {
  const double* row[linear::kChunkRows];
  alignas(64) double eta[linear::kChunkRows * linear::kLanes];
  for (Index first = 0; first < rows.size(); first += linear::kChunkRows) {
    const auto count = static_cast<int>(std::min<Index>(linear::kChunkRows, rows.size() - first));
    for (int i = 0; i < count; ++i) row[i] = table_.row(rows[first + i]);
    for (Index b = 0; b < theta.blocks(); ++b) {
      linear::predict_rows<1>(row, count, dim(), theta.block(b), dim() * linear::kLanes, eta);
      double* to = out.block(b) + first * linear::kLanes;
      for (int i = 0; i < count; ++i) {
        const Index held = rows[first + i] - table_.held.first;
        for (int lane = 0; lane < linear::kLanes; ++lane) to[i * linear::kLanes + lane] = value(eta[i * linear::kLanes + lane], held);
      }
    }
  }
}

void LinearModel::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_predictors(rows, theta, out, [&](double eta, Index held) { return row_value(eta, response_[static_cast<std::size_t>(held)]); });
}

void LinearModel::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_predictors(rows, theta, out, [&](double eta, Index) { return mean_response(eta); });
}

}  // namespace variscope::models
