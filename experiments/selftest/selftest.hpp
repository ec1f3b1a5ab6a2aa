/// All rows of the self-test, for the command and the tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "experiments/selftest/row.hpp"

namespace variscope::experiments {

/// One target: its name, and what runs its rows with this seed and so many replicates and threads.
struct SelftestTarget {
  std::string name;
  std::function<std::vector<SelftestRow>(std::uint64_t seed, Index replicates, int threads)> run;
};

/// The catalogue's cases, then those about data noise.
std::vector<SelftestTarget> selftest_targets();

}  // namespace variscope::experiments
