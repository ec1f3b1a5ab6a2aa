/// One sort a scalar, everything else along it.
#include "engine/diagnostics/chain_summary.hpp"

#include <cmath>

#include "engine/diagnostics/chain_errors.hpp"
#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/ranks.hpp"

namespace variscope::diagnostics {

namespace {

ChainSummary summary_of(const ChainDraws& draws, const NormalScores& scores, std::span<const double> probabilities) {
  const SortedDraws sorted(draws);
  ChainSummary summary;
  {
    const SplitChains bulk = sorted.rank_normalised(scores);
    summary.rhat.bulk = basic_rhat(bulk.view());
    summary.bulk_size = effective_size(bulk.view());
  }
  summary.rhat.folded = basic_rhat(sorted.folded_rank_normalised(scores).view());
  double low = std::nan("");
  double high = std::nan("");
  for (const double p : probabilities) {
    const double size = quantile_effective_size(draws, sorted, p);
    if (p == 0.05) low = size;
    if (p == 0.95) high = size;
    summary.quantiles.push_back({sorted.quantile(p), quantile_error(sorted, static_cast<Index>(draws.values.size()), p, size), size});
  }
  // The tails are mostly among the quantiles asked for. NaN is computed twice, and is NaN.
  if (std::isnan(low)) low = quantile_effective_size(draws, sorted, 0.05);
  if (std::isnan(high)) high = quantile_effective_size(draws, sorted, 0.95);
  summary.tail_size = std::isnan(low) || low < high ? low : high;
  const double size = mean_effective_size(draws);
  const double variance = variance_of(draws.values);
  summary.mean = {mean_of(draws.values), std::sqrt(variance / size), size};
  summary.sd = {std::sqrt(variance), deviation_error(draws), deviation_effective_size(draws)};
  return summary;
}

}  // namespace

ChainSummary summarize_chains(const ChainDraws& draws, std::span<const double> probabilities) {
  return summary_of(draws, NormalScores(split_draws(draws)), probabilities);
}

std::vector<ChainSummary> summarize_chains(std::span<const double> values, Index variables, Index chains, Index draws,
                                           std::span<const double> probabilities, int threads) {
  std::vector<ChainSummary> summaries(static_cast<std::size_t>(variables));
  const auto size = static_cast<std::size_t>(chains * draws);
  const NormalScores scores(split_draws({{}, chains, draws}));
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic, 1)
  for (Index v = 0; v < variables; ++v) {
    const auto at = static_cast<std::size_t>(v);
    summaries[at] = summary_of({values.subspan(at * size, size), chains, draws}, scores, probabilities);
  }
  return summaries;
}

}  // namespace variscope::diagnostics
