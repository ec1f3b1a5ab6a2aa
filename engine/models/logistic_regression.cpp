/// Logistic regression: fused kernels (predict, residual, accumulate) over row chunks and lane groups.
#include "engine/models/logistic_regression.hpp"

#include <algorithm>
#include <cmath>

#include "engine/error.hpp"
#include "engine/models/gaussian_prior.hpp"
#include "engine/models/linear_predictor.hpp"
#include "engine/models/logistic_single.hpp"
#include "engine/models/logistic_smooth.hpp"
#include "engine/models/logistic_terms.hpp"

namespace variscope::models {

namespace {

using linear::kLanes;

/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;

/// Rows of a list that are asked for before a single column's pass begins.
constexpr int kFirstRows = 16;

/// One chunk of rows against NB lane blocks of theta. The chunk bounds the product of (1 + t) below 2^128.
template <int NB, bool kValue, bool kGradient>
void chunk_kernel(const logistic::Chunk& chunk, Index dim, const double* theta, double* out, Index out_stride) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  alignas(64) double eta[logistic::kChunkRows * NB * kLanes];
  const Index theta_stride = dim * kLanes;
  linear::predict_rows<NB>(chunk.rows, chunk.count, dim, theta, theta_stride, eta);

  logistic::Loss loss[kPacks] = {};
  for (int n = 0; n < chunk.count; ++n) {
    const simd::Pack sign = simd::broadcast(chunk.sign[n]);
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) {
      double* place = eta + n * NB * kLanes + p * simd::kWidth;
      const logistic::Terms terms = logistic::terms(simd::load(place) * sign);
      if constexpr (kValue) loss[p].add(terms);
      if constexpr (kGradient) simd::store(place, sign * terms.residual());
    }
  }
  const auto value_place = [&](int p) { return out + (p / simd::kPacksPerBlock) * out_stride + (p % simd::kPacksPerBlock) * simd::kWidth; };
  if constexpr (kValue) {
    for (int p = 0; p < kPacks; ++p) simd::store(value_place(p), simd::load(value_place(p)) + loss[p].log_likelihood());
  }
  if constexpr (kGradient) linear::accumulate_columns<NB>(chunk.rows, chunk.count, 0, dim, eta, out + kLanes, out_stride);
}

template <int NB, bool kValue, bool kGradient>
void group_kernel(const logistic::Chunk& chunk, Index dim, Index& block, Index blocks, ConstBatchView theta, BatchView out) {
  for (; blocks - block >= NB; block += NB) {
    chunk_kernel<NB, kValue, kGradient>(chunk, dim, theta.block(block), out.block(block), out.dim * kLanes);
  }
  if constexpr (NB > 1) group_kernel<NB - 1, kValue, kGradient>(chunk, dim, block, blocks, theta, out);
}

template <bool kValue, bool kGradient>
void all_columns(const logistic::Chunk& chunk, Index dim, ConstBatchView theta, BatchView out) {
  if (theta.count == 1) {
    logistic::single_column<kValue, kGradient>(chunk, dim, theta.data, out.data);
    return;
  }
  Index block = 0;
  group_kernel<linear::kGroup, kValue, kGradient>(chunk, dim, block, theta.blocks(), theta, out);
}

}  // namespace

LogisticRegression::LogisticRegression(const data::Table& table, double prior_mean, double prior_sd) : table_(table) {
  const auto dim = static_cast<std::size_t>(table.width());
  prior_ = {std::vector<double>(dim, prior_mean), std::vector<double>(dim, prior_sd)};
  sign_.reserve(table.response.size());
  for (const double y : table.response) sign_.push_back(y > 0.5 ? 1.0 : -1.0);
}

/// Pointers to the rows after the chunk that starts at `first`: the next ones of the list, or of the table behind a range.
void LogisticRegression::look_ahead(const RowList& rows, Index first, logistic::Chunk& chunk) const {
  chunk.known = chunk.count;
  for (Index k = first + chunk.count; chunk.known < chunk.count + logistic::kLookahead; ++k) {
    const Index row = k < rows.size() ? rows[k] : (rows.indices == nullptr ? rows.range.first + k : table_.held.last);
    if (row >= table_.held.last) return;
    chunk.rows[chunk.known++] = table_.row(row);
  }
}

void LogisticRegression::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  logistic::Chunk chunk;
  chunk.picked = rows.indices != nullptr;
  const Index total = rows.size();
  for (Index first = 0; first < total; first += logistic::kChunkRows) {
    chunk.count = static_cast<int>(std::min<Index>(logistic::kChunkRows, total - first));
    for (int n = 0; n < chunk.count; ++n) {
      const Index row = rows[first + n];
      chunk.rows[n] = table_.row(row);
      chunk.sign[n] = sign_[static_cast<std::size_t>(row - table_.held.first)];
    }
    if (theta.count == 1) look_ahead(rows, first, chunk);
    // Many columns: the kernel reads the whole chunk at once. A single one asks for rows ahead by itself, once it has begun.
    if (chunk.picked) logistic::prefetch(chunk, theta.count > 1 ? chunk.count : (first == 0 ? kFirstRows : 0), dim());
    if (out.wanted.gradient && out.wanted.value) {
      all_columns<true, true>(chunk, dim(), theta, out.out);
    } else if (out.wanted.gradient) {
      all_columns<false, true>(chunk, dim(), theta, out.out);
    } else {
      all_columns<true, false>(chunk, dim(), theta, out.out);
    }
  }
  (out.wanted.gradient ? out.counts.gradient_rows : out.counts.value_rows) += total * theta.count;
}

void LogisticRegression::log_prior(ConstBatchView theta, Evaluation& out) const { gaussian_log_prior(prior_, theta, out); }

void LogisticRegression::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  expected_gaussian_log_prior(prior_, mean, scale, out);
}

void LogisticRegression::expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const {
  const Index width = dim();
  for (Index n = rows.first; n < rows.last; ++n) {
    const double* x = table_.row(n);
    double center = 0;
    double variance = 0;
    for (Index d = 0; d < width; ++d) {
      center += x[d] * mean[d];
      variance += x[d] * x[d] * scale[d] * scale[d];
    }
    const double y = sign_[static_cast<std::size_t>(n - table_.held.first)] > 0 ? 1.0 : 0.0;
    const logistic::Smoothed e = logistic::smooth(center, std::sqrt(variance));
    const double term = y * center - e.softplus;
    out.value += term;
    out.value_error += e.softplus_error + kRounding * (std::fabs(center) + e.softplus);
    for (Index d = 0; d < width; ++d) {
      const double first = x[d] * (y - e.sigmoid);
      const double second = -x[d] * x[d] * scale[d] * scale[d] * e.slope;
      const auto i = static_cast<std::size_t>(d);
      const auto j = static_cast<std::size_t>(width + d);
      out.gradient[i] += first;
      out.gradient[j] += second;
      out.error[i] += std::fabs(x[d]) * e.sigmoid_error + kRounding * std::fabs(first);
      out.error[j] += x[d] * x[d] * scale[d] * scale[d] * e.slope_error + kRounding * std::fabs(second);
    }
  }
}

Entry logistic_regression_entry() {
  Entry entry;
  entry.name = "logistic_regression";
  entry.summary = "Bayesian logistic regression, y in {0, 1}, independent normal prior on every coefficient (intercept included)";
  entry.source = "definition; fair-comparison setting of Mohamed et al. 2020, JMLR 21(132), section 8";
  entry.response = ResponseKind::binary;
  entry.parameters = {{"prior_mean", "mean of every coefficient's normal prior", {0.0}},
                      {"prior_sd", "standard deviation of every coefficient's normal prior", {1.0}}};
  entry.make = [](const Arguments& arguments) -> std::unique_ptr<Model> {
    const double sd = arguments.number("prior_sd");
    if (!(sd > 0) || !std::isfinite(sd))
      throw UserError("model.prior_sd: must be positive and finite (it is a standard deviation). Use 1.0 for standardised columns.");
    return std::make_unique<LogisticRegression>(*arguments.table, arguments.number("prior_mean"), sd);
  };
  entry.smoke.numbers = {{"prior_mean", {0.25}}, {"prior_sd", {1.5}}};
  return entry;
}

}  // namespace variscope::models
