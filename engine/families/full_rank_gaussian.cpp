/// Full-rank Gaussian: triangular products and solves over lane blocks, outer products as rank-8 updates.
#include "engine/families/full_rank_gaussian.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "engine/simd/pack.hpp"

namespace variscope::families {

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr Index kLanes = tiles::kLanes;
constexpr Index kWidth = simd::kWidth;
constexpr Index kPanel = 8;  // rows of L whose sums stay in registers

using simd::broadcast;
using simd::Pack;

/// sum[r] += rows[r][first..last) times the packs of `at` (stride kLanes), r < count.
template <Index count>
void multiply_rows(const double* const* rows, const double* at, Index first, Index last, Pack* sum) {
  Pack local[count];
  std::copy(sum, sum + count, local);
  for (Index j = first; j < last; ++j) {
    const Pack x = simd::load(at + j * kLanes);
#pragma GCC unroll 8
    for (Index r = 0; r < count; ++r) local[r] = simd::fma(broadcast(rows[r][j]), x, local[r]);
  }
  std::copy(local, local + count, sum);
}

/// Lane blocks turned into one contiguous array a column, padded with zeros to a multiple of kWidth: what the outer product reads.
class Columns {
 public:
  explicit Columns(Index dim) : stride_((dim + kWidth - 1) / kWidth * kWidth) { storage_.resize(stride_, kLanes); }

  void fill(const double* block, Index dim) {
    for (Index j = 0; j < stride_; j += kWidth) {
      for (Index part = 0; part < simd::kPacksPerBlock; ++part) {
        Pack tile[kWidth];
        for (Index r = 0; r < kWidth; ++r) tile[r] = j + r < dim ? simd::load(block + (j + r) * kLanes + part * kWidth) : Pack{};
        simd::transpose(tile);
        for (Index r = 0; r < kWidth; ++r) simd::store(storage_.data() + (part * kWidth + r) * stride_ + j, tile[r]);
      }
    }
  }
  [[nodiscard]] const double* column(Index lane) const { return storage_.data() + lane * stride_; }

 private:
  Index stride_;
  tiles::Batch storage_;
};

/// Row i of the packed strictly lower triangle += sum over `count` lanes from `lane` of left(i) right(j), j < i, lane by lane: each
/// element's additions are in the order of the columns however they are split over calls. left: dim x 8.
template <Index count>
void add_outer(const double* left, const Columns& right, Index dim, Index lane, double* packed) {
  const double* columns[count];
  for (Index c = 0; c < count; ++c) columns[c] = right.column(lane + c);
  double* to = packed;
  for (Index i = 1; i < dim; to += i, ++i) {
    Pack slope[count];
    for (Index c = 0; c < count; ++c) slope[c] = broadcast(left[i * kLanes + lane + c]);
    Index j = 0;
    for (; j + kWidth <= i; j += kWidth) {
      Pack sum = simd::load(to + j);
#pragma GCC unroll 8
      for (Index c = 0; c < count; ++c) sum = simd::fma(slope[c], simd::load(columns[c] + j), sum);
      simd::store(to + j, sum);
    }
    if (j < i) {
      double tail[kWidth] = {};
      std::copy(to + j, to + i, tail);
      Pack sum = simd::load(tail);
      for (Index c = 0; c < count; ++c) sum = simd::fma(slope[c], simd::load(columns[c] + j), sum);
      simd::store(tail, sum);
      std::copy(tail, tail + (i - j), to + j);
    }
  }
}

/// Lanes [from, to) of a block.
void add_outer_lanes(const double* left, const Columns& right, Index dim, Index from, Index to, double* packed) {
  static constexpr std::array kUpdates = {add_outer<1>, add_outer<2>, add_outer<3>, add_outer<4>,
                                          add_outer<5>, add_outer<6>, add_outer<7>, add_outer<8>};
  static_assert(kUpdates.size() == kLanes);
  if (from < to) kUpdates[static_cast<std::size_t>(to - from - 1)](left, right, dim, from, packed);
}

}  // namespace

FullRankGaussian::FullRankGaussian(Index dim, std::span<const double> lambda)
    : mean_(lambda.begin(), lambda.begin() + dim), log_diagonal_(lambda.begin() + dim, lambda.begin() + 2 * dim) {
  factor_.reserve(static_cast<std::size_t>(dim * (dim + 1) / 2));
  auto next = lambda.begin() + 2 * dim;
  for (Index i = 0; i < dim; ++i) {
    factor_.insert(factor_.end(), next, next + i);
    next += i;
    factor_.push_back(std::exp(log_diagonal_[static_cast<std::size_t>(i)]));
  }
}

void FullRankGaussian::sample(ConstBatchView noise, BatchView z) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const double* from = noise.block(b) + part * kWidth;
      double* to = z.block(b) + part * kWidth;
      for (Index top = 0; top < dim(); top += kPanel) {
        const Index count = std::min(kPanel, dim() - top);
        const double* rows[kPanel];
        Pack sum[kPanel];
        for (Index r = 0; r < count; ++r) {
          rows[r] = row(top + r);
          sum[r] = broadcast(mean_[static_cast<std::size_t>(top + r)]);
        }
        if (count == kPanel) {
          multiply_rows<kPanel>(rows, from, 0, top, sum);
        } else {
          for (Index r = 0; r < count; ++r) multiply_rows<1>(rows + r, from, 0, top, sum + r);
        }
        for (Index r = 0; r < count; ++r) {
          multiply_rows<1>(rows + r, from, top, top + r + 1, sum + r);
          simd::store(to + (top + r) * kLanes, sum[r]);
        }
      }
    }
  }
}

void FullRankGaussian::solve_transposed(const double* eps, double* w) const {
  for (int part = 0; part < simd::kPacksPerBlock; ++part) {
    const double* from = eps + part * kWidth;
    double* to = w + part * kWidth;
    for (Index top = (dim() - 1) / kPanel * kPanel; top >= 0; top -= kPanel) {
      const Index count = std::min(kPanel, dim() - top);
      Pack rest[kPanel] = {};
      for (Index r = 0; r < count; ++r) rest[r] = simd::load(from + (top + r) * kLanes);
      // Below this panel w is known; only the last panel may be short, and below it there is nothing.
      for (Index k = top + count; k < dim(); ++k) {
        const Pack known = -simd::load(to + k * kLanes);
        const double* coefficients = row(k) + top;
#pragma GCC unroll 8
        for (Index r = 0; r < kPanel; ++r) rest[r] = simd::fma(broadcast(coefficients[r]), known, rest[r]);
      }
      for (Index r = count; r-- > 0;) {
        const double* coefficients = row(top + r) + top;
        const Pack solved = rest[r] / coefficients[r];
        simd::store(to + (top + r) * kLanes, solved);
        for (Index q = 0; q < r; ++q) rest[q] = simd::fma(broadcast(coefficients[q]), -solved, rest[q]);
      }
    }
  }
}

void FullRankGaussian::log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  double constant = 0;
  for (const double rho : log_diagonal_) constant += rho + kHalfLog2Pi;
  for (Index b = 0; b < noise.blocks(); ++b) {
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      Pack square{};
      for (Index d = 0; d < dim(); ++d) {
        const Pack eps = simd::load(noise.block(b) + d * kLanes + part * kWidth);
        square = simd::fma(eps, eps, square);
      }
      simd::store(out.block(b) + part * kWidth, -0.5 * square - constant);
    }
  }
}

void FullRankGaussian::score(ConstBatchView noise, ConstBatchView, BatchView out) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    const double* eps = noise.block(b);
    double* w = out.block(b);  // the rows of the mean
    solve_transposed(eps, w);
    double* diagonal = w + dim() * kLanes;
    double* lower = diagonal + dim() * kLanes;
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const Index offset = part * kWidth;
      Index p = 0;
      for (Index i = 0; i < dim(); ++i) {
        const Pack left = simd::load(w + i * kLanes + offset);
        simd::store(diagonal + i * kLanes + offset, row(i)[i] * left * simd::load(eps + i * kLanes + offset) - 1.0);
        for (Index j = 0; j < i; ++j, ++p) simd::store(lower + p * kLanes + offset, left * simd::load(eps + j * kLanes + offset));
      }
    }
  }
}

void FullRankGaussian::add_weighted_score(ConstBatchView noise, ConstBatchView, Index first, Index last, std::span<const double> weights,
                                          std::span<double> sum) const {
  tiles::Batch solved;
  solved.resize(dim(), kLanes);
  Columns right(dim());
  for (Index block = first / kLanes; block * kLanes < last; ++block) {
    const double* eps = noise.block(block);
    double* w = solved.data();
    solve_transposed(eps, w);
    const Index from = std::max(first - block * kLanes, Index{0});
    const Index to = std::min(last - block * kLanes, kLanes);
    for (Index d = 0; d < dim(); ++d) {
      double& mean = sum[static_cast<std::size_t>(d)];
      double& log_scale = sum[static_cast<std::size_t>(dim() + d)];
      for (Index lane = from; lane < to; ++lane) {
        const double weight = weights[static_cast<std::size_t>(block * kLanes + lane - first)];
        double& left = w[d * kLanes + lane];
        log_scale += weight * (row(d)[d] * left * eps[d * kLanes + lane] - 1.0);
        left *= weight;
        mean += left;
      }
    }
    right.fill(eps, dim());
    add_outer_lanes(w, right, dim(), from, to, sum.data() + 2 * dim());
  }
}

std::optional<double> FullRankGaussian::entropy() const {
  double sum = 0;
  for (const double rho : log_diagonal_) sum += rho + 0.5 + kHalfLog2Pi;
  return sum;
}

void FullRankGaussian::add_entropy_gradient(std::span<double> gradient) const {
  for (Index d = 0; d < dim(); ++d) gradient[static_cast<std::size_t>(dim() + d)] += 1;
}

void FullRankGaussian::add_pathwise(ConstBatchView noise, ConstBatchView, ConstBatchView g, Index first_row, Index first, Index last,
                                    std::span<double> sum) const {
  Columns right(dim());
  for (Index block = first / kLanes; block * kLanes < last; ++block) {
    const double* eps = noise.block(block);
    const double* left = g.block(block) + first_row * kLanes;
    const Index from = std::max(first - block * kLanes, Index{0});
    const Index to = std::min(last - block * kLanes, kLanes);
    for (Index d = 0; d < dim(); ++d) {
      double& mean = sum[static_cast<std::size_t>(d)];
      double& log_scale = sum[static_cast<std::size_t>(dim() + d)];
      const double diagonal = row(d)[d];
      for (Index lane = from; lane < to; ++lane) {
        const double slope = left[d * kLanes + lane];
        mean += slope;
        log_scale += slope * eps[d * kLanes + lane] * diagonal;
      }
    }
    right.fill(eps, dim());
    add_outer_lanes(left, right, dim(), from, to, sum.data() + 2 * dim());
  }
}

void FullRankGaussian::grad_log_density(ConstBatchView noise, ConstBatchView, BatchView out) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    double* w = out.block(b);
    solve_transposed(noise.block(b), w);
    for (Index k = 0; k < dim() * kLanes; ++k) w[k] = -w[k];
  }
}

void FullRankGaussian::add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const {
  std::size_t p = 2 * mean_.size();
  for (Index i = 0; i < dim(); ++i) {
    const auto d = static_cast<std::size_t>(i);
    const double variance = sd[d] * sd[d];
    gradient[d] -= (mean_[d] - mean[d]) / variance;
    gradient[mean_.size() + d] -= row(i)[i] * row(i)[i] / variance;
    for (Index j = 0; j < i; ++j) gradient[p++] -= row(i)[j] / variance;
  }
}

void FullRankGaussian::covariance(std::span<double> out) const {
  const auto dimension = static_cast<std::size_t>(dim());
  for (Index i = 0; i < dim(); ++i) {
    for (Index j = 0; j <= i; ++j) {
      double sum = 0;
      for (Index k = 0; k <= j; ++k) sum += row(i)[k] * row(j)[k];
      out[static_cast<std::size_t>(i) * dimension + static_cast<std::size_t>(j)] = sum;
      out[static_cast<std::size_t>(j) * dimension + static_cast<std::size_t>(i)] = sum;
    }
  }
}

void FullRankGaussian::add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                                          std::span<double> gradient) const {
  const auto dimension = static_cast<std::size_t>(dim());
  // dE/dL is the lower triangle of 2 G L.
  const auto by_factor = [&](Index i, Index j) {
    double sum = 0;
    for (Index k = j; k < dim(); ++k) {
      const double l = magnitudes ? std::abs(row(k)[j]) : row(k)[j];
      sum += 2 * by_covariance[static_cast<std::size_t>(i) * dimension + static_cast<std::size_t>(k)] * l;
    }
    return sum;
  };
  std::size_t p = 2 * dimension;
  for (Index i = 0; i < dim(); ++i) {
    const auto d = static_cast<std::size_t>(i);
    gradient[d] += by_mean[d];
    gradient[dimension + d] += by_factor(i, i) * row(i)[i];
    for (Index j = 0; j < i; ++j) gradient[p++] += by_factor(i, j);
  }
}

std::vector<Block> FullRankGaussian::blocks() const {
  std::vector<Block> all = {{"mean", {0, dim()}}, {"log_scale", {dim(), 2 * dim()}}};
  if (dim() > 1) all.push_back({"off_diagonal", {2 * dim(), parameters()}});
  return all;
}

std::vector<std::string> FullRankGaussian::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("mean[" + c + "]");
  for (const auto& c : coordinates) names.push_back("log_scale[" + c + "]");
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) names.push_back("off_diagonal[" + coordinates[i] + "," + coordinates[j] + "]");
  }
  return names;
}

void FullRankGaussian::moments(std::span<double> mean, std::span<double> sd) const {
  std::copy(mean_.begin(), mean_.end(), mean.begin());
  for (Index i = 0; i < dim(); ++i) {
    double length = 0;
    for (Index j = 0; j <= i; ++j) length = std::hypot(length, row(i)[j]);
    sd[static_cast<std::size_t>(i)] = length;
  }
}

std::vector<double> FullRankGaussian::inverse_fisher_diagonal() const {
  // P_ii is the length of row i of L^-T, whose columns are solved for eight at once.
  std::vector<double> precision(mean_.size(), 0.0);
  tiles::Batch unit(dim(), kLanes);
  tiles::Batch column(dim(), kLanes);
  for (Index first = 0; first < dim(); first += kLanes) {
    unit.set_zero();
    for (Index lane = 0; lane < std::min(kLanes, dim() - first); ++lane) unit(first + lane, lane) = 1;
    solve_transposed(unit.data(), column.data());
    for (Index d = 0; d < dim(); ++d) {
      for (Index lane = 0; lane < kLanes; ++lane) precision[static_cast<std::size_t>(d)] += column(d, lane) * column(d, lane);
    }
  }
  std::vector<double> weights;
  for (const double p : precision) weights.push_back(1 / p);
  for (Index d = 0; d < dim(); ++d) weights.push_back(1 / (row(d)[d] * row(d)[d] * precision[static_cast<std::size_t>(d)] + 1));
  for (Index i = 1; i < dim(); ++i) weights.insert(weights.end(), static_cast<std::size_t>(i), weights[static_cast<std::size_t>(i)]);
  return weights;
}

Entry full_rank_gaussian_entry() {
  Entry entry;
  entry.name = "full_rank_gaussian";
  entry.summary = "one normal with any covariance L L', lambda = (mean, log diagonal of L, L below it row by row)";
  entry.source = "definition; Kucukelbir et al. 2017, JMLR 18(14), with the diagonal on the log scale";
  entry.size = [](const Arguments& arguments) { return FullRankGaussian::size(arguments.dim); };
  entry.initial = [](const Arguments& arguments, std::span<const double> mean, std::span<const double> sd) {
    std::vector<double> lambda(mean.begin(), mean.end());
    for (const double s : sd) lambda.push_back(std::log(s));
    lambda.resize(static_cast<std::size_t>(FullRankGaussian::size(arguments.dim)), 0.0);
    return lambda;
  };
  entry.make = [](const Arguments& arguments, std::span<const double> lambda) {
    return std::make_unique<FullRankGaussian>(arguments.dim, lambda);
  };
  entry.smoke.dim = 3;
  return entry;
}

}  // namespace variscope::families
