/// Correlation Cholesky factors: a stick breaking of each row's squared length.
#include "engine/transforms/correlation_cholesky.hpp"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/aligned_vector.hpp"
#include "engine/error.hpp"
#include "engine/transforms/elementwise.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::transforms {

CorrelationCholesky::CorrelationCholesky(Index side) : side_(side) {
  if (side < 2) throw UserError(fmt::format("side: {} (one variable has no correlations). Give 2 or more.", side));
}

void CorrelationCholesky::constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto x = packs::rows(constrained, block, lane, value_first);
    Index next = 0;
    for (Index i = 0; i < side_; ++i) {
      simd::Pack left = simd::broadcast(1.0);
      for (Index j = 0; j < i; ++j, ++next) {
        x.set(i * side_ + j, left * packs::tanh(u[next]));
        left = left * packs::sech(u[next]);
      }
      x.set(i * side_ + i, left);
      for (Index j = i + 1; j < side_; ++j) x.set(i * side_ + j, simd::Pack{});
    }
  });
}

void CorrelationCholesky::add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                                           Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    simd::Pack sum{};
    Index next = 0;
    for (Index i = 1; i < side_; ++i) {
      for (Index j = 0; j < i; ++j, ++next) {
        const auto power = static_cast<double>(i + 1 - j);
        if (value) sum += power * packs::log_sech(u[next]);
        if (gradient) by_u.add(next, -power * packs::tanh(u[next]));
      }
    }
    if (value) packs::rows(out, block, lane, 0).add(0, sum);
  });
}

void CorrelationCholesky::pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first,
                                    BatchView out, Index gradient_first) const {
  thread_local AlignedVector work;  // kept between calls
  work.resize(static_cast<std::size_t>(side_ * tiles::kLanes));
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const packs::PackRows<double> lengths{work.data()};  // what was left of the row before j
    for (Index i = 1; i < side_; ++i) {
      const Index start = i * (i - 1) / 2;
      const auto u = packs::rows(unconstrained, block, lane, first + start);
      const auto g = packs::rows(value_gradient, block, lane, value_first + i * side_);
      const auto by_u = packs::rows(out, block, lane, gradient_first + start);
      simd::Pack left = simd::broadcast(1.0);
      for (Index j = 0; j < i; ++j) {
        lengths.set(j, left);
        left = left * packs::sech(u[j]);
      }
      // behind: sum_(m > j) g_m x_m per unit of the length left after j.
      simd::Pack behind = g[i];
      for (Index j = i - 1; j >= 0; --j) {
        const simd::Pack z = packs::tanh(u[j]);
        const simd::Pack c = packs::sech(u[j]);
        by_u.add(j, lengths[j] * c * (c * g[j] - z * behind));
        behind = z * g[j] + c * behind;
      }
    }
  });
}

std::optional<std::string> CorrelationCholesky::unconstrain(std::span<const double> values, std::span<double> unconstrained) const {
  if (auto wrong = wrong_count(values.size(), this->values())) return wrong;
  const auto side = static_cast<std::size_t>(side_);
  for (std::size_t i = 0; i < side; ++i) {
    const auto row = values.subspan(i * side, side);
    for (std::size_t j = 0; j < side; ++j) {
      if (!std::isfinite(row[j])) return fmt::format("entry ({}, {}) is {} (it must be finite)", i + 1, j + 1, row[j]);
      if (j > i && row[j] != 0) return fmt::format("entry ({}, {}) is {} (it must be 0 above the diagonal)", i + 1, j + 1, row[j]);
    }
    if (!(row[i] > 0)) return fmt::format("entry ({}, {}) is {} (it must be above 0 on the diagonal)", i + 1, i + 1, row[i]);
    double behind = row[i];  // the length of the entries behind j: tanh(u) / sech(u) = sinh(u) = x_j / behind
    for (std::size_t j = i; j-- > 0;) {
      unconstrained[i * (i - 1) / 2 + j] = std::asinh(row[j] / behind);
      behind = std::hypot(behind, row[j]);
    }
    if (!(std::abs(behind - 1.0) <= 1e-8)) return fmt::format("row {} has length {} (it must be 1)", i + 1, behind);
  }
  return std::nullopt;
}

Entry correlation_cholesky_entry() {
  Entry entry;
  entry.name = "correlation_cholesky";
  entry.summary = "Cholesky factor of a correlation matrix (rows of length 1) by tanh; u = 0 gives the identity";
  entry.source =
      "Lewandowski, Kurowicka, Joe 2009, J. Multivariate Anal. 100; Stan Reference Manual 2.32, Constraint transforms: Cholesky factors of "
      "correlation matrices";
  entry.size = "rows of the matrix";
  entry.make = [](const Arguments& arguments) { return std::make_unique<CorrelationCholesky>(arguments.size); };
  entry.free_values = [](const Arguments& arguments) {
    std::vector<Index> all;
    for (Index i = 0; i < arguments.size; ++i) {
      for (Index j = 0; j < i; ++j) all.push_back(i * arguments.size + j);
    }
    return all;
  };
  entry.smoke = {{2, {}}, {4, {}}};
  return entry;
}

}  // namespace variscope::transforms
