/// Mean-field Gaussian: everything is a sum over coordinates, lane blocks at a time.
#include "engine/families/mean_field_gaussian.hpp"

#include <algorithm>
#include <cmath>

#include "engine/simd/pack.hpp"
#include "engine/simd/turned_block.hpp"

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

namespace {

/// sums[k] (dim each) += sum over columns of term(x, eps)[k], x and eps being row first_row + d of `batch` and row d of the noise, column
/// by column. Packs are coordinates.
template <class Term>
void add_two_sums(ConstBatchView noise, ConstBatchView batch, Index first_row, Index dim, Index first, Index last, const double* scale,
                  double* sums, Term term) {
  simd::TurnedBlock eps;
  simd::TurnedBlock x;
  for (Index d = 0; d < dim; d += simd::kWidth) {
    const Index live = dim - d;
    simd::Pack location{};
    simd::Pack product{};
    for (Index from = first; from < last; from += kLanes) {
      const Index to = std::min(from + kLanes, last);
      eps.take(noise, d, from, to);
      x.take(batch, first_row + d, from, to);
      for (Index i = 0; i < to - from; ++i) term(x[i], eps[i], from - first + i, location, product);
    }
    const simd::Pack s = simd::load_live(scale + d, live);
    simd::store_live(sums + d, simd::load_live(sums + d, live) + Term::scaled_location(location, s), live);
    simd::store_live(sums + dim + d, simd::load_live(sums + dim + d, live) + Term::scaled_product(product, s), live);
  }
}

/// Pathwise: sum g, and s sum g eps.
struct PathwiseTerm {
  void operator()(simd::Pack g, simd::Pack eps, Index, simd::Pack& location, simd::Pack& product) const {
    location += g;
    product += g * eps;
  }
  static simd::Pack scaled_location(simd::Pack sum, simd::Pack) { return sum; }
  static simd::Pack scaled_product(simd::Pack sum, simd::Pack s) { return sum * s; }
};

/// Score: sum w eps / s, and sum w (eps^2 - 1).
struct ScoreTerm {
  const double* weights;
  void operator()(simd::Pack, simd::Pack eps, Index column, simd::Pack& location, simd::Pack& product) const {
    const simd::Pack w = simd::broadcast(weights[column]);
    location += w * eps;
    product += w * (eps * eps - 1.0);
  }
  static simd::Pack scaled_location(simd::Pack sum, simd::Pack s) { return sum / s; }
  static simd::Pack scaled_product(simd::Pack sum, simd::Pack) { return sum; }
};

}  // namespace

void MeanFieldGaussian::add_weighted_score(ConstBatchView noise, ConstBatchView, Index first, Index last, std::span<const double> weights,
                                           std::span<double> sum) const {
  add_two_sums(noise, noise, 0, dim(), first, last, scale_.data(), sum.data(), ScoreTerm{weights.data()});
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
  add_two_sums(noise, g, first_row, dim(), first, last, scale_.data(), sum.data(), PathwiseTerm{});
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
