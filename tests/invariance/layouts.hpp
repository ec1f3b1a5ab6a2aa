/// One study on every layout of some ranks and threads: its results hash must not change.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "engine/store/run_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::testing {

struct Counted {
  int accepted = 0;
  int refused = 0;
};

class LayoutsTest : public ProgramTest {
 protected:
  /// Runs the study with each layout of these ranks and threads and holds its hash against `want` (set by the first run if empty).
  Counted run_all(const std::string& spec, const std::vector<int>& rank_counts, const std::vector<int>& thread_counts, std::string& want) {
    Counted counted;
    for (const int ranks : rank_counts) {
      for (int replicates = 1; replicates <= ranks; ++replicates) {
        for (int samples = 1; replicates * samples <= ranks; ++samples) {
          if (ranks % (replicates * samples) != 0) continue;
          const auto layout = fmt::format("replicates={},samples={},shards={}", replicates, samples, ranks / replicates / samples);
          if (run_one(spec, ranks, layout, thread_counts, want))
            ++counted.accepted;
          else
            ++counted.refused;
        }
      }
    }
    return counted;
  }

  /// Whether the plan accepts the layout. If it does not, the run must not either.
  bool run_one(const std::string& spec, int ranks, const std::string& layout, const std::vector<int>& thread_counts, std::string& want) {
    const Words asked = {spec, "--ranks", std::to_string(ranks), "--layout", layout};
    Words plan = asked;
    plan.insert(plan.begin(), "plan");
    if (variscope(plan).status != 0) {
      expect_refused(plan, {"--ranks", "Use --"});
      Words refused = asked;
      refused.insert(refused.begin(), "run");
      expect_refused(refused, {"--ranks", "Use --"});
      return false;
    }
    for (const int threads : thread_counts) {
      SCOPED_TRACE(fmt::format("{} x {} threads", layout, threads));
      Words words = asked;
      words.insert(words.begin(), "run");
      for (const std::string& word : {std::string("--threads"), std::to_string(threads), std::string("--output"), std::string("run"),
                                      std::string("--overwrite"), std::string("--quiet")})
        words.push_back(word);
      const Outcome outcome = variscope(words);
      EXPECT_EQ(outcome.status, 0) << outcome.err;
      EXPECT_EQ(outcome.err, "");
      EXPECT_EQ(outcome.hash().size(), 64u) << outcome.out;
      if (outcome.status != 0) continue;
      EXPECT_EQ(store::verified_results_hash(work() / "run" / "run.h5"), outcome.hash());
      if (want.empty()) want = outcome.hash();
      EXPECT_EQ(outcome.hash(), want);
    }
    return true;
  }
};

}  // namespace variscope::testing
