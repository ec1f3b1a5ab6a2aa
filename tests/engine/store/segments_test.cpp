/// The running record: what was committed comes back, and nothing else.
#include "engine/store/segments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/merge.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

/// The chunks of a cell, batches cut at `cut`; work is put on the first of them.
std::vector<Chunk> chunks_of(const CellRecord& cell, const std::vector<Range>& cut) {
  std::vector<Chunk> chunks;
  for (std::size_t p = 0; p < cell.points.size(); ++p) {
    for (const auto& range : cut) {
      Chunk chunk{cell.id, static_cast<Index>(p), range.first, {}, {}, {}, {}, {}, {}};
      for (const auto& estimator : cell.points[p].estimators) {
        const auto& all = estimator.moments;
        chunk.estimators.push_back(estimator.name);
        chunk.counts.push_back(range.first == 0 ? estimator.counts : models::Counts{});
        auto& part = chunk.moments.emplace_back();
        part.resize(range.size(), all.parameters, all.blocks);
        const auto copy = [&](const std::vector<double>& from, std::vector<double>& to, Index per_batch) {
          std::copy(from.begin() + range.first * per_batch, from.begin() + range.last * per_batch, to.begin());
        };
        copy(all.count, part.count, 1);
        copy(all.sum, part.sum, all.parameters);
        copy(all.square, part.square, all.parameters);
        copy(all.norm, part.norm, all.blocks);
        copy(all.norm_square, part.norm_square, all.blocks);
        if (cell.designs == 0) continue;
        chunk.component_counts.push_back(range.first == 0 ? estimator.component_counts : models::Counts{});
        const auto copy_designs = [&](const ComponentMoments& designs, ComponentMoments& crossed) {
          crossed.resize(range.size(), designs.parameters, designs.blocks, designs.row_sets, designs.noise_sets);
          copy(designs.count, crossed.count, 1);
          copy(designs.mean_square_noise, crossed.mean_square_noise, designs.parameters);
          copy(designs.mean_square_rows, crossed.mean_square_rows, designs.parameters);
          copy(designs.mean_square_interaction, crossed.mean_square_interaction, designs.parameters);
          copy(designs.trace_square_noise, crossed.trace_square_noise, designs.blocks);
          copy(designs.trace_square_rows, crossed.trace_square_rows, designs.blocks);
          copy(designs.trace_square_interaction, crossed.trace_square_interaction, designs.blocks);
        };
        copy_designs(estimator.components, chunk.components.emplace_back());
        if (cell.shards > 0) copy_designs(estimator.shard_components, chunk.shard_components.emplace_back());
      }
      chunks.push_back(std::move(chunk));
    }
  }
  return chunks;
}

CellRecord without_moments(CellRecord cell) {
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) {
      const auto moments = std::move(estimator.moments);
      estimator.moments.resize(moments.batches, moments.parameters, moments.blocks);
      estimator.counts = estimator.component_counts = {};
      if (cell.designs == 0) continue;
      const auto components = std::move(estimator.components);
      estimator.components.resize(components.batches, components.parameters, components.blocks, components.row_sets, components.noise_sets);
      if (cell.shards == 0) continue;
      const auto shards = std::move(estimator.shard_components);
      estimator.shard_components.resize(shards.batches, shards.parameters, shards.blocks, shards.row_sets, shards.noise_sets);
    }
  }
  return cell;
}

class Segments : public ::testing::Test {
 protected:
  Segments() { std::filesystem::create_directory(run() / "segments"); }
  [[nodiscard]] const std::filesystem::path& run() const { return scratch_.path(); }
  [[nodiscard]] std::filesystem::path file_of(const SegmentEntry& entry) const { return run() / "segments" / entry.name; }

 private:
  Scratch scratch_;
};

TEST_F(Segments, MergeToTheSameRunFileWhateverTheCut) {
  const std::vector<CellRecord> whole{sample_cell("cell_000", 1), sample_sharded_cell("cell_001", 777)};
  const auto expected = write_run_file(run() / "whole.h5", whole, {}, {}, {});
  Manifest manifest{"a run", 0, {}, {{"next", "7"}}};
  // Checkpoints and writers in an order of their own.
  manifest.segments.push_back(write_segment(run(), 0, 1, chunks_of(whole[1], {{2, 4}})));
  manifest.segments.push_back(write_segment(run(), 0, 0, {}));
  auto mixed = chunks_of(whole[0], {{3, 4}, {0, 1}});
  const auto more = chunks_of(whole[1], {{0, 2}});
  mixed.insert(mixed.end(), more.begin(), more.end());
  manifest.segments.push_back(write_segment(run(), 1, 0, mixed));
  manifest.segments.push_back(write_segment(run(), 1, 1, chunks_of(whole[0], {{1, 3}})));
  manifest.checkpoint = 1;
  write_manifest(run(), manifest);

  const auto found = read_manifest(run());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->run_id, "a run");
  EXPECT_EQ(found->checkpoint, 1);
  EXPECT_EQ(found->segments, manifest.segments);
  EXPECT_EQ(found->state, manifest.state);

  std::vector<CellRecord> merged{without_moments(whole[0]), without_moments(whole[1])};
  merge_segments(run(), *found, merged);
  EXPECT_EQ(write_run_file(run() / "merged.h5", merged, {}, {}, {}), expected);

  const auto keys = committed_keys(run(), *found);
  ASSERT_EQ(keys.size(), 10U);
  EXPECT_EQ(keys[0].cell, "cell_001");
  EXPECT_EQ(keys[1].point, 1);
  EXPECT_EQ(keys[0].batches, (Range{2, 4}));
  EXPECT_EQ(keys[2].cell, "cell_000");
  EXPECT_EQ(keys[2].batches, (Range{3, 4}));
  EXPECT_EQ(keys[0].estimators, (std::vector<std::string>{"score", "pathwise", "stick-the-landing"}));
}

void expect_merge_fails(const CellRecord& cell, const std::vector<Chunk>& chunks, const std::string& problem) {
  std::vector<CellRecord> cells{without_moments(cell)};
  ChunkMerger merger(cells);
  try {
    for (const auto& chunk : chunks) merger.add(chunk);
    merger.finish();
    ADD_FAILURE() << "no error: " << problem;
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find(problem), std::string::npos) << error.what();
  }
}

TEST_F(Segments, ComponentsBelongToTheirPlan) {
  const auto plain = sample_cell("cell_000", 1);
  const auto crossed = sample_crossed_cell("cell_000", 1);
  expect_merge_fails(plain, chunks_of(crossed, {{0, 4}}), "another shape");
  expect_merge_fails(crossed, chunks_of(plain, {{0, 4}}), "another shape");
  expect_merge_fails(crossed, chunks_of(crossed, {{0, 2}, {1, 4}}), "batch 1 comes twice");
  auto chunks = chunks_of(crossed, {{0, 4}});
  for (auto& components : chunks[1].components) components.noise_sets = 4;
  expect_merge_fails(crossed, chunks, "point 1, estimator 'score' (moments of another shape");
  chunks = chunks_of(crossed, {{0, 4}});
  chunks[0].components[1].resize(3, 6, 2, 5, 3);
  expect_merge_fails(crossed, chunks, "point 0, estimator 'pathwise' (moments of another shape");
}

TEST_F(Segments, EveryBatchComesExactlyOnce) {
  const auto cell = sample_cell("cell_000", 1);
  const auto expect_failure = [&](const std::vector<Chunk>& chunks, const std::string& problem) {
    expect_merge_fails(cell, chunks, problem);
  };
  expect_failure(chunks_of(cell, {{0, 2}, {1, 4}}), "batch 1 comes twice");
  expect_failure(chunks_of(cell, {{0, 2}, {3, 4}}), "batch 2 is missing");
  expect_failure({}, "batch 0 is missing");
  auto chunks = chunks_of(cell, {{0, 4}});
  chunks[1].estimators[1] = "unknown";
  expect_failure(chunks, "no such estimator");
  chunks = chunks_of(cell, {{0, 4}});
  chunks[0].first_batch = 1;
  expect_failure(chunks, "another shape");
  chunks = chunks_of(cell, {{0, 4}});
  chunks[0].cell = "cell_009";
  expect_failure(chunks, "no such cell");
  chunks = chunks_of(cell, {{0, 4}});
  chunks[0].point = 2;
  expect_failure(chunks, "no such cell and point");
}

TEST_F(Segments, HoldChunksWithAndWithoutComponents) {
  auto chunks = chunks_of(sample_crossed_cell("cell_001", 9), {{0, 3}, {3, 4}});
  const auto sharded = chunks_of(sample_sharded_cell("cell_002", 11), {{0, 3}, {3, 4}});
  chunks.insert(chunks.begin() + 1, sharded.begin(), sharded.end());
  const auto plain = chunks_of(sample_cell("cell_000", 1), {{0, 2}});
  chunks.insert(chunks.begin() + 1, plain.begin(), plain.end());
  const auto entry = write_segment(run(), 0, 0, chunks);
  std::vector<Chunk> found;
  visit_segment(run(), entry, [&](Chunk&& chunk) { found.push_back(std::move(chunk)); });
  ASSERT_EQ(found.size(), chunks.size());
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    SCOPED_TRACE(c);
    EXPECT_EQ(found[c].cell, chunks[c].cell);
    EXPECT_EQ(found[c].counts, chunks[c].counts);
    EXPECT_EQ(found[c].component_counts, chunks[c].component_counts);
    ASSERT_EQ(found[c].components.size(), chunks[c].components.size());
    for (std::size_t e = 0; e < chunks[c].estimators.size(); ++e) {
      EXPECT_EQ(found[c].moments[e].norm_square, chunks[c].moments[e].norm_square);
      if (chunks[c].components.empty()) continue;
      const auto& a = found[c].components[e];
      const auto& b = chunks[c].components[e];
      EXPECT_EQ(a.batches, b.batches);
      EXPECT_EQ(a.row_sets, 5);
      EXPECT_EQ(a.noise_sets, 3);
      EXPECT_EQ(a.count, b.count);
      EXPECT_EQ(a.mean_square_interaction, b.mean_square_interaction);
      EXPECT_EQ(a.trace_square_interaction, b.trace_square_interaction);
      ASSERT_EQ(found[c].shard_components.size(), chunks[c].shard_components.size());
      if (chunks[c].shard_components.empty()) continue;
      const auto& inside = found[c].shard_components[e];
      EXPECT_EQ(inside.blocks, 6);
      EXPECT_EQ(inside.row_sets, 4);
      EXPECT_EQ(inside.mean_square_rows, chunks[c].shard_components[e].mean_square_rows);
      EXPECT_EQ(inside.trace_square_noise, chunks[c].shard_components[e].trace_square_noise);
    }
  }
}

TEST_F(Segments, RefusesChunksWithoutAShape) {
  auto chunks = chunks_of(sample_cell("cell_000", 1), {{0, 4}});
  chunks[0].moments[1].sum.pop_back();
  EXPECT_THROW((void)write_segment(run(), 0, 0, chunks), std::invalid_argument);
  chunks[0].moments.pop_back();
  EXPECT_THROW((void)write_segment(run(), 0, 0, chunks), std::invalid_argument);
  const auto expect_refused = [&](const auto& change) {
    auto crossed = chunks_of(sample_crossed_cell("cell_000", 1), {{0, 4}});
    change(crossed[1]);
    EXPECT_THROW((void)write_segment(run(), 0, 0, crossed), std::invalid_argument);
  };
  expect_refused([](Chunk& chunk) { chunk.components.pop_back(); });
  expect_refused([](Chunk& chunk) {
    chunk.shard_components.resize(chunk.components.size());
    chunk.shard_components[0].resize(4, 6, 6, 2, 3);
  });
  expect_refused([](Chunk& chunk) { chunk.components.clear(); });
  expect_refused([](Chunk& chunk) { chunk.component_counts.clear(); });
  expect_refused([](Chunk& chunk) { chunk.components[2].trace_square_noise.pop_back(); });
  expect_refused([](Chunk& chunk) { chunk.components[2].row_sets = 4; });
  expect_refused([](Chunk& chunk) {
    for (auto& components : chunk.components) components.noise_sets = 0;
  });
  expect_refused([](Chunk& chunk) {
    for (auto& components : chunk.components) components.resize(3, 6, 2, 5, 3);
  });
  expect_refused([](Chunk& chunk) {
    for (auto& components : chunk.components) components.resize(4, 2, 6, 5, 3);
  });
  EXPECT_TRUE(std::filesystem::is_empty(run() / "segments"));
}

TEST_F(Segments, DamageIsNoticed) {
  const auto entry = write_segment(run(), 3, 2, chunks_of(sample_cell("cell_000", 1), {{0, 4}}));
  EXPECT_EQ(entry.name, "seg.000003.000002.h5");
  EXPECT_EQ(decode_segment_entry(encode(entry)), entry);
  const auto visit = [&] { visit_segment(run(), entry, [](Chunk&&) {}); };
  EXPECT_NO_THROW(visit());

  const auto good = read_text_file(file_of(entry));
  auto bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  write_text_file(file_of(entry), bad);
  EXPECT_THROW(visit(), SystemError);
  write_text_file(file_of(entry), std::string_view(good).substr(0, good.size() - 1));
  EXPECT_THROW(visit(), SystemError);
  EXPECT_THROW((void)segment_keys(run(), entry), SystemError);
  std::filesystem::remove(file_of(entry));
  EXPECT_THROW(visit(), SystemError);
  write_text_file(file_of(entry), good);
  EXPECT_NO_THROW(visit());
}

TEST_F(Segments, UncommittedOnesAreIgnoredAndRemoved) {
  const auto cell = sample_cell("cell_000", 1);
  Manifest manifest{"a run", 0, {write_segment(run(), 0, 0, chunks_of(cell, {{0, 4}}))}, {}};
  write_manifest(run(), manifest);
  const auto newer = write_segment(run(), 1, 0, chunks_of(cell, {{0, 4}}));
  std::ofstream(run() / "segments" / "seg.000001.000001.h5.tmp") << "half";
  std::ofstream(run() / "MANIFEST.tmp") << "{";
  std::ofstream(run() / "segments" / "mine.txt") << "not variscope's";

  std::vector<CellRecord> cells{without_moments(cell)};
  EXPECT_NO_THROW(merge_segments(run(), read_manifest(run()).value(), cells));

  remove_uncommitted(run(), read_manifest(run()));
  EXPECT_FALSE(std::filesystem::exists(file_of(newer)));
  EXPECT_FALSE(std::filesystem::exists(run() / "segments" / "seg.000001.000001.h5.tmp"));
  EXPECT_FALSE(std::filesystem::exists(run() / "MANIFEST.tmp"));
  EXPECT_TRUE(std::filesystem::exists(file_of(manifest.segments[0])));
  EXPECT_TRUE(std::filesystem::exists(run() / "segments" / "mine.txt"));
}

TEST_F(Segments, ManifestCutAnywhereIsNoticed) {
  EXPECT_FALSE(read_manifest(run()).has_value());
  write_manifest(run(), {"a run", 4, {{"seg.000004.000000.h5", 10, "00"}}, {}});
  const auto text = read_text_file(run() / "MANIFEST");
  // The last two bytes are the closing brace and the end of line.
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    std::ofstream(run() / "MANIFEST", std::ios::binary | std::ios::trunc) << std::string_view(text).substr(0, length);
    try {
      (void)read_manifest(run());
      ADD_FAILURE() << "accepted " << length << " of " << text.size() << " bytes";
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("MANIFEST"), std::string::npos);
    }
  }
  auto other = text;
  other.replace(other.find("\"format_version\": 2"), 19, "\"format_version\": 3");
  write_text_file(run() / "MANIFEST", other);
  EXPECT_THROW((void)read_manifest(run()), UserError);
  write_text_file(run() / "MANIFEST", "{\"format\": \"something else\"}");
  EXPECT_THROW((void)read_manifest(run()), UserError);
}

}  // namespace
}  // namespace variscope::store
