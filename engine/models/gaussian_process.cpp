/// Gaussian process regression: covariances by packs of rows, Cholesky's factor column by column, derivatives from one matrix of weights.
#include "engine/models/gaussian_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/models/draw_poisson.hpp"
#include "engine/models/log_scale.hpp"
#include "engine/models/row_stream.hpp"

namespace variscope::models {

namespace {

using simd::Pack;
constexpr Index kLanes = tiles::kLanes;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Beyond, exp(f) is taken for infinite, as of the glm.
constexpr double kExpLimit = 400;

double cut(double x, double limit) { return std::clamp(x, -limit, limit); }

Index whole_packs(Index count) { return (count + simd::kWidth - 1) / simd::kWidth * simd::kWidth; }

double log1p_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double sigmoid(double x) {
  const double t = std::exp(-std::fabs(x));
  return (x >= 0 ? 1.0 : t) / (1.0 + t);
}

/// Lanes added from the first to the last.
double lanes_of(Pack x) {
  double sum = 0;
  for (int i = 0; i < simd::kWidth; ++i) sum += x[i];
  return sum;
}

/// Column s of a batch.
void take(ConstBatchView theta, Index s, std::span<double> to) {
  for (Index d = 0; d < theta.dim; ++d) to[static_cast<std::size_t>(d)] = theta(d, s);
}

}  // namespace

GaussianProcess::GaussianProcess(const data::Table& table, const GaussianProcessShape& shape)
    : table_(table), shape_(shape), count_(table.rows), stride_(whole_packs(table.rows)) {
  if (!latent() && !has_noise()) {
    throw UserError(
        "model.form: 'marginal' with a likelihood that is not gaussian (only a normal likelihood can be integrated out). Use \"latent\".");
  }
  if (count_ > kMostRows) {
    throw UserError(fmt::format("model.name: 'gaussian_process' on {} rows (its cost grows with their cube; at most {}). Use fewer rows.",
                                count_, kMostRows));
  }
  if (!std::isfinite(shape.mean)) throw UserError("model.mean: must be finite (it is the function's mean). Use 0.0.");
  const auto intercept = std::find(table.columns.begin(), table.columns.end(), "intercept") - table.columns.begin();
  input_names_ = table.columns;
  std::erase(input_names_, "intercept");
  inputs_ = static_cast<Index>(input_names_.size());
  if (inputs_ < 1) {
    throw UserError(
        "model.name: 'gaussian_process' has no inputs (the data have no column beside the response and the intercept). Add one.");
  }
  if (table.held.size() != 0 && table.held.size() != count_)
    throw std::logic_error("a Gaussian process needs all rows of its table in one place");
  if (!shape.length_scale.fixed) {
    length_ = dim_;
    dim_ += length_scales();
  }
  if (!shape.signal_sd.fixed) signal_ = dim_++;
  if (has_noise() && !shape.noise_sd.fixed) noise_ = dim_++;
  first_latent_ = dim_;
  if (latent()) dim_ += count_;
  if (dim_ == 0) throw UserError("model.prior_signal_sd: everything is fixed (nothing is left to infer). Give one of the priors.");
  design_.assign(static_cast<std::size_t>(inputs_ * stride_), 0.0);
  for (Index n = 0; n < table.held.size(); ++n) {
    Index input = 0;
    for (Index d = 0; d < table.width(); ++d) {
      if (d != intercept) design_[static_cast<std::size_t>(input++ * stride_ + n)] = table.row(n)[d];
    }
  }
}

std::vector<std::string> GaussianProcess::parameter_names() const {
  std::vector<std::string> names;
  if (length_ >= 0 && shape_.by_column) {
    for (const std::string& input : input_names_) names.push_back(fmt::format("log_length_scale[{}]", input));
  } else if (length_ >= 0) {
    names.emplace_back("log_length_scale");
  }
  if (signal_ >= 0) names.emplace_back("log_signal_sd");
  if (noise_ >= 0) names.emplace_back("log_noise_sd");
  for (Index n = 1; latent() && n <= count_; ++n) names.push_back(fmt::format("z[{}]", n));
  return names;
}

std::vector<Variable> GaussianProcess::variables() const {
  std::vector<Variable> all;
  if (length_ >= 0) all.push_back({"length_scale", shape_.by_column ? std::vector<Index>{inputs_} : std::vector<Index>{}});
  if (signal_ >= 0) all.push_back({"signal_sd", {}});
  if (noise_ >= 0) all.push_back({"noise_sd", {}});
  if (latent()) {
    all.push_back({"z", {count_}});
    all.push_back({"f", {count_}});
  }
  return all;
}

GaussianProcess::Hyper GaussianProcess::unpack(std::span<const double> theta) const {
  const auto log_of = [&](Index j, const ScalePrior& prior) {
    return prior.fixed ? prior.log_value : cut(theta[static_cast<std::size_t>(j)], kLogLimit);
  };
  Hyper hyper;
  for (Index d = 0; d < inputs_; ++d)
    hyper.precision.push_back(std::exp(-2 * log_of(length_ + (shape_.by_column ? d : 0), shape_.length_scale)));
  hyper.signal = std::exp(2 * log_of(signal_, shape_.signal_sd));
  if (has_noise()) hyper.noise = std::exp(2 * log_of(noise_, shape_.noise_sd));
  return hyper;
}

void GaussianProcess::distances(const Hyper& hyper, const double* input, Index input_stride, Index last, double* to) const {
  for (Index j = 0; j < last; j += simd::kWidth) {
    Pack q{};
    for (Index d = 0; d < inputs_; ++d) {
      const Pack difference = simd::load(design_.data() + d * stride_ + j) - input[d * input_stride];
      q = simd::fma(difference * hyper.precision[static_cast<std::size_t>(d)], difference, q);
    }
    simd::store(to + j, q);
  }
}

dense::Matrix GaussianProcess::covariances(const Hyper& hyper, double diagonal) const {
  dense::Matrix k(count_, count_);
  std::vector<double> row(static_cast<std::size_t>(stride_));
  for (Index i = 0; i < count_; ++i) {
    distances(hyper, design_.data() + i, stride_, i, row.data());
    for (Index j = 0; j < i; j += simd::kWidth)
      simd::store(row.data() + j, covariance(shape_.covariance, simd::load(row.data() + j)).value * hyper.signal);
    std::copy_n(row.begin(), i, k.row(i));
    k(i, i) = hyper.signal * (1 + kNugget) + diagonal;
  }
  return k;
}

std::vector<double> GaussianProcess::covariances_with(const Hyper& hyper, const double* input) const {
  std::vector<double> row(static_cast<std::size_t>(stride_));
  distances(hyper, input, 1, count_, row.data());
  for (Index j = 0; j < count_; j += simd::kWidth)
    simd::store(row.data() + j, covariance(shape_.covariance, simd::load(row.data() + j)).value * hyper.signal);
  row.resize(static_cast<std::size_t>(count_));
  return row;
}

std::optional<GaussianProcess::Factor> GaussianProcess::factor(const Hyper& hyper) const {
  auto lower = dense::cholesky(covariances(hyper, hyper.noise));
  if (!lower) return std::nullopt;
  std::vector<double> weights = table_.response;
  for (double& y : weights) y -= shape_.mean;
  dense::solve_lower(*lower, weights);
  dense::solve_lower_transposed(*lower, weights);
  return Factor{std::move(*lower), std::move(weights)};
}

std::vector<double> GaussianProcess::function(const dense::Matrix& lower, std::span<const double> z) const {
  std::vector<double> f;
  f.reserve(z.size());
  for (Index i = 0; i < lower.rows; ++i)
    f.push_back(shape_.mean + dense::dot({lower.row(i), static_cast<std::size_t>(i + 1)}, z.first(static_cast<std::size_t>(i + 1))));
  return f;
}

void GaussianProcess::add_slopes(const Hyper& hyper, const dense::Matrix& weights, std::span<double> derivatives) const {
  std::vector<double> row(static_cast<std::size_t>(stride_));
  std::vector<double> of_pair(static_cast<std::size_t>(stride_));
  std::vector<double> by_length(static_cast<std::size_t>(inputs_), 0.0);
  double by_signal = 0;
  double trace = 0;
  for (Index i = 0; i < count_; ++i) {
    std::fill(of_pair.begin(), of_pair.end(), 0.0);
    for (Index j = 0; j < i; ++j) of_pair[static_cast<std::size_t>(j)] = 2 * weights(i, j);  // each pair stands for two entries
    distances(hyper, design_.data() + i, stride_, i, row.data());
    Pack values{};
    for (Index j = 0; j < i; j += simd::kWidth) {
      const CovarianceTerms terms = covariance(shape_.covariance, simd::load(row.data() + j));
      const Pack weight = simd::load(of_pair.data() + j);
      values = simd::fma(weight, terms.value, values);
      simd::store(of_pair.data() + j, weight * terms.slope);
    }
    by_signal += lanes_of(values);
    trace += weights(i, i);
    for (Index d = 0; length_ >= 0 && d < inputs_; ++d) {
      const double* column = design_.data() + d * stride_;
      Pack sum{};
      for (Index j = 0; j < i; j += simd::kWidth) {
        const Pack difference = simd::load(column + j) - column[i];
        sum = simd::fma(simd::load(of_pair.data() + j) * difference, difference, sum);
      }
      by_length[static_cast<std::size_t>(d)] += lanes_of(sum);
    }
  }
  for (Index d = 0; length_ >= 0 && d < inputs_; ++d) {
    const auto at = static_cast<std::size_t>(d);
    derivatives[static_cast<std::size_t>(length_ + (shape_.by_column ? d : 0))] +=
        -2 * hyper.signal * (hyper.precision[at] * by_length[at]);
  }
  if (signal_ >= 0) derivatives[static_cast<std::size_t>(signal_)] += 2 * hyper.signal * (by_signal + (1 + kNugget) * trace);
}

double GaussianProcess::failed() const {
  fail("the covariance matrix is not positive definite in floating point");
  return -kInfinity;
}

double GaussianProcess::marginal_column(const Hyper& hyper, std::span<double> derivatives) const {
  const auto factored = factor(hyper);
  if (!factored) return failed();
  double square = 0;
  for (std::size_t n = 0; n < factored->weights.size(); ++n)
    square = std::fma(table_.response[n] - shape_.mean, factored->weights[n], square);
  if (!derivatives.empty()) {
    // d log p / d K = (a a' - K^-1) / 2, a = K^-1 (y - mean).
    dense::Matrix weights = dense::inverse_of_cholesky(factored->lower);
    double trace = 0;
    for (Index i = 0; i < count_; ++i) {
      const double a = factored->weights[static_cast<std::size_t>(i)];
      for (Index j = 0; j <= i; ++j) weights(i, j) = 0.5 * (a * factored->weights[static_cast<std::size_t>(j)] - weights(i, j));
      trace += weights(i, i);
    }
    add_slopes(hyper, weights, derivatives);
    if (noise_ >= 0) derivatives[static_cast<std::size_t>(noise_)] += 2 * hyper.noise * trace;
  }
  return -0.5 * square - dense::log_diagonal(factored->lower) - static_cast<double>(count_) * kHalfLogTwoPi;
}

double GaussianProcess::latent_column(const Hyper& hyper, std::span<const double> z, std::span<double> derivatives) const {
  const auto lower = dense::cholesky(covariances(hyper, 0));
  if (!lower) return failed();
  const std::vector<double> f = function(*lower, z);
  double value = -static_cast<double>(count_) * kHalfLogTwoPi;
  double by_noise = 0;
  std::vector<double> by_f;
  by_f.reserve(f.size());
  for (std::size_t n = 0; n < f.size(); ++n) {
    const RowTerms terms = row_terms(table_.response[n], f[n], hyper.noise);
    value += terms.value - 0.5 * z[n] * z[n];
    by_noise += terms.noise_slope;
    by_f.push_back(terms.slope);
  }
  if (derivatives.empty()) return value;
  if (noise_ >= 0) derivatives[static_cast<std::size_t>(noise_)] += by_noise;
  std::vector<double> back(f.size(), 0.0);  // L' d log p / d f
  for (Index i = 0; i < count_; ++i) {
    for (Index k = 0; k <= i; ++k) back[static_cast<std::size_t>(k)] += (*lower)(i, k) * by_f[static_cast<std::size_t>(i)];
  }
  for (std::size_t n = 0; n < f.size(); ++n) derivatives[static_cast<std::size_t>(first_latent_) + n] += back[n] - z[n];
  if (length_ < 0 && signal_ < 0) return value;
  // d log p / d L is the lower triangle of (d log p / d f) z', so L' times it has the lower triangle back z'; with the mirrored Q of that,
  // d log p / d K = L'^-1 Q L^-1 / 2.
  dense::Matrix weights(count_, count_);
  for (Index i = 0; i < count_; ++i) {
    for (Index j = 0; j <= i; ++j) weights(i, j) = weights(j, i) = 0.5 * back[static_cast<std::size_t>(i)] * z[static_cast<std::size_t>(j)];
  }
  dense::solve_lower_transposed(*lower, weights);
  weights = dense::transposed(weights);
  dense::solve_lower_transposed(*lower, weights);
  add_slopes(hyper, weights, derivatives);
  return value;
}

double GaussianProcess::column(std::span<const double> theta, std::span<double> derivatives) const {
  if (table_.held.size() != count_) throw std::logic_error("a Gaussian process without its rows was evaluated");
  const Hyper hyper = unpack(theta);
  const double value = latent() ? latent_column(hyper, theta.subspan(static_cast<std::size_t>(first_latent_)), derivatives)
                                : marginal_column(hyper, derivatives);
  for (std::size_t j = 0; !derivatives.empty() && j < static_cast<std::size_t>(first_latent_); ++j) {
    if (std::fabs(theta[j]) > kLogLimit) derivatives[j] = 0;  // the likelihood stays as it is there
  }
  return value;
}

GaussianProcess::RowTerms GaussianProcess::row_terms(double y, double f, double noise) const {
  switch (shape_.likelihood) {
    case GaussianProcessShape::Likelihood::gaussian: {
      const double difference = y - f;
      const double square = difference * difference / noise;
      return {-0.5 * square - 0.5 * std::log(noise) - kHalfLogTwoPi, difference / noise, square - 1};
    }
    case GaussianProcessShape::Likelihood::bernoulli: {
      const double sign = y > 0.5 ? 1.0 : -1.0;
      return {-log1p_exp(-sign * f), sign * sigmoid(-sign * f), 0};
    }
    case GaussianProcessShape::Likelihood::poisson: {
      const double mean = std::exp(std::min(f, kExpLimit));
      return {f > kExpLimit ? -kInfinity : y * f - mean - std::lgamma(y + 1), y - mean, 0};
    }
  }
  return {};
}

double GaussianProcess::response_mean(double f) const {
  if (shape_.likelihood == GaussianProcessShape::Likelihood::gaussian) return f;
  return shape_.likelihood == GaussianProcessShape::Likelihood::bernoulli ? sigmoid(f) : std::exp(std::min(f, kExpLimit));
}

void GaussianProcess::log_prior(ConstBatchView theta, Evaluation& out) const {
  const auto scales = [&](Index first, Index last, const ScalePrior& prior) {
    for (Index j = first; first >= 0 && j < last; ++j) {
      for (Index b = 0; b < theta.blocks(); ++b) {
        for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
          // Beyond the limit by the tangent.
          const Pack u = simd::load(theta.block(b) + j * kLanes + lane);
          const Pack held = simd::max(simd::broadcast(-kLogLimit), simd::min(simd::broadcast(kLogLimit), u));
          const auto terms = log_scale_terms(prior.prior, held, kLogLimit);
          const auto add = [to = out.out.block(b) + lane](Index row, Pack term) {
            simd::store(to + row * kLanes, simd::load(to + row * kLanes) + term);
          };
          if (out.wanted.value) add(0, simd::fma(terms.slope, u - held, terms.value));
          if (out.wanted.gradient) add(1 + j, terms.slope);
        }
      }
    }
  };
  scales(length_, length_ + length_scales(), shape_.length_scale);
  scales(signal_, signal_ + 1, shape_.signal_sd);
  scales(noise_, noise_ + 1, shape_.noise_sd);
  std::vector<double> coordinates(static_cast<std::size_t>(dim_));
  std::vector<double> derivatives;
  for (Index s = 0; s < theta.count; ++s) {
    take(theta, s, coordinates);
    if (out.wanted.gradient) derivatives.assign(coordinates.size(), 0.0);
    const double value = column(coordinates, derivatives);
    if (out.wanted.value) out.out(0, s) += value;
    for (std::size_t d = 0; d < derivatives.size(); ++d) out.out(1 + static_cast<Index>(d), s) += derivatives[d];
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void GaussianProcess::constrain(ConstBatchView theta, BatchView out) const {
  std::vector<double> coordinates(static_cast<std::size_t>(dim_));
  for (Index s = 0; s < theta.count; ++s) {
    take(theta, s, coordinates);
    for (Index j = 0; j < dim_; ++j) {
      const double u = coordinates[static_cast<std::size_t>(j)];
      out(j, s) = j < first_latent_ ? std::exp(cut(u, 700)) : u;
    }
    if (!latent()) continue;
    const auto lower = dense::cholesky(covariances(unpack(coordinates), 0));
    const std::span<const double> z = std::span<const double>(coordinates).subspan(static_cast<std::size_t>(first_latent_));
    const std::vector<double> f = lower ? function(*lower, z) : std::vector<double>(z.size(), std::numeric_limits<double>::quiet_NaN());
    for (Index n = 0; n < count_; ++n) out(dim_ + n, s) = f[static_cast<std::size_t>(n)];
  }
}

void GaussianProcess::unconstrain(std::span<const double> values, std::span<double> theta) const {
  std::copy_n(values.begin(), theta.size(), theta.begin());
  const std::vector<std::string> names = parameter_names();
  for (std::size_t j = 0; j < static_cast<std::size_t>(first_latent_); ++j) {
    theta[j] = std::log(values[j]);
    if (values[j] > 0 && std::fabs(theta[j]) <= kLogLimit) continue;
    throw UserError(
        fmt::format("{}: {} (it must be positive, from e^-30 to e^30). Give another value.", names[j].substr(4), values[j]));  // log_
  }
}

bool GaussianProcess::has_prior_simulation() const {
  return shape_.length_scale.proper() && shape_.signal_sd.proper() && (!has_noise() || shape_.noise_sd.proper());
}

void GaussianProcess::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  for (Index j = 0; j < dim_; ++j) {
    const auto lane = static_cast<std::uint32_t>(2 * j);
    double& to = theta[static_cast<std::size_t>(j)];
    if (j >= first_latent_) {
      to = random::normal(stream, lane);
      continue;
    }
    const ScalePrior& prior = j == noise_ ? shape_.noise_sd : j == signal_ ? shape_.signal_sd : shape_.length_scale;
    to = std::log(prior.prior.draw(stream, lane));
  }
}

void GaussianProcess::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                         std::span<double> responses) const {
  const Hyper hyper = unpack(theta);
  const auto lower = dense::cholesky(covariances(hyper, latent() ? 0 : hyper.noise));
  std::vector<double> z(static_cast<std::size_t>(count_));
  if (latent()) {
    std::copy_n(theta.begin() + first_latent_, z.size(), z.begin());
  } else {
    for (Index n = 0; n < count_; ++n) z[static_cast<std::size_t>(n)] = random::normal(row_stream(stream, n), 0);
  }
  const std::vector<double> f = lower ? function(*lower, z) : std::vector<double>(z.size(), std::numeric_limits<double>::quiet_NaN());
  for (Index k = 0; k < rows.size(); ++k) {
    const random::Stream own = row_stream(stream, rows[k]);
    const double at = f[static_cast<std::size_t>(rows[k])];
    double& y = responses[static_cast<std::size_t>(k)];
    if (!latent()) {
      y = at;
    } else if (has_noise()) {
      y = at + std::sqrt(hyper.noise) * random::normal(own, 0);
    } else if (shape_.likelihood == GaussianProcessShape::Likelihood::bernoulli) {
      y = random::uniform(own, 0) < sigmoid(at) ? 1.0 : 0.0;
    } else {
      y = draw_poisson(std::exp(at), own);
    }
  }
}

template <class Use>
void GaussianProcess::for_rows(const RowList& rows, ConstBatchView theta, Use&& use) const {
  std::vector<double> coordinates(static_cast<std::size_t>(dim_));
  for (Index s = 0; s < theta.count; ++s) {
    take(theta, s, coordinates);
    const Hyper hyper = unpack(coordinates);
    std::vector<double> means(static_cast<std::size_t>(count_), std::numeric_limits<double>::quiet_NaN());
    std::vector<double> variances(means.size(), hyper.noise);
    if (latent()) {
      if (const auto lower = dense::cholesky(covariances(hyper, 0)))
        means = function(*lower, std::span<const double>(coordinates).subspan(static_cast<std::size_t>(first_latent_)));
    } else if (const auto factored = factor(hyper)) {
      const dense::Matrix inverse = dense::inverse_of_cholesky(factored->lower);
      for (std::size_t n = 0; n < means.size(); ++n) {
        const auto at = static_cast<Index>(n);
        variances[n] = 1 / inverse(at, at);
        means[n] = table_.response[n] - factored->weights[n] * variances[n];
      }
    }
    for (Index k = 0; k < rows.size(); ++k)
      use(k, s, means[static_cast<std::size_t>(rows[k])], variances[static_cast<std::size_t>(rows[k])]);
  }
}

void GaussianProcess::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_rows(rows, theta, [&](Index k, Index s, double mean, double variance) {
    const double y = table_.response[static_cast<std::size_t>(rows[k])];
    out(k, s) = latent() ? row_terms(y, mean, variance).value
                         : -0.5 * (y - mean) * (y - mean) / variance - 0.5 * std::log(variance) - kHalfLogTwoPi;
  });
}

void GaussianProcess::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_rows(rows, theta, [&](Index k, Index s, double mean, double) { out(k, s) = latent() ? response_mean(mean) : mean; });
}

std::vector<GaussianProcess::Prediction> GaussianProcess::predict(std::span<const double> theta, const dense::Matrix& inputs) const {
  const Hyper hyper = unpack(theta);
  std::optional<Factor> factored;
  if (latent()) {
    if (auto lower = dense::cholesky(covariances(hyper, 0))) {
      std::vector<double> weights(theta.begin() + first_latent_, theta.end());
      dense::solve_lower_transposed(*lower, weights);
      factored = Factor{std::move(*lower), std::move(weights)};
    }
  } else {
    factored = factor(hyper);
  }
  std::vector<Prediction> all;
  for (Index m = 0; m < inputs.rows; ++m) {
    if (!factored) {
      all.push_back({std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()});
      continue;
    }
    std::vector<double> with = covariances_with(hyper, inputs.row(m));
    const double mean = shape_.mean + dense::dot(with, factored->weights);
    dense::solve_lower(factored->lower, with);
    all.push_back({mean, std::max(0.0, hyper.signal * (1 + kNugget) - dense::dot(with, with))});
  }
  return all;
}

std::vector<double> GaussianProcess::simulate_function(std::span<const double> theta, const dense::Matrix& inputs,
                                                       const random::Stream& stream) const {
  const Hyper hyper = unpack(theta);
  dense::Matrix k(inputs.rows, inputs.rows);
  for (Index i = 0; i < inputs.rows; ++i) {
    for (Index j = 0; j < i; ++j) {
      double q = 0;
      for (Index d = 0; d < inputs_; ++d) {
        const double difference = inputs(i, d) - inputs(j, d);
        q = std::fma(difference * hyper.precision[static_cast<std::size_t>(d)], difference, q);
      }
      k(i, j) = hyper.signal * covariance(shape_.covariance, simd::broadcast(q)).value[0];
    }
    k(i, i) = hyper.signal * (1 + kNugget);
  }
  std::vector<double> z;
  for (Index m = 0; m < inputs.rows; ++m) z.push_back(random::normal(stream, static_cast<std::uint32_t>(2 * m)));
  const auto lower = dense::cholesky(k);
  return lower ? function(*lower, z) : std::vector<double>(z.size(), std::numeric_limits<double>::quiet_NaN());
}

Entry gaussian_process_entry() {
  Entry entry;
  entry.name = "gaussian_process";
  entry.summary = "Gaussian process regression on few rows: hyperparameters alone (marginal), or with the function itself (latent)";
  entry.source =
      "Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, eqs. 2.30, 5.9; latent: Murray 2016, arXiv 1602.07527";
  entry.response = ResponseKind::real;
  entry.response_of = [](const Arguments& arguments) {
    const std::string& likelihood = arguments.word("likelihood");
    return likelihood == "bernoulli" ? ResponseKind::binary : likelihood == "poisson" ? ResponseKind::count : ResponseKind::real;
  };
  entry.divisible = false;
  entry.parameters = {{"mean", "known constant mean of the function", {0.0}}};
  entry.words = {
      {"covariance", "of the function", "squared_exponential", false, {"squared_exponential", "matern32", "matern52"}},
      {"form",
       "marginal: the function is integrated out, hyperparameters are left; latent: the function at the rows is inferred, whitened",
       "marginal",
       false,
       {"marginal", "latent"}},
      {"likelihood",
       "of the response given the function: gaussian, bernoulli (logit), poisson (log); the last two in latent form",
       "gaussian",
       false,
       {"gaussian", "bernoulli", "poisson"}},
      {"length_scales", "one for all input columns, or one for each", "common", false, {"common", "by_column"}},
      {"prior_length_scale", "of every length scale, or fixed(value)", "inverse_gamma(5, 5)"},
      {"prior_signal_sd", "of the function's standard deviation, or fixed(value)", "half_normal(1)"},
      {"prior_noise_sd", "of the response's standard deviation given the function, or fixed(value)", "half_normal(1)"}};
  entry.make = [](const Arguments& arguments) {
    GaussianProcessShape shape;
    const std::string& covariance = arguments.word("covariance");
    shape.covariance = covariance == "matern32"   ? Covariance::matern32
                       : covariance == "matern52" ? Covariance::matern52
                                                  : Covariance::squared_exponential;
    if (arguments.word("form") == "latent") shape.form = GaussianProcessShape::Form::latent;
    const std::string& likelihood = arguments.word("likelihood");
    if (likelihood == "bernoulli") shape.likelihood = GaussianProcessShape::Likelihood::bernoulli;
    if (likelihood == "poisson") shape.likelihood = GaussianProcessShape::Likelihood::poisson;
    shape.by_column = arguments.word("length_scales") == "by_column";
    shape.mean = arguments.number("mean");
    const auto scale = [&](const char* name) {
      return parse_scale_prior(arguments.word(name), std::string("model.") + name, GaussianProcess::kLogLimit);
    };
    shape.length_scale = scale("prior_length_scale");
    shape.signal_sd = scale("prior_signal_sd");
    shape.noise_sd = scale("prior_noise_sd");
    return std::make_unique<GaussianProcess>(*arguments.table, shape);
  };
  entry.smoke.numbers = {{"mean", {0.25}}};
  entry.smoke.words = {{"covariance", "squared_exponential"},
                       {"form", "marginal"},
                       {"likelihood", "gaussian"},
                       {"length_scales", "by_column"},
                       {"prior_length_scale", "lognormal(0.5, 0.5)"},
                       {"prior_signal_sd", "half_normal(1.5)"},
                       {"prior_noise_sd", "half_cauchy(0.5)"}};
  const auto variant = [&](const char* name, const std::vector<std::pair<std::string, std::string>>& words) {
    Variant& added = entry.variants.emplace_back(Variant{name, entry.smoke});
    for (const auto& [key, word] : words) added.smoke.words[key] = word;
  };
  variant("matern32", {{"covariance", "matern32"}, {"prior_noise_sd", "fixed(0.7)"}});
  variant("matern52", {{"covariance", "matern52"}, {"length_scales", "common"}});
  variant("latent", {{"form", "latent"}, {"length_scales", "common"}});
  variant("latent_bernoulli", {{"form", "latent"}, {"likelihood", "bernoulli"}, {"covariance", "matern52"}});
  variant("latent_poisson", {{"form", "latent"}, {"likelihood", "poisson"}, {"prior_signal_sd", "fixed(0.8)"}});
  return entry;
}

}  // namespace variscope::models
