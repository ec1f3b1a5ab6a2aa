/// A fully connected layer for samples that each have weights of their own: one pack of samples against a chunk of rows.
///
/// A lane is a sample: unit i of row n is one pack, so every product of a layer is a matrix product of packs. An element of a forward
/// product is one fma chain over the inputs from the bias upwards; an element of a weight's gradient is one fma chain over the rows in
/// order, from what the output held (see shallow_gradient() for another); an element of a backward product is one fma chain over the units.
/// So the bits of a sample depend neither on its lane nor on its neighbours nor on how many rows or units a kernel takes at once.
#pragma once

#include <type_traits>

#include "engine/index.hpp"
#include "engine/simd/activation.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models::dense {

using simd::Pack;

enum class Activation { identity, relu, tanh, softplus };

/// Whether f' is kept beside f(z), since computing it from f(z) would take an exp.
template <Activation f>
inline constexpr bool kKeepsSlope = f == Activation::softplus;

/// What the weights and biases of a layer have to be multiplied by before forward<f>() takes them: of tanh, what its argument's scale
/// saves.
template <Activation f>
inline constexpr double kForwardScale = f == Activation::tanh ? simd::kTanhScale : 1.0;

/// Stores f(z / kForwardScale<f>) of N packs, pack i at place(i); and f' there, `slopes` doubles behind it, if that is kept and slopes > 0.
/// z is overwritten. Errors: engine/simd/activation.hpp.
template <Activation f, int N, class Place>
inline void store_activations(Pack* z, const Place& place, Index slopes) {
  if constexpr (N > simd::kTogether) {
    store_activations<f, simd::kTogether>(z, place, slopes);
    store_activations<f, N - simd::kTogether>(
        z + simd::kTogether, [&](int i) { return place(i + simd::kTogether); }, slopes);
  } else {
    if constexpr (f == Activation::relu) {
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) z[i] = simd::max(z[i], Pack{});
    } else if constexpr (f == Activation::tanh) {
      simd::tanh_scaled_all<N>(z);
    } else if constexpr (kKeepsSlope<f>) {
      if (slopes > 0) {
        Pack slope[N];
        simd::softplus_all<N>(z, slope);
#pragma GCC unroll 8
        for (int i = 0; i < N; ++i) simd::store(place(i) + slopes, slope[i]);
      } else {
        simd::softplus_all<N>(z, nullptr);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) simd::store(place(i), z[i]);
  }
}

/// f'(z) for what lies at `place` as store_activation() left it. relu has slope 0 at 0, and times_slope() is cheaper for it.
template <Activation f>
inline Pack slope_at(const double* place, Index slopes) {
  if constexpr (f == Activation::relu) return simd::load(place) > 0.0 ? simd::broadcast(1.0) : Pack{};
  if constexpr (f == Activation::tanh) return simd::fma(-simd::load(place), simd::load(place), simd::broadcast(1.0));
  if constexpr (kKeepsSlope<f>) return simd::load(place + slopes);
  return simd::broadcast(1.0);
}

/// g f'(z).
template <Activation f>
inline Pack times_slope(const double* place, Index slopes, Pack g) {
  if constexpr (f == Activation::relu) return simd::load(place) > 0.0 ? g : Pack{};
  return g * slope_at<f>(place, slopes);
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
inline void forward_block(const Layer& layer, const Inputs& inputs, int row, Index unit, double* out, Index slopes) {
  Pack sum[MR * NU];
#pragma GCC unroll 8
  for (int i = 0; i < NU; ++i) {
    const Pack bias = layer.bias(unit + i);
#pragma GCC unroll 8
    for (int n = 0; n < MR; ++n) sum[n * NU + i] = bias;
  }
  for (Index k = 0; k < layer.inputs; ++k) {
    Pack x[MR];
#pragma GCC unroll 8
    for (int n = 0; n < MR; ++n) x[n] = inputs(row + n, k);
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) {
      const Pack w = layer.weight(unit + i, k);
#pragma GCC unroll 8
      for (int n = 0; n < MR; ++n) sum[n * NU + i] = simd::fma(x[n], w, sum[n * NU + i]);
    }
  }
  store_activations<f, MR * NU>(
      sum, [&](int i) { return out + ((row + i / NU) * layer.units + unit + i % NU) * simd::kWidth; }, slopes);
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

/// out (rows x units packs) = f(W x + b) for a layer whose W and b are multiplied by kForwardScale<f>; `slopes` doubles behind, its
/// derivative where that is kept, unless slopes is 0.
template <Activation f, class Inputs>
void forward(const Layer& layer, const Inputs& inputs, int rows, double* out, Index slopes) {
  in_pieces<kBlock>(layer.units, [&](auto nu, Index unit) {
    constexpr int NU = decltype(nu)::value;
    in_pieces<(NU == 1 ? kLine : kBlock)>(rows, [&](auto mr, Index row) {
      forward_block<f, decltype(mr)::value, NU>(layer, inputs, static_cast<int>(row), unit, out, slopes);
    });
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
void output_gradient(const Layer& layer, const double* delta, int rows, double* inputs, Index slopes, double* gradient) {
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
        simd::store(row + k * simd::kWidth, times_slope<f>(row + k * simd::kWidth, slopes, d * weight[k]));
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

/// The most data columns that shallow_gradient() takes.
inline constexpr Index kShallowInputs = 4;

/// Both layers' gradients of a network with one hidden layer, one output and K data columns: activations are read once and nothing is
/// stored for each of them. An element of the first layer's gradient is the output's weight times one fma chain over the chunk's rows of
/// f'(z) (delta x_k), or of tanh what the activations' squares take off the sum of delta x_k, added to what the gradient held. room: rows x
/// K packs.
template <Activation f, int K>
void shallow_gradient(const Layer& first, const Layer& output, const double* const* data, const double* delta, int rows,
                      const double* activations, Index slopes, double* room, double* first_gradient, double* gradient) {
  Pack total{};         // of delta
  Pack moment[K] = {};  // of delta x_k
  for (int n = 0; n < rows; ++n) {
    const Pack d = simd::load(delta + n * simd::kWidth);
    total = total + d;
    for (int k = 0; k < K; ++k) {
      const Pack product = d * data[n][k];
      moment[k] = moment[k] + product;
      simd::store(room + (n * K + k) * simd::kWidth, product);
    }
  }
  in_pieces<(K == 1 ? kLine : kLine / 2)>(output.inputs, [&](auto nu, Index unit) {
    constexpr int NU = decltype(nu)::value;
    Pack sum[NU];
    Pack bias[NU] = {};
    Pack weights[NU][K] = {};
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) {
      sum[i] = simd::load(gradient + (unit + i) * tiles::kLanes);
      if constexpr (f == Activation::tanh) {
        bias[i] = total;
        for (int k = 0; k < K; ++k) weights[i][k] = moment[k];
      }
    }
    for (int n = 0; n < rows; ++n) {
      const Pack d = simd::load(delta + n * simd::kWidth);
      Pack x[K];
#pragma GCC unroll 4
      for (int k = 0; k < K; ++k)
        x[k] = f == Activation::tanh ? simd::broadcast(-data[n][k]) : simd::load(room + (n * K + k) * simd::kWidth);
      const double* row = activations + (n * output.inputs + unit) * simd::kWidth;
#pragma GCC unroll 8
      for (int i = 0; i < NU; ++i) {
        const double* place = row + i * simd::kWidth;
        if constexpr (f == Activation::tanh) {
          // f' = 1 - a^2: the sums of f' delta are those of delta less those of a (a delta), and a delta is what the output needs.
          const Pack a = simd::load(place);
          const Pack product = d * a;
          const Pack lost = product * a;
          sum[i] = sum[i] + product;
          bias[i] = bias[i] - lost;
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) weights[i][k] = simd::fma(lost, x[k], weights[i][k]);
          continue;
        }
        sum[i] = simd::fma(d, simd::load(place), sum[i]);
        if constexpr (f == Activation::relu || f == Activation::identity) {
          bias[i] = bias[i] + times_slope<f>(place, slopes, d);
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) weights[i][k] = weights[i][k] + times_slope<f>(place, slopes, x[k]);
        } else {
          const Pack slope = slope_at<f>(place, slopes);
          bias[i] = simd::fma(slope, d, bias[i]);
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) weights[i][k] = simd::fma(slope, x[k], weights[i][k]);
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < NU; ++i) {
      const Pack weight = output.weight(0, unit + i);
      simd::store(gradient + (unit + i) * tiles::kLanes, sum[i]);
      double* place = first_gradient + (first.units * K + unit + i) * tiles::kLanes;
      simd::store(place, simd::fma(weight, bias[i], simd::load(place)));
#pragma GCC unroll 4
      for (int k = 0; k < K; ++k) {
        place = first_gradient + ((unit + i) * K + k) * tiles::kLanes;
        simd::store(place, simd::fma(weight, weights[i][k], simd::load(place)));
      }
    }
  });
  double* place = gradient + output.inputs * tiles::kLanes;
  Pack bias = simd::load(place);
  for (int n = 0; n < rows; ++n) bias = bias + simd::load(delta + n * simd::kWidth);
  simd::store(place, bias);
}

/// inputs (rows x layer.inputs packs of activations f(z)) become the deltas d / dz = f'(z) W' delta, in place.
template <Activation f>
void backward(const Layer& layer, const double* delta, int rows, double* inputs, Index slopes) {
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
        simd::store(place, times_slope<f>(place, slopes, sum[n][k]));
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
