/// Dense Gaussian: matrix product in register panels, value at half its cost, expectations in closed form.
#include "engine/models/gaussian.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::models {
namespace {

using simd::kWidth;
using simd::Pack;

/// Rows of the widest panel: with two packs of columns its accumulators fill the registers, 16 of 32 or 8 of 16.
constexpr int kPanel = kWidth == 8 ? 8 : 4;

Index panel_rows(Index left) {
  for (int rows = kPanel; rows > 1; rows /= 2) {
    if (left >= rows) return rows;
  }
  return 1;
}

/// Packs of columns worked on together: element j of pack p at data[p] + j * kLanes.
template <int P>
struct Columns {
  const double* centred[P];
  double* out[P];  ///< gradient row 0
};

/// Rows first .. first + R of H (z - a). Every row's sum runs over j = 0, 1, ... in one chain of fma; its state at j = i is half the
/// off-diagonal part of row i's share of the quadratic form, so that the value costs half the product and has the same bits either way.
template <int R, int P, bool kGradient>
void panel(const double* h, Index first, Index dim, const Columns<P>& columns, Pack (&form)[P]) {
  Pack sum[R][P] = {};
  const auto step = [&](Index j, int from) __attribute__((always_inline)) {
    Pack c[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) c[p] = simd::load(columns.centred[p] + j * tiles::kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      if (r < from) continue;
      const Pack entry = simd::broadcast(h[j * R + r]);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sum[r][p] = simd::fma(entry, c[p], sum[r][p]);
    }
  };
  for (Index j = 0; j < first; ++j) step(j, 0);
#pragma GCC unroll 8
  for (int t = 0; t < R; ++t) {
    const Index j = first + t;
    const Pack diagonal = simd::broadcast(h[j * R + t]);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const Pack c = simd::load(columns.centred[p] + j * tiles::kLanes);
      form[p] = simd::fma(c, simd::fma(diagonal, c, sum[t][p] + sum[t][p]), form[p]);
    }
    step(j, kGradient ? 0 : t + 1);
  }
  if constexpr (kGradient) {
    for (Index j = first + R; j < dim; ++j) step(j, 0);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        double* to = columns.out[p] + (first + r) * tiles::kLanes;
        simd::store(to, simd::load(to) - sum[r][p]);
      }
    }
  }
}

/// All rows. Returns (z-a)^T H (z-a) of each column in `form`.
template <int P, bool kGradient>
void product(const double* panels, Index dim, const Columns<P>& columns, Pack (&form)[P]) {
  for (Index i = 0; i < dim;) {
    const Index rows = panel_rows(dim - i);
    const double* h = panels + i * dim;
    switch (rows) {
      case 8:
        panel<8, P, kGradient>(h, i, dim, columns, form);
        break;
      case 4:
        panel<4, P, kGradient>(h, i, dim, columns, form);
        break;
      case 2:
        panel<2, P, kGradient>(h, i, dim, columns, form);
        break;
      default:
        panel<1, P, kGradient>(h, i, dim, columns, form);
    }
    i += rows;
  }
}

/// Packs first .. first + P of the batch, pack q being lanes (q % kPacksPerBlock) * kWidth.. of block q / kPacksPerBlock.
template <int P>
void evaluate(const double* panels, const double* mean, ConstBatchView theta, Index first, double* work, Evaluation& out) {
  const Index dim = theta.dim;
  Columns<P> columns{};
  double* value[P];
  for (int p = 0; p < P; ++p) {
    const Index block = (first + p) / simd::kPacksPerBlock;
    const Index lane = (first + p) % simd::kPacksPerBlock * kWidth;
    const double* from = theta.block(block) + lane;
    double* centred = work + p * dim * tiles::kLanes;
    for (Index d = 0; d < dim; ++d) simd::store(centred + d * tiles::kLanes, simd::load(from + d * tiles::kLanes) - mean[d]);
    columns.centred[p] = centred;
    value[p] = out.out.block(block) + lane;
    columns.out[p] = value[p] + tiles::kLanes;
  }
  Pack form[P] = {};
  if (out.wanted.gradient) {
    product<P, true>(panels, dim, columns, form);
  } else if (out.wanted.value) {
    product<P, false>(panels, dim, columns, form);
  }
  if (out.wanted.value) {
    for (int p = 0; p < P; ++p) simd::store(value[p], simd::load(value[p]) - 0.5 * form[p]);
  }
  if (!out.wanted.hessian_vector) return;
  for (int p = 0; p < P; ++p) {  // -H d: the gradient's product, of d
    const Index q = first + p;
    columns.centred[p] = out.direction.block(q / simd::kPacksPerBlock) + q % simd::kPacksPerBlock * kWidth;
    columns.out[p] = value[p] + out.wanted.hessian_row(dim) * tiles::kLanes;
  }
  Pack unused[P] = {};
  product<P, true>(panels, dim, columns, unused);
}

/// Cholesky's factorisation in place, row by row, as far as it goes: whether that is to the end. Written out: g++ 12 reports false warnings
/// in Eigen's for AVX-512.
bool factorise(std::vector<double>& h, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = h[i * dim + j];
      for (std::size_t k = 0; k < j; ++k) rest -= h[i * dim + k] * h[j * dim + k];
      if (i == j && !(rest > 0)) return false;
      h[i * dim + j] = i == j ? std::sqrt(rest) : rest / h[j * dim + j];
    }
  }
  return true;
}

}  // namespace

Gaussian::Gaussian(const std::vector<double>& precision, const std::vector<double>& mean) : precision_(precision), mean_(mean) {
  const auto side = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(precision.size()))));
  if (side == 0 || side * side != precision.size()) {
    throw UserError(
        fmt::format("model.precision: {} numbers are not a square matrix (it is given row by row in one list). Give dim x dim numbers.",
                    precision.size()));
  }
  dim_ = static_cast<Index>(side);
  if (mean_.size() == 1) mean_.assign(side, mean.front());
  if (mean_.size() != side) {
    throw UserError(
        fmt::format("model.mean: {} numbers (precision is {} x {}). Give {}, or one for all coordinates.", mean.size(), side, side, side));
  }
  for (const double a : mean_) {
    if (!std::isfinite(a)) throw UserError("model.mean: not finite (every coordinate needs a number). Give finite numbers.");
  }
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double lower = precision[i * side + j];
      const double upper = precision[j * side + i];
      if (!std::isfinite(lower) || !std::isfinite(upper))
        throw UserError("model.precision: not finite (every entry needs a number). Give finite numbers.");
      const double size = std::sqrt(std::abs(precision[i * side + i] * precision[j * side + j]));
      if (std::abs(lower - upper) > 1e-10 * size) {
        throw UserError(fmt::format("model.precision: not symmetric (entry ({}, {}) is {}, entry ({}, {}) is {}). Make them equal.", i + 1,
                                    j + 1, lower, j + 1, i + 1, upper));
      }
      precision_[i * side + j] = precision_[j * side + i] = 0.5 * lower + 0.5 * upper;
    }
  }
  factor_ = precision_;
  if (!factorise(factor_, side)) {
    throw UserError(
        "model.precision: not positive definite (the density would not be normalisable). Give a matrix with positive eigenvalues.");
  }
  panels_.reserve(precision_.size());
  for (Index i = 0; i < dim_; i += panel_rows(dim_ - i)) {
    for (Index j = 0; j < dim_; ++j) {
      for (Index r = 0; r < panel_rows(dim_ - i); ++r) panels_.push_back(precision_[static_cast<std::size_t>((i + r) * dim_ + j)]);
    }
  }
}

void Gaussian::log_prior(ConstBatchView theta, Evaluation& out) const {
  if (!out.wanted.value && !out.wanted.gradient && !out.wanted.hessian_vector) return;
  thread_local tiles::Batch work;  // kept between calls, so that nothing is allocated in the steady state
  work.resize(dim_, 2 * tiles::kLanes);
  const Index packs = theta.blocks() * simd::kPacksPerBlock;
  Index q = 0;
  for (; q + 2 <= packs; q += 2) evaluate<2>(panels_.data(), mean_.data(), theta, q, work.data(), out);
  if (q < packs) evaluate<1>(panels_.data(), mean_.data(), theta, q, work.data(), out);
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Gaussian::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  const auto side = static_cast<std::size_t>(dim_);
  for (std::size_t i = 0; i < side; ++i) theta[i] = random::normal(stream, static_cast<std::uint32_t>(i));
  for (std::size_t i = side; i-- > 0;) {  // L^T x = eps, from the last row on; x takes the place of eps
    theta[i] /= factor_[i * side + i];
    for (std::size_t j = 0; j < i; ++j) theta[j] -= factor_[i * side + j] * theta[i];
  }
  for (std::size_t i = 0; i < side; ++i) theta[i] += mean_[i];
}

void Gaussian::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  const auto side = static_cast<std::size_t>(dim_);
  // A sum of n products, each with a few roundings, is off by at most (n + 6) u times the sum of absolute products (Higham 2002,
  // section 3.1).
  const double unit = static_cast<double>(dim_ + 6) * std::numeric_limits<double>::epsilon();
  double value = 0;
  double value_size = 0;
  for (std::size_t i = 0; i < side; ++i) {
    double slope = 0;
    double slope_size = 0;
    for (std::size_t j = 0; j < side; ++j) {
      const double term = precision_[i * side + j] * (mean[j] - mean_[j]);
      slope += term;
      slope_size += std::abs(term);
    }
    const double spread = precision_[i * side + i] * scale[i] * scale[i];
    value -= 0.5 * (slope * (mean[i] - mean_[i]) + spread);
    value_size += 0.5 * (slope_size * std::abs(mean[i] - mean_[i]) + spread);
    out.gradient[i] -= slope;
    out.error[i] += unit * (slope_size + std::abs(out.gradient[i]));
    out.gradient[side + i] -= spread;
    out.error[side + i] += unit * (spread + std::abs(out.gradient[side + i]));
  }
  out.value += value;
  out.value_error += 2 * unit * (value_size + std::abs(out.value));
}

void Gaussian::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  const auto side = static_cast<std::size_t>(dim_);
  const double unit = static_cast<double>(dim_ + 6) * std::numeric_limits<double>::epsilon();  // as above
  double value = 0;
  double value_size = 0;
  for (std::size_t i = 0; i < side; ++i) {
    double slope = 0;
    double slope_size = 0;
    for (std::size_t j = 0; j < side; ++j) {
      const double h = precision_[i * side + j];
      const double term = h * (mean[j] - mean_[j]);
      slope += term;
      slope_size += std::abs(term);
      value -= 0.5 * h * covariance[i * side + j];
      value_size += 0.5 * std::abs(h * covariance[i * side + j]);
      const std::size_t place = side + i * side + j;
      out.gradient[place] -= 0.5 * h;
      out.error[place] += std::numeric_limits<double>::epsilon() * std::abs(out.gradient[place]);
    }
    value -= 0.5 * slope * (mean[i] - mean_[i]);
    value_size += 0.5 * slope_size * std::abs(mean[i] - mean_[i]);
    out.gradient[i] -= slope;
    out.error[i] += unit * (slope_size + std::abs(out.gradient[i]));
  }
  out.value += value;
  out.value_error += 2 * static_cast<double>(dim_) * unit * (value_size + std::abs(out.value));  // a chain of dim^2 + dim terms
}

Entry gaussian_entry() {
  Entry entry;
  entry.name = "gaussian";
  entry.summary = "dense Gaussian target with given precision matrix and mean; all variances known in closed form";
  entry.source = "definition: -1/2 (z - a)^T H (z - a)";
  entry.parameters = {{"precision", "precision matrix H, a list of rows, or row by row in one list", {}, true},
                      {"mean", "mean a: dim numbers, or one for all coordinates", {0.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Gaussian>(arguments.numbers.at("precision"), arguments.numbers.at("mean"));
  };
  entry.smoke.numbers = {{"precision", {2.0, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1.0}}, {"mean", {0.5, -1.0, 0.25}}};
  return entry;
}

}  // namespace variscope::models
