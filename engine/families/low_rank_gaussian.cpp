/// Low-rank Gaussian: rotations that factorise the capacitance matrix C = I + A'A are found once a member and applied to the noise.
#include "engine/families/low_rank_gaussian.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>

#include "engine/simd/pack.hpp"

namespace variscope::families {

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr Index kLanes = tiles::kLanes;
constexpr Index kWidth = simd::kWidth;

using simd::broadcast;
using simd::Pack;

Index rank_of(const Arguments& arguments) { return static_cast<Index>(arguments.numbers.at("rank")); }

/// A rotation of the pair (shared, own): the shared row k of the factorisation and row i of what stands on it.
template <class Value>
void rotate(double cosine, double sine, Value& shared, Value& own) {
  const Value before = shared;
  shared = cosine * before + sine * own;
  own = cosine * own - sine * before;
}

}  // namespace

LowRankGaussian::LowRankGaussian(Index dim, Index rank, std::span<const double> lambda)
    : rank_(rank),
      mean_(lambda.begin(), lambda.begin() + dim),
      log_scale_(lambda.begin() + dim, lambda.begin() + 2 * dim),
      factor_(lambda.begin() + 2 * dim, lambda.end()) {
  const auto columns = static_cast<std::size_t>(rank);
  for (const double rho : log_scale_) scale_.push_back(std::exp(rho));
  // Givens rotations bring A, row by row, into the triangle R above it, which starts as the identity: R'R = I + A'A.
  std::vector<double> triangle(columns * columns, 0.0);
  for (std::size_t k = 0; k < columns; ++k) triangle[k * columns + k] = 1.0;
  std::vector<double> row(columns);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    for (std::size_t k = 0; k < columns; ++k) row[k] = factor_[i * columns + k] / scale_[i];
    for (std::size_t k = 0; k < columns; ++k) {
      const double length = std::hypot(triangle[k * columns + k], row[k]);
      const Rotation rotation{triangle[k * columns + k] / length, row[k] / length};
      for (std::size_t l = k + 1; l < columns; ++l) rotate(rotation.cosine, rotation.sine, triangle[k * columns + l], row[l]);
      triangle[k * columns + k] = length;
      rotations_.push_back(rotation);
    }
  }
  for (const double rho : log_scale_) log_normaliser_ += rho + kHalfLog2Pi;
  for (std::size_t k = 0; k < columns; ++k) log_normaliser_ += std::log(triangle[k * columns + k]);
  // Q (I; 0) = (R^-1 ; A R^-1): its parts give A C^-1 = (A R^-1) (R^-1)' and A C^-1 A' = (A R^-1) (A R^-1)' without any solve.
  std::vector<double> inverse(columns * columns);
  std::vector<double> stacked(factor_.size());
  std::vector<double> shared(columns);
  for (std::size_t k = 0; k < columns; ++k) {
    std::fill(shared.begin(), shared.end(), 0.0);
    shared[k] = 1.0;
    for (std::size_t i = mean_.size(); i-- > 0;) {
      double own = 0;
      for (std::size_t l = columns; l-- > 0;) {
        const Rotation& rotation = rotations_[i * columns + l];
        rotate(rotation.cosine, -rotation.sine, shared[l], own);
      }
      stacked[i * columns + k] = own;
    }
    for (std::size_t l = 0; l < columns; ++l) inverse[l * columns + k] = shared[l];
  }
  scaled_inverse_.assign(factor_.size(), 0.0);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    double rest = 1.0;
    for (std::size_t l = 0; l < columns; ++l) {
      const double y = stacked[i * columns + l];
      rest -= y * y;
      for (std::size_t k = 0; k < columns; ++k) scaled_inverse_[i * columns + k] += y * inverse[k * columns + l];
    }
    diagonal_of_rest_.push_back(rest);
  }
}

void LowRankGaussian::sample(ConstBatchView noise, BatchView z) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const double* eps = noise.block(b) + part * kWidth;
      const double* f = eps + dim() * kLanes;
      double* to = z.block(b) + part * kWidth;
      for (Index d = 0; d < dim(); ++d) {
        const auto i = static_cast<std::size_t>(d);
        Pack sum = simd::fma(broadcast(scale_[i]), simd::load(eps + d * kLanes), broadcast(mean_[i]));
        const double* row = factor_.data() + d * rank_;
        for (Index k = 0; k < rank_; ++k) sum = simd::fma(broadcast(row[k]), simd::load(f + k * kLanes), sum);
        simd::store(to + d * kLanes, sum);
      }
    }
  }
}

void LowRankGaussian::rotate_forward(const double* noise, double* v, double* t) const {
  std::copy(noise + dim() * kLanes, noise + (dim() + rank_) * kLanes, t);
  for (int part = 0; part < simd::kPacksPerBlock; ++part) {
    const Rotation* next = rotations_.data();
    for (Index d = 0; d < dim(); ++d) {
      Pack own = -simd::load(noise + d * kLanes + part * kWidth);
      for (Index k = 0; k < rank_; ++k, ++next) {
        double* at = t + k * kLanes + part * kWidth;
        Pack shared = simd::load(at);
        rotate(next->cosine, next->sine, shared, own);
        simd::store(at, shared);
      }
      simd::store(v + d * kLanes + part * kWidth, own);
    }
  }
}

void LowRankGaussian::project(const double* noise, double* v, double* t) const {
  // The residual of the least-squares problem (I; A) h = (f; -eps) is (t; -v): what Q' of the right-hand side leaves below R, by Q.
  rotate_forward(noise, v, t);
  std::fill(t, t + rank_ * kLanes, 0.0);
  for (int part = 0; part < simd::kPacksPerBlock; ++part) {
    const Rotation* next = rotations_.data() + rotations_.size();
    for (Index d = dim(); d-- > 0;) {
      Pack own = simd::load(v + d * kLanes + part * kWidth);
      for (Index k = rank_; k-- > 0;) {
        --next;
        double* at = t + k * kLanes + part * kWidth;
        Pack shared = simd::load(at);
        rotate(next->cosine, -next->sine, shared, own);
        simd::store(at, shared);
      }
      simd::store(v + d * kLanes + part * kWidth, -own);
    }
  }
}

void LowRankGaussian::log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  tiles::Batch projected;
  projected.resize(dim() + rank_, kLanes);
  for (Index b = 0; b < noise.blocks(); ++b) {
    // |v|^2 + |t|^2 is the length that the rotations leave below R.
    rotate_forward(noise.block(b), projected.data(), projected.data() + dim() * kLanes);
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      Pack square{};
      for (Index d = 0; d < dim(); ++d) {
        const Pack x = simd::load(projected.data() + d * kLanes + part * kWidth);
        square = simd::fma(x, x, square);
      }
      simd::store(out.block(b) + part * kWidth, -0.5 * square - log_normaliser_);
    }
  }
}

void LowRankGaussian::score(ConstBatchView noise, ConstBatchView, BatchView out) const {
  tiles::Batch projected;
  projected.resize(dim() + rank_, kLanes);
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* v = projected.data();
    const double* t = v + dim() * kLanes;
    project(noise.block(b), projected.data(), projected.data() + dim() * kLanes);
    double* mean = out.block(b);
    double* log_scale = mean + dim() * kLanes;
    double* factor = log_scale + dim() * kLanes;
    for (Index d = 0; d < dim(); ++d) {
      const double scale = scale_[static_cast<std::size_t>(d)];
      const double rest = diagonal_of_rest_[static_cast<std::size_t>(d)];
      for (int part = 0; part < simd::kPacksPerBlock; ++part) {
        const Index lane = part * kWidth;
        const Pack x = simd::load(v + d * kLanes + lane);
        simd::store(mean + d * kLanes + lane, x / scale);
        simd::store(log_scale + d * kLanes + lane, x * x - rest);
        for (Index k = 0; k < rank_; ++k) {
          const Index p = d * rank_ + k;
          const Pack product = x * simd::load(t + k * kLanes + lane) - scaled_inverse_[static_cast<std::size_t>(p)];
          simd::store(factor + p * kLanes + lane, product / scale);
        }
      }
    }
  }
}

std::optional<double> LowRankGaussian::entropy() const { return log_normaliser_ + 0.5 * static_cast<double>(dim()); }

void LowRankGaussian::add_entropy_gradient(std::span<double> gradient) const {
  const std::size_t dimension = mean_.size();
  for (std::size_t i = 0; i < dimension; ++i) gradient[dimension + i] += diagonal_of_rest_[i];
  for (std::size_t p = 0; p < factor_.size(); ++p) {
    gradient[2 * dimension + p] += scaled_inverse_[p] / scale_[p / static_cast<std::size_t>(rank_)];
  }
}

void LowRankGaussian::add_pathwise(ConstBatchView noise, ConstBatchView, ConstBatchView g, Index first_row, Index first, Index last,
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
    for (Index k = 0; k < rank_; ++k) {
      double shared = 0;
      for (Index c = first; c < last; ++c) shared += g(first_row + d, c) * noise(dim() + k, c);
      sum[static_cast<std::size_t>(2 * dim() + d * rank_ + k)] += shared;
    }
  }
}

void LowRankGaussian::grad_log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  tiles::Batch shared;
  shared.resize(rank_, kLanes);
  for (Index b = 0; b < noise.blocks(); ++b) {
    double* to = out.block(b);
    project(noise.block(b), to, shared.data());
    for (Index d = 0; d < dim(); ++d) {
      const double scale = scale_[static_cast<std::size_t>(d)];
      for (Index l = 0; l < kLanes; ++l) to[d * kLanes + l] = -to[d * kLanes + l] / scale;
    }
  }
}

void LowRankGaussian::add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const {
  const std::size_t dimension = mean_.size();
  for (std::size_t d = 0; d < dimension; ++d) {
    gradient[d] -= (mean_[d] - mean[d]) / (sd[d] * sd[d]);
    gradient[dimension + d] -= scale_[d] * scale_[d] / (sd[d] * sd[d]);
  }
  for (std::size_t p = 0; p < factor_.size(); ++p) {
    const double scale = sd[p / static_cast<std::size_t>(rank_)];
    gradient[2 * dimension + p] -= factor_[p] / (scale * scale);
  }
}

void LowRankGaussian::covariance(std::span<double> out) const {
  const std::size_t dimension = mean_.size();
  const auto rank = static_cast<std::size_t>(rank_);
  for (std::size_t i = 0; i < dimension; ++i) {
    for (std::size_t j = 0; j < dimension; ++j) {
      double sum = i == j ? scale_[i] * scale_[i] : 0.0;
      for (std::size_t k = 0; k < rank; ++k) sum += factor_[i * rank + k] * factor_[j * rank + k];
      out[i * dimension + j] = sum;
    }
  }
}

void LowRankGaussian::add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                                         std::span<double> gradient) const {
  const std::size_t dimension = mean_.size();
  const auto rank = static_cast<std::size_t>(rank_);
  for (std::size_t i = 0; i < dimension; ++i) {
    gradient[i] += by_mean[i];
    gradient[dimension + i] += 2 * by_covariance[i * dimension + i] * scale_[i] * scale_[i];
    for (std::size_t k = 0; k < rank; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < dimension; ++j) {
        const double b = factor_[j * rank + k];
        sum += 2 * by_covariance[i * dimension + j] * (magnitudes ? std::abs(b) : b);
      }
      gradient[2 * dimension + i * rank + k] += sum;
    }
  }
}

std::vector<Block> LowRankGaussian::blocks() const {
  return {{"mean", {0, dim()}}, {"log_scale", {dim(), 2 * dim()}}, {"factor", {2 * dim(), parameters()}}};
}

std::vector<std::string> LowRankGaussian::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("mean[" + c + "]");
  for (const auto& c : coordinates) names.push_back("log_scale[" + c + "]");
  for (const auto& c : coordinates) {
    for (Index k = 0; k < rank_; ++k) names.push_back("factor[" + c + "," + std::to_string(k) + "]");
  }
  return names;
}

void LowRankGaussian::moments(std::span<double> mean, std::span<double> sd) const {
  std::copy(mean_.begin(), mean_.end(), mean.begin());
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    double length = scale_[i];
    for (std::size_t k = 0; k < static_cast<std::size_t>(rank_); ++k) {
      length = std::hypot(length, factor_[i * static_cast<std::size_t>(rank_) + k]);
    }
    sd[i] = length;
  }
}

std::vector<double> LowRankGaussian::inverse_fisher_diagonal() const {
  // What the rotations leave below R of each unit vector (0; e_i) or (e_k; 0): its square is w_i, or 1 - (C^-1)_kk, without cancellation.
  std::vector<double> rest;
  tiles::Batch unit(dim() + rank_, kLanes);
  tiles::Batch rotated(dim() + rank_, kLanes);
  for (Index first = 0; first < dim() + rank_; first += kLanes) {
    const Index live = std::min(kLanes, dim() + rank_ - first);
    unit.set_zero();
    for (Index lane = 0; lane < live; ++lane) unit(first + lane, lane) = 1;
    rotate_forward(unit.data(), rotated.data(), rotated.data() + dim() * kLanes);
    for (Index lane = 0; lane < live; ++lane) {
      double square = 0;
      for (Index d = 0; d < dim(); ++d) square += rotated(d, lane) * rotated(d, lane);
      rest.push_back(square);
    }
  }
  const std::size_t dimension = mean_.size();
  std::vector<double> information;
  for (std::size_t i = 0; i < dimension; ++i) information.push_back(rest[i] / (scale_[i] * scale_[i]));
  for (std::size_t i = 0; i < dimension; ++i) information.push_back(2 * rest[i] * rest[i]);
  for (std::size_t p = 0; p < factor_.size(); ++p) {
    const std::size_t i = p / static_cast<std::size_t>(rank_);
    const std::size_t k = p % static_cast<std::size_t>(rank_);
    const double product = rest[i] * rest[dimension + k] + scaled_inverse_[p] * scaled_inverse_[p];
    information.push_back(product / (scale_[i] * scale_[i]));
  }
  std::vector<double> weights;
  for (const double f : information) {
    if (!std::isfinite(f) || !std::isfinite(1 / f)) return {};
    weights.push_back(1 / f);
  }
  return weights;
}

Entry low_rank_gaussian_entry() {
  Entry entry;
  entry.name = "low_rank_gaussian";
  entry.summary = "one normal with covariance B B' + diag(d^2), lambda = (mean, log d, B row by row)";
  entry.source = "definition; Ong, Nott & Smith 2018, JCGS 27(3)";
  entry.parameters = {{"rank", "columns of the factor B", 2, 1, 1e6}};
  entry.size = [](const Arguments& arguments) { return LowRankGaussian::size(arguments.dim, rank_of(arguments)); };
  entry.initial = [](const Arguments& arguments, std::span<const double> mean, std::span<const double> sd) {
    // At B = 0 the gradient with respect to B vanishes: B holds 1 % of the variance, with signs of the Walsh functions and lengths
    // that differ, so that no column is another's twin.
    const Index rank = rank_of(arguments);
    const double share = 0.01;
    std::vector<double> lambda(mean.begin(), mean.end());
    for (const double s : sd) lambda.push_back(std::log(s) + 0.5 * std::log1p(-share));
    for (std::size_t i = 0; i < sd.size(); ++i) {
      for (Index k = 0; k < rank; ++k) {
        const double weight = 2.0 * static_cast<double>(k + 1) / (static_cast<double>(rank) * static_cast<double>(rank + 1));
        const bool negative = std::popcount(i & static_cast<std::size_t>(k + 1)) % 2 == 1;
        lambda.push_back((negative ? -sd[i] : sd[i]) * std::sqrt(share * weight));
      }
    }
    return lambda;
  };
  entry.make = [](const Arguments& arguments, std::span<const double> lambda) {
    return std::make_unique<LowRankGaussian>(arguments.dim, rank_of(arguments), lambda);
  };
  entry.smoke.dim = 3;
  entry.smoke.numbers = {{"rank", 2}};
  return entry;
}

}  // namespace variscope::families
