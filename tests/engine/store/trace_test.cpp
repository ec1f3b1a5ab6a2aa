/// Trace files: values, order and kinds come back from segments of any cut; other programs open them; what is missing or changed is told.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "engine/error.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/trace_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "tests/engine/store/flip.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

constexpr Index kChains = 3;
constexpr Index kDraws = 10;
constexpr Index kWarmup = 4;

TraceLayout sample_layout(TraceType type = TraceType::real) {
  TraceLayout layout;
  layout.id = "cell_000";
  layout.chains = kChains;
  const std::vector<TraceVariable> parameters{{"mu", "location", "1", {}, type}, {"theta", "effects", "1", {2, 4}, type}};
  const std::vector<TraceVariable> statistics{{"lp", "log density", "nat", {}, TraceType::real},
                                              {"n_steps", "leapfrog steps", "1", {}, TraceType::count},
                                              {"diverging", "energy error too large", "1", {}, TraceType::boolean}};
  layout.groups = {{"posterior", kDraws / 2, 1, 2, parameters},
                   {"sample_stats", kDraws, 0, 1, statistics},
                   {"warmup_posterior", kWarmup, 0, 1, parameters},
                   {"warmup_sample_stats", kWarmup, 0, 1, statistics}};
  layout.constants["observed_data"] = {{{"y", "response", "1", {3}, TraceType::real}, {1.5, -2.0, 0.25}}};
  layout.attributes = {{"inference_library", "variscope"}, {"inference_library_version", "test"}, {"sampler", "Größe"}};
  return layout;
}

/// What stands at a place: a function of the place alone.
double value_at(Index group, Index chain, Index draw, Index column) {
  if (group % 2 == 1 && column == 1) return static_cast<double>((Index{1} << 40) + 100 * chain + draw);
  if (group % 2 == 1 && column == 2) return (chain + draw) % 3 == 0 ? 1 : 0;
  return distinct(static_cast<std::uint64_t>(1000 * group + 100 * chain + 10 * draw + column));
}

TraceBlock block_of(const TraceLayout& layout, Index group, Range chains, Range draws) {
  TraceBlock block{layout.id, group, chains, draws, {}};
  const Index width = layout.groups[static_cast<std::size_t>(group)].width();
  for (Index c = chains.first; c < chains.last; ++c) {
    for (Index d = draws.first; d < draws.last; ++d) {
      for (Index v = 0; v < width; ++v) block.values.push_back(value_at(group, c, d, v));
    }
  }
  return block;
}

/// Writers with `per_writer` chains each, checkpoints of `per_block` draws.
Manifest write_all(const std::filesystem::path& run, const TraceLayout& layout, Index per_writer, Index per_block) {
  std::filesystem::create_directories(run / "segments");
  Manifest manifest{"run", 0, {}, {}};
  for (Index first = 0; first < kDraws; first += per_block) {
    ++manifest.checkpoint;
    for (Index chain = 0, writer = 0; chain < kChains; chain += per_writer, ++writer) {
      const Range chains{chain, std::min(chain + per_writer, kChains)};
      std::vector<TraceBlock> blocks;
      for (Index g = 0; g < static_cast<Index>(layout.groups.size()); ++g) {
        const Range draws{std::min(first, layout.groups[static_cast<std::size_t>(g)].draws),
                          std::min(first + per_block, layout.groups[static_cast<std::size_t>(g)].draws)};
        if (draws.size() > 0) blocks.push_back(block_of(layout, g, chains, draws));
      }
      blocks.push_back(block_of(layout, 1, chains, {first, first + 1}));
      blocks.back().trace = "another";
      const TraceState state{layout.id, first + per_block, chains, std::vector<double>(3, static_cast<double>(first + chain))};
      manifest.segments.push_back(write_trace_segment(run, manifest.checkpoint, writer, blocks, {state}));
    }
  }
  write_manifest(run, manifest);
  return manifest;
}

TEST(Trace, AnyCutGivesTheSameFile) {
  std::string first_hash;
  for (const Index per_writer : {1, 2, 3}) {
    for (const Index per_block : {1, 4, 10}) {
      const Scratch scratch;
      const TraceLayout layout = sample_layout();
      const Manifest manifest = write_all(scratch.path(), layout, per_writer, per_block);
      const auto hash = merge_trace(scratch.path(), manifest, layout, "2026-11-21T00:00:0" + std::to_string(per_writer) + "Z");
      if (first_hash.empty()) first_hash = hash;
      EXPECT_EQ(hash, first_hash);  // whoever wrote, whenever
      const TraceFile file(trace_path(scratch.path(), layout.id), true);
      EXPECT_EQ(file.hash(), hash);
      EXPECT_EQ(file.extent("posterior", "theta"), (Extent{kChains, kDraws / 2, 2, 4}));
      EXPECT_TRUE(file.has("posterior", "mu"));
      EXPECT_FALSE(file.has("posterior", "lp"));
      for (Index e = 0; e < 8; ++e) {
        const auto theta = file.element("posterior", "theta", e);
        for (Index c = 0; c < kChains; ++c) {
          for (Index d = 0; d < kDraws / 2; ++d) ASSERT_EQ(theta[static_cast<std::size_t>(c * kDraws / 2 + d)], value_at(0, c, d, 1 + e));
        }
      }
      const auto steps = file.element("sample_stats", "n_steps");
      EXPECT_EQ(steps.back(), value_at(1, kChains - 1, kDraws - 1, 1));
      EXPECT_EQ(file.element("warmup_sample_stats", "diverging")[0], value_at(3, 0, 0, 2));
      const auto states = committed_states(scratch.path(), manifest, layout.id);
      ASSERT_EQ(states.size(), static_cast<std::size_t>((kChains + per_writer - 1) / per_writer));
      EXPECT_EQ(states.back().chains.last, kChains);
      const Index last_first = (kDraws - 1) / per_block * per_block;
      EXPECT_EQ(states.front().iteration, last_first + per_block);
      EXPECT_EQ(states.front().numbers, std::vector<double>(3, static_cast<double>(last_first)));
    }
  }
}

TEST(Trace, OtherProgramsOpenIt) {
  const Scratch scratch;
  const TraceLayout layout = sample_layout();
  merge_trace(scratch.path(), write_all(scratch.path(), layout, 2, 4), layout, "2026-11-21T00:00:00Z");
  std::ofstream(scratch / "check.py") << R"(
import sys
import numpy, xarray
import h5netcdf
path = sys.argv[1]
engines = ["h5netcdf"]
try:
    import netCDF4
    engines.append("netcdf4")
except ImportError:
    pass
def distinct(key):
    return 1 / (1 + (key * 2654435761 % 1000003)) - 0.25
sizes = {"posterior": 5, "sample_stats": 10, "warmup_posterior": 4, "warmup_sample_stats": 4}
for engine in engines:
    for number, (group, draws) in enumerate(sizes.items()):
        with xarray.open_dataset(path, group=group, engine=engine) as data:
            assert data.sizes["chain"] == 3 and data.sizes["draw"] == draws, data.sizes
            assert list(data["chain"].values) == [0, 1, 2]
            step, first = (2, 1) if group == "posterior" else (1, 0)
            assert list(data["draw"].values) == [first + step * d for d in range(draws)]
            for name in ("created_at", "inference_library", "inference_library_version"):
                assert isinstance(data.attrs[name], str), name
            assert data.attrs["sampler"] == "Gr\u00f6\u00dfe"
            if number % 2 == 0:
                assert list(data.data_vars) == ["mu", "theta"], list(data.data_vars)
                assert data["mu"].dims == ("chain", "draw")
                assert data["theta"].dims == ("chain", "draw", "theta_dim_0", "theta_dim_1")
                assert data["theta"].dtype == numpy.float64 and data["theta"].attrs["long_name"] == "effects"
                assert list(data["theta_dim_1"].values) == [0, 1, 2, 3]
                for chain in range(3):
                    for draw in range(draws):
                        key = 1000 * number + 100 * chain + 10 * draw
                        assert float(data["mu"][chain, draw]) == distinct(key)
                        expected = [[distinct(key + 1 + 4 * i + j) for j in range(4)] for i in range(2)]
                        assert data["theta"].values[chain, draw].tolist() == expected
            else:
                assert list(data.data_vars) == ["lp", "n_steps", "diverging"], list(data.data_vars)
                assert data["diverging"].dtype == bool, data["diverging"].dtype
                assert data["n_steps"].dtype == numpy.int64
                for chain in range(3):
                    for draw in range(draws):
                        assert int(data["n_steps"][chain, draw]) == (1 << 40) + 100 * chain + draw
                        assert bool(data["diverging"][chain, draw]) == ((chain + draw) % 3 == 0)
    with xarray.open_dataset(path, group="observed_data", engine=engine) as data:
        assert data["y"].dims == ("y_dim_0",) and data["y"].values.tolist() == [1.5, -2.0, 0.25]
if "netcdf4" in engines:
    with netCDF4.Dataset(path) as file:
        assert list(file.groups) == list(sizes) + ["observed_data"], list(file.groups)
        assert not any(dimension.isunlimited() for group in file.groups.values() for dimension in group.dimensions.values())
print("opened by", engines)
)";
  const auto path = trace_path(scratch.path(), layout.id).string();
  EXPECT_EQ(std::system(("/usr/bin/python3 " + (scratch / "check.py").string() + " " + path).c_str()), 0);
}

TEST(Trace, SinglePrecisionRoundsDrawsAlone) {
  const Scratch scratch;
  const TraceLayout layout = sample_layout(TraceType::single);
  EXPECT_LT(layout.bytes(), sample_layout().bytes());
  merge_trace(scratch.path(), write_all(scratch.path(), layout, 3, 10), layout, "now");
  const TraceFile file(trace_path(scratch.path(), layout.id), true);
  EXPECT_EQ(file.element("posterior", "mu")[3], static_cast<double>(static_cast<float>(value_at(0, 0, 3, 0))));
  EXPECT_EQ(file.element("sample_stats", "lp")[3], value_at(1, 0, 3, 0));
}

TEST(Trace, WhatIsNotANumberHasAPlace) {
  const Scratch scratch;
  TraceLayout layout = sample_layout();
  layout.chains = 1;
  layout.groups = {{"sample_stats", 1, 0, 1, layout.groups[1].variables}};
  std::filesystem::create_directories(scratch / "segments");
  const double nan = std::nan("");
  Manifest manifest{"run", 1, {}, {}};
  manifest.segments.push_back(write_trace_segment(scratch.path(), 1, 0, {{layout.id, 0, {0, 1}, {0, 1}, {nan, nan, nan}}}, {}));
  merge_trace(scratch.path(), manifest, layout, "now");
  const TraceFile file(trace_path(scratch.path(), layout.id));
  EXPECT_TRUE(std::isnan(file.element("sample_stats", "lp")[0]));
  EXPECT_EQ(file.element("sample_stats", "n_steps")[0], -1);
  EXPECT_EQ(file.element("sample_stats", "diverging")[0], 0);
}

TEST(Trace, OneFlippedBitIsNoticed) {
  const Scratch scratch;
  const TraceLayout layout = sample_layout();
  merge_trace(scratch.path(), write_all(scratch.path(), layout, 3, 10), layout, "now");
  const auto path = trace_path(scratch.path(), layout.id);
  for (const auto* name : {"/posterior/mu", "/posterior/theta", "/sample_stats/n_steps", "/warmup_posterior/mu", "/posterior/draw"}) {
    const auto copy = scratch / "copy.nc";
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    EXPECT_NO_THROW(TraceFile(copy, true));
    auto file = open_file(copy, Access::write);
    flip(file, name);
    file.close();
    EXPECT_THROW(TraceFile(copy, true), UserError) << name;
  }
  std::ofstream(scratch / "other.nc") << "nothing";
  EXPECT_THROW(TraceFile(scratch / "other.nc"), UserError);
  EXPECT_THROW(TraceFile(scratch / "none.nc"), UserError);
}

TEST(Trace, MissingDoubleAndForeignBlocksAreTold) {
  const TraceLayout layout = sample_layout();
  const auto merge = [&](const std::vector<TraceBlock>& blocks) {
    const Scratch scratch;
    std::filesystem::create_directories(scratch / "segments");
    Manifest manifest{"run", 1, {}, {}};
    manifest.segments.push_back(write_trace_segment(scratch.path(), 1, 0, blocks, {}));
    std::string error;
    try {
      merge_trace(scratch.path(), manifest, layout, "now");
    } catch (const SystemError& problem) {
      error = problem.what();
    }
    EXPECT_FALSE(std::filesystem::exists(trace_path(scratch.path(), layout.id)) && !error.empty());
    return error;
  };
  std::vector<TraceBlock> whole;
  for (Index g = 0; g < 4; ++g) whole.push_back(block_of(layout, g, {0, kChains}, {0, layout.groups[static_cast<std::size_t>(g)].draws}));
  EXPECT_EQ(merge(whole), "");
  auto blocks = whole;
  blocks.push_back(block_of(layout, 0, {1, 2}, {3, 4}));
  EXPECT_NE(merge(blocks).find("chain 1, draw 5 (it comes twice)"), std::string::npos) << merge(blocks);
  blocks = whole;
  blocks[0] = block_of(layout, 0, {0, 2}, {0, kDraws / 2});
  EXPECT_NE(merge(blocks).find("group 'posterior', chain 2, draw 0 (it is missing)"), std::string::npos) << merge(blocks);
  blocks = whole;
  blocks[0] = block_of(layout, 0, {0, kChains}, {0, kDraws});
  EXPECT_NE(merge(blocks).find("the plan has no such block"), std::string::npos) << merge(blocks);
  EXPECT_THROW((void)merge({{layout.id, 0, {0, 1}, {0, 2}, {1.0}}}), std::invalid_argument);
}

/// 200 MB of draws in blocks of 1 MB: writing and merging hold a few blocks, however many there are.
TEST(Trace, MemoryIsFlatInTheDraws) {
  const Scratch scratch;
  std::filesystem::create_directories(scratch / "segments");
  TraceLayout layout;
  layout.id = "long";
  layout.chains = 2;
  const Index block_draws = 1000;
  const Index blocks = 100;
  layout.groups = {{"posterior", blocks * block_draws, 0, 1, {{"theta", "draws", "1", {125}, TraceType::real}}}};
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // kB
  };
  Manifest manifest{"run", 0, {}, {}};
  const auto before = peak();
  for (Index b = 0; b < blocks; ++b) {
    TraceBlock block{layout.id, 0, {0, 2}, {b * block_draws, (b + 1) * block_draws}, std::vector<double>(250000, static_cast<double>(b))};
    manifest.segments.push_back(write_trace_segment(scratch.path(), b + 1, 0, {block}, {}));
  }
  merge_trace(scratch.path(), manifest, layout, "now");
  EXPECT_GT(std::filesystem::file_size(trace_path(scratch.path(), layout.id)), 200e6);
  EXPECT_LT(peak() - before, 40000);
  const TraceFile file(trace_path(scratch.path(), layout.id));
  EXPECT_EQ(file.element("posterior", "theta", 124).back(), static_cast<double>(blocks - 1));
}

TEST(Trace, OverwritingARunRemovesItsTraces) {
  const Scratch scratch;
  const TraceLayout layout = sample_layout();
  {
    RunDirectory directory(scratch / "run", Existing::refuse, 0);
    merge_trace(directory.path(), write_all(directory.path(), layout, 3, 10), layout, "now");
  }
  std::ofstream(scratch / "run" / "traces" / "notes.txt") << "mine";
  const RunDirectory again(scratch / "run", Existing::overwrite, 0);
  EXPECT_FALSE(std::filesystem::exists(trace_path(again.path(), layout.id)));
  EXPECT_TRUE(std::filesystem::exists(scratch / "run" / "traces" / "notes.txt"));
}

}  // namespace
}  // namespace variscope::store
