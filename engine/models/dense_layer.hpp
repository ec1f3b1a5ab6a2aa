/// A fully connected layer for samples that each have weights of their own: one pack of samples against a chunk of rows.
///
/// A lane is a sample: unit i of row n is one pack, so every product of a layer is a matrix product of packs. An element of a forward
/// product is one fma chain over the inputs from the bias upwards; an element of a weight's gradient is one fma chain over the rows in
/// order, from what the output held; an element of a backward product is one fma chain over the units. So the bits of a sample depend
/// neither on its lane nor on its neighbours nor on how many rows or units a kernel takes at once.
#pragma once

#include <type_traits>

#include "engine/index.hpp"
#include "engine/simd/math.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models::dense {

using simd::Pack;

enum class Activation { identity, relu, tanh, softplus };

/// f(z). tanh is within 2e-16, absolutely; softplus within 2 ulp.
template <Activation f>
inline Pack activate(Pack z) {
  if constexpr (f == Activation::relu) return simd::max(z, Pack{});
  if constexpr (f == Activation::tanh) {
    const Pack t = simd::exp_nonpositive(-2.0 * simd::abs(z));
    const Pack size = (1.0 - t) / (1.0 + t);
    return z < 0.0 ? -size : size;
  }
  if constexpr (f == Activation::softplus) return simd::max(z, Pack{}) + simd::log1p_nonnegative(simd::exp_nonpositive(-simd::abs(z)));
  return z;
}

/// g f'(z) from a = f(z), so that z need not be kept. relu has slope 0 at 0.
template <Activation f>
inline Pack times_slope(Pack a, Pack g) {
  if constexpr (f == Activation::relu) return a > 0.0 ? g : Pack{};
  if constexpr (f == Activation::tanh) return g * (1.0 - a * a);
  if constexpr (f == Activation::softplus) return g * (1.0 - simd::exp_nonpositive(-a));
  return g;
}

/// Inputs of a layer. Either activations, one pack per row and unit, or data rows, one double per row and column for all samples.
struct Activations {
  const double* data;
  Index units;
  [[nodiscard]] Pack operator()(int row, Index k) const { return simd::load(data + (row * units + k) * simd::kWidth); }
};
struct DataRows {
  const double* const* rows;
  [[nodiscard]] Pack operator()(int row, Index k) const { return simd::broadcast(rows[row][k]); }
};

/// Sizes and the weights of one pack of samples: weight of (unit, input) at weights + (unit inputs + input) kLanes, the biases behind.
struct Layer {
  Index inputs;
  Index units;
  const double* weights;
  [[nodiscard]] Pack weight(Index unit, Index input) const { return simd::load(weights + (unit * inputs + input) * tiles::kLanes); }
  [[nodiscard]] Pack bias(Index unit) const { return simd::load(weights + (units * inputs + unit) * tiles::kLanes); }
};

/// Accumulators that the register file holds beside their operands: kBlock x kBlock, or kLine x 1.
inline constexpr int kBlock = simd::kWidth == 8 ? 4 : 3;
inline constexpr int kLine = simd::kWidth == 8 ? 8 : 4;

/// MR rows from `row`, NU units from `unit`.
template <Activation f, int MR, int NU, class Inputs>
inline void forward_block(const Layer& layer, const Inputs& inputs, int row, Index unit, double* out) {
  Pack sum[MR][NU];
#pragma GCC unroll 8
  for (int i = 0; i < NU; ++i) {
    const Pack bias = layer.bias(unit + i);
#pragma GCC unroll 8
    for (int n = 0; n < MR; ++n) sum[n][i] = bias;
  }
  for (Index k = 0; k < layer.inputs; ++k) {
    Pack x[MR];
#pragma GCC unroll 8
    for (int n = 0; n < MR; ++n) x[n] = inputs(row + n, k);
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) {
      const Pack w = layer.weight(unit + i, k);
#pragma GCC unroll 8
      for (int n = 0; n < MR; ++n) sum[n][i] = simd::fma(x[n], w, sum[n][i]);
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < MR; ++n) {
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) simd::store(out + ((row + n) * layer.units + unit + i) * simd::kWidth, activate<f>(sum[n][i]));
  }
}

/// Calls block(integral_constant<M>, first) for pieces of [0, count): of M rows as long as they fit, then of one.
template <int M, class Block>
inline void in_pieces(Index count, const Block& block) {
  Index first = 0;
  for (; first + M <= count; first += M) block(std::integral_constant<int, M>{}, first);
  if constexpr (M > 4) {
    for (; first + 4 <= count; first += 4) block(std::integral_constant<int, 4>{}, first);
  }
  for (; first < count; ++first) block(std::integral_constant<int, 1>{}, first);
}

/// out (rows x units packs) = f(W x + b).
template <Activation f, class Inputs>
void forward(const Layer& layer, const Inputs& inputs, int rows, double* out) {
  in_pieces<kBlock>(layer.units, [&](auto nu, Index unit) {
    constexpr int NU = decltype(nu)::value;
    in_pieces<(NU == 1 ? kLine : kBlock)>(
        rows, [&](auto mr, Index row) { forward_block<f, decltype(mr)::value, NU>(layer, inputs, static_cast<int>(row), unit, out); });
  });
}

/// Gradient of NU units from `unit` and NK inputs from `input`; with the first inputs goes the gradient of the biases.
template <int NU, int NK, bool biases, class Inputs>
inline void accumulate_block(const Layer& layer, const Inputs& inputs, const double* delta, int rows, Index unit, Index input,
                             double* gradient) {
  const auto place = [&](int i, int k) { return gradient + ((unit + i) * layer.inputs + input + k) * tiles::kLanes; };
  const auto bias_place = [&](int i) { return gradient + (layer.units * layer.inputs + unit + i) * tiles::kLanes; };
  Pack sum[NU][NK];
  Pack bias[NU];
#pragma GCC unroll 8
  for (int i = 0; i < NU; ++i) {
    if constexpr (biases) bias[i] = simd::load(bias_place(i));
#pragma GCC unroll 8
    for (int k = 0; k < NK; ++k) sum[i][k] = simd::load(place(i, k));
  }
  for (int n = 0; n < rows; ++n) {
    Pack x[NK];
#pragma GCC unroll 8
    for (int k = 0; k < NK; ++k) x[k] = inputs(n, input + k);
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) {
      const Pack d = simd::load(delta + (n * layer.units + unit + i) * simd::kWidth);
      if constexpr (biases) bias[i] = bias[i] + d;
#pragma GCC unroll 8
      for (int k = 0; k < NK; ++k) sum[i][k] = simd::fma(d, x[k], sum[i][k]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < NU; ++i) {
    if constexpr (biases) simd::store(bias_place(i), bias[i]);
#pragma GCC unroll 8
    for (int k = 0; k < NK; ++k) simd::store(place(i, k), sum[i][k]);
  }
}

/// gradient (laid out as Layer::weights) += sum over rows of delta x', and of delta for the biases. delta: rows x units packs.
template <class Inputs>
void accumulate(const Layer& layer, const Inputs& inputs, const double* delta, int rows, double* gradient) {
  const auto block = [&](auto nu, auto nk, Index unit, Index input) {
    constexpr int NU = decltype(nu)::value;
    constexpr int NK = decltype(nk)::value;
    input == 0 ? accumulate_block<NU, NK, true>(layer, inputs, delta, rows, unit, input, gradient)
               : accumulate_block<NU, NK, false>(layer, inputs, delta, rows, unit, input, gradient);
  };
  constexpr std::integral_constant<int, 1> kOne;
  if (layer.units == 1) {
    in_pieces<kLine>(layer.inputs, [&](auto nk, Index input) { block(kOne, nk, 0, input); });
  } else if (layer.inputs == 1) {
    in_pieces<kLine>(layer.units, [&](auto nu, Index unit) { block(nu, kOne, unit, 0); });
  } else {
    in_pieces<kBlock>(layer.units, [&](auto nu, Index unit) {
      in_pieces<kBlock>(layer.inputs, [&](auto nk, Index input) { block(nu, nk, unit, input); });
    });
  }
}

/// accumulate() and backward() at once for a layer of one unit whose inputs are activations: each is read once. The same bits.
template <Activation f>
void output_gradient(const Layer& layer, const double* delta, int rows, double* inputs, double* gradient) {
  in_pieces<kLine>(layer.inputs, [&](auto nk, Index input) {
    constexpr int NK = decltype(nk)::value;
    Pack sum[NK];
    Pack weight[NK];
#pragma GCC unroll 8
    for (int k = 0; k < NK; ++k) {
      sum[k] = simd::load(gradient + (input + k) * tiles::kLanes);
      weight[k] = layer.weight(0, input + k);
    }
    for (int n = 0; n < rows; ++n) {
      const Pack d = simd::load(delta + n * simd::kWidth);
      double* row = inputs + (n * layer.inputs + input) * simd::kWidth;
#pragma GCC unroll 8
      for (int k = 0; k < NK; ++k) {
        const Pack a = simd::load(row + k * simd::kWidth);
        sum[k] = simd::fma(d, a, sum[k]);
        simd::store(row + k * simd::kWidth, times_slope<f>(a, d * weight[k]));
      }
    }
#pragma GCC unroll 8
    for (int k = 0; k < NK; ++k) simd::store(gradient + (input + k) * tiles::kLanes, sum[k]);
  });
  double* place = gradient + layer.inputs * tiles::kLanes;
  Pack bias = simd::load(place);
  for (int n = 0; n < rows; ++n) bias = bias + simd::load(delta + n * simd::kWidth);
  simd::store(place, bias);
}

/// inputs (rows x layer.inputs packs of activations f(z)) become the deltas d / dz = f'(z) W' delta, in place.
template <Activation f>
void backward(const Layer& layer, const double* delta, int rows, double* inputs) {
  const auto block = [&]<int MR, int NK>(int row, Index input) {
    Pack sum[MR][NK] = {};
    for (Index i = 0; i < layer.units; ++i) {
      Pack d[MR];
#pragma GCC unroll 8
      for (int n = 0; n < MR; ++n) d[n] = simd::load(delta + ((row + n) * layer.units + i) * simd::kWidth);
#pragma GCC unroll 8
      for (int k = 0; k < NK; ++k) {
        const Pack w = layer.weight(i, input + k);
#pragma GCC unroll 8
        for (int n = 0; n < MR; ++n) sum[n][k] = simd::fma(d[n], w, sum[n][k]);
      }
    }
#pragma GCC unroll 8
    for (int n = 0; n < MR; ++n) {
#pragma GCC unroll 8
      for (int k = 0; k < NK; ++k) {
        double* place = inputs + ((row + n) * layer.inputs + input + k) * simd::kWidth;
        simd::store(place, times_slope<f>(simd::load(place), sum[n][k]));
      }
    }
  };
  in_pieces<kBlock>(rows, [&](auto mr, Index row) {
    in_pieces<kBlock>(layer.inputs, [&](auto nk, Index input) {
      block.template operator()<decltype(mr)::value, decltype(nk)::value>(static_cast<int>(row), input);
    });
  });
}

}  // namespace variscope::models::dense
