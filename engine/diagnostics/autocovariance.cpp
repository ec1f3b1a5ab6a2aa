/// Power spectra added over chains and transformed back once; or products added up.
#include "engine/diagnostics/autocovariance.hpp"

#include <algorithm>
#include <bit>
#include <complex>
#include <unsupported/Eigen/FFT>

#include "engine/simd/pack.hpp"

namespace variscope::diagnostics {

std::vector<double> mean_autocovariance(const ChainDraws& draws) {
  const auto length = static_cast<std::size_t>(draws.draws);
  // As many zeros behind the draws: no lag wraps around.
  const std::size_t padded = std::bit_ceil(2 * length);
  Eigen::FFT<double> transform;
  std::vector<std::complex<double>> time(padded);
  std::vector<std::complex<double>> frequency(padded);
  std::vector<std::complex<double>> power(padded);
  const auto size = static_cast<Eigen::Index>(padded);
  for (Index c = 0; c < draws.chains; c += 2) {
    // Two chains as real and imaginary part: |Z|^2 transforms back to both autocovariances' sum (and an odd part, which is imaginary).
    const auto real = draws.chain(c);
    const double real_mean = mean_of(real);
    if (c + 1 < draws.chains) {
      const auto imaginary = draws.chain(c + 1);
      const double imaginary_mean = mean_of(imaginary);
      for (std::size_t i = 0; i < length; ++i) time[i] = {real[i] - real_mean, imaginary[i] - imaginary_mean};
    } else {
      for (std::size_t i = 0; i < length; ++i) time[i] = {real[i] - real_mean, 0.0};
    }
    transform.fwd(frequency.data(), time.data(), size);
    for (std::size_t k = 0; k < padded; ++k) power[k] += std::norm(frequency[k]);
  }
  transform.inv(time.data(), power.data(), size);
  std::vector<double> result(length);
  const auto terms = static_cast<double>(draws.chains * draws.draws);
  for (std::size_t lag = 0; lag < length; ++lag) result[lag] = time[lag].real() / terms;
  return result;
}

namespace {

constexpr Index kLagsPerPass = 8;

}  // namespace

LazyAutocovariance::LazyAutocovariance(const ChainDraws& draws)
    : draws_(draws), stride_(draws.draws + kLagsPerPass + simd::kWidth), centred_(static_cast<std::size_t>(draws.chains * stride_), 0.0) {
  for (Index c = 0; c < draws.chains; ++c) {
    const auto chain = draws.chain(c);
    const double mean = mean_of(chain);
    double* to = centred_.data() + c * stride_;
    for (const double x : chain) *to++ = x - mean;
  }
}

void LazyAutocovariance::next_pass() {
  const auto first = static_cast<Index>(known_.size());
  simd::Pack sums[kLagsPerPass] = {};
  for (Index c = 0; c < draws_.chains; ++c) {
    const double* y = centred_.data() + c * stride_;
    for (Index i = 0; i < draws_.draws - first; i += simd::kWidth) {
      const simd::Pack here = simd::load(y + i);
      for (Index k = 0; k < kLagsPerPass; ++k) sums[k] = simd::fma(here, simd::load(y + i + first + k), sums[k]);
    }
  }
  const auto terms = static_cast<double>(draws_.chains * draws_.draws);
  for (const simd::Pack& sum : sums) {
    double total = 0;
    for (int lane = 0; lane < simd::kWidth; ++lane) total += sum[lane];
    known_.push_back(total / terms);
  }
}

double LazyAutocovariance::operator()(Index lag) {
  while (static_cast<Index>(known_.size()) <= lag && static_cast<Index>(known_.size()) < kDirect) next_pass();
  if (static_cast<Index>(known_.size()) <= lag) {
    const auto all = mean_autocovariance(draws_);
    known_.insert(known_.end(), all.begin() + kDirect, all.end());
  }
  return known_[static_cast<std::size_t>(lag)];
}

std::vector<double> autocorrelation(std::span<const double> chain) {
  auto result = mean_autocovariance({chain, 1, static_cast<Index>(chain.size())});
  const double variance = result.front();
  for (double& value : result) value /= variance;
  return result;
}

}  // namespace variscope::diagnostics
