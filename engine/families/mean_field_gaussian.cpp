/// Mean-field Gaussian: everything is a sum over coordinates, lane blocks at a time.
#include "engine/families/mean_field_gaussian.hpp"

#include <algorithm>
#include <cmath>

#include "engine/simd/pack.hpp"

namespace variscope::families {

namespace {
constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr Index kLanes = tiles::kLanes;
}  // namespace

MeanFieldGaussian::MeanFieldGaussian(std::span<const double> lambda)
    : mean_(lambda.begin(), lambda.begin() + static_cast<std::ptrdiff_t>(lambda.size() / 2)),
      log_scale_(lambda.begin() + static_cast<std::ptrdiff_t>(lambda.size() / 2), lambda.end()) {
  scale_.reserve(log_scale_.size());
  for (const double rho : log_scale_) scale_.push_back(std::exp(rho));
}

void MeanFieldGaussian::sample(ConstBatchView noise, BatchView z) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* from = noise.block(b);
    double* to = z.block(b);
    for (Index d = 0; d < dim(); ++d) {
      const auto i = static_cast<std::size_t>(d);
      for (int part = 0; part < simd::kPacksPerBlock; ++part) {
        const Index at = d * kLanes + part * simd::kWidth;
        simd::store(to + at, simd::fma(simd::broadcast(scale_[i]), simd::load(from + at), simd::broadcast(mean_[i])));
      }
    }
  }
}

void MeanFieldGaussian::log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* from = noise.block(b);
    double* to = out.block(b);
    std::fill(to, to + kLanes, 0.0);
    for (Index d = 0; d < dim(); ++d) {
      const double constant = log_scale_[static_cast<std::size_t>(d)] + kHalfLog2Pi;
      for (Index l = 0; l < kLanes; ++l) {
        const double eps = from[d * kLanes + l];
        to[l] -= 0.5 * eps * eps + constant;
      }
    }
  }
}

void MeanFieldGaussian::score(ConstBatchView noise, ConstBatchView, BatchView out) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* from = noise.block(b);
    double* to = out.block(b);
    for (Index d = 0; d < dim(); ++d) {
      const double scale = scale_[static_cast<std::size_t>(d)];
      for (Index l = 0; l < kLanes; ++l) {
        const double eps = from[d * kLanes + l];
        to[d * kLanes + l] = eps / scale;
        to[(dim() + d) * kLanes + l] = eps * eps - 1;
      }
    }
  }
}

void MeanFieldGaussian::add_weighted_score(ConstBatchView noise, ConstBatchView, Index first, Index last, std::span<const double> weights,
                                           std::span<double> sum) const {
  for (Index d = 0; d < dim(); ++d) {
    double location = 0;
    double square = 0;
    for (Index c = first; c < last; ++c) {
      const double eps = noise(d, c);
      const double w = weights[static_cast<std::size_t>(c - first)];
      location += w * eps;
      square += w * (eps * eps - 1);
    }
    sum[static_cast<std::size_t>(d)] += location / scale_[static_cast<std::size_t>(d)];
    sum[static_cast<std::size_t>(dim() + d)] += square;
  }
}

std::optional<double> MeanFieldGaussian::entropy() const {
  double sum = 0;
  for (const double rho : log_scale_) sum += rho + 0.5 + kHalfLog2Pi;
  return sum;
}

void MeanFieldGaussian::add_entropy_gradient(std::span<double> gradient) const {
  for (std::size_t i = mean_.size(); i < gradient.size(); ++i) gradient[i] += 1;
}

void MeanFieldGaussian::add_pathwise(ConstBatchView noise, ConstBatchView, ConstBatchView g, Index first_row, Index first, Index last,
                                     std::span<double> sum) const {
  for (Index d = 0; d < dim(); ++d) {
    double location = 0;
    double product = 0;
    for (Index c = first; c < last; ++c) {
      const double slope = g(first_row + d, c);
      location += slope;
      product += slope * noise(d, c);
    }
    sum[static_cast<std::size_t>(d)] += location;
    sum[static_cast<std::size_t>(dim() + d)] += product * scale_[static_cast<std::size_t>(d)];
  }
}

void MeanFieldGaussian::grad_log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    for (Index d = 0; d < dim(); ++d) {
      const double scale = scale_[static_cast<std::size_t>(d)];
      for (Index l = 0; l < kLanes; ++l) out.block(b)[d * kLanes + l] = -noise.block(b)[d * kLanes + l] / scale;
    }
  }
}

void MeanFieldGaussian::add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const {
  for (std::size_t d = 0; d < mean_.size(); ++d) {
    const double variance = sd[d] * sd[d];
    gradient[d] -= (mean_[d] - mean[d]) / variance;
    gradient[mean_.size() + d] -= scale_[d] * scale_[d] / variance;
  }
}

void MeanFieldGaussian::covariance(std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t d = 0; d < scale_.size(); ++d) out[d * scale_.size() + d] = scale_[d] * scale_[d];
}

void MeanFieldGaussian::add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool,
                                           std::span<double> gradient) const {
  const std::size_t dimension = scale_.size();
  for (std::size_t d = 0; d < dimension; ++d) {
    gradient[d] += by_mean[d];
    gradient[dimension + d] += 2 * by_covariance[d * dimension + d] * scale_[d] * scale_[d];
  }
}

std::vector<Block> MeanFieldGaussian::blocks() const { return {{"mean", {0, dim()}}, {"log_scale", {dim(), 2 * dim()}}}; }

std::vector<std::string> MeanFieldGaussian::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("mean[" + c + "]");
  for (const auto& c : coordinates) names.push_back("log_scale[" + c + "]");
  return names;
}

void MeanFieldGaussian::moments(std::span<double> mean, std::span<double> sd) const {
  std::copy(mean_.begin(), mean_.end(), mean.begin());
  std::copy(scale_.begin(), scale_.end(), sd.begin());
}

std::vector<double> MeanFieldGaussian::inverse_fisher_diagonal() const {
  std::vector<double> weights;
  for (const double s : scale_) weights.push_back(s * s);
  weights.resize(2 * scale_.size(), 0.5);
  return weights;
}

Entry mean_field_gaussian_entry() {
  Entry entry;
  entry.name = "mean_field_gaussian";
  entry.summary = "independent normals, lambda = (mean, log scale)";
  entry.source = "definition; Kucukelbir et al. 2017, JMLR 18(14), eq. 5";
  entry.size = [](const Arguments& arguments) { return 2 * arguments.dim; };
  entry.initial = [](const Arguments&, std::span<const double> mean, std::span<const double> sd) {
    std::vector<double> lambda(mean.begin(), mean.end());
    for (const double s : sd) lambda.push_back(std::log(s));
    return lambda;
  };
  entry.make = [](const Arguments&, std::span<const double> lambda) { return std::make_unique<MeanFieldGaussian>(lambda); };
  entry.smoke.dim = 3;
  return entry;
}

}  // namespace variscope::families
