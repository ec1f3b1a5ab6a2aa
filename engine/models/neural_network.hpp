/// Bayesian neural network: fully connected layers of any width, one output, Gaussian or Bernoulli likelihood.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/dense_layer.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// What a network is made of.
struct NetworkShape {
  enum class Likelihood { gaussian, bernoulli };

  std::vector<Index> layers;  ///< hidden units; empty: a linear predictor
  dense::Activation activation = dense::Activation::relu;
  Likelihood likelihood = Likelihood::gaussian;
  double noise_sd = 1.0;         ///< Gaussian alone: the residuals' known sd
  double noise_prior_sd = 0.0;   ///< above 0: the residuals' sd is unknown, half-normal with this scale
  double prior_sd = 1.0;         ///< of every weight and bias
  bool scale_by_fan_in = false;  ///< prior sd of a weight divided by the root of its unit's number of inputs (Neal 1996); biases keep it
};

/// h_0 = x, h_l = f(W_l h_(l-1) + b_l), output o = w h_L + b; y ~ N(o, noise_sd^2) or Bernoulli(sigmoid(o)).
/// theta: layer by layer the weights, unit by unit, then the biases; log noise_sd last where it is unknown. A column named intercept is
/// not an input: every unit has a bias. Gradient by backpropagation, 6 flops per weight, row and column (4 of the first layer).
class NeuralNetwork final : public Model {
 public:
  /// The table must outlive the model. Throws UserError naming the key that makes no sense, or if the table has no inputs.
  NeuralNetwork(const data::Table& table, const NetworkShape& shape);

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  /// "w1[2,x]": layer 1, unit 2, input x; "b1[2]"; "log_noise_sd". Units count from 1.
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// w1 (units x inputs), b1 (units), w2, ..., noise_sd where it is unknown.
  [[nodiscard]] std::vector<Variable> variables() const override;
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_response_simulation() const override { return true; }
  void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                          std::span<double> responses) const override;
  [[nodiscard]] bool has_row_log_likelihood() const override { return true; }
  void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const override;
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  /// Where relu bends, those of one side. Cost about three times that of a gradient.
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  /// Unless the noise is unknown.
  [[nodiscard]] const GaussianPrior* gaussian_prior() const override { return has_noise() ? nullptr : &prior_; }

 private:
  [[nodiscard]] bool has_noise() const { return shape_.noise_prior_sd > 0; }
  [[nodiscard]] bool is_gaussian() const { return shape_.likelihood == NetworkShape::Likelihood::gaussian; }
  /// Weights of layer l begin here in theta.
  [[nodiscard]] Index offset(std::size_t l) const { return offsets_[l]; }
  [[nodiscard]] std::size_t layer_count() const { return widths_.size() - 1; }
  /// Calls f(integral_constant<Activation>).
  template <class F>
  void with_activation(F&& f) const;
  /// The weights as run() takes them: theta itself, or a copy in `room` (forward_room() doubles) whose hidden layers are scaled.
  template <dense::Activation f>
  const double* forward_weights(const double* theta, double* room) const;
  [[nodiscard]] Index forward_room() const;
  /// Fills `room` with all layers' activations of `count` rows; the last are the outputs. Behind them the slopes that the activation
  /// keeps, if a gradient is wanted. weights: forward_weights() of theta.
  template <dense::Activation f>
  void run(const double* weights, const double* const* rows, int count, double* room, bool gradient) const;
  /// Adds the gradient of the weights; the last layer's activations in `room` have become d log p / d output.
  template <dense::Activation f>
  void propagate(const double* theta, const double* const* rows, int count, double* room, double* gradient) const;
  /// The same for one hidden layer over few data columns; false, and nothing done, for any other network.
  template <dense::Activation f>
  bool propagate_shallow(const double* theta, const double* const* rows, int count, double* room, double* gradient) const;
  /// Adds the Hessian-vector products of the log likelihood.
  void add_products(const RowList& rows, ConstBatchView theta, Evaluation& out) const;
  /// Calls use(b, lane, first row of the chunk, its number of rows, outputs) for every chunk and pack.
  template <class Use>
  void for_outputs(const RowList& rows, ConstBatchView theta, Use&& use) const;
  /// Doubles between an activation and its slope in a chunk's room; the room's size is twice that, or once where no slopes are kept, and
  /// kShallowInputs packs a row.
  [[nodiscard]] Index slopes() const { return room_units_ * chunk_rows_ * simd::kWidth; }
  [[nodiscard]] Index room_size() const;
  /// Pointers to the inputs of up to `count` rows from entry `first` of the list. Copied to `room` where the intercept lies before them.
  void gather(const RowList& rows, Index first, int count, const double** to) const;

  /// Rows of a chunk at most.
  static constexpr int kMostRows = 64;

  const data::Table& table_;
  NetworkShape shape_;
  std::vector<Index> widths_;   ///< inputs, hidden layers, 1
  std::vector<Index> offsets_;  ///< per layer
  std::vector<Index> rooms_;    ///< per layer: units of all layers before
  AlignedVector inputs_;        ///< held rows without the intercept, where it is not the table's last column; else empty
  Index room_units_ = 0;        ///< units of all layers
  int chunk_rows_ = 0;          ///< a multiple of 4: activations of a chunk lie in the first-level cache
  Index dim_ = 0;
  GaussianPrior prior_;  ///< of the weights; without the noise
};

template <class F>
void NeuralNetwork::with_activation(F&& f) const {
  switch (shape_.activation) {
    case dense::Activation::identity:
      return f(std::integral_constant<dense::Activation, dense::Activation::identity>{});
    case dense::Activation::relu:
      return f(std::integral_constant<dense::Activation, dense::Activation::relu>{});
    case dense::Activation::tanh:
      return f(std::integral_constant<dense::Activation, dense::Activation::tanh>{});
    case dense::Activation::softplus:
      return f(std::integral_constant<dense::Activation, dense::Activation::softplus>{});
  }
}

template <dense::Activation f>
const double* NeuralNetwork::forward_weights(const double* theta, double* room) const {
  if constexpr (dense::kForwardScale<f> == 1.0) return theta;
  const auto weights = static_cast<Index>(prior_.sd.size());
  for (Index d = 0; d < weights; ++d) {
    const double scale = d < offsets_.back() ? dense::kForwardScale<f> : 1.0;
    simd::store(room + d * tiles::kLanes, simd::load(theta + d * tiles::kLanes) * scale);
  }
  return room;
}

template <dense::Activation f>
void NeuralNetwork::run(const double* weights, const double* const* rows, int count, double* room, bool gradient) const {
  const std::size_t last = layer_count() - 1;
  const Index behind = gradient ? slopes() : 0;
  for (std::size_t l = 0; l <= last; ++l) {
    const dense::Layer layer{widths_[l], widths_[l + 1], weights + offset(l) * tiles::kLanes};
    double* out = room + rooms_[l] * chunk_rows_ * simd::kWidth;
    if (l == 0) {
      const dense::DataRows inputs{rows};
      l == last ? dense::forward<dense::Activation::identity>(layer, inputs, count, out, behind)
                : dense::forward<f>(layer, inputs, count, out, behind);
    } else {
      const dense::Activations inputs{room + rooms_[l - 1] * chunk_rows_ * simd::kWidth, widths_[l]};
      l == last ? dense::forward<dense::Activation::identity>(layer, inputs, count, out, behind)
                : dense::forward<f>(layer, inputs, count, out, behind);
    }
  }
}

Entry neural_network_entry();

}  // namespace variscope::models
