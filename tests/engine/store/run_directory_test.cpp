/// One process at a time, nothing overwritten unasked, nothing removed that is not ours.
#include "engine/store/run_directory.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <limits>
#include <thread>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

namespace fs = std::filesystem;

std::string host_of_this_machine(const fs::path& scratch) {
  const RunDirectory run(scratch / "probe", Existing::refuse, 0);
  const auto text = read_text_file(scratch / "probe" / "lock");
  return text.substr(5, text.find('\n') - 5);
}

TEST(RunDirectory, IsMadeAndLocked) {
  const Scratch scratch;
  const auto path = scratch.path() / "runs" / "study";
  {
    const RunDirectory run(path, Existing::refuse, 1000);
    EXPECT_EQ(run.path(), path);
    EXPECT_EQ(run.run_file(), path / "run.h5");
    EXPECT_TRUE(fs::is_directory(path / "segments"));
    EXPECT_TRUE(fs::exists(path / "lock"));
    for (const auto existing : {Existing::refuse, Existing::overwrite, Existing::resume}) {
      const auto message = user_error_of([&] { RunDirectory(path, existing, 0); });
      EXPECT_NE(message.find("in use by process " + std::to_string(::getpid())), std::string::npos) << message;
      EXPECT_NE(message.find("remove " + (path / "lock").string()), std::string::npos) << message;
    }
    EXPECT_TRUE(fs::exists(path / "lock"));
  }
  EXPECT_FALSE(fs::exists(path / "lock"));
  EXPECT_NO_THROW(RunDirectory(path, Existing::refuse, 0));
}

TEST(RunDirectory, LockOfADeadProcessIsStale) {
  const Scratch scratch;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      const RunDirectory run(scratch / "study", Existing::refuse, 0);
      ::_exit(0);  // leaves without destructors, as a killed process does
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  // Ended, yet still known to the system until it is waited for: its lock is stale all the same.
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  ASSERT_TRUE(fs::exists(scratch / "study" / "lock"));
  EXPECT_EQ(lock_holder(scratch / "study" / "lock"), "");
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_NO_THROW(RunDirectory(scratch / "study", Existing::refuse, 0));
  EXPECT_FALSE(fs::exists(scratch / "study" / "lock"));
}

TEST(RunDirectory, LockOfAnEarlierProcessWithTheSameNumberIsStale) {
  const Scratch scratch;
  const auto host = host_of_this_machine(scratch.path());
  fs::create_directory(scratch / "study");
  write_text_file(scratch / "study" / "lock", "host " + host + "\npid " + std::to_string(::getpid()) + "\nbegan 1\n");
  EXPECT_NO_THROW(RunDirectory(scratch / "study", Existing::refuse, 0));
}

TEST(RunDirectory, LockOfAnotherHostIsRespectedUnlessTakenOver) {
  const Scratch scratch;
  fs::create_directory(scratch / "study");
  for (const auto* text : {"host elsewhere\npid 1\nbegan 1\n", ""}) {
    write_text_file(scratch / "study" / "lock", text);
    (void)user_error_of([&] { RunDirectory(scratch / "study", Existing::overwrite, 0); });
    EXPECT_EQ(read_text_file(scratch / "study" / "lock"), text);
    EXPECT_NO_THROW(RunDirectory(scratch / "study", Existing::overwrite, 0, ForeignLock::take_over));
  }
}

TEST(RunDirectory, LockOfANodeThatDiedBeforeTheFirstCheckpointDoesNotStopTheNextTry) {
  using std::chrono::milliseconds;
  const Scratch scratch;
  const LockTimes times{milliseconds(20), milliseconds(300)};
  fs::create_directory(scratch / "study");
  write_text_file(scratch / "study" / "lock", "host elsewhere\npid 1\nbegan 1\n");
  EXPECT_NO_THROW(RunDirectory(scratch / "study", Existing::refuse, 0, ForeignLock::respect, times));
  // One that is alive keeps it, though it has saved nothing yet.
  write_text_file(scratch / "study" / "lock", "host elsewhere\npid 1\nbegan 1\n");
  std::atomic<bool> done{false};
  std::thread heart([&] {
    while (!done) {
      std::this_thread::sleep_for(milliseconds(20));
      fs::last_write_time(scratch / "study" / "lock", fs::file_time_type::clock::now());
    }
  });
  const auto message = user_error_of([&] {
    RunDirectory(scratch / "study", Existing::refuse, 0, ForeignLock::respect, {milliseconds(20), milliseconds(60000)});
  });
  EXPECT_NE(message.find("in use by process 1 on host elsewhere"), std::string::npos) << message;
  done = true;
  heart.join();
  // Where something is saved, `run` has nothing to wait for: it is resumed, or overwritten.
  write_text_file(scratch / "study" / "MANIFEST", "variscope");
  const auto began = std::chrono::steady_clock::now();
  (void)user_error_of([&] {
    RunDirectory(scratch / "study", Existing::refuse, 0, ForeignLock::respect, {milliseconds(20), milliseconds(60000)});
  });
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(RunLock, OfAnotherHostIsStaleOnceItFallsSilent) {
  using std::chrono::milliseconds;
  const Scratch scratch;
  const LockTimes times{milliseconds(20), milliseconds(300)};
  const auto file = scratch / "lock";
  write_text_file(file, "host elsewhere\npid 1\nbegan 1\n");
  EXPECT_NO_THROW(RunLock(file, ForeignLock::wait, times));
  EXPECT_FALSE(fs::exists(file));
  // One that is renewed is not, and the answer comes long before the wait is over.
  write_text_file(file, "host elsewhere\npid 1\nbegan 1\n");
  std::atomic<bool> done{false};
  std::thread heart([&] {
    while (!done) {
      std::this_thread::sleep_for(milliseconds(20));
      fs::last_write_time(file, fs::file_time_type::clock::now());
    }
  });
  const auto began = std::chrono::steady_clock::now();
  (void)user_error_of([&] { RunLock(file, ForeignLock::wait, {milliseconds(20), milliseconds(60000)}); });
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
  done = true;
  heart.join();
}

TEST(RunLock, BeatsAndNoticesThatItWasTakenOver) {
  const Scratch scratch;
  const auto file = scratch / "lock";
  const RunLock lock(file, ForeignLock::respect, {std::chrono::milliseconds(10), std::chrono::milliseconds(100)});
  EXPECT_NE(lock_holder(file), "");
  EXPECT_NO_THROW(lock.require_held());
  const auto before = fs::last_write_time(file);
  for (int wait = 0; wait < 1000 && fs::last_write_time(file) == before; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GT(fs::last_write_time(file), before);
  write_text_file(file, "host elsewhere\npid 7\nbegan 1\n");
  try {
    lock.require_held();
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("process 7 on host elsewhere has taken this run over"), std::string::npos) << error.what();
  }
  fs::remove(file);
  EXPECT_THROW(lock.require_held(), SystemError);
}

TEST(RunDirectory, OneOfManyGetsAStaleLock) {
  const Scratch scratch;
  const auto host = host_of_this_machine(scratch.path());
  for (int round = 0; round < 20; ++round) {
    fs::remove_all(scratch / "study");
    fs::create_directory(scratch / "study");
    write_text_file(scratch / "study" / "lock", "host " + host + "\npid " + std::to_string(::getpid()) + "\nbegan 1\n");
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    std::vector<pid_t> children;
    for (int k = 0; k < 8; ++k) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        ::close(pipe_ends[1]);
        char byte = 0;
        (void)!::read(pipe_ends[0], &byte, 1);  // all start when the parent closes its end
        try {
          const RunLock lock(scratch / "study" / "lock", ForeignLock::respect);
          ::usleep(100000);
          ::_exit(0);
        } catch (const UserError&) {
          ::_exit(2);
        } catch (...) {
          ::_exit(1);
        }
      }
      children.push_back(child);
    }
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    int winners = 0;
    for (const auto child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status));
      ASSERT_NE(WEXITSTATUS(status), 1);
      winners += WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    ASSERT_EQ(winners, 1);
  }
}

class Occupied : public ::testing::Test {
 protected:
  Occupied() {
    fs::create_directories(path() / "segments");
    write_run_file(path() / "run.h5", {}, {}, {}, {});
    const auto entry = write_segment(path(), 0, 0, {});
    write_manifest(path(), {"a run", 0, {entry}, {}});
    std::ofstream(path() / "segments" / "seg.000001.000000.h5") << "uncommitted";
    std::ofstream(path() / "notes.txt") << "the user's";
    std::ofstream(path() / "segments" / "notes.txt") << "the user's";
  }
  [[nodiscard]] const fs::path& path() const { return scratch_.path(); }

 private:
  Scratch scratch_;
};

TEST_F(Occupied, IsRefused) {
  EXPECT_NE(user_error_of([&] { RunDirectory(path(), Existing::refuse, 0); }).find("overwrite"), std::string::npos);
  fs::remove(path() / "run.h5");
  EXPECT_NE(user_error_of([&] { RunDirectory(path(), Existing::refuse, 0); }).find("MANIFEST"), std::string::npos);
  EXPECT_TRUE(fs::exists(path() / "segments" / "seg.000001.000000.h5"));
  EXPECT_FALSE(fs::exists(path() / "lock"));
}

TEST_F(Occupied, IsResumedFromTheManifest) {
  EXPECT_NE(user_error_of([&] { RunDirectory(path(), Existing::resume, 0); }).find("complete"), std::string::npos);
  fs::remove(path() / "run.h5");
  RunDirectory run(path(), Existing::resume, 0);
  EXPECT_TRUE(fs::exists(path() / "MANIFEST"));
  EXPECT_TRUE(fs::exists(path() / "segments" / "seg.000000.000000.h5"));
  EXPECT_FALSE(fs::exists(path() / "segments" / "seg.000001.000000.h5"));
  run.remove_segments();
  EXPECT_FALSE(fs::exists(path() / "MANIFEST"));
  EXPECT_FALSE(fs::exists(path() / "segments" / "seg.000000.000000.h5"));
  EXPECT_TRUE(fs::exists(path() / "segments" / "notes.txt"));
}

TEST_F(Occupied, LosesOnlyOurFilesWhenOverwritten) {
  const RunDirectory run(path(), Existing::overwrite, 0);
  EXPECT_FALSE(fs::exists(path() / "run.h5"));
  EXPECT_FALSE(fs::exists(path() / "MANIFEST"));
  EXPECT_FALSE(fs::exists(path() / "segments" / "seg.000000.000000.h5"));
  EXPECT_FALSE(fs::exists(path() / "segments" / "seg.000001.000000.h5"));
  EXPECT_TRUE(fs::exists(path() / "notes.txt"));
  EXPECT_TRUE(fs::exists(path() / "segments" / "notes.txt"));
}

TEST_F(Occupied, KeepsARunFileOfOthers) {
  write_text_file(path() / "run.h5", "someone's running times");
  EXPECT_NE(user_error_of([&] { RunDirectory(path(), Existing::overwrite, 0); }).find("not written by variscope"), std::string::npos);
  EXPECT_TRUE(fs::exists(path() / "run.h5"));
  EXPECT_TRUE(fs::exists(path() / "MANIFEST"));
}

TEST(RunDirectory, NeedsTheSpaceItPredicts) {
  const Scratch scratch;
  const auto message = user_error_of([&] { RunDirectory(scratch / "study", Existing::refuse, std::numeric_limits<Index>::max()); });
  EXPECT_NE(message.find("needs 9223372036854.8 MB"), std::string::npos) << message;
  EXPECT_NE(message.find("are free"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(scratch / "study"));  // nothing was made before it was refused
}

TEST(RunDirectory, NeedsAPlaceThatCanBeWritten) {
  const Scratch scratch;
  write_text_file(scratch / "file", "");
  EXPECT_NE(user_error_of([&] { RunDirectory(scratch / "file", Existing::refuse, 0); }).find("cannot be created"), std::string::npos);
  EXPECT_NE(user_error_of([&] { RunDirectory("/proc/study", Existing::refuse, 0); }).find("/proc/study"), std::string::npos);
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  fs::create_directories(scratch / "closed" / "segments");
  fs::permissions(scratch / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_NE(user_error_of([&] { RunDirectory(scratch / "closed", Existing::refuse, 0); }).find("cannot be created"), std::string::npos);
  fs::permissions(scratch / "closed", fs::perms::owner_all);
}

}  // namespace
}  // namespace variscope::store
