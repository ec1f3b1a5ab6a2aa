/// One rank that dies in the middle ends all ranks within seconds, with one line.
#include <fmt/format.h>
#include <csignal>

#include <thread>

#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::read_text;

class FailureTest : public testing::ProgramTest {
 protected:
  /// Processes that are `rank` of a run of `spec`, found by their command line and environment.
  static std::vector<pid_t> processes(const std::string& spec, const std::string& rank) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      if (read_text(entry.path() / "cmdline").find(spec) == std::string::npos) continue;
      if (!rank.empty() && read_text(entry.path() / "environ").find("OMPI_COMM_WORLD_RANK=" + rank + '\0') == std::string::npos) continue;
      found.push_back(std::stoi(name));
    }
    return found;
  }
};

TEST_F(FailureTest, AKilledRankEndsAllWithinSeconds) {
  // More work than anyone waits for. The name of the spec tells this test's processes from all others.
  const auto spec = fmt::format("endless_{}.toml", ::getpid());
  write(spec, testing::gaussian_spec("count = 1000000000\nbatches = 256\n"));
  for (const std::string rank : {"1", "0"}) {
    SCOPED_TRACE("rank " + rank);
    const auto started = start(variscope_words({"run", spec, "--ranks", "2", "--threads", "1", "--output", "run" + rank, "--quiet"}), 40);
    std::vector<pid_t> victims;
    for (int wait = 0; wait < 500; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (!std::filesystem::exists(work() / ("run" + rank) / "segments")) continue;
      victims = processes(spec, rank);
      if (!victims.empty()) break;
    }
    EXPECT_EQ(victims.size(), 1u);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto killed = std::chrono::steady_clock::now();
    for (const pid_t victim : victims) ::kill(victim, SIGKILL);
    const auto outcome = finish(started);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count(), 10);
    EXPECT_EQ(outcome.status, 1) << outcome.all();
    EXPECT_EQ(testing::lines_of(outcome.err).size(), 1u) << outcome.err;
    EXPECT_EQ(outcome.err.find("rank " + rank + " on "), 0u) << outcome.err;
    EXPECT_NE(outcome.err.find("was killed by signal 9"), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(work() / ("run" + rank) / "run.h5"));
    for (int wait = 0; wait < 100 && !processes(spec, "").empty(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(processes(spec, "").empty());
  }
}

TEST_F(FailureTest, AnInterruptEndsAllRanks) {
  const auto spec = fmt::format("interrupted_{}.toml", ::getpid());
  write(spec, testing::gaussian_spec("count = 1000000000\nbatches = 256\n"));
  // `timeout` passes the signal on.
  const auto started = start(variscope_words({"run", spec, "--ranks", "2", "--threads", "1", "--output", "run", "--quiet"}), 40);
  for (int wait = 0; wait < 500 && !std::filesystem::exists(work() / "run/segments"); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto sent = std::chrono::steady_clock::now();
  ::kill(started.pid, SIGTERM);
  const auto outcome = finish(started);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - sent).count(), 10);
  EXPECT_NE(outcome.status, 0);
  EXPECT_LE(testing::lines_of(outcome.err).size(), 1u) << outcome.err;
  for (int wait = 0; wait < 250 && !processes(spec, "").empty(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(processes(spec, "").empty());
}

}  // namespace
}  // namespace variscope::experiments
