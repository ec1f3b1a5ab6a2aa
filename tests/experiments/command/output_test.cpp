/// Where results go: what is there is kept, what cannot be written is refused, a full disk loses nothing else.
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <thread>

#include "engine/store/run_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::Words;

class OutputTest : public testing::ProgramTest {};

TEST_F(OutputTest, ARunThatIsThereIsKeptUnlessToldOtherwise) {
  write("s.toml", gaussian_spec());
  const auto first = variscope({"run", "s.toml", "--quiet"});
  ASSERT_EQ(first.status, 0) << first.all();
  const auto before = testing::read_text(work() / "runs/cheap/run.h5");
  for (const std::string ranks : {"1", "2"}) {
    expect_refused({"run", "s.toml", "--ranks", ranks}, {"runs/cheap/run.h5: there is a record already."});
    EXPECT_TRUE(testing::read_text(work() / "runs/cheap/run.h5") == before);
    const auto again = variscope({"run", "s.toml", "--ranks", ranks, "--overwrite", "--quiet"});
    EXPECT_EQ(again.status, 0) << again.all();
    EXPECT_EQ(again.hash(), first.hash());
    std::filesystem::remove_all(work() / "runs/cheap");
    ASSERT_EQ(variscope({"run", "s.toml", "--quiet"}).status, 0);
    std::ofstream(work() / "runs/cheap/run.h5", std::ios::binary) << before;
  }
}

TEST_F(OutputTest, WhatIsNotOursIsNotOverwritten) {
  write("s.toml", gaussian_spec());
  std::filesystem::create_directories(work() / "run/segments");
  write("run/run.h5", "somebody else's file");
  expect_refused({"run", "s.toml", "--output", "run", "--overwrite"}, {"run/run.h5: not written by variscope"});
  EXPECT_EQ(testing::read_text(work() / "run/run.h5"), "somebody else's file");
}

TEST_F(OutputTest, TargetsThatCannotBe) {
  write("s.toml", gaussian_spec());
  write("file", "a regular file\n");
  for (const std::string ranks : {"1", "2"}) {
    expect_refused({"run", "s.toml", "--output", "file/below", "--ranks", ranks}, {"file/below: ", "(Not a directory)"});
  }
  expect_refused({"run", "s.toml", "--output", "file"}, {"file: ", "(Not a directory)"});
  EXPECT_EQ(testing::read_text(work() / "file"), "a regular file\n");
}

/// A file system of four megabytes at work()/disk, where mounting is permitted.
class FullTargetTest : public testing::ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    std::filesystem::create_directory(disk());
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
    if (::mount("tmpfs", disk().c_str(), "tmpfs", 0, "size=4194304") != 0) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(disk().c_str(), MNT_DETACH);
    ProgramTest::TearDown();
  }
  [[nodiscard]] std::filesystem::path disk() const { return work() / "disk"; }
  void leave(std::uintmax_t room) const {
    struct statvfs figures {};
    ASSERT_EQ(::statvfs(disk().c_str(), &figures), 0);
    const auto available = figures.f_bavail * figures.f_frsize;
    ASSERT_GT(available, room);
    std::ofstream(disk() / "ballast") << std::string(available - room, 'x');
  }

 private:
  bool mounted_ = false;
};

TEST_F(FullTargetTest, IsRefusedBeforeTheWork) {
  write("s.toml", gaussian_spec("count = 512\nbatches = 256\n"));
  leave(65536);
  for (const std::string ranks : {"1", "2"})
    expect_refused({"run", "s.toml", "--output", "disk/run", "--ranks", ranks},
                   {"disk/run: not enough space (the run needs ", " MB are free)"});
}

TEST_F(FullTargetTest, ThatFillsUpDuringTheWorkEndsAllRanks) {
  write("s.toml", gaussian_spec("count = 20000\nbatches = 256\n", R"("sf_raw", "sf_loo", "pw_cfe", "stl", "pw_antithetic")"));
  const auto started = start(variscope_words({"run", "s.toml", "--output", "disk/run", "--ranks", "2", "--threads", "1", "--quiet"}));
  for (int wait = 0; wait < 2000 && !std::filesystem::exists(disk() / "run/segments"); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  leave(0);
  const auto outcome = finish(started);
  EXPECT_EQ(outcome.status, 1) << outcome.all();
  const auto lines = testing::lines_of(outcome.err);
  EXPECT_EQ(lines.size(), 1u) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("rank ")) << outcome.err;
  EXPECT_NE(outcome.err.find("No space left on device"), std::string::npos) << outcome.err;
  EXPECT_LT(outcome.seconds, 30);
  EXPECT_FALSE(std::filesystem::exists(disk() / "run/run.h5"));
  // Room again: what is left of it does not stand in the way.
  std::filesystem::remove(disk() / "ballast");
  const auto again = variscope({"run", "s.toml", "--output", "disk/run", "--overwrite", "--quiet"});
  EXPECT_EQ(again.status, 0) << again.all();
  EXPECT_EQ(store::verified_results_hash(disk() / "run/run.h5"), again.hash());
}

}  // namespace
}  // namespace variscope::experiments
