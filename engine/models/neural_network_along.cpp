/// Hessian-vector products of a neural network: its derivative along a direction of the weights, forward and back (Pearlmutter 1994, Neural
/// Computation 6(1), section 3.1).
#include <algorithm>
#include <cmath>

#include "engine/models/log_scale.hpp"
#include "engine/models/logistic_terms.hpp"
#include "engine/models/neural_network.hpp"

namespace variscope::models {

namespace {

using dense::Activation;
using simd::Pack;
constexpr Index kLanes = tiles::kLanes;
constexpr Index kWidth = simd::kWidth;

/// f''(z) / f'(z), where f'(z) is not 0, from what a forward pass left.
template <Activation f>
Pack bend(const double* place, Index slopes) {
  if constexpr (f == Activation::tanh) return simd::load(place) * -2.0;
  if constexpr (f == Activation::softplus) return 1.0 - dense::slope_at<f>(place, slopes);
  return Pack{};
}

/// Parts of one allocation, 64-byte aligned each, kept between calls.
class Room {
 public:
  explicit Room(Index doubles) { memory().resize((doubles + kLanes - 1) / kLanes, 1); }
  double* take(Index doubles) {
    double* part = memory().data() + taken_;
    taken_ += (doubles + kLanes - 1) / kLanes * kLanes;
    return part;
  }

 private:
  static tiles::Batch& memory() {
    thread_local tiles::Batch batch;
    return batch;
  }
  Index taken_ = 0;
};

}  // namespace

void NeuralNetwork::add_products(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  const Index total = rows.size();
  const Index product = out.wanted.hessian_row(dim_);
  const auto weights = static_cast<Index>(prior_.sd.size());
  const Index units = room_units_ * chunk_rows_ * kWidth;
  const Index widest = *std::max_element(widths_.begin() + 1, widths_.end()) * chunk_rows_ * kWidth;
  Room room(forward_room() + room_size() + kLanes + units + 5 * (widest + kLanes) + 2 * (weights + 1) * kLanes);
  double* scaled = room.take(forward_room());
  double* activations = room.take(room_size());
  double* along = room.take(units);  // derivatives of the activations
  double* delta = room.take(widest);
  double* delta_along = room.take(widest);
  double* back = room.take(widest);  // W' delta, and what is added up of its derivative
  double* back_along = room.take(widest);
  double* part = room.take(widest);
  double* unbiased = room.take(weights * kLanes);  // the weights with biases 0
  double* mixed = room.take(weights * kLanes);     // sums of delta times derivatives of inputs; its biases are not looked at
  const auto place = [&](double* of, std::size_t l) { return of + rooms_[l] * chunk_rows_ * kWidth; };
  const double* chunk[kMostRows];
  with_activation([&](auto activation) {
    constexpr Activation f = decltype(activation)::value;
    for (Index b = 0; b < theta.blocks(); ++b) {
      for (Index lane = 0; lane < kLanes; lane += kWidth) {
        const double* z = theta.block(b) + lane;
        const double* forward = forward_weights<f>(z, scaled);
        const double* v = out.direction.block(b) + lane;
        double* to = out.out.block(b) + lane + product * kLanes;
        for (std::size_t l = 0; l < layer_count(); ++l) {
          const Index first = offset(l);
          const Index matrix = widths_[l] * widths_[l + 1];
          for (Index d = 0; d < matrix + widths_[l + 1]; ++d)
            simd::store(unbiased + (first + d) * kLanes, d < matrix ? simd::load(z + (first + d) * kLanes) : Pack{});
        }
        for (Index d = 0; d < weights; ++d) simd::store(mixed + d * kLanes, Pack{});
        const Pack log_noise = has_noise() ? simd::load(z + weights * kLanes) : Pack{};
        const Pack noise_along = has_noise() ? simd::load(v + weights * kLanes) : Pack{};
        const Exponential precision =
            has_noise() ? bounded_exp(-2.0 * log_noise) : Exponential{simd::broadcast(1.0 / (shape_.noise_sd * shape_.noise_sd)), {}, {}};
        Pack squares{};
        Pack moments{};  // of residuals and the outputs' derivatives
        for (Index first = 0; first < total; first += chunk_rows_) {
          const int count = static_cast<int>(std::min<Index>(chunk_rows_, total - first));
          gather(rows, first, count, chunk);
          run<f>(forward, chunk, count, activations, true);
          // Forward: (W a + b)' = V a + W a' + v, then times f'.
          for (std::size_t l = 0; l < layer_count(); ++l) {
            const dense::Layer direction{widths_[l], widths_[l + 1], v + offset(l) * kLanes};
            double* changes = place(along, l);
            if (l == 0) {
              dense::forward<Activation::identity>(direction, dense::DataRows{chunk}, count, changes, 0);
            } else {
              dense::forward<Activation::identity>(direction, dense::Activations{place(activations, l - 1), widths_[l]}, count, changes, 0);
              const dense::Layer layer{widths_[l], widths_[l + 1], unbiased + offset(l) * kLanes};
              dense::forward<Activation::identity>(layer, dense::Activations{place(along, l - 1), widths_[l]}, count, part, 0);
              for (Index i = 0; i < count * widths_[l + 1] * kWidth; i += kWidth)
                simd::store(changes + i, simd::load(changes + i) + simd::load(part + i));
            }
            if (l + 1 == layer_count()) continue;
            const double* a = place(activations, l);
            for (Index i = 0; i < count * widths_[l + 1] * kWidth; i += kWidth)
              simd::store(changes + i, dense::times_slope<f>(a + i, slopes(), simd::load(changes + i)));
          }
          const double* output = place(activations, layer_count() - 1);
          const double* output_along = place(along, layer_count() - 1);
          for (int n = 0; n < count; ++n) {
            const double y = table_.response[static_cast<std::size_t>(rows[first + n] - table_.held.first)];
            const Pack o = simd::load(output + n * kWidth);
            const Pack change = simd::load(output_along + n * kWidth);
            if (is_gaussian()) {
              const Pack difference = y - o;
              squares = simd::fma(difference, difference, squares);
              moments = simd::fma(difference, change, moments);
              simd::store(delta + n * kWidth, precision.value * difference);
              simd::store(delta_along + n * kWidth, -(precision.value * change) - 2.0 * precision.first * noise_along * difference);
            } else {
              const double sign = y > 0.5 ? 1.0 : -1.0;
              const logistic::Terms terms = logistic::terms(o * sign);
              simd::store(delta + n * kWidth, sign * terms.residual());
              simd::store(delta_along + n * kWidth, -(terms.slope() * change));
            }
          }
          // Back: the gradient is delta a', its derivative delta' a' + delta a''.
          for (std::size_t l = layer_count(); l-- > 0;) {
            const dense::Layer layer{widths_[l], widths_[l + 1], z + offset(l) * kLanes};
            double* gradient = to + offset(l) * kLanes;
            if (l == 0) {
              dense::accumulate(layer, dense::DataRows{chunk}, delta_along, count, gradient);
              break;
            }
            dense::accumulate(layer, dense::Activations{place(activations, l - 1), widths_[l]}, delta_along, count, gradient);
            dense::accumulate(layer, dense::Activations{place(along, l - 1), widths_[l]}, delta, count, mixed + offset(l) * kLanes);
            const dense::Layer direction{widths_[l], widths_[l + 1], v + offset(l) * kLanes};
            dense::backward<Activation::identity>(layer, delta, count, back, 0);
            dense::backward<Activation::identity>(direction, delta, count, back_along, 0);
            dense::backward<Activation::identity>(layer, delta_along, count, part, 0);
            const double* a = place(activations, l - 1);
            const double* changes = place(along, l - 1);
            for (Index i = 0; i < count * widths_[l] * kWidth; i += kWidth) {
              const Pack straight = simd::load(back + i);
              const Pack bent = bend<f>(a + i, slopes()) * simd::load(changes + i) * straight;
              const Pack through = simd::load(back_along + i) + simd::load(part + i);
              simd::store(delta + i, dense::times_slope<f>(a + i, slopes(), straight));
              simd::store(delta_along + i, dense::times_slope<f>(a + i, slopes(), through) + bent);
            }
          }
        }
        for (std::size_t l = 1; l < layer_count(); ++l) {
          for (Index d = offset(l); d < offset(l) + widths_[l] * widths_[l + 1]; ++d)
            simd::store(to + d * kLanes, simd::load(to + d * kLanes) + simd::load(mixed + d * kLanes));
        }
        if (!has_noise()) continue;
        double* noise = to + weights * kLanes;
        simd::store(noise, simd::load(noise) - 2.0 * (precision.second * noise_along * squares + precision.first * moments));
      }
    }
  });
}

}  // namespace variscope::models
