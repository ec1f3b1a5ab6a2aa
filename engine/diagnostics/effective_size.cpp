/// Autocorrelation times by Geyer's initial sequences.
#include "engine/diagnostics/effective_size.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/diagnostics/autocovariance.hpp"

namespace variscope::diagnostics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Effective size of f(draw), chains split.
template <class Transform>
double transformed_size(const ChainDraws& draws, Transform transform) {
  SplitChains split(draws);
  for (double& x : split.values) x = transform(x);
  return effective_size(split.view());
}

}  // namespace

double effective_size(const ChainDraws& draws) {
  const Index length = draws.draws;
  if (length < 3 || degenerate(draws.values)) return kNaN;
  const auto n = static_cast<double>(length);
  LazyAutocovariance lag(draws);
  const double mean_variance = lag(0) * n / (n - 1);
  double pooled = mean_variance * (n - 1) / n;
  if (draws.chains > 1) {
    std::vector<double> means;
    for (Index c = 0; c < draws.chains; ++c) means.push_back(mean_of(draws.chain(c)));
    pooled += variance_of(means);
  }
  const auto correlation = [&](Index t) { return 1 - (mean_variance - lag(t)) / pooled; };
  std::vector<double> rho(static_cast<std::size_t>(length), 0.0);
  const auto at = [&](Index t) -> double& { return rho[static_cast<std::size_t>(t)]; };
  double even = 1;
  double odd = correlation(1);
  at(0) = even;
  at(1) = odd;
  Index last = 0;
  while (last < length - 5 && even + odd > 0) {
    last += 2;
    even = correlation(last);
    odd = correlation(last + 1);
    if (even + odd >= 0) {
      at(last) = even;
      at(last + 1) = odd;
    }
  }
  // A last even lag that is positive still counts, once.
  if (even > 0) at(last) = even;
  for (Index t = 2; t <= last - 2; t += 2) {
    const double before = at(t - 2) + at(t - 1);
    if (at(t) + at(t + 1) > before) at(t) = at(t + 1) = before / 2;
  }
  double sum = 0;
  for (Index t = 0; t < std::max(last, Index{1}); ++t) sum += at(t);
  const double time = -1 + 2 * sum + at(last);
  const double total = n * static_cast<double>(draws.chains);
  return total / std::max(time, 1 / std::log10(total));
}

double bulk_effective_size(const ChainDraws& draws) {
  return effective_size(SortedDraws(draws).rank_normalised(NormalScores(split_draws(draws))).view());
}

double quantile_effective_size(const ChainDraws& draws, const SortedDraws& sorted, double p) {
  if (degenerate(draws.values)) return kNaN;
  const auto count = static_cast<double>(draws.values.size());
  // No draw is above the largest: the last half step stands for it.
  const double cut = sorted.quantile(p == 1 ? (count - 0.5) / count : p);
  return transformed_size(draws, [&](double x) { return x <= cut ? 1.0 : 0.0; });
}

double quantile_effective_size(const ChainDraws& draws, double p) { return quantile_effective_size(draws, SortedDraws(draws), p); }

double tail_effective_size(const ChainDraws& draws) {
  const SortedDraws sorted(draws);
  const double low = quantile_effective_size(draws, sorted, 0.05);
  const double high = quantile_effective_size(draws, sorted, 0.95);
  return std::isnan(low) || low < high ? low : high;
}

double mean_effective_size(const ChainDraws& draws) { return effective_size(SplitChains(draws).view()); }

double deviation_effective_size(const ChainDraws& draws) {
  const double mean = mean_of(draws.values);
  return transformed_size(draws, [&](double x) { return std::abs(x - mean); });
}

}  // namespace variscope::diagnostics
