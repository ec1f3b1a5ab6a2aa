/// Bayesian neural network: layers over chunks of rows, forward and back.
#include "engine/models/neural_network.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/log_scale.hpp"
#include "engine/models/logistic_terms.hpp"
#include "engine/models/row_stream.hpp"

namespace variscope::models {

namespace {

using dense::Activation;
using simd::Pack;
constexpr Index kLanes = tiles::kLanes;
constexpr Index kWidth = simd::kWidth;

/// A chunk's activations shall not take more than this many bytes, unless 4 rows do.
constexpr Index kCacheBytes = 32768;

void add_to(double* place, Pack term) { simd::store(place, simd::load(place) + term); }

/// Scratch of this thread, 64-byte aligned, kept between calls.
double* scratch(Index doubles) {
  thread_local tiles::Batch room;
  room.resize((doubles + kLanes - 1) / kLanes, 1);
  return room.data();
}

/// log sigmoid(u) of each lane, one log each: what a single row needs.
Pack log_sigmoid(Pack margin) {
  logistic::Loss loss;
  loss.add(logistic::terms(margin));
  return loss.log_likelihood();
}

Pack sigmoid(Pack eta) { return logistic::terms(-eta).residual(); }

}  // namespace

NeuralNetwork::NeuralNetwork(const data::Table& table, const NetworkShape& shape) : table_(table), shape_(shape) {
  const auto intercept = std::find(table.columns.begin(), table.columns.end(), "intercept");
  const Index inputs = table.width() - (intercept == table.columns.end() ? 0 : 1);
  if (inputs < 1)
    throw UserError("model.name: 'neural_network' has no inputs (the data have no column beside the response and the intercept). Add one.");
  if (!(shape.prior_sd > 0) || !std::isfinite(shape.prior_sd))
    throw UserError("model.prior_sd: must be positive and finite (it is the standard deviation of every weight's prior). Use 1.0.");
  if (is_gaussian() && !has_noise() && (!(shape.noise_sd > 0) || !std::isfinite(shape.noise_sd)))
    throw UserError("model.noise_sd: must be positive and finite (it is the known standard deviation of the response). Use 0.1.");
  if (!(shape.noise_prior_sd >= 0) || !std::isfinite(shape.noise_prior_sd))
    throw UserError("model.noise_prior_sd: must be 0 (noise_sd is known) or positive and finite (its half-normal prior's scale). Use 1.0.");
  if (!is_gaussian() && has_noise())
    throw UserError("model.noise_prior_sd: a Bernoulli likelihood has no noise. Remove it, or set model.likelihood = \"gaussian\".");
  widths_.push_back(inputs);
  for (const Index units : shape.layers) {
    if (units < 1 || units > 100000)
      throw UserError(fmt::format("model.layers: {} units (each hidden layer has 1 to 100000). Use 50, or 0 alone for no layer.", units));
    widths_.push_back(units);
  }
  widths_.push_back(1);
  for (std::size_t l = 0; l < layer_count(); ++l) {
    offsets_.push_back(dim_);
    rooms_.push_back(room_units_);
    room_units_ += widths_[l + 1];
    const Index weights = widths_[l] * widths_[l + 1];
    const double sd = shape.scale_by_fan_in ? shape.prior_sd / std::sqrt(static_cast<double>(widths_[l])) : shape.prior_sd;
    prior_.sd.insert(prior_.sd.end(), static_cast<std::size_t>(weights), sd);
    prior_.sd.insert(prior_.sd.end(), static_cast<std::size_t>(widths_[l + 1]), shape.prior_sd);
    dim_ += weights + widths_[l + 1];
  }
  prior_.mean.assign(prior_.sd.size(), 0.0);
  if (has_noise()) ++dim_;
  const Index fitting = kCacheBytes / (room_units_ * kWidth * Index{sizeof(double)});
  chunk_rows_ = static_cast<int>(std::clamp<Index>(fitting / 4 * 4, 4, kMostRows));
  // The first columns of a row are read in place; an intercept before them is left out in a copy.
  const auto place = intercept - table.columns.begin();
  if (intercept != table.columns.end() && place != inputs) {
    for (Index n = table.held.first; n < table.held.last; ++n) {
      for (Index d = 0; d <= inputs; ++d) {
        if (d != place) inputs_.push_back(table.row(n)[d]);
      }
    }
  }
}

std::vector<std::string> NeuralNetwork::parameter_names() const {
  std::vector<std::string> names;
  std::vector<std::string> inputs = table_.columns;
  std::erase(inputs, "intercept");
  for (std::size_t l = 0; l < layer_count(); ++l) {
    for (Index i = 1; i <= widths_[l + 1]; ++i) {
      for (Index k = 0; k < widths_[l]; ++k)
        names.push_back(fmt::format("w{}[{},{}]", l + 1, i, l == 0 ? inputs[static_cast<std::size_t>(k)] : fmt::format("{}", k + 1)));
    }
    for (Index i = 1; i <= widths_[l + 1]; ++i) names.push_back(fmt::format("b{}[{}]", l + 1, i));
  }
  if (has_noise()) names.emplace_back("log_noise_sd");
  return names;
}

std::vector<Variable> NeuralNetwork::variables() const {
  std::vector<Variable> all;
  for (std::size_t l = 0; l < layer_count(); ++l) {
    all.push_back({fmt::format("w{}", l + 1), {widths_[l + 1], widths_[l]}});
    all.push_back({fmt::format("b{}", l + 1), {widths_[l + 1]}});
  }
  if (has_noise()) all.push_back({"noise_sd", {}});
  return all;
}

void NeuralNetwork::constrain(ConstBatchView theta, BatchView out) const {
  Model::constrain(theta, out);
  if (!has_noise()) return;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += kWidth) {
      double* place = out.block(b) + (dim_ - 1) * kLanes + lane;
      simd::store(place, bounded_exp(simd::load(place)).value);
    }
  }
}

void NeuralNetwork::unconstrain(std::span<const double> values, std::span<double> theta) const {
  Model::unconstrain(values, theta);
  if (!has_noise()) return;
  double& noise = theta[static_cast<std::size_t>(dim_ - 1)];
  if (!(noise > 0) || !std::isfinite(noise))
    throw UserError(fmt::format("noise_sd: {} is not positive and finite (it is a standard deviation). Give a number above 0.", noise));
  noise = std::log(noise);
}

void NeuralNetwork::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  for (std::size_t d = 0; d < prior_.sd.size(); ++d) theta[d] = prior_.sd[d] * random::normal(stream, static_cast<std::uint32_t>(d));
  if (!has_noise()) return;
  const auto last = static_cast<std::size_t>(dim_ - 1);
  theta[last] = std::log(shape_.noise_prior_sd * std::fabs(random::normal(stream, static_cast<std::uint32_t>(last))));
}

void NeuralNetwork::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                       std::span<double> responses) const {
  tiles::Batch column(dim_, 1);
  for (Index d = 0; d < dim_; ++d) column(d, 0) = theta[static_cast<std::size_t>(d)];
  tiles::Batch means(rows.size(), 1);
  row_mean(rows, column.view(), means.view());
  const double noise_sd = has_noise() ? std::exp(theta[static_cast<std::size_t>(dim_ - 1)]) : shape_.noise_sd;
  for (Index k = 0; k < rows.size(); ++k) {
    const random::Stream own = row_stream(stream, rows[k]);
    const double mean = means(k, 0);
    responses[static_cast<std::size_t>(k)] =
        is_gaussian() ? mean + noise_sd * random::normal(own, 0) : (random::uniform(own, 0) < mean ? 1.0 : 0.0);
  }
}

Index NeuralNetwork::room_size() const {
  const Index copies = shape_.activation == Activation::softplus ? 2 : 1;
  return copies * slopes() + dense::kShallowInputs * chunk_rows_ * kWidth;
}

Index NeuralNetwork::forward_room() const {
  return shape_.activation == Activation::tanh ? static_cast<Index>(prior_.sd.size()) * kLanes : 0;
}

template <Activation f>
bool NeuralNetwork::propagate_shallow(const double* theta, const double* const* rows, int count, double* room, double* gradient) const {
  if (layer_count() != 2) return false;
  const dense::Layer first{widths_[0], widths_[1], theta};
  const dense::Layer output{widths_[1], 1, theta + offset(1) * kLanes};
  const double* delta = room + rooms_[1] * chunk_rows_ * kWidth;
  double* products = room + room_size() - dense::kShallowInputs * chunk_rows_ * kWidth;
  const auto with = [&]<int K>() {
    dense::shallow_gradient<f, K>(first, output, rows, delta, count, room, slopes(), products, gradient, gradient + offset(1) * kLanes);
    return true;
  };
  static_assert(dense::kShallowInputs == 4);
  switch (widths_[0]) {
    case 1:
      return with.template operator()<1>();
    case 2:
      return with.template operator()<2>();
    case 3:
      return with.template operator()<3>();
    case 4:
      return with.template operator()<4>();
    default:
      return false;
  }
}

template <Activation f>
void NeuralNetwork::propagate(const double* theta, const double* const* rows, int count, double* room, double* gradient) const {
  if (propagate_shallow<f>(theta, rows, count, room, gradient)) return;
  for (std::size_t l = layer_count(); l-- > 0;) {
    const dense::Layer layer{widths_[l], widths_[l + 1], theta + offset(l) * kLanes};
    const double* delta = room + rooms_[l] * chunk_rows_ * kWidth;
    double* to = gradient + offset(l) * kLanes;
    if (l == 0) {
      dense::accumulate(layer, dense::DataRows{rows}, delta, count, to);
      return;
    }
    double* inputs = room + rooms_[l - 1] * chunk_rows_ * kWidth;
    if (layer.units == 1) {
      dense::output_gradient<f>(layer, delta, count, inputs, slopes(), to);
    } else {
      dense::accumulate(layer, dense::Activations{inputs, widths_[l]}, delta, count, to);
      dense::backward<f>(layer, delta, count, inputs, slopes());
    }
  }
}

void NeuralNetwork::gather(const RowList& rows, Index first, int count, const double** to) const {
  for (int n = 0; n < count; ++n) {
    const Index row = rows[first + n];
    to[n] = inputs_.empty() ? table_.row(row) : inputs_.data() + (row - table_.held.first) * widths_[0];
    if (rows.indices == nullptr) continue;
    for (Index d = 0; d < widths_[0]; d += 8) __builtin_prefetch(to[n] + d);
  }
}

void NeuralNetwork::log_prior(ConstBatchView theta, Evaluation& out) const {
  double normaliser = 0;
  for (const double sd : prior_.sd) normaliser -= std::log(sd) + kHalfLogTwoPi;
  const auto weights = static_cast<Index>(prior_.sd.size());
  const Index product = out.wanted.hessian_row(dim_);
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += kWidth) {
      const double* z = theta.block(b) + lane;
      const double* direction = out.wanted.hessian_vector ? out.direction.block(b) + lane : nullptr;
      double* to = out.out.block(b) + lane;
      Pack value = simd::broadcast(normaliser);
      for (Index d = 0; d < weights; ++d) {
        const double sd = prior_.sd[static_cast<std::size_t>(d)];
        const Pack scaled = simd::load(z + d * kLanes) / sd;
        value = simd::fma(scaled * -0.5, scaled, value);
        if (out.wanted.gradient) add_to(to + (1 + d) * kLanes, -(scaled / sd));
        if (direction != nullptr) add_to(to + (product + d) * kLanes, -(simd::load(direction + d * kLanes) / (sd * sd)));
      }
      if (has_noise()) {
        const LogTerms noise = half_normal_log_scale(simd::load(z + weights * kLanes), shape_.noise_prior_sd);
        value = value + noise.value;
        if (out.wanted.gradient) add_to(to + (1 + weights) * kLanes, noise.first);
        if (direction != nullptr) add_to(to + (product + weights) * kLanes, noise.second * simd::load(direction + weights * kLanes));
      }
      if (out.wanted.value) add_to(to, value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void NeuralNetwork::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  const Index total = rows.size();
  out.counts.add_rows(out.wanted, total * theta.count);
  if (out.wanted.hessian_vector) add_products(rows, theta, out);
  if (!out.wanted.value && !out.wanted.gradient) return;
  double* scaled = scratch(forward_room() + room_size());
  double* room = scaled + forward_room();
  const double* chunk[kMostRows];
  const auto n_rows = static_cast<double>(total);
  with_activation([&](auto activation) {
    constexpr Activation f = decltype(activation)::value;
    for (Index b = 0; b < theta.blocks(); ++b) {
      for (Index lane = 0; lane < kLanes; lane += kWidth) {
        const double* z = theta.block(b) + lane;
        const double* weights = forward_weights<f>(z, scaled);
        double* to = out.out.block(b) + lane;
        const Pack log_noise = has_noise() ? simd::load(z + (dim_ - 1) * kLanes) : simd::broadcast(std::log(shape_.noise_sd));
        const Exponential precision =
            has_noise() ? bounded_exp(-2.0 * log_noise) : Exponential{simd::broadcast(1.0 / (shape_.noise_sd * shape_.noise_sd)), {}, {}};
        Pack squares{};
        Pack value{};
        for (Index first = 0; first < total; first += chunk_rows_) {
          const int count = static_cast<int>(std::min<Index>(chunk_rows_, total - first));
          gather(rows, first, count, chunk);
          run<f>(weights, chunk, count, room, out.wanted.gradient);
          double* output = room + rooms_.back() * chunk_rows_ * kWidth;
          logistic::Loss loss;
          for (int n = 0; n < count; ++n) {
            const double y = table_.response[static_cast<std::size_t>(rows[first + n] - table_.held.first)];
            const Pack o = simd::load(output + n * kWidth);
            if (is_gaussian()) {
              const Pack difference = y - o;
              squares = simd::fma(difference, difference, squares);
              simd::store(output + n * kWidth, precision.value * difference);
            } else {
              const double sign = y > 0.5 ? 1.0 : -1.0;
              const logistic::Terms terms = logistic::terms(o * sign);
              loss.add(terms);
              simd::store(output + n * kWidth, sign * terms.residual());
            }
          }
          if (!is_gaussian()) value = value + loss.log_likelihood();
          if (out.wanted.gradient) propagate<f>(z, chunk, count, room, to + kLanes);
        }
        if (is_gaussian()) value = -0.5 * (precision.value * squares) - n_rows * (log_noise + kHalfLogTwoPi);
        if (out.wanted.value) add_to(to, value);
        if (out.wanted.gradient && has_noise()) add_to(to + dim_ * kLanes, precision.first * squares - n_rows);
      }
    }
  });
}

template <class Use>
void NeuralNetwork::for_outputs(const RowList& rows, ConstBatchView theta, Use&& use) const {
  double* scaled = scratch(forward_room() + room_size());
  double* room = scaled + forward_room();
  const double* chunk[kMostRows];
  with_activation([&](auto activation) {
    constexpr Activation f = decltype(activation)::value;
    for (Index b = 0; b < theta.blocks(); ++b) {
      for (Index lane = 0; lane < kLanes; lane += kWidth) {
        const double* weights = forward_weights<f>(theta.block(b) + lane, scaled);
        for (Index first = 0; first < rows.size(); first += chunk_rows_) {
          const int count = static_cast<int>(std::min<Index>(chunk_rows_, rows.size() - first));
          gather(rows, first, count, chunk);
          run<f>(weights, chunk, count, room, false);
          const double* output = room + rooms_.back() * chunk_rows_ * kWidth;
          for (int n = 0; n < count; ++n) use(b, lane, first + n, simd::load(output + n * kWidth));
        }
      }
    }
  });
}

void NeuralNetwork::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_outputs(rows, theta, [&](Index b, Index lane, Index k, Pack o) {
    const double y = table_.response[static_cast<std::size_t>(rows[k] - table_.held.first)];
    Pack value;
    if (is_gaussian()) {
      const Pack log_noise =
          has_noise() ? simd::load(theta.block(b) + (dim_ - 1) * kLanes + lane) : simd::broadcast(std::log(shape_.noise_sd));
      const Pack difference = y - o;
      value = -0.5 * (bounded_exp(-2.0 * log_noise).value * (difference * difference)) - (log_noise + kHalfLogTwoPi);
    } else {
      value = log_sigmoid(o * (y > 0.5 ? 1.0 : -1.0));
    }
    simd::store(out.block(b) + k * kLanes + lane, value);
  });
}

void NeuralNetwork::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_outputs(rows, theta,
              [&](Index b, Index lane, Index k, Pack o) { simd::store(out.block(b) + k * kLanes + lane, is_gaussian() ? o : sigmoid(o)); });
}

Entry neural_network_entry() {
  Entry entry;
  entry.name = "neural_network";
  entry.summary =
      "Bayesian neural network: fully connected hidden layers, one output, Gaussian or Bernoulli response, normal prior on weights";
  entry.source =
      "definition; Neal 1996, Bayesian Learning for Neural Networks; backpropagation: Rumelhart, Hinton, Williams 1986, Nature 323";
  entry.response = ResponseKind::real;
  entry.response_of = [](const Arguments& arguments) {
    return arguments.word("likelihood") == "bernoulli" ? ResponseKind::binary : ResponseKind::real;
  };
  entry.parameters = {{"layers", "units of each hidden layer; 0: no hidden layer", {50.0}},
                      {"prior_sd", "standard deviation of every weight's and bias's normal prior", {1.0}},
                      {"noise_sd", "known standard deviation of a Gaussian response", {1.0}},
                      {"noise_prior_sd", "above 0: the noise sd is unknown, half-normal with this scale", {0.0}}};
  entry.words = {
      {"activation", "of every hidden unit", "relu", false, {"relu", "tanh", "softplus"}},
      {"likelihood", "of the response given the output", "gaussian", false, {"gaussian", "bernoulli"}},
      {"prior_scaling", "fan_in: a weight's prior sd is divided by the root of its unit's inputs", "none", false, {"none", "fan_in"}}};
  entry.make = [](const Arguments& arguments) {
    NetworkShape shape;
    const std::vector<double>& layers = arguments.numbers.at("layers");
    for (const double units : layers) {
      if (layers.size() == 1 && units == 0.0) break;
      if (units != std::floor(units) || !(units >= 1) || units > 100000)
        throw UserError(
            fmt::format("model.layers: {} units (each hidden layer has 1 to 100000, whole). Use [50], or [0] for no layer.", units));
      shape.layers.push_back(static_cast<Index>(units));
    }
    const std::string& activation = arguments.word("activation");
    shape.activation = activation == "tanh" ? Activation::tanh : activation == "softplus" ? Activation::softplus : Activation::relu;
    shape.likelihood =
        arguments.word("likelihood") == "bernoulli" ? NetworkShape::Likelihood::bernoulli : NetworkShape::Likelihood::gaussian;
    shape.noise_sd = arguments.number("noise_sd");
    shape.noise_prior_sd = arguments.number("noise_prior_sd");
    shape.prior_sd = arguments.number("prior_sd");
    shape.scale_by_fan_in = arguments.word("prior_scaling") == "fan_in";
    return std::make_unique<NeuralNetwork>(*arguments.table, shape);
  };
  entry.smoke.numbers = {{"layers", {2.0, 2.0}}, {"prior_sd", {1.2}}, {"noise_sd", {1.0}}, {"noise_prior_sd", {0.8}}};
  entry.smoke.words = {{"activation", "tanh"}, {"likelihood", "gaussian"}, {"prior_scaling", "fan_in"}};
  Variant bernoulli{"bernoulli", entry.smoke};
  bernoulli.smoke.numbers["layers"] = {3.0};
  bernoulli.smoke.numbers["noise_prior_sd"] = {0.0};
  bernoulli.smoke.words["activation"] = "softplus";
  bernoulli.smoke.words["likelihood"] = "bernoulli";
  entry.variants.push_back(std::move(bernoulli));
  return entry;
}

}  // namespace variscope::models
