/// Fused kernels (predict, residual, accumulate) of every model whose rows depend on z through x_n'z alone.
///
/// A likelihood is a policy L, a small value:
///   L::Row row(Pack eta, Pack response) const   with  Pack residual() const (d log p / d eta)  and  Pack curvature() const (second
///   derivative) L::Sum                                      with  add(Row)  and  Pack log_likelihood(const L&, int rows) const, of one
///   chunk L::kConstantCurvature                       whether curvature() does without eta L::single_column<value, gradient>(...)
///   optional: another way through memory, with the same bits, for a batch of one column
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/data/table.hpp"
#include "engine/error.hpp"
#include "engine/models/linear_predictor.hpp"
#include "engine/models/model.hpp"
#include "engine/models/row_chunk.hpp"

namespace variscope::models::linear {

/// Rows of a list that are asked for before a single column's pass begins.
inline constexpr int kFirstRows = 16;

/// A table and, for each held row, the response as the likelihood wants it.
struct Rows {
  const data::Table& table;
  const double* response;
};

/// The columns of one call; direction is empty unless Hessian-vector products are wanted.
struct Columns {
  ConstBatchView theta;
  ConstBatchView direction;
  BatchView out;
  Index hessian_row = 0;
};

/// What a kernel is compiled for.
template <bool value, bool gradient, bool hessian>
struct Want {
  static constexpr bool kValue = value;
  static constexpr bool kGradient = gradient;
  static constexpr bool kHessian = hessian;
};

/// Pack p of a row of registers: in lane block p / kPacksPerBlock.
inline Index place_of(int p, Index block_stride) {
  return (p / simd::kPacksPerBlock) * block_stride + (p % simd::kPacksPerBlock) * simd::kWidth;
}

/// One chunk of rows against NB lane blocks from `block` on.
template <int NB, class W, class L>
void chunk_kernel(const L& likelihood, const Chunk& chunk, Index dim, const Columns& columns, Index block) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  constexpr bool kPredict = W::kValue || W::kGradient || !L::kConstantCurvature;
  const Index theta_stride = dim * kLanes;
  const Index out_stride = columns.out.dim * kLanes;
  double* out = columns.out.block(block);
  alignas(64) double eta[kChunkRows * NB * kLanes];                      // then the residuals
  alignas(64) double along[W::kHessian ? kChunkRows * NB * kLanes : 1];  // x_n'd, then times the curvature
  if constexpr (kPredict) predict_rows<NB>(chunk.rows, chunk.count, dim, columns.theta.block(block), theta_stride, eta);
  if constexpr (W::kHessian) predict_rows<NB>(chunk.rows, chunk.count, dim, columns.direction.block(block), theta_stride, along);

  typename L::Sum sum[kPacks] = {};
  for (int n = 0; n < chunk.count; ++n) {
    const simd::Pack response = simd::broadcast(chunk.response[n]);
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) {
      double* place = eta + n * NB * kLanes + p * simd::kWidth;
      const auto row = likelihood.row(kPredict ? simd::load(place) : simd::Pack{}, response);
      if constexpr (W::kValue) sum[p].add(row);
      if constexpr (W::kGradient) simd::store(place, row.residual());
      if constexpr (W::kHessian) {
        double* product = along + n * NB * kLanes + p * simd::kWidth;
        simd::store(product, row.curvature() * simd::load(product));
      }
    }
  }
  if constexpr (W::kValue) {
    for (int p = 0; p < kPacks; ++p) {
      double* value = out + place_of(p, out_stride);
      simd::store(value, simd::load(value) + sum[p].log_likelihood(likelihood, chunk.count));
    }
  }
  if constexpr (W::kGradient) accumulate_columns<NB>(chunk.rows, chunk.count, 0, dim, eta, out + kLanes, out_stride);
  if constexpr (W::kHessian) {
    accumulate_columns<NB>(chunk.rows, chunk.count, 0, dim, along, out + columns.hessian_row * kLanes, out_stride);
  }
}

/// All lane blocks, as many together as the registers hold.
template <int NB, class W, class L>
void group_kernel(const L& likelihood, const Chunk& chunk, Index dim, const Columns& columns, Index block) {
  const Index blocks = columns.out.blocks();
  for (; blocks - block >= NB; block += NB) chunk_kernel<NB, W>(likelihood, chunk, dim, columns, block);
  if constexpr (NB > 1) group_kernel<NB - 1, W>(likelihood, chunk, dim, columns, block);
}

template <class W, class L>
void all_columns(const L& likelihood, const Chunk& chunk, Index dim, const Columns& columns) {
  if constexpr (!W::kHessian && requires { &L::template single_column<W::kValue, W::kGradient>; }) {
    if (columns.theta.count == 1) {
      L::template single_column<W::kValue, W::kGradient>(chunk, dim, columns.theta.data, columns.out.data);
      return;
    }
  }
  group_kernel<kGroup, W>(likelihood, chunk, dim, columns, 0);
}

/// Calls f(Want<...>) for the rows that `wanted` asks for; not at all if it asks for none.
template <class F>
void with_wanted(const Wanted& wanted, F&& f) {
  const auto with_hessian = [&]<bool value, bool gradient>() {
    if (wanted.hessian_vector) {
      f(Want<value, gradient, true>{});
    } else if constexpr (value || gradient) {
      f(Want<value, gradient, false>{});
    }
  };
  if (wanted.value && wanted.gradient) {
    with_hessian.template operator()<true, true>();
  } else if (wanted.gradient) {
    with_hessian.template operator()<false, true>();
  } else if (wanted.value) {
    with_hessian.template operator()<true, false>();
  } else {
    with_hessian.template operator()<false, false>();
  }
}

/// Pointers to the rows after the chunk that starts at `first`: the next ones of the list, or of the table behind a range.
inline void look_ahead(const data::Table& table, const RowList& rows, Index first, Chunk& chunk) {
  chunk.known = chunk.count;
  for (Index k = first + chunk.count; chunk.known < chunk.count + kLookahead; ++k) {
    const Index row = k < rows.size() ? rows[k] : (rows.indices == nullptr ? rows.range.first + k : table.held.last);
    if (row >= table.held.last) return;
    chunk.rows[chunk.known++] = table.row(row);
  }
}

/// Calls f(chunk, first) for every chunk of the list.
template <class F>
void for_chunks(const Rows& data, const RowList& rows, F&& f) {
  Chunk chunk;
  chunk.picked = rows.indices != nullptr;
  const Index total = rows.size();
  for (Index first = 0; first < total; first += kChunkRows) {
    chunk.count = static_cast<int>(std::min<Index>(kChunkRows, total - first));
    for (int n = 0; n < chunk.count; ++n) {
      const Index row = rows[first + n];
      chunk.index[n] = row;
      chunk.rows[n] = data.table.row(row);
      chunk.response[n] = data.response[row - data.table.held.first];
    }
    f(chunk, first);
  }
}

/// Model::log_likelihood. Cost per row and column: 2 dim flops for the value, 2 more for the gradient, 4 more for the Hessian-vector
/// product.
template <class L>
void log_likelihood(const L& likelihood, const Rows& data, const RowList& rows, ConstBatchView theta, Evaluation& out) {
  const Index dim = data.table.width();
  const Columns columns{theta, out.direction, out.out, out.wanted.hessian_row(dim)};
  const bool single = theta.count == 1 && !out.wanted.hessian_vector;
  for_chunks(data, rows, [&](Chunk& chunk, Index first) {
    if (single) look_ahead(data.table, rows, first, chunk);
    // Many columns: the kernel reads the whole chunk at once. A single one asks for rows ahead by itself, once it has begun.
    if (chunk.picked) prefetch(chunk, single ? (first == 0 ? kFirstRows : 0) : chunk.count, dim);
    with_wanted(out.wanted, [&]<class W>(W) { all_columns<W>(likelihood, chunk, dim, columns); });
  });
  out.counts.add_rows(out.wanted, rows.size() * theta.count);
}

/// The normal predictors of one chunk's rows under a Gaussian.
struct Projections {
  Index terms = 0;  ///< numbers a row in `spread`: derivatives in the scale
  double mean[kChunkRows];
  double sd[kChunkRows];
  double inverse_sd[kChunkRows];     ///< 0 where sd is 0: such a row tells nothing about the scale
  const double* spread[kChunkRows];  ///< derivatives of sd^2 / 2: mean-field (x_nd s_d)^2 in log s_d, else x_ni x_nj / 2 in the covariance

  void set_variance(int n, double variance) {
    sd[n] = std::sqrt(variance);
    inverse_sd[n] = variance > 0 ? 1.0 / sd[n] : 0.0;
  }
};

/// Fills `to` under a mean-field Gaussian; the squares go to `room`, count x dim numbers.
inline void project(const Chunk& chunk, Index dim, const double* mean, const double* scale, double* room, Projections& to) {
  constexpr int kW = simd::kWidth;
  to.terms = dim;
  for (int n = 0; n < chunk.count; ++n) {
    const double* x = chunk.rows[n];
    double* squares = room + n * dim;
    simd::Pack center{};
    simd::Pack variance{};
    Index d = 0;
    for (; d + kW <= dim; d += kW) {
      const simd::Pack row = simd::load(x + d);
      const simd::Pack spread = row * simd::load(scale + d);
      center = simd::fma(row, simd::load(mean + d), center);
      variance = simd::fma(spread, spread, variance);
      simd::store(squares + d, spread * spread);
    }
    double m = 0;
    double v = 0;
    for (int i = 0; i < kW; ++i) {
      m += center[i];
      v += variance[i];
    }
    for (; d < dim; ++d) {
      const double spread = x[d] * scale[d];
      m = std::fma(x[d], mean[d], m);
      v = std::fma(spread, spread, v);
      squares[d] = spread * spread;
    }
    to.mean[n] = m;
    to.set_variance(n, v);
    to.spread[n] = squares;
  }
}

/// A symmetric matrix C up to its diagonal, row by row, so that its product with x_i x_j / 2 laid out likewise is x'C x.
inline void pack_quadratic(const double* matrix, Index dim, double* packed) {
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < i; ++j) *packed++ = 4 * matrix[i * dim + j];
    *packed++ = 2 * matrix[i * dim + i];
  }
}

/// Fills `to` under any Gaussian; the products go to `room`, count x dim (dim + 1) / 2 numbers. quadratic: its covariance as
/// pack_quadratic() leaves it.
inline void project_under(const Chunk& chunk, Index dim, const double* mean, const double* quadratic, double* room, Projections& to) {
  constexpr int kW = simd::kWidth;
  to.terms = dim * (dim + 1) / 2;
  for (int n = 0; n < chunk.count; ++n) {
    const double* x = chunk.rows[n];
    double* products = room + n * to.terms;
    double m = 0;
    double* next = products;
    for (Index i = 0; i < dim; ++i) {
      m = std::fma(x[i], mean[i], m);
      const double half = 0.5 * x[i];
      for (Index j = 0; j <= i; ++j) *next++ = half * x[j];
    }
    simd::Pack sums{};
    Index k = 0;
    for (; k + kW <= to.terms; k += kW) sums = simd::fma(simd::load(products + k), simd::load(quadratic + k), sums);
    double v = 0;
    for (int i = 0; i < kW; ++i) v += sums[i];
    for (; k < to.terms; ++k) v = std::fma(products[k], quadratic[k], v);
    to.mean[n] = m;
    to.set_variance(n, std::fmax(v, 0.0));  // rounding
    to.spread[n] = products;
  }
}

/// One chunk against NB lane blocks from `block` on: every row and column draws its own predictor.
template <int NB, bool value_wanted, class L>
void local_kernel(const L& likelihood, const Chunk& chunk, const Projections& projections, Index dim, const random::Stream* streams,
                  BatchView out, Index block) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  const Index stride = out.dim * kLanes;
  alignas(64) double noise[kChunkRows * NB * kLanes];  // then residual * noise / sd
  alignas(64) double residual[kChunkRows * NB * kLanes];
  std::uint32_t lanes[kChunkRows];
  for (int n = 0; n < chunk.count; ++n) lanes[n] = static_cast<std::uint32_t>(chunk.index[n]);
  for (int b = 0; b < NB; ++b) {
    const Index first = (block + b) * kLanes;
    random::normal_rows(streams + first, std::min<Index>(kLanes, out.count - first), lanes, chunk.count, noise + b * kLanes, NB * kLanes);
  }
  typename L::Sum sum[kPacks] = {};
  for (int n = 0; n < chunk.count; ++n) {
    const simd::Pack response = simd::broadcast(chunk.response[n]);
    const simd::Pack mean = simd::broadcast(projections.mean[n]);
    const simd::Pack sd = simd::broadcast(projections.sd[n]);
    const simd::Pack inverse_sd = simd::broadcast(projections.inverse_sd[n]);
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) {
      const Index place = n * NB * kLanes + p * simd::kWidth;
      const simd::Pack xi = simd::load(noise + place);
      const auto row = likelihood.row(simd::fma(sd, xi, mean), response);
      if constexpr (value_wanted) sum[p].add(row);
      const simd::Pack r = row.residual();
      simd::store(residual + place, r);
      simd::store(noise + place, r * xi * inverse_sd);
    }
  }
  double* to = out.block(block);
  if constexpr (value_wanted) {
    for (int p = 0; p < kPacks; ++p) {
      double* value = to + place_of(p, stride);
      simd::store(value, simd::load(value) + sum[p].log_likelihood(likelihood, chunk.count));
    }
  }
  accumulate_columns<NB>(chunk.rows, chunk.count, 0, dim, residual, to + kLanes, stride);
  accumulate_columns<NB>(projections.spread, chunk.count, 0, projections.terms, noise, to + (1 + dim) * kLanes, stride);
}

template <int NB, bool value_wanted, class L>
void local_group(const L& likelihood, const Chunk& chunk, const Projections& projections, Index dim, const random::Stream* streams,
                 BatchView out, Index block) {
  for (; out.blocks() - block >= NB; block += NB) local_kernel<NB, value_wanted>(likelihood, chunk, projections, dim, streams, out, block);
  if constexpr (NB > 1) local_group<NB - 1, value_wanted>(likelihood, chunk, projections, dim, streams, out, block);
}

/// Every chunk projected, project(chunk, projections), and then against all columns.
/// Throws UserError beyond 2^32 rows: a stream addresses no more normals.
template <class L, class Project>
void local_rows(const L& likelihood, const Rows& data, const RowList& rows, Evaluation& out, const Project& project_chunk) {
  if (data.table.rows > Index{std::numeric_limits<std::uint32_t>::max()} + 1) {
    throw UserError(
        "estimators.names: local reparameterisation of more than 4294967296 rows (each has its own number of a stream). "
        "Use another estimator.");
  }
  const Index dim = data.table.width();
  Projections projections;
  for_chunks(data, rows, [&](const Chunk& chunk, Index) {
    if (chunk.picked) prefetch(chunk, chunk.count, dim);
    project_chunk(chunk, projections);
    if (out.wanted.value) {
      local_group<kGroup, true>(likelihood, chunk, projections, dim, out.streams, out.out, 0);
    } else {
      local_group<kGroup, false>(likelihood, chunk, projections, dim, out.streams, out.out, 0);
    }
  });
  out.counts.add_rows(out.wanted, rows.size() * out.out.count);
  out.counts.add_products(out.wanted, rows.size() * out.out.count, dim);
}

/// Model::local_gradient. Cost per row: 4 dim flops once; and per column one normal and 4 dim flops.
template <class L>
void local_gradient(const L& likelihood, const Rows& data, const RowList& rows, const double* mean, const double* scale, Evaluation& out) {
  const Index dim = data.table.width();
  thread_local tiles::Batch squares;  // kept between calls, so that nothing is allocated in the steady state
  squares.resize(dim, kChunkRows);
  local_rows(likelihood, data, rows, out,
             [&](const Chunk& chunk, Projections& to) { project(chunk, dim, mean, scale, squares.data(), to); });
}

/// Model::local_gradient_under. Cost per row: 2 dim^2 flops once; and per column one normal and dim (dim + 3) flops.
template <class L>
void local_gradient_under(const L& likelihood, const Rows& data, const RowList& rows, const double* mean, const double* covariance,
                          Evaluation& out) {
  const Index dim = data.table.width();
  thread_local tiles::Batch room;  // the covariance, then the products; kept as above
  const Index terms = dim * (dim + 1) / 2;
  room.resize(terms, kChunkRows + 1);
  pack_quadratic(covariance, dim, room.data());
  local_rows(likelihood, data, rows, out,
             [&](const Chunk& chunk, Projections& to) { project_under(chunk, dim, mean, room.data(), room.data() + terms, to); });
}

}  // namespace variscope::models::linear
