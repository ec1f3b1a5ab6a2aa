/// Fused kernels of generalised linear models: those of linear_kernels.hpp with a scale for every column, offsets and varying effects.
#pragma once

#include "engine/models/glm_layout.hpp"
#include "engine/models/glm_likelihoods.hpp"
#include "engine/models/linear_kernels.hpp"

namespace variscope::models::glm {

using linear::Chunk;
using linear::kChunkRows;
using linear::kLanes;

/// Predictors are cut to this size, so that nothing made from them overflows; NaN stays NaN.
inline constexpr double kPredictorLimit = 1e100;

/// What the likelihood sees of one call. theta: coordinates with effects in the place of what they are made from. out: to be added to,
/// with the rows of Evaluation::out.
struct Call {
  const Layout& layout;
  ConstBatchView theta;
  ConstBatchView direction;
  BatchView out;
  Wanted wanted;
};

/// What a kernel is compiled for. With Hessian-vector products, all three are computed and those wanted are stored.
template <bool value, bool gradient, bool hessian>
using Want = linear::Want<value, gradient, hessian>;

inline Pack cut(Pack x, double limit) {
  const Pack below = x > limit ? broadcast(limit) : x;
  return below < -limit ? broadcast(-limit) : below;
}

/// The log scale of kWidth columns. theta: their first coordinate.
inline Pack log_scale(const Layout& layout, const double* theta) {
  return layout.has_scale() ? cut(simd::load(theta + layout.scale * kLanes), kLogScaleLimit) : broadcast(layout.fixed_log_scale);
}

inline Datum datum(const Layout& layout, const Chunk& chunk, int n) {
  return {chunk.response[n],
          layout.trials.empty() ? 0.0 : layout.trials[static_cast<std::size_t>(chunk.index[n] - layout.table->held.first)]};
}

/// Coordinate of effect 0 of the row's level.
inline Index effects_of(const Varying& term, Index held_row) {
  return term.effect + static_cast<Index>(term.level[held_row]) * term.effects();
}

/// Adds offsets and varying effects to the predictors of one lane block; rows of eta are `stride` apart.
inline void add_effects(const Layout& layout, const Chunk& chunk, const double* theta, double* eta, Index stride) {
  if (layout.offset == nullptr && layout.varying.empty()) return;
  for (int n = 0; n < chunk.count; ++n) {
    const Index held = chunk.index[n] - layout.table->held.first;
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      double* place = eta + n * stride + part * simd::kWidth;
      Pack sum = simd::load(place);
      if (layout.offset != nullptr) sum = sum + layout.offset[held];
      for (const Varying& term : layout.varying) {
        const double* effect = theta + effects_of(term, held) * kLanes + part * simd::kWidth;
        for (const Index column : term.columns) {
          sum = fma(broadcast(column < 0 ? 1.0 : chunk.rows[n][column]), simd::load(effect), sum);
          effect += kLanes;
        }
      }
      simd::store(place, sum);
    }
  }
}

/// Adds the derivatives of one lane block in the varying effects. gradient: row of coordinate 0.
inline void scatter_effects(const Layout& layout, const Chunk& chunk, const double* residual, Index stride, double* gradient) {
  if (layout.varying.empty()) return;
  for (int n = 0; n < chunk.count; ++n) {
    const Index held = chunk.index[n] - layout.table->held.first;
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const Pack r = simd::load(residual + n * stride + part * simd::kWidth);
      for (const Varying& term : layout.varying) {
        double* effect = gradient + effects_of(term, held) * kLanes + part * simd::kWidth;
        for (const Index column : term.columns) {
          simd::store(effect, fma(broadcast(column < 0 ? 1.0 : chunk.rows[n][column]), r, simd::load(effect)));
          effect += kLanes;
        }
      }
    }
  }
}

/// Sum of the rows' constants, in order.
inline double constants(const Layout& layout, const Chunk& chunk) {
  double sum = 0;
  if (layout.constant.empty()) return sum;
  for (int n = 0; n < chunk.count; ++n) sum += layout.constant[static_cast<std::size_t>(chunk.index[n] - layout.table->held.first)];
  return sum;
}

/// One chunk of rows against NB lane blocks from `block` on.
template <int NB, class W, class L>
void chunk_kernel(const L& likelihood, const Call& call, const Chunk& chunk, Index block) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  constexpr Index kRow = NB * kLanes;
  const Layout& layout = call.layout;
  const Index theta_stride = layout.dim * kLanes;
  const Index out_stride = call.out.dim * kLanes;
  const double* theta = call.theta.block(block);
  double* out = call.out.block(block);
  alignas(64) double eta[kChunkRows * kRow];                      // then the residuals
  alignas(64) double along[W::kHessian ? kChunkRows * kRow : 1];  // x_n'd, then times the curvature
  linear::predict_rows<NB>(chunk.rows, chunk.count, layout.width, theta, theta_stride, eta);
  for (int b = 0; b < NB; ++b) add_effects(layout, chunk, theta + b * theta_stride, eta + b * kLanes, kRow);
  if constexpr (W::kHessian) {
    linear::predict_rows<NB>(chunk.rows, chunk.count, layout.width, call.direction.block(block), theta_stride, along);
  }

  alignas(64) double scales[kRow];
  alignas(64) double scales_along[kRow];  // of the direction
  for (int p = 0; p < kPacks; ++p) {
    const bool has = W::kHessian && L::kScale && layout.has_scale();
    simd::store(scales_along + p * simd::kWidth,
                has ? simd::load(call.direction.block(block) + linear::place_of(p, theta_stride) + layout.scale * kLanes) : Pack{});
    simd::store(scales + p * simd::kWidth, L::kScale ? log_scale(layout, theta + linear::place_of(p, theta_stride)) : Pack{});
  }
  const auto pass = [&]<std::size_t... p>(std::index_sequence<p...>) {
    typename L::Sum sum[kPacks] = {};
    [[maybe_unused]] Pack bends[kPacks] = {};  // of the derivative in the log scale, along the direction
    const typename L::Lane lane[kPacks] = {typename L::Lane(simd::load(scales + p * simd::kWidth))...};
    for (int n = 0; n < chunk.count; ++n) {
      const Datum y = datum(layout, chunk, n);
#pragma GCC unroll 8
      for (int q = 0; q < kPacks; ++q) {
        double* place = eta + n * kRow + q * simd::kWidth;
        const auto row = likelihood.row(cut(simd::load(place), kPredictorLimit), y, lane[q]);
        if constexpr (W::kValue || L::kScale) sum[q].add(row, lane[q]);
        if constexpr (W::kGradient) simd::store(place, row.residual());
        if constexpr (W::kHessian) {
          double* product = along + n * kRow + q * simd::kWidth;
          const Pack change = simd::load(product);
          Pack slope = row.curvature() * change;
          if constexpr (L::kScale) {
            const Pack of_scale = simd::load(scales_along + q * simd::kWidth);
            bends[q] = fma(row.mixed(), change, fma(row.bend(), of_scale, bends[q]));
            slope = fma(row.mixed(), of_scale, slope);
          }
          simd::store(product, slope);
        }
      }
    }
    const double rows = chunk.count;
    const double constant = W::kValue ? constants(layout, chunk) : 0.0;
    for (int q = 0; q < kPacks; ++q) {
      double* to = out + linear::place_of(q, out_stride);
      if constexpr (W::kValue) {
        if (call.wanted.value) simd::store(to, simd::load(to) + (sum[q].value(lane[q], rows) + constant));
      }
      if constexpr (W::kGradient && L::kScale) {
        if (call.wanted.gradient && layout.has_scale()) {
          double* slope = to + (1 + layout.scale) * kLanes;
          simd::store(slope, simd::load(slope) + sum[q].slope(lane[q], rows));
        }
      }
      if constexpr (W::kHessian && L::kScale) {
        if (layout.has_scale()) {
          double* product = to + (call.wanted.hessian_row(layout.dim) + layout.scale) * kLanes;
          simd::store(product, simd::load(product) + bends[q]);
        }
      }
    }
  };
  pass(std::make_index_sequence<kPacks>{});
  if constexpr (W::kGradient) {
    if (call.wanted.gradient) {
      linear::accumulate_columns<NB>(chunk.rows, chunk.count, 0, layout.width, eta, out + kLanes, out_stride);
      for (int b = 0; b < NB; ++b) scatter_effects(layout, chunk, eta + b * kLanes, kRow, out + b * out_stride + kLanes);
    }
  }
  if constexpr (W::kHessian) {
    linear::accumulate_columns<NB>(chunk.rows, chunk.count, 0, layout.width, along, out + call.wanted.hessian_row(layout.dim) * kLanes,
                                   out_stride);
  }
}

/// All lane blocks, four, two or one together.
template <int NB, class W, class L>
void group_kernel(const L& likelihood, const Call& call, const Chunk& chunk, Index block) {
  for (; call.out.blocks() - block >= NB; block += NB) chunk_kernel<NB, W>(likelihood, call, chunk, block);
  if constexpr (NB > 1) group_kernel<NB / 2, W>(likelihood, call, chunk, block);
}

/// Adds the rows' log likelihood. Cost as linear::log_likelihood.
template <class L>
void add_rows(const L& likelihood, const Call& call, const RowList& rows) {
  const Layout& layout = call.layout;
  linear::for_chunks({*layout.table, layout.response.data()}, rows, [&](const Chunk& chunk, Index) {
    if (chunk.picked) linear::prefetch(chunk, chunk.count, layout.width);
    constexpr int kMost = linear::kGroup;
    if (call.wanted.hessian_vector) {
      group_kernel<kMost, Want<true, true, true>>(likelihood, call, chunk, 0);
    } else if (call.wanted.gradient && call.wanted.value) {
      group_kernel<kMost, Want<true, true, false>>(likelihood, call, chunk, 0);
    } else if (call.wanted.gradient) {
      group_kernel<kMost, Want<false, true, false>>(likelihood, call, chunk, 0);
    } else if (call.wanted.value) {
      group_kernel<kMost, Want<true, false, false>>(likelihood, call, chunk, 0);
    }
  });
}

/// f(held row, lane block, part, predictors, datum) for every row and pack; k-th row of the list.
template <class F>
void for_predictors(const Layout& layout, const RowList& rows, ConstBatchView theta, F&& f) {
  linear::for_chunks({*layout.table, layout.response.data()}, rows, [&](const Chunk& chunk, Index first) {
    alignas(64) double eta[kChunkRows * kLanes];
    for (Index b = 0; b < theta.blocks(); ++b) {
      linear::predict_rows<1>(chunk.rows, chunk.count, layout.width, theta.block(b), 0, eta);
      add_effects(layout, chunk, theta.block(b), eta, kLanes);
      for (int n = 0; n < chunk.count; ++n) {
        for (int part = 0; part < simd::kPacksPerBlock; ++part) {
          f(first + n, chunk.index[n] - layout.table->held.first, b, part,
            cut(simd::load(eta + n * kLanes + part * simd::kWidth), kPredictorLimit), datum(layout, chunk, n));
        }
      }
    }
  });
}

}  // namespace variscope::models::glm
