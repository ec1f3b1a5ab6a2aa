/// Covariance Cholesky factors: copies and exponentials in their places.
#include "engine/transforms/covariance_cholesky.hpp"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/transforms/elementwise.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::transforms {

CovarianceCholesky::CovarianceCholesky(Index side) : side_(side) {
  if (side < 1) throw UserError(fmt::format("side: {} (a matrix has at least one row). Give 1 or more.", side));
}

void CovarianceCholesky::constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto x = packs::rows(constrained, block, lane, value_first);
    Index next = 0;
    for (Index i = 0; i < side_; ++i) {
      for (Index j = 0; j < i; ++j) x.set(i * side_ + j, u[next++]);
      x.set(i * side_ + i, packs::exp(u[next++]));
      for (Index j = i + 1; j < side_; ++j) x.set(i * side_ + j, simd::Pack{});
    }
  });
}

void CovarianceCholesky::add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                                          Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    simd::Pack sum{};
    for (Index i = 0; i < side_; ++i) {
      const Index diagonal = i * (i + 3) / 2;
      if (value) sum += u[diagonal];
      if (gradient) by_u.add(diagonal, simd::broadcast(1.0));
    }
    if (value) packs::rows(out, block, lane, 0).add(0, sum);
  });
}

void CovarianceCholesky::pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first,
                                   BatchView out, Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto g = packs::rows(value_gradient, block, lane, value_first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    Index next = 0;
    for (Index i = 0; i < side_; ++i) {
      for (Index j = 0; j < i; ++j, ++next) by_u.add(next, g[i * side_ + j]);
      by_u.add(next, packs::exp(u[next]) * g[i * side_ + i]);
      ++next;
    }
  });
}

std::optional<std::string> CovarianceCholesky::unconstrain(std::span<const double> values, std::span<double> unconstrained) const {
  if (auto wrong = wrong_count(values.size(), this->values())) return wrong;
  const auto side = static_cast<std::size_t>(side_);
  std::size_t next = 0;
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j < side; ++j) {
      const double x = values[i * side + j];
      if (!std::isfinite(x)) return fmt::format("entry ({}, {}) is {} (it must be finite)", i + 1, j + 1, x);
      if (j > i && x != 0) return fmt::format("entry ({}, {}) is {} (it must be 0 above the diagonal)", i + 1, j + 1, x);
      if (j == i && !(x > 0)) return fmt::format("entry ({}, {}) is {} (it must be above 0 on the diagonal)", i + 1, j + 1, x);
      if (j <= i) unconstrained[next++] = j == i ? std::log(x) : x;
    }
  }
  return std::nullopt;
}

Entry covariance_cholesky_entry() {
  Entry entry;
  entry.name = "covariance_cholesky";
  entry.summary = "Cholesky factor of a covariance matrix, diagonal by the exponential; u = 0 gives the identity";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: Cholesky factors of covariance matrices";
  entry.size = "rows of the matrix";
  entry.make = [](const Arguments& arguments) { return std::make_unique<CovarianceCholesky>(arguments.size); };
  entry.free_values = [](const Arguments& arguments) {
    std::vector<Index> all;
    for (Index i = 0; i < arguments.size; ++i) {
      for (Index j = 0; j <= i; ++j) all.push_back(i * arguments.size + j);
    }
    return all;
  };
  entry.smoke = {{1, {}}, {3, {}}};
  return entry;
}

}  // namespace variscope::transforms
