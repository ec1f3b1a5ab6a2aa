/// Deterministic ADVI.
#include "engine/approximations/fixed_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "engine/random/stream.hpp"

namespace variscope::approximations {

namespace {

tiles::Batch draw_noise(Index dim, Index samples, std::uint64_t seed) {
  tiles::Batch noise(dim, samples);
  std::vector<random::Stream> streams;
  for (Index j = 0; j < samples; ++j) {
    streams.push_back({seed, random::Purpose::optimum_noise, 0, 0, static_cast<std::uint32_t>(j)});
  }
  random::fill_normal(streams.data(), noise.view());
  return noise;
}

}  // namespace

FixedSample::FixedSample(const Density& density, tiles::Batch noise) : density_(density), noise_(std::move(noise)) {}

FixedSample::FixedSample(const Density& density, Index samples, std::uint64_t seed)
    : FixedSample(density, draw_noise(density.dim, samples, seed)) {}

void FixedSample::draws(std::span<const double> lambda, tiles::Batch& out) const {
  const Index dim = density_.dim;
  const Index samples = noise_.count();
  const models::Wanted wanted{true, true};
  tiles::Batch z(dim, samples);
  tiles::Batch density(wanted.rows(dim), samples);
  for (Index d = 0; d < dim; ++d) {
    const double scale = std::exp(lambda[static_cast<std::size_t>(dim + d)]);
    for (Index j = 0; j < samples; ++j) z(d, j) = lambda[static_cast<std::size_t>(d)] + scale * noise_(d, j);
  }
  density_.evaluate(z.view(), wanted, {}, density.view());
  out.resize(1 + 2 * dim, samples);
  for (Index j = 0; j < samples; ++j) {
    out(0, j) = density(0, j);
    for (Index d = 0; d < dim; ++d) {
      out(1 + d, j) = density(1 + d, j);
      out(1 + dim + d, j) = density(1 + d, j) * std::exp(lambda[static_cast<std::size_t>(dim + d)]) * noise_(d, j);
    }
  }
}

double FixedSample::value_and_gradient(std::span<const double> lambda, std::span<double> gradient) const {
  const Index dim = density_.dim;
  const auto samples = static_cast<double>(noise_.count());
  tiles::Batch each;
  draws(lambda, each);
  const auto mean = [&](Index row) {
    double sum = 0;
    for (Index j = 0; j < noise_.count(); ++j) sum += each(row, j);
    return sum / samples;
  };
  double value = mean(0) + 0.5 * static_cast<double>(dim) * (1 + std::log(2 * std::numbers::pi));
  for (Index d = 0; d < dim; ++d) {
    gradient[static_cast<std::size_t>(d)] = mean(1 + d);
    gradient[static_cast<std::size_t>(dim + d)] = mean(1 + dim + d) + 1;
    value += lambda[static_cast<std::size_t>(dim + d)];
  }
  return value;
}

optimizers::Maximum FixedSample::maximise(std::vector<double> start, int most, optimizers::Search search) const {
  return optimizers::maximise(
      [this](std::span<const double> lambda, std::span<double> gradient) { return value_and_gradient(lambda, gradient); }, std::move(start),
      most, search);
}

dense::Matrix FixedSample::negative_hessian(std::span<const double> lambda) const {
  const auto size = static_cast<Index>(lambda.size());
  dense::Matrix raw(size, size);
  std::vector<double> moved(lambda.begin(), lambda.end());
  std::vector<double> above(lambda.size());
  std::vector<double> below(lambda.size());
  for (Index p = 0; p < size; ++p) {
    const auto at = static_cast<std::size_t>(p);
    // A mean's unit is its scale, a log scale's is 1.
    const double unit = p < density_.dim ? std::exp(lambda[static_cast<std::size_t>(density_.dim + p)]) : 1.0;
    const double h = std::cbrt(std::numeric_limits<double>::epsilon()) * unit;
    moved[at] = lambda[at] + h;
    const double high = moved[at];
    value_and_gradient(moved, above);
    moved[at] = lambda[at] - h;
    const double low = moved[at];
    value_and_gradient(moved, below);
    moved[at] = lambda[at];
    for (Index i = 0; i < size; ++i) raw(i, p) = -(above[static_cast<std::size_t>(i)] - below[static_cast<std::size_t>(i)]) / (high - low);
  }
  dense::Matrix result(size, size);
  for (Index i = 0; i < size; ++i) {
    for (Index j = 0; j < size; ++j) result(i, j) = 0.5 * (raw(i, j) + raw(j, i));
  }
  return result;
}

dense::Matrix FixedSample::linear_response(std::span<const double> lambda) const {
  const auto lower = dense::cholesky(negative_hessian(lambda));
  if (!lower) return {};
  const dense::Matrix inverse = dense::inverse_of_cholesky(*lower);
  dense::Matrix block(density_.dim, density_.dim);
  for (Index i = 0; i < density_.dim; ++i) std::copy_n(inverse.row(i), density_.dim, block.row(i));
  return block;
}

std::vector<double> FixedSample::sampling_error(std::span<const double> lambda) const {
  const auto size = static_cast<Index>(lambda.size());
  std::vector<double> error(lambda.size(), std::numeric_limits<double>::quiet_NaN());
  const auto lower = dense::cholesky(negative_hessian(lambda));
  if (!lower || noise_.count() < 2) return error;
  tiles::Batch each;
  draws(lambda, each);
  // Each draw's gradient, centred, moved by H^-1: the squares' mean is the sandwich.
  std::vector<double> mean(lambda.size(), 0.0);
  const auto samples = static_cast<double>(noise_.count());
  for (Index j = 0; j < noise_.count(); ++j) {
    for (Index p = 0; p < size; ++p) mean[static_cast<std::size_t>(p)] += each(1 + p, j) / samples;
  }
  std::fill(error.begin(), error.end(), 0.0);
  std::vector<double> column(lambda.size());
  for (Index j = 0; j < noise_.count(); ++j) {
    for (Index p = 0; p < size; ++p) column[static_cast<std::size_t>(p)] = each(1 + p, j) - mean[static_cast<std::size_t>(p)];
    dense::solve_lower(*lower, column);
    dense::solve_lower_transposed(*lower, column);
    for (std::size_t p = 0; p < column.size(); ++p) error[p] += column[p] * column[p];
  }
  for (double& e : error) e = std::sqrt(e / (samples - 1) / samples);
  return error;
}

}  // namespace variscope::approximations
