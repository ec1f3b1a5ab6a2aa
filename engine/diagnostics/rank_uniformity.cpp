/// Counts below cuts as a Markov chain that stays within its bounds.
#include "engine/diagnostics/rank_uniformity.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

namespace variscope::diagnostics {

namespace {

/// log k! of 0 .. n.
std::vector<double> log_factorials(Index n) {
  std::vector<double> logs;
  for (Index k = 0; k <= n; ++k) logs.push_back(std::lgamma(static_cast<double>(k) + 1));
  return logs;
}

/// Binomial(n, p) probabilities of 0 .. n.
std::vector<double> binomial(const std::vector<double>& logs, Index n, double p) {
  std::vector<double> probability(static_cast<std::size_t>(n + 1), 0.0);
  if (p <= 0 || p >= 1) {
    probability[p <= 0 ? 0 : static_cast<std::size_t>(n)] = 1;
    return probability;
  }
  const double log_p = std::log(p);
  const double log_rest = std::log1p(-p);
  for (Index k = 0; k <= n; ++k) {
    const double ways = logs[static_cast<std::size_t>(n)] - logs[static_cast<std::size_t>(k)] - logs[static_cast<std::size_t>(n - k)];
    probability[static_cast<std::size_t>(k)] = std::exp(ways + static_cast<double>(k) * log_p + static_cast<double>(n - k) * log_rest);
  }
  return probability;
}

/// Two-sided tail probabilities of each value, at most 1.
std::vector<double> two_sided(const std::vector<double>& probability) {
  std::vector<double> tails(probability.size());
  double below = 0;
  for (std::size_t k = 0; k < probability.size(); ++k) tails[k] = below += probability[k];
  double above = 0;
  for (std::size_t k = probability.size(); k-- > 0;) {
    above += probability[k];
    tails[k] = std::min(1.0, 2 * std::min(tails[k], above));
  }
  return tails;
}

}  // namespace

double rank_uniformity(std::span<const Index> ranks, Index most, Index grid) {
  const auto n = static_cast<Index>(ranks.size());
  if (n == 0) return 1;
  for (const Index rank : ranks) {
    if (rank < 0 || rank > most) throw std::invalid_argument("rank_uniformity: a rank is out of range");
  }
  const Index cells = std::min(grid, most + 1);
  std::vector<Index> cuts;  // ranks below them count
  for (Index i = 1; i < cells; ++i) cuts.push_back(i * (most + 1) / cells);
  const auto share = [&](Index cut) { return static_cast<double>(cut) / static_cast<double>(most + 1); };
  const auto logs = log_factorials(n);
  std::vector<std::vector<double>> tails;
  double statistic = 1;
  for (const Index cut : cuts) {
    tails.push_back(two_sided(binomial(logs, n, share(cut))));
    const auto below = static_cast<std::size_t>(std::count_if(ranks.begin(), ranks.end(), [cut](Index rank) { return rank < cut; }));
    statistic = std::min(statistic, tails.back()[below]);
  }
  // Probability of staying where every tail is larger, rounding apart.
  const double bound = statistic * (1 + 1e-9);
  std::vector<double> inside(static_cast<std::size_t>(n + 1), 0.0);
  inside[0] = 1;
  Index before = 0;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    std::vector<double> next(inside.size(), 0.0);
    const double step = static_cast<double>(cuts[i] - before) / static_cast<double>(most + 1 - before);
    for (Index k = 0; k <= n; ++k) {
      const double here = inside[static_cast<std::size_t>(k)];
      if (here == 0) continue;
      const auto more = binomial(logs, n - k, step);
      for (Index j = 0; j <= n - k; ++j) next[static_cast<std::size_t>(k + j)] += here * more[static_cast<std::size_t>(j)];
    }
    for (std::size_t k = 0; k < next.size(); ++k) {
      if (tails[i][k] <= bound) next[k] = 0;
    }
    inside = std::move(next);
    before = cuts[i];
  }
  double stays = 0;
  for (const double x : inside) stays += x;
  return std::clamp(1 - stays, 0.0, 1.0);
}

}  // namespace variscope::diagnostics
