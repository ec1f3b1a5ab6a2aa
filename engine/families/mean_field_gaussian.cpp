/// Mean-field Gaussian: sampling over lane blocks, log density, entropy, names.
#include "engine/families/mean_field_gaussian.hpp"

#include <algorithm>
#include <cmath>

#include "engine/simd/pack.hpp"

namespace variscope::families {

namespace {
constexpr double kHalfLog2Pi = 0.918938533204672741780;
}

MeanFieldGaussian::MeanFieldGaussian(std::span<const double> lambda)
    : mean_(lambda.begin(), lambda.begin() + static_cast<std::ptrdiff_t>(lambda.size() / 2)),
      log_scale_(lambda.begin() + static_cast<std::ptrdiff_t>(lambda.size() / 2), lambda.end()) {
  scale_.reserve(log_scale_.size());
  for (const double rho : log_scale_) scale_.push_back(std::exp(rho));
}

void MeanFieldGaussian::sample(tiles::ConstBatchView noise, tiles::BatchView z) const {
  constexpr Index kLanes = tiles::kLanes;
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* from = noise.block(b);
    double* to = z.block(b);
    for (Index d = 0; d < noise.dim; ++d) {
      const auto i = static_cast<std::size_t>(d);
      for (int part = 0; part < simd::kPacksPerBlock; ++part) {
        const Index at = d * kLanes + part * simd::kWidth;
        simd::store(to + at, simd::fma(simd::broadcast(scale_[i]), simd::load(from + at), simd::broadcast(mean_[i])));
      }
    }
  }
}

double MeanFieldGaussian::log_density(tiles::ConstBatchView noise, Index s) const {
  double value = 0;
  log_densities(noise, {s, s + 1}, {&value, 1});
  return value;
}

void MeanFieldGaussian::log_densities(tiles::ConstBatchView noise, Range samples, std::span<double> out) const {
  constexpr Index kLanes = tiles::kLanes;
  for (Index s = samples.first - samples.first % simd::kWidth; s < samples.last; s += simd::kWidth) {
    const double* eps = noise.block(s / kLanes) + s % kLanes;
    simd::Pack sum{};
    for (Index d = 0; d < noise.dim; ++d) {
      const simd::Pack e = simd::load(eps + d * kLanes);
      sum -= 0.5 * e * e + log_scale_[static_cast<std::size_t>(d)] + kHalfLog2Pi;
    }
    for (Index i = std::max(s, samples.first); i < std::min(s + simd::kWidth, samples.last); ++i)
      out[static_cast<std::size_t>(i - samples.first)] = sum[i - s];
  }
}

double MeanFieldGaussian::entropy() const {
  double sum = 0;
  for (const double rho : log_scale_) sum += rho + 0.5 + kHalfLog2Pi;
  return sum;
}

std::vector<Block> MeanFieldGaussian::blocks(Index dim) { return {{"mean", {0, dim}}, {"log_scale", {dim, 2 * dim}}}; }

std::vector<std::string> MeanFieldGaussian::parameter_names(const std::vector<std::string>& coordinates) {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("mean[" + c + "]");
  for (const auto& c : coordinates) names.push_back("log_scale[" + c + "]");
  return names;
}

}  // namespace variscope::families
