/// Helpers of the model tests: random batches, one call of a model, columns taken out or put elsewhere.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/random/stream.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::test {

inline constexpr models::Wanted kValue{true, false};
inline constexpr models::Wanted kGradient{false, true};
inline constexpr models::Wanted kBoth{true, true};

/// dim x count normals times spread; `task` picks the stream. Padding lanes hold NaN, so that a leak shows.
inline tiles::Batch random_batch(Index dim, Index count, double spread, std::uint32_t task) {
  tiles::Batch batch(dim, count);
  for (Index k = 0; k < batch.size(); ++k) batch.data()[k] = std::numeric_limits<double>::quiet_NaN();
  for (Index s = 0; s < count; ++s) {
    const random::Stream stream{20, random::Purpose::testing, task, 0, static_cast<std::uint32_t>(s)};
    for (Index d = 0; d < dim; ++d) batch(d, s) = spread * random::normal(stream, static_cast<std::uint32_t>(d));
  }
  return batch;
}

/// Columns `which` of a batch, in that order.
inline tiles::Batch columns(const tiles::Batch& from, const std::vector<Index>& which) {
  tiles::Batch batch(from.dim(), static_cast<Index>(which.size()));
  for (Index k = 0; k < batch.size(); ++k) batch.data()[k] = std::numeric_limits<double>::quiet_NaN();
  for (Index s = 0; s < batch.count(); ++s) {
    for (Index d = 0; d < from.dim(); ++d) batch(d, s) = from(d, which[static_cast<std::size_t>(s)]);
  }
  return batch;
}

/// What log_prior adds to zeros: wanted.rows(dim) rows. `direction` for Hessian-vector products.
inline tiles::Batch prior(const models::Model& model, const tiles::Batch& theta, models::Wanted wanted, models::Counts* counts = nullptr,
                          const tiles::Batch* direction = nullptr) {
  tiles::Batch out(wanted.rows(model.dim()), theta.count());
  models::Evaluation evaluation{wanted, out.view(), {}};
  if (direction != nullptr) evaluation.direction = direction->view();
  model.log_prior(theta.view(), evaluation);
  if (counts != nullptr) *counts = evaluation.counts;
  return out;
}

/// What log_likelihood adds to zeros.
inline tiles::Batch likelihood(const models::Model& model, const models::RowList& rows, const tiles::Batch& theta, models::Wanted wanted,
                               models::Counts* counts = nullptr, const tiles::Batch* direction = nullptr) {
  tiles::Batch out(wanted.rows(model.dim()), theta.count());
  models::Evaluation evaluation{wanted, out.view(), {}};
  if (direction != nullptr) evaluation.direction = direction->view();
  model.log_likelihood(rows, theta.view(), evaluation);
  if (counts != nullptr) *counts = evaluation.counts;
  return out;
}

inline models::RowList range(Index first, Index last) { return {{first, last}, nullptr, 0}; }
inline models::RowList list(const std::vector<Index>& indices) { return {{}, indices.data(), static_cast<Index>(indices.size())}; }

/// A zeroed result of the right size for a mean-field q.
inline models::GaussianExpectation empty_expectation(const models::Model& model) {
  const auto size = static_cast<std::size_t>(2 * model.dim());
  return {0.0, 0.0, std::vector<double>(size, 0.0), std::vector<double>(size, 0.0)};
}

/// The same for a q with any covariance.
inline models::GaussianExpectation empty_covariance_expectation(const models::Model& model) {
  const auto size = static_cast<std::size_t>(model.dim() + model.dim() * model.dim());
  return {0.0, 0.0, std::vector<double>(size, 0.0), std::vector<double>(size, 0.0)};
}

/// The very same double, NaN included.
inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace variscope::test
