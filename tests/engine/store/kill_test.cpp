/// Kill -9 at any moment: what the manifest names is whole, and nothing committed before the kill is lost.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "engine/store/durable.hpp"
#include "engine/store/fault.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

/// One batch whose numbers follow from its index.
Chunk chunk_of(Index batch) {
  Chunk chunk{"cell_000", 0, batch, {"score"}, {}, {{batch}}, {}, {}, {}};
  auto& moments = chunk.moments.emplace_back();
  moments.resize(1, 500, 1);
  fill(moments.sum, static_cast<std::uint64_t>(batch));
  return chunk;
}

/// Checkpoint after checkpoint, going on where the manifest ends; after each commit one byte into the pipe.
[[noreturn]] void write_for_ever(const std::filesystem::path& path, int pipe_end) {
  try {
    const RunDirectory run(path, Existing::resume, 0);
    Manifest manifest = read_manifest(path).value_or(Manifest{"a run", -1, {}, {}});
    while (true) {
      ++manifest.checkpoint;
      manifest.segments.push_back(write_segment(path, manifest.checkpoint, 0, {chunk_of(manifest.checkpoint)}));
      write_manifest(path, manifest);
      (void)!::write(pipe_end, "c", 1);
    }
  } catch (const std::exception&) {
    ::_exit(1);
  }
}

TEST(Kill, LosesNothingCommitted) {
  const Scratch scratch;
  const auto path = scratch / "run";
  Index known = 0;  // commits told of
  for (int kills = 0; kills < 40; ++kills) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_for_ever(path, ends[1]);
    }
    ::close(ends[1]);
    char byte = 0;
    if (::read(ends[0], &byte, 1) == 1) ++known;  // at least one commit, however slow the machine
    ::usleep(static_cast<useconds_t>(1000 * (kills * 7 % 30) + kills * 37));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    while (::read(ends[0], &byte, 1) == 1) ++known;
    ::close(ends[0]);

    const auto manifest = read_manifest(path);
    ASSERT_TRUE(manifest.has_value());
    ASSERT_GE(manifest->checkpoint + 1, known);
    known = manifest->checkpoint + 1;
    Index next = 0;
    visit_chunks(path, *manifest, [&](Chunk&& chunk) {
      ASSERT_EQ(chunk.first_batch, next);
      ASSERT_EQ(chunk.moments[0].sum, chunk_of(next).moments[0].sum);
      ASSERT_EQ(chunk.counts[0].value_evaluations, next);
      ++next;
    });
    ASSERT_EQ(next, known);
  }
  EXPECT_GE(known, 40);
  EXPECT_NO_THROW(RunDirectory(path, Existing::resume, 0));
}

/// Commits twice and is killed at a step of the second commit. `order`: how.
enum class Order { sound, manifest_first, in_place };
[[noreturn]] void commit_twice(const std::filesystem::path& path, Order order, const std::string& fault) {
  try {
    if (!set_fault(fault)) ::_exit(1);
    std::filesystem::create_directories(path / "segments");
    std::filesystem::create_directories(path / "aside" / "segments");
    Manifest manifest{"a run", -1, {}, {}};
    for (int k = 0; k < 2; ++k) {
      ++manifest.checkpoint;
      if (order == Order::sound) {
        manifest.segments.push_back(write_segment(path, manifest.checkpoint, 0, {chunk_of(manifest.checkpoint)}));
        write_manifest(path, manifest);
        continue;
      }
      // The twins: what is promised before it is there, and what appears under its final name bit by bit.
      manifest.segments.push_back(write_segment(path / "aside", manifest.checkpoint, 0, {chunk_of(manifest.checkpoint)}));
      const auto& name = manifest.segments.back().name;
      if (order == Order::manifest_first) {
        write_manifest(path, manifest);
        std::filesystem::copy_file(path / "aside" / "segments" / name, path / "segments" / name);
      } else {
        const auto whole = read_text_file(path / "aside" / "segments" / name);
        std::ofstream(path / "segments" / name) << whole.substr(0, whole.size() / 2);
        write_manifest(path, manifest);
        std::ofstream(path / "segments" / name, std::ios::app) << whole.substr(whole.size() / 2);
      }
    }
    ::_exit(0);
  } catch (const std::exception&) {
    ::_exit(1);
  }
}

/// Committed segments that are not whole after a kill at this step.
Index lost_after(Order order, const std::string& fault) {
  const Scratch scratch;
  const auto path = scratch / "run";
  const pid_t child = ::fork();
  if (child == 0) commit_twice(path, order, fault);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << fault;
  const auto manifest = read_manifest(path);
  Index lost = 0;
  if (manifest) {
    for (const auto& entry : manifest->segments) lost += damage_of(path, entry).empty() ? 0 : 1;
  }
  return lost;
}

TEST(Kill, AtEveryStepOfACommitLosesNothing) {
  for (const std::string kind : {"segment", "manifest", "previous"}) {
    for (const std::string step : {"written", "synchronised", "renamed", "committed"}) {
      const std::string fault = kind + "." + step + (kind == "previous" ? ":1" : ":2");
      EXPECT_EQ(lost_after(Order::sound, fault), 0) << fault;
    }
  }
}

TEST(Kill, AStoreThatCommitsBeforeItWritesIsCaught) {
  EXPECT_EQ(lost_after(Order::manifest_first, "manifest.committed:2"), 1);
  EXPECT_EQ(lost_after(Order::in_place, "manifest.committed:2"), 1);
}

}  // namespace
}  // namespace variscope::store
