/// Metrics: products, draws, Welford's moments, Cholesky's factor.
#include "engine/samplers/metric.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/dense.hpp"

namespace variscope::samplers {

double dot(const double* x, const double* y, Index dim) {
  double sums[8] = {};
  const Index whole = dim / 8 * 8;
  for (Index d = 0; d < whole; d += 8) {
    for (Index i = 0; i < 8; ++i) sums[i] += x[d + i] * y[d + i];
  }
  for (Index d = whole; d < dim; ++d) sums[d - whole] += x[d] * y[d];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

double weighted_square(const double* weights, const double* x, Index dim) {
  double sums[8] = {};
  const Index whole = dim / 8 * 8;
  for (Index d = 0; d < whole; d += 8) {
    for (Index i = 0; i < 8; ++i) sums[i] += weights[d + i] * x[d + i] * x[d + i];
  }
  for (Index d = whole; d < dim; ++d) sums[d - whole] += weights[d] * x[d] * x[d];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

Index Metric::size(MetricKind kind, Index dim) {
  if (kind == MetricKind::unit) return 0;
  const Index entries = kind == MetricKind::dense ? dim * dim : dim;
  return 2 * entries + 1 + dim + entries;
}

void Metric::start() {
  std::fill_n(state_, size(kind_, dim_), 0.0);
  if (kind_ == MetricKind::unit) return;
  const Index stride = kind_ == MetricKind::dense ? dim_ + 1 : 1;
  for (Index d = 0; d < dim_; ++d) state_[d * stride] = factor()[d * stride] = 1;
}

bool Metric::set(std::span<const double> sigma) {
  if (kind_ == MetricKind::diagonal) {
    if (!std::all_of(sigma.begin(), sigma.end(), [](double v) { return v > 0 && std::isfinite(v); })) return false;
    std::copy(sigma.begin(), sigma.end(), state_);
    for (Index d = 0; d < dim_; ++d) factor()[d] = std::sqrt(state_[d]);
  } else if (kind_ == MetricKind::dense) {
    const auto lower = dense::cholesky({dim_, dim_, sigma});
    if (!lower) return false;
    std::copy(sigma.begin(), sigma.end(), state_);
    std::copy(lower->values.begin(), lower->values.end(), factor());
  }
  return true;
}

bool Metric::set_diagonal(std::span<const double> variances) {
  if (kind_ == MetricKind::unit) return false;
  if (kind_ == MetricKind::diagonal) return set(variances);
  std::vector<double> sigma(static_cast<std::size_t>(dim_ * dim_), 0.0);
  for (Index d = 0; d < dim_; ++d) sigma[static_cast<std::size_t>(d * (dim_ + 1))] = variances[static_cast<std::size_t>(d)];
  return set(sigma);
}

bool Metric::learn(Index iteration, Index warmup, const double* position) {
  if (kind_ == MetricKind::unit) return false;
  const Window window = window_at(iteration, warmup);
  if (!window.learns) return false;
  double& count = learned()[0];
  double* mean = learned() + 1;
  double* square = mean + dim_;
  count += 1;
  if (kind_ == MetricKind::diagonal) {
    for (Index d = 0; d < dim_; ++d) {
      const double before = position[d] - mean[d];
      mean[d] += before / count;
      square[d] += before * (position[d] - mean[d]);
    }
  } else {
    // Both factors of a product with the old mean, so that the sums stay symmetric.
    const double weight = (count - 1) / count;
    for (Index i = 0; i < dim_; ++i) {
      const double scaled = weight * (position[i] - mean[i]);
      for (Index j = 0; j <= i; ++j) square[i * dim_ + j] += scaled * (position[j] - mean[j]);
    }
    for (Index d = 0; d < dim_; ++d) mean[d] += (position[d] - mean[d]) / count;
  }
  if (!window.ends) return false;
  std::vector<double> sigma(static_cast<std::size_t>(entries()));
  const double keep = count / (count + 5) / std::max(count - 1, 1.0);
  const double ridge = 1e-3 * (5 / (count + 5));
  if (kind_ == MetricKind::diagonal) {
    for (Index d = 0; d < dim_; ++d) sigma[static_cast<std::size_t>(d)] = keep * square[d] + ridge;
  } else {
    for (Index i = 0; i < dim_; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const double value = keep * square[i * dim_ + j] + (i == j ? ridge : 0);
        sigma[static_cast<std::size_t>(i * dim_ + j)] = sigma[static_cast<std::size_t>(j * dim_ + i)] = value;
      }
    }
  }
  std::fill_n(learned(), 1 + dim_ + entries(), 0.0);
  return set(sigma);
}

void Metric::spread(const double* z, double* out) const {
  switch (kind_) {
    case MetricKind::unit:
      std::copy_n(z, z == out ? 0 : dim_, out);
      break;
    case MetricKind::diagonal:
      for (Index d = 0; d < dim_; ++d) out[d] = factor()[d] * z[d];
      break;
    case MetricKind::dense:
      for (Index i = dim_ - 1; i >= 0; --i) out[i] = dot(factor() + i * dim_, z, i + 1);
      break;
  }
}

void Metric::momentum(const double* z, double* out) const {
  switch (kind_) {
    case MetricKind::unit:
      std::copy_n(z, z == out ? 0 : dim_, out);
      break;
    case MetricKind::diagonal:
      for (Index d = 0; d < dim_; ++d) out[d] = z[d] / factor()[d];
      break;
    case MetricKind::dense:
      std::copy_n(z, z == out ? 0 : dim_, out);
      for (Index i = dim_ - 1; i >= 0; --i) {
        const double* row = factor() + i * dim_;
        out[i] /= row[i];
        for (Index j = 0; j < i; ++j) out[j] -= row[j] * out[i];
      }
      break;
  }
}

void Metric::whiten(const double* x, double* out) const {
  switch (kind_) {
    case MetricKind::unit:
      std::copy_n(x, x == out ? 0 : dim_, out);
      break;
    case MetricKind::diagonal:
      for (Index d = 0; d < dim_; ++d) out[d] = x[d] / factor()[d];
      break;
    case MetricKind::dense:
      for (Index i = 0; i < dim_; ++i) out[i] = (x[i] - dot(factor() + i * dim_, out, i)) / factor()[i * dim_ + i];
      break;
  }
}

void Metric::velocity(const double* p, double* out) const {
  switch (kind_) {
    case MetricKind::unit:
      std::copy_n(p, dim_, out);
      break;
    case MetricKind::diagonal:
      for (Index d = 0; d < dim_; ++d) out[d] = state_[d] * p[d];
      break;
    case MetricKind::dense:
      for (Index i = 0; i < dim_; ++i) out[i] = dot(state_ + i * dim_, p, dim_);
      break;
  }
}

Word metric_word(const std::string& name, const std::string& description, const std::string& default_value) {
  return {name, description, default_value, {"unit", "diagonal", "dense"}};
}

MetricKind metric_kind(const std::string& word) {
  if (word == "dense") return MetricKind::dense;
  return word == "diagonal" ? MetricKind::diagonal : MetricKind::unit;
}

}  // namespace variscope::samplers
