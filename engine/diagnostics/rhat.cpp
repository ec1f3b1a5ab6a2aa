/// Variances between and within chains.
#include "engine/diagnostics/rhat.hpp"

#include <limits>
#include <stdexcept>
#include <vector>

#include "engine/diagnostics/ranks.hpp"

namespace variscope::diagnostics {

double basic_rhat(const ChainDraws& draws) {
  if (degenerate(draws.values) || draws.chains < 2 || draws.draws < 2) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> means;
  std::vector<double> variances;
  for (Index c = 0; c < draws.chains; ++c) {
    means.push_back(mean_of(draws.chain(c)));
    variances.push_back(square_sum(draws.chain(c), means.back()) / static_cast<double>(draws.draws - 1));
  }
  const auto n = static_cast<double>(draws.draws);
  const double between = n * variance_of(means);
  const double within = mean_of(variances);
  return std::sqrt((between / within + n - 1) / n);
}

Rhat rank_rhat(const ChainDraws& draws) {
  const SortedDraws sorted(draws);
  const NormalScores scores(split_draws(draws));
  return {basic_rhat(sorted.rank_normalised(scores).view()), basic_rhat(sorted.folded_rank_normalised(scores).view())};
}

double nested_rhat(const ChainDraws& draws, Index superchains) {
  if (superchains < 2 || draws.chains % superchains != 0) {
    throw std::invalid_argument("nested R-hat: superchains must be at least 2 and divide the number of chains");
  }
  if (degenerate(draws.values)) return std::numeric_limits<double>::quiet_NaN();
  const Index members = draws.chains / superchains;
  std::vector<double> group_means;
  std::vector<double> within;
  for (Index k = 0; k < superchains; ++k) {
    std::vector<double> means;
    std::vector<double> variances;
    for (Index c = k * members; c < (k + 1) * members; ++c) {
      means.push_back(mean_of(draws.chain(c)));
      variances.push_back(draws.draws > 1 ? variance_of(draws.chain(c)) : 0);
    }
    group_means.push_back(mean_of(means));
    within.push_back((members > 1 ? variance_of(means) : 0) + mean_of(variances));
  }
  return std::sqrt(1 + variance_of(group_means) / mean_of(within));
}

}  // namespace variscope::diagnostics
