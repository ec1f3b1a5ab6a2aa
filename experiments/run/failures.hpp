/// Evaluations that failed, of all models of a study and all ranks.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "cluster/communicator/communicator.hpp"
#include "engine/models/fallible.hpp"
#include "engine/models/model.hpp"

namespace variscope::experiments {

/// This rank's count, and what its first failure was about.
struct Failures {
  Index count = 0;
  std::string first;

  /// Adds what a model has met so far, once it is no longer evaluated.
  void add(const models::Model& model) {
    const auto* fallible = dynamic_cast<const models::Fallible*>(&model);
    if (fallible == nullptr) return;
    if (first.empty()) first = fallible->first_failure();
    count += fallible->failures();
  }

  /// One sentence on all ranks' failures together, the first rank's reason first; empty if there are none. Collective.
  [[nodiscard]] std::string describe(const cluster::Communicator& world) const {
    Index total = 0;
    std::string reason;
    for (const std::string& line : world.all_gather(fmt::format("{} {}", count, first))) {
      const Index of_rank = std::strtoll(line.c_str(), nullptr, 10);
      if (of_rank > 0 && reason.empty()) reason = line.substr(line.find(' ') + 1);
      total += of_rank;
    }
    if (total == 0) return {};
    return fmt::format("{} evaluations of the model failed or were not finite (the first: {})", total, reason);
  }
};

}  // namespace variscope::experiments
