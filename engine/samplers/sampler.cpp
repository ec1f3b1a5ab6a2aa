/// What a sampler need not write itself.
#include "engine/samplers/sampler.hpp"

#include "engine/tiles/fold.hpp"

namespace variscope::samplers {

void Sampler::start(const Run&, Chain&) const {}
bool Sampler::set_variances(Chain&, std::span<const double>) const { return false; }
void Sampler::start_shared(std::span<double>) const {}
Index Sampler::next_meeting(const Run&, Index) const { return kNever; }
void Sampler::contribute(Index, const Chain&, std::span<const double>, std::span<double>) const {}
void Sampler::merge(Index, std::span<double> left, std::span<const double> right) const { tiles::add(left, right); }
void Sampler::adapt(const Run&, Index, Index, std::span<const double>, std::span<double>) const {}

const std::vector<Statistic>& common_statistics() {
  static const std::vector<Statistic> statistics = {
      {"lp", "log density of the draw, on the unconstrained scale", StatisticKind::real},
      {"n_grad", "gradients of the log density that the iteration took", StatisticKind::count},
      {"n_value", "values of the log density without gradient that the iteration took", StatisticKind::count},
      {"status", "0: running; 1: failed, the chain stands still", StatisticKind::count},
  };
  return statistics;
}

std::vector<Statistic> recorded_statistics(const Sampler& sampler) {
  std::vector<Statistic> all = common_statistics();
  const auto own = sampler.statistics();
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

}  // namespace variscope::samplers
