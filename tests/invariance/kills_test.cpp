/// Kill -9 at any moment and at every step of a commit: the run goes on to the hash of the uninterrupted one, on other ranks and threads.
#include "tests/invariance/killing.hpp"

namespace variscope::testing {
namespace {

using SlowKillsTest = KillingTest;

/// On a disk, where a write takes its time.
class SlowRandomKillsTest : public KillingTest {
 protected:
  [[nodiscard]] bool in_memory() const override { return false; }
};

TEST_F(SlowRandomKillsTest, LoseNothing) {
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  std::mt19937 random(20260101);
  int kills = 0;
  int inside_a_write = 0;
  int studies = 0;
  constexpr int wanted = 50;
  constexpr int wanted_inside = 20;
  for (int guard = 0; (kills < wanted || inside_a_write < wanted_inside) && guard < 400; ++studies) {
    const std::string directory = fmt::format("killed_{}_{}", ::getpid(), studies);
    while ((kills < wanted || inside_a_write < wanted_inside) && guard++ < 400) {
      // Most sessions are one process; now and then ranks, where the victim is one of them or all.
      const bool ranks = random() % 6 == 0;
      const Words where = ranks ? Words{"--ranks", "2", "--threads", "1"} : Words{"--threads", std::to_string(1 + random() % 2)};
      const auto manifest = work() / directory / "MANIFEST";
      std::error_code none;
      const auto before = std::filesystem::last_write_time(manifest, none);
      const auto started = start(variscope_words(session(directory, !begun(directory), spec, where)));
      // One in six while it starts, the others once it has committed something.
      if (random() % 6 == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
      } else {
        for (int wait = 0; wait < 5000 && ::kill(started.pid, 0) == 0; ++wait) {
          const auto now = std::filesystem::last_write_time(manifest, none);
          if (!none && now != before) break;
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
      }
      // Every other kill waits until something is being written, as far as looking from outside can tell.
      if (random() % 2 == 0) {
        for (int wait = 0; wait < 300 && !left_unfinished(directory) && ::kill(started.pid, 0) == 0; ++wait)
          std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      const std::string victim = ranks && random() % 2 == 0 ? std::to_string(random() % 2) : "";
      kill_all(directory, victim);
      const auto outcome = finish(started);
      wait_until_gone(directory);
      if (outcome.status == 0) {
        EXPECT_EQ(outcome.hash(), hash);
        break;
      }
      ++kills;
      inside_a_write += left_unfinished(directory) ? 1 : 0;
    }
    const auto last = variscope(session(directory, !begun(directory), spec, {"--threads", "1"}));
    EXPECT_EQ(last.status, 0) << last.all();
    EXPECT_EQ(last.hash(), hash) << last.all();
    ASSERT_FALSE(HasFailure()) << "study " << studies << " after " << kills << " kills";
  }
  EXPECT_GE(kills, wanted);
  EXPECT_GE(inside_a_write, wanted_inside);
  RecordProperty("kills", kills);
  RecordProperty("inside_a_write", inside_a_write);
  RecordProperty("studies", studies);
  fmt::print("{} kills, {} of them inside a write, in {} studies\n", kills, inside_a_write, studies);
}

TEST_F(SlowKillsTest, AtEveryStepOfACommitLoseNothing) {
  const auto spec = write("study.toml", gaussian_spec("count = 24\nbatches = 6\n"));
  const std::string hash = whole_hash(spec);
  std::vector<std::string> steps;
  for (const char* kind : {"segment", "manifest", "previous"}) {
    for (const char* step : {"written", "synchronised", "renamed", "committed"}) {
      steps.push_back(fmt::format("{}.{}:1", kind, step));
      if (kind != std::string("previous")) steps.push_back(fmt::format("{}.{}:20", kind, step));
    }
  }
  for (const char* step : {"written", "synchronised", "renamed", "committed"}) steps.push_back(fmt::format("run.{}:1", step));
  for (const char* step : {"clean.begin:1", "clean.manifest:1", "clean.segment:1", "clean.segment:5", "clean.end:1"})
    steps.emplace_back(step);
  for (const std::string& step : steps) {
    SCOPED_TRACE(step);
    const std::string directory = "step";
    std::filesystem::remove_all(work() / directory);
    ::setenv("VARISCOPE_FAULT", step.c_str(), 1);
    const auto killed = variscope(session(directory, true, spec, {"--threads", "1"}));
    ::unsetenv("VARISCOPE_FAULT");
    ASSERT_EQ(killed.status, 137) << killed.all();
    const auto resumed = variscope(session(directory, !begun(directory), spec, {"--threads", "2"}));
    ASSERT_EQ(resumed.status, 0) << resumed.all();
    ASSERT_EQ(resumed.hash(), hash) << resumed.all();
    ASSERT_FALSE(std::filesystem::exists(work() / directory / "MANIFEST"));
    ASSERT_FALSE(std::filesystem::exists(work() / directory / "segments"));
  }
}

TEST_F(SlowKillsTest, OtherRanksThreadsAndShardsGoOn) {
  // Minibatches, a data control whose preparation is stored, gradients of an earlier path (saga), crossed designs, three ranks at first.
  const std::string source = VARISCOPE_SOURCE_DIR;
  auto text = with_value(quickstart_spec(), "estimators", "names", R"(["pw_cfe", "sf_loo", "svrg", "saga"])");
  text = with_value(text, "estimators", "batch_rows", "32");
  text += "[components]\ndesigns = 24\n";
  const auto spec = write("study.toml", text);
  const std::string hash = whole_hash(spec);
  const std::vector<std::pair<std::string, int>> sessions = {
      {"replicates=1,samples=1,shards=2", 2}, {"replicates=2,samples=1,shards=1", 2}, {"replicates=1,samples=2,shards=1", 2}};
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    // Whichever rank comes first to its so many-th commit or segment.
    const std::vector<std::string> faults = {"manifest.committed:12", "segment.renamed:4", "manifest.committed:6"};
    ::setenv("VARISCOPE_FAULT", faults[i].c_str(), 1);
    const auto outcome = variscope(
        session("run", i == 0, spec, {"--ranks", std::to_string(sessions[i].second), "--threads", "1", "--layout", sessions[i].first}));
    ::unsetenv("VARISCOPE_FAULT");
    ASSERT_EQ(outcome.status, 1) << outcome.all();
    ASSERT_FALSE(std::filesystem::exists(work() / "run" / "run.h5"));
  }
  expect_resumes("run", hash, {"--threads", "2"});
}

TEST_F(SlowKillsTest, FitsGoOn) {
  const auto spec = write("fits.toml", R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, 0.6, 1.5]
mean = [0.5, -1]
[fit]
steps = 300
repeats = 6
optimizer = "adam"
[estimators]
names = ["pw_cfe", "stl"]
samples = 4
)");
  const auto whole = variscope({"run", spec, "--output", "whole", "--quiet", "--threads", "1"});
  ASSERT_EQ(whole.status, 0) << whole.all();
  leave_killed(spec, "run", 4);
  expect_resumes("run", whole.hash(), {"--ranks", "2", "--threads", "1"});
}

TEST_F(SlowKillsTest, ChainsGoOn) {
  // Step sizes and metrics of single chains, adaptation over chains, chains without gradients; killed in a warm-up, among draws, and once
  // more on ranks, which divide the chains otherwise.
  const auto spec = write("chains.toml", R"([study]
name = "chains"
kind = "sample"
seed = 5
[model]
name = "gaussian"
precision = [2, 0.6, 0.6, 1.5]
mean = [0.5, -1]
[sampler]
names = ["nuts", "chees_hmc", "random_walk_metropolis"]
chains = 4
warmup = 200
draws = 160
)");
  const auto whole = variscope({"run", spec, "--output", "whole", "--quiet", "--threads", "1"});
  ASSERT_EQ(whole.status, 0) << whole.all();
  for (const int commits : {4, 15, 40}) {
    SCOPED_TRACE(commits);
    std::filesystem::remove_all(work() / "run");
    leave_killed(spec, "run", commits);
    ::setenv("VARISCOPE_FAULT", "manifest.committed:5", 1);
    const auto again = variscope(session("run", false, "", {"--ranks", "2", "--threads", "1"}));
    ::unsetenv("VARISCOPE_FAULT");
    EXPECT_EQ(again.status, 1) << again.all();
    expect_resumes("run", whole.hash(), {"--threads", "2"});
  }
}

}  // namespace
}  // namespace variscope::testing
