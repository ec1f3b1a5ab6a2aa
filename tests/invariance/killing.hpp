/// Runs of the real program that are killed, signalled, starved of disk, and gone on with.
#pragma once

#include <fmt/format.h>
#include <signal.h>

#include <random>
#include <thread>

#include "engine/store/run_directory.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::testing {

class KillingTest : public ProgramTest {
 protected:
  [[nodiscard]] virtual bool in_memory() const { return true; }

  /// In memory where that can be: fsync is then free, and a killed process loses as much and as little.
  void SetUp() override {
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    if (in_memory() && ::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
    ProgramTest::SetUp();
    if (before == nullptr)
      ::unsetenv("TMPDIR");
    else
      ::setenv("TMPDIR", kept.c_str(), 1);
  }

  /// A study of a fraction of a second: two points of 12 batches, two estimators, two cells on two paths.
  std::string write_study(const std::string& name = "study.toml") const {
    return write(name,
                 with_value(gaussian_spec("count = 120\nbatches = 12\n", "\"pw_cfe\", \"sf_loo\""), "estimators", "samples", "[8, 16]"));
  }

  /// Every process whose command line has `word` in it; of these only rank `rank`, if one is named.
  static std::vector<pid_t> processes(const std::string& word, const std::string& rank = "") {
    std::vector<pid_t> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos || std::stoi(name) == ::getpid()) continue;
      if (read_text(entry.path() / "cmdline").find(word) == std::string::npos) continue;
      if (!rank.empty() && read_text(entry.path() / "environ").find("OMPI_COMM_WORLD_RANK=" + rank + '\0') == std::string::npos) continue;
      found.push_back(std::stoi(name));
    }
    return found;
  }
  static void kill_all(const std::string& word, const std::string& rank = "") {
    for (const pid_t process : processes(word, rank)) ::kill(process, SIGKILL);
  }
  static void wait_until_gone(const std::string& word) {
    for (int wait = 0; wait < 1000 && !processes(word).empty(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  /// run on the first session, resume on later ones. `directory` is a name that no other process has on its command line.
  static Words session(const std::string& directory, bool first, const std::string& spec, const Words& more) {
    Words words = first ? Words{"run", spec, "--output", directory} : Words{"resume", directory};
    words.insert(words.end(), {"--quiet", "--checkpoint-seconds", "0"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  /// The run in `directory` as a session finds it.
  [[nodiscard]] bool begun(const std::string& directory) const {
    return std::filesystem::exists(work() / directory / "MANIFEST") || std::filesystem::exists(work() / directory / "MANIFEST.previous") ||
           std::filesystem::exists(work() / directory / "run.h5");
  }
  /// Whether something was being written there.
  [[nodiscard]] bool left_unfinished(const std::string& directory) const {
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(work() / directory, none)) {
      if (entry.path().extension() == ".tmp") return true;
    }
    return false;
  }

  /// The hash of the study in one go.
  std::string whole_hash(const std::string& spec) {
    const auto outcome = variscope({"run", spec, "--output", "whole", "--quiet", "--threads", "1"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    EXPECT_EQ(outcome.hash().size(), 64u);
    return outcome.hash();
  }

  /// A run with so many commits behind it, killed.
  void leave_killed(const std::string& spec, const std::string& directory, int commits, const Words& more = {"--threads", "1"}) {
    ::setenv("VARISCOPE_FAULT", fmt::format("manifest.committed:{}", commits).c_str(), 1);
    const auto outcome = variscope(session(directory, true, spec, more));
    ::unsetenv("VARISCOPE_FAULT");
    ASSERT_EQ(outcome.status, 137) << outcome.all();
    ASSERT_FALSE(std::filesystem::exists(work() / directory / "run.h5"));
  }

  /// Goes on to the end, which must be that of the uninterrupted run; returns what was said.
  std::string expect_resumes(const std::string& directory, const std::string& hash, const Words& more = {"--threads", "1"}) {
    const auto outcome = variscope(session(directory, false, "", more));
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    EXPECT_EQ(outcome.hash(), hash) << outcome.all();
    EXPECT_TRUE(store::is_complete(work() / directory));
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "segments"));
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "lock"));
    return outcome.err;
  }
};

}  // namespace variscope::testing
