/// Views, halves and moments of chains.
#include "engine/diagnostics/chain_draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

namespace {

/// Sum of f(x), in eight interleaved sums that do not wait for each other.
template <class Function>
double sum_of(std::span<const double> values, Function f) {
  constexpr std::size_t kSums = 8;
  double sums[kSums] = {};
  const std::size_t whole = values.size() / kSums * kSums;
  for (std::size_t i = 0; i < whole; i += kSums) {
    for (std::size_t k = 0; k < kSums; ++k) sums[k] += f(values[i + k]);
  }
  for (std::size_t i = whole; i < values.size(); ++i) sums[i - whole] += f(values[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

SplitChains::SplitChains(const ChainDraws& whole) : chains(whole.chains), draws(whole.draws) {
  if (whole.draws > 1) {
    chains = 2 * whole.chains;
    draws = whole.draws / 2;
  }
  values.reserve(static_cast<std::size_t>(chains * draws));
  for (Index c = 0; c < whole.chains; ++c) {
    const auto chain = whole.chain(c);
    const auto first = chain.first(static_cast<std::size_t>(draws));
    values.insert(values.end(), first.begin(), first.end());
    if (whole.draws < 2) continue;
    const auto last = chain.last(static_cast<std::size_t>(draws));
    values.insert(values.end(), last.begin(), last.end());
  }
}

double mean_of(std::span<const double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<double>(values.size());
  const double origin = values.front();
  // Around the first value, so that equal ones have exactly that mean; a second pass takes back what the first rounded off.
  const double first = origin + sum_of(values, [&](double x) { return x - origin; }) / count;
  return first + sum_of(values, [&](double x) { return x - first; }) / count;
}

double square_sum(std::span<const double> values, double mean) {
  return sum_of(values, [&](double x) { return (x - mean) * (x - mean); });
}

double variance_of(std::span<const double> values) {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return square_sum(values, mean_of(values)) / static_cast<double>(values.size() - 1);
}

bool degenerate(std::span<const double> values) {
  if (values.empty()) return true;
  double smallest = values.front();
  double largest = values.front();
  for (const double x : values) {
    if (!std::isfinite(x)) return true;
    smallest = std::min(smallest, x);
    largest = std::max(largest, x);
  }
  return std::abs(largest - smallest) < std::numeric_limits<double>::epsilon();
}

}  // namespace variscope::diagnostics
