/// The whole catalogue at one case, and the twins that its bias gate must catch there.
#pragma once

#include "experiments/selftest/cases.hpp"
#include "experiments/selftest/row.hpp"

namespace variscope::experiments {

/// Every estimator that serves the case and whose mean an oracle knows: its mean, and its variance where that is known too. pw_rqmc: its
/// variance is at most that of pw_cfe. Twins, if the case has them: no entropy, no score term, a* of the same samples, a step divided by
/// its own norm. Exceptions: those of the estimators' own layers.
std::vector<SelftestRow> catalogue_rows(const SelftestCase& at, std::uint64_t seed, Index replicates, int threads);

}  // namespace variscope::experiments
