/// MixingOfAll from the diagnostics that tables show.
#include "engine/diagnostics/stopping.hpp"

#include <algorithm>
#include <cmath>

#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/rhat.hpp"

namespace variscope::diagnostics {

Mixing judge(const StoppingRule& rule, const ChainDraws& draws) {
  if (draws.draws < 1) return Mixing::unmet;
  std::vector<double> kept;
  Index chains = 0;
  for (Index c = 0; c < draws.chains; ++c) {
    const auto chain = draws.chain(c);
    if (!std::isfinite(chain.back())) continue;
    kept.insert(kept.end(), chain.begin(), chain.end());
    ++chains;
  }
  if (kept.empty()) return Mixing::unmet;
  if (std::all_of(kept.begin(), kept.end(), [&](double x) { return x == kept.front(); })) return Mixing::constant;
  const ChainDraws running{kept, chains, draws.draws};
  // What is undefined is not met.
  if (rule.rhat > 0 && !(rank_rhat(running).value() <= rule.rhat)) return Mixing::unmet;
  if (rule.effective_size > 0) {
    if (!(bulk_effective_size(running) >= rule.effective_size)) return Mixing::unmet;
    if (!(tail_effective_size(running) >= rule.effective_size)) return Mixing::unmet;
  }
  return Mixing::met;
}

}  // namespace variscope::diagnostics
