/// Signals, damaged files, other versions, full and vanished disks, two runs in one directory: one clear line, and a run that goes on.
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "engine/store/manifest.hpp"
#include "experiments/run/status_file.hpp"
#include "tests/invariance/killing.hpp"

namespace variscope::testing {
namespace {

class SlowFaultsTest : public KillingTest {
 protected:
  /// More work than anyone waits for, in batches of many groups.
  std::string write_endless(const std::string& name) const { return write(name, gaussian_spec("count = 1000000000\nbatches = 256\n")); }

  void wait_for(const std::string& file) const {
    for (int wait = 0; wait < 1000 && !std::filesystem::exists(work() / file); ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  void flip_byte(const std::filesystem::path& file, double at) const {
    auto text = read_text(file);
    ASSERT_FALSE(text.empty());
    text[static_cast<std::size_t>(at * static_cast<double>(text.size() - 1))] ^= 1;
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  /// Segments by name, the oldest first.
  [[nodiscard]] std::vector<std::filesystem::path> segments(const std::string& directory) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(work() / directory / "segments")) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
};

TEST_F(SlowFaultsTest, SignalsSaveAndLeaveWithAStatusOfTheirOwn) {
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  const std::vector<std::pair<int, std::string>> signals = {
      {SIGTERM, "SIGTERM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGINT, "SIGINT"}};
  for (const auto& [number, name] : signals) {
    for (const bool ranks : {false, true}) {
      SCOPED_TRACE(name + (ranks ? ", ranks" : ""));
      const std::string directory = fmt::format("{}_{}_{}", name, ranks ? 2 : 1, ::getpid());
      const auto endless = write_endless("endless_" + directory + ".toml");
      const auto started = start(variscope_words(session(directory, true, endless, {"--threads", "1", "--ranks", ranks ? "2" : "1"})), 60);
      wait_for(directory + "/status.json");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      const auto sent = std::chrono::steady_clock::now();
      // To the program itself: `timeout` would pass it to the whole group.
      for (const pid_t process : processes(directory)) {
        if (read_text(fmt::format("/proc/{}/cmdline", process)).starts_with(std::string(VARISCOPE_PROGRAM) + '\0') &&
            read_text(fmt::format("/proc/{}/environ", process)).find("OMPI_COMM_WORLD_RANK=") == std::string::npos)
          ::kill(process, number);
      }
      const auto outcome = finish(started);
      EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - sent).count(), 10);
      EXPECT_EQ(outcome.status, 85) << outcome.all();
      EXPECT_EQ(lines_of(outcome.err).size(), 1u) << outcome.err;
      EXPECT_NE(outcome.err.find("variscope resume " + directory), std::string::npos) << outcome.err;
      const auto status = experiments::read_status(work() / directory);
      ASSERT_TRUE(status.has_value());
      EXPECT_EQ(status->state, "paused");
      EXPECT_EQ(status->exit_status(), 85);
      // Ranks are asked by SIGUSR1, whichever signal came to their launcher.
      EXPECT_EQ(status->reason, ranks ? "SIGUSR1" : name);
      wait_until_gone(directory);
      EXPECT_FALSE(std::filesystem::exists(work() / directory / "lock"));
    }
  }
}

TEST_F(SlowFaultsTest, OneSignalledRankStopsAllUnderABareLauncher) {
  const std::string directory = fmt::format("bare_{}", ::getpid());
  const auto endless = write_endless("endless_" + directory + ".toml");
  Words words = {"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", "-x", "OMPI_MCA_mpi_yield_when_idle=1"};
  const Words program = variscope_words(session(directory, true, endless, {"--threads", "1"}));
  words.insert(words.end(), program.begin(), program.end());
  const auto started = start(words, 60);
  wait_for(directory + "/status.json");
  for (const pid_t process : processes(directory, "1")) ::kill(process, SIGTERM);
  const auto outcome = finish(started);
  EXPECT_EQ(outcome.status, 85) << outcome.all();
  EXPECT_EQ(experiments::read_status(work() / directory)->state, "paused");
  EXPECT_EQ(experiments::read_status(work() / directory)->reason, "SIGTERM");
}

TEST_F(SlowFaultsTest, ASecondInterruptLeavesAtOnceWithoutDamage) {
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  const std::string directory = fmt::format("twice_{}", ::getpid());
  const auto endless = write_endless("endless_" + directory + ".toml");
  const auto started = start(variscope_words(session(directory, true, endless, {"--threads", "1", "--ranks", "1"})), 60);
  wait_for(directory + "/status.json");
  for (const pid_t process : processes(directory)) {
    if (!read_text(fmt::format("/proc/{}/cmdline", process)).starts_with(std::string(VARISCOPE_PROGRAM) + '\0')) continue;
    ::kill(process, SIGSTOP);  // so that both arrive together
    ::kill(process, SIGINT);
    ::kill(process, SIGCONT);
    ::kill(process, SIGINT);
  }
  const auto outcome = finish(started);
  EXPECT_TRUE(outcome.status == 130 || outcome.status == 85) << outcome.status << outcome.all();
  EXPECT_TRUE(begun(directory));
}

TEST_F(SlowFaultsTest, TheClockStopsARunAndDecidesNoBit) {
  const auto spec = write("study.toml", gaussian_spec("count = 400000\nbatches = 40\n"));
  const std::string hash = whole_hash(spec);
  int pauses = 0;
  Outcome outcome;
  for (int session_number = 0; session_number < 60; ++session_number) {
    outcome = variscope(session("run", session_number == 0, spec, {"--threads", "1", "--stop-after", "0.4"}));
    if (outcome.status != 85) break;
    ++pauses;
  }
  EXPECT_GE(pauses, 2);
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.hash(), hash);
}

TEST_F(SlowFaultsTest, DamagedFilesAreNoticedAndMadeUpFor) {
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  const auto manifest_of = [&](const std::string& d) { return work() / d / "MANIFEST"; };
  const std::vector<std::pair<std::string, std::function<void(const std::string&)>>> damages = {
      {"a bit of the manifest", [&](const std::string& d) { flip_byte(manifest_of(d), 0.7); }},
      {"a truncated manifest", [&](const std::string& d) { std::filesystem::resize_file(manifest_of(d), 100); }},
      {"an empty manifest", [&](const std::string& d) { std::filesystem::resize_file(manifest_of(d), 0); }},
      {"a lost manifest", [&](const std::string& d) { std::filesystem::remove(manifest_of(d)); }},
      {"a bit of a segment", [&](const std::string& d) { flip_byte(segments(d).at(3), 0.5); }},
      {"a truncated segment", [&](const std::string& d) { std::filesystem::resize_file(segments(d).back(), 999); }},
      {"a lost segment", [&](const std::string& d) { std::filesystem::remove(segments(d).at(2)); }},
      {"a truncated path", [&](const std::string& d) {
         const auto manifest = store::read_manifest(work() / d);
         std::filesystem::resize_file(work() / d / "segments" / manifest->bundles.at("path_000").name, 2000);
       }}};
  for (const auto& [what, damage] : damages) {
    SCOPED_TRACE(what);
    std::filesystem::remove_all(work() / "run");
    leave_killed(spec, "run", 40);
    damage("run");
    const std::string said = expect_resumes("run", hash);
    EXPECT_NE(said.find("warning: "), std::string::npos) << said;
  }
}

TEST_F(SlowFaultsTest, OtherVersionsDataAndStudiesAreRefused) {
  std::string table = "a,b,y\n";
  for (int n = 0; n < 300; ++n)
    table += fmt::format("{},{},{}\n", (n * 37 % 101) / 50.0 - 1, (n * 53 % 97) / 48.0 - 1, n * 29 % 7 < 3 ? 1 : 0);
  write("rows.csv", table);
  const auto spec = write("study.toml", logistic_spec("rows.csv"));
  leave_killed(spec, "run", 16);
  std::filesystem::remove(work() / "run" / "lock");  // which a refused command would clear away
  const auto manifest = work() / "run" / "MANIFEST";
  const std::string good = read_text(manifest);
  std::ofstream(manifest) << replaced(good, "\"format_version\": 2", "\"format_version\": 9");
  expect_refused({"resume", "run"}, {"MANIFEST: format version 9 (this program reads version 2)"});
  std::ofstream(manifest) << good;
  expect_refused({"run", spec, "--output", "run"}, {"unfinished run", "`variscope resume run`", "--overwrite"});
  expect_refused({"resume", "nowhere"}, {"nowhere: there is no unfinished run"});
  // Rows that changed since.
  auto rows = read_text(work() / "rows.csv");
  const std::string before = rows;
  rows[rows.rfind(',') - 1] = rows[rows.rfind(',') - 1] == '1' ? '2' : '1';
  std::ofstream(work() / "rows.csv") << rows;
  const auto changed = variscope({"resume", "run", "--quiet"});
  EXPECT_EQ(changed.status, 2) << changed.all();
  EXPECT_NE(changed.err.find("the data are not those"), std::string::npos) << changed.err;
  std::ofstream(work() / "rows.csv") << before;
  const std::string hash = whole_hash(spec);
  expect_resumes("run", hash);
  // Once it is complete there is nothing to do, and no harm in asking.
  EXPECT_EQ(variscope({"resume", "run"}).hash(), hash);
}

TEST_F(SlowFaultsTest, TwoRunsDoNotShareADirectory) {
  const std::string directory = fmt::format("shared_{}", ::getpid());
  const auto endless = write_endless("endless_" + directory + ".toml");
  const auto started = start(variscope_words(session(directory, true, endless, {"--threads", "1"})), 60);
  wait_for(directory + "/status.json");
  for (const Words& words : {Words{"run", endless, "--output", directory, "--overwrite"}, Words{"resume", directory}}) {
    const auto outcome = variscope(words);
    EXPECT_EQ(outcome.status, 2) << outcome.all();
    EXPECT_NE(outcome.err.find("in use by process"), std::string::npos) << outcome.err;
  }
  const auto status = variscope({"status", directory});
  EXPECT_NE(status.out.find("state            running"), std::string::npos) << status.all();
  kill_all(directory);
  (void)finish(started);
  wait_until_gone(directory);
  const auto after = variscope({"status", directory});
  EXPECT_NE(after.out.find("state            killed"), std::string::npos) << after.all();
  EXPECT_NE(after.out.find("next: variscope resume " + directory), std::string::npos) << after.all();
}

TEST_F(SlowFaultsTest, AFullDiskEndsInOneLineAndARunThatGoesOn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  std::filesystem::create_directory(work() / "small");
  if (::mount("tmpfs", path("small").c_str(), "tmpfs", 0, "size=8388608") != 0) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  for (const bool ranks : {false, true}) {
    SCOPED_TRACE(ranks ? "two ranks" : "one rank");
    const std::string run = ranks ? "small/two" : "small/one";
    const Words where = {"--threads", "1", "--ranks", ranks ? "2" : "1"};
    leave_killed(spec, run, 25);
    struct statvfs figures {};
    ASSERT_EQ(::statvfs(path("small").c_str(), &figures), 0);
    std::ofstream(work() / "small" / "ballast") << std::string(figures.f_bavail * figures.f_frsize - 300000, 'x');
    const auto full = variscope(session(run, false, "", where));
    EXPECT_EQ(full.status, 1) << full.all();
    EXPECT_EQ(lines_of(full.err).size(), 1u) << full.err;
    EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
    EXPECT_NE(full.err.find("variscope resume"), std::string::npos) << full.err;
    std::filesystem::remove(work() / "small" / "ballast");
    wait_until_gone(run);
    expect_resumes(run, hash, where);
  }
  ::umount2(path("small").c_str(), MNT_DETACH);
}

TEST_F(SlowFaultsTest, ADirectoryThatVanishesOrIsClosedEndsInOneLine) {
  for (const bool closed : {false, true}) {
    if (closed && ::geteuid() != 0) continue;
    SCOPED_TRACE(closed ? "read-only" : "vanished");
    const std::string directory = fmt::format("{}_{}", closed ? "closed" : "vanished", ::getpid());
    const auto spec = write("study_" + directory + ".toml", gaussian_spec("count = 4000000\nbatches = 250\n"));
    if (closed) {
      std::filesystem::create_directory(work() / directory);
      if (::mount("tmpfs", path(directory).c_str(), "tmpfs", 0, "size=8388608") != 0) continue;
    }
    const std::string run = closed ? directory + "/run" : directory;
    const auto started = start(variscope_words(session(run, true, spec, {"--threads", "1"})), 60);
    wait_for(run + "/status.json");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (closed)
      ASSERT_EQ(::mount("tmpfs", path(directory).c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8388608"), 0);
    else
      std::filesystem::rename(work() / directory, work() / ("away_" + directory));
    const auto outcome = finish(started);
    EXPECT_EQ(outcome.status, 1) << outcome.all();
    EXPECT_EQ(lines_of(outcome.err).size(), 1u) << outcome.err;
    EXPECT_NE(outcome.err.find(closed ? "Read-only file system" : "No such file or directory"), std::string::npos) << outcome.err;
    if (closed)
      ASSERT_EQ(::mount("tmpfs", path(directory).c_str(), "tmpfs", MS_REMOUNT, "size=8388608"), 0);
    else
      std::filesystem::rename(work() / ("away_" + directory), work() / directory);
    const auto resumed = variscope({"resume", run, "--quiet", "--threads", "1", "--stop-after", "0.3"});
    EXPECT_TRUE(resumed.status == 85 || resumed.status == 0) << resumed.all();
    if (closed) ::umount2(path(directory).c_str(), MNT_DETACH);
  }
}

TEST_F(SlowFaultsTest, RerunReproducesTheHashAndSaysSoWhenItDoesNot) {
  const auto spec = write_study();
  const std::string hash = whole_hash(spec);
  std::filesystem::remove(work() / spec);
  const auto again = variscope({"rerun", "whole", "--quiet", "--threads", "2"});
  EXPECT_EQ(again.status, 0) << again.all();
  EXPECT_EQ(again.hash(), hash);
  EXPECT_TRUE(std::filesystem::exists(work() / "whole-rerun" / "run.h5"));
}

}  // namespace
}  // namespace variscope::testing
