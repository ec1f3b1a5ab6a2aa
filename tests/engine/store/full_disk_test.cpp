/// A disk that fills up: an error each time, never a file under its final name that is not whole.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

#include "engine/error.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/table_file.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

/// A file system of a few hundred kB, if the machine lets us make one.
class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
    if (::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=1048576") != 0) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
    mounted_ = true;
    std::filesystem::create_directory(path() / "segments");
  }
  void TearDown() override {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return scratch_.path(); }

  /// Fills the disk up to `room` bytes.
  void leave(std::uintmax_t room) const {
    std::filesystem::remove(path() / "ballast");
    struct statvfs figures {};
    ASSERT_EQ(::statvfs(path().c_str(), &figures), 0);
    const auto available = figures.f_bavail * figures.f_frsize;
    ASSERT_GT(available, room);
    std::ofstream(path() / "ballast") << std::string(available - room, 'x');
  }

 private:
  Scratch scratch_;
  bool mounted_ = false;
};

Chunk large_chunk() {
  Chunk chunk{"cell_000", 0, 0, {"score"}, {}, {{}}, {}, {}, {}};
  auto& moments = chunk.moments.emplace_back();
  moments.resize(20, 2, 300);
  fill(moments.norm, 1);
  fill(moments.norm_square, 2);
  return chunk;
}

TEST_F(FullDisk, IsNoticedWhenADatasetIsClosed) {
  std::vector<double> values(6000);
  fill(values, 1);
  auto file = create_file(path() / "data.h5");
  leave(20000);
  // Below HDF5's sieve buffer of 64 kB the write itself succeeds.
  auto dataset = write_doubles(file, "values", {values.size()}, values.data());
  try {
    dataset.close();
    ADD_FAILURE() << "the loss was not noticed";
  } catch (const SystemError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("H5Dclose: "), std::string::npos) << message;
    EXPECT_NE(message.find("data.h5:/values ("), std::string::npos) << message;
    EXPECT_NE(message.find(": No space left on device)"), std::string::npos) << message;
  }
}

TEST_F(FullDisk, LeavesNoSegmentUnderItsName) {
  const std::vector<Chunk> chunks{large_chunk()};
  int failures = 0;
  for (Index room = 0; room <= 50 * 4096; room += 4096) {
    leave(static_cast<std::uintmax_t>(room));
    const auto segment = path() / "segments" / "seg.000000.000000.h5";
    try {
      const auto entry = write_segment(path(), 0, 0, chunks);
      std::vector<Chunk> found;
      visit_segment(path(), entry, [&](Chunk&& chunk) { found.push_back(std::move(chunk)); });
      ASSERT_EQ(found.size(), 1U);
      ASSERT_EQ(found[0].moments[0].norm, chunks[0].moments[0].norm);
      ASSERT_EQ(found[0].moments[0].norm_square, chunks[0].moments[0].norm_square);
    } catch (const SystemError&) {
      ++failures;
      EXPECT_FALSE(std::filesystem::exists(segment)) << room;
    }
    std::filesystem::remove(segment);
    EXPECT_TRUE(std::filesystem::is_empty(path() / "segments")) << room;
  }
  EXPECT_GT(failures, 20);
  EXPECT_LT(failures, 50);
}

TEST_F(FullDisk, LeavesNoRunFileUnderItsName) {
  auto cell = sample_cell("cell_000", 1);
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) estimator.moments.resize(400, 6, 2);
  }
  int failures = 0;
  for (Index room = 0; room <= 900000; room += 30000) {
    leave(static_cast<std::uintmax_t>(room));
    try {
      const auto hash = write_run_file(path() / "run.h5", {cell}, {}, {}, {});
      EXPECT_EQ(verified_results_hash(path() / "run.h5"), hash);
    } catch (const SystemError&) {
      ++failures;
      EXPECT_FALSE(std::filesystem::exists(path() / "run.h5")) << room;
    }
    std::filesystem::remove(path() / "run.h5");
    EXPECT_FALSE(std::filesystem::exists(path() / "run.h5.tmp")) << room;
  }
  EXPECT_GT(failures, 5);
  EXPECT_LT(failures, 31);
}

TEST_F(FullDisk, KeepsTheOldManifest) {
  write_manifest(path(), {"a run", 0, {}, {}});
  leave(0);
  EXPECT_THROW(write_manifest(path(), {"a run", 1, {}, {{"long", std::string(10000, 'x')}}}), SystemError);
  EXPECT_EQ(read_manifest(path()).value().checkpoint, 0);
  EXPECT_FALSE(std::filesystem::exists(path() / "MANIFEST.tmp"));
}

TEST_F(FullDisk, RefusesATableAtOnce) {
  EXPECT_THROW(ParallelTableWriter::create(path() / "table.h5", {100000, {"a", "b"}, "y", {}}), UserError);
  EXPECT_FALSE(std::filesystem::exists(path() / "table.h5.tmp"));
}

TEST_F(FullDisk, IsFoundBeforeTheRunBegins) {
  leave(100000);
  EXPECT_THROW(RunDirectory(path() / "study", Existing::refuse, 200000), UserError);
  EXPECT_NO_THROW(RunDirectory(path() / "study", Existing::refuse, 20000));
}

}  // namespace
}  // namespace variscope::store
