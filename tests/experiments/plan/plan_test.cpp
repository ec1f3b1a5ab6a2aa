/// The plan of small specs: cells, paths, counts worked out by hand, tiles, shares, memory.
#include "experiments/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "experiments/plan/expand.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::logistic_spec;
using testing::replaced;

class PlanTest : public testing::ProgramTest {
 protected:
  Plan plan(const std::string& text, Index ranks = 1, const LayoutRequest& layout = {}) {
    return make_plan(path(write("s.toml", text)), ranks, 1, layout, "");
  }
  /// A table of `rows` rows with columns a and b.
  void write_data(int rows) {
    std::string text = "a,b,y\n";
    for (int row = 0; row < rows; ++row) text += fmt::format("{},{},{}\n", row, row * row, row % 2);
    write("d.csv", text);
  }
};

TEST_F(PlanTest, CountsWithoutData) {
  // 10 steps of 16 samples along the path; 2 points and the optimum, 64 replicates of 8 samples.
  const Plan p = plan(gaussian_spec("count = 64\nbatches = 8\n", R"("sf_raw", "pw_cfe", "stl")"));
  ASSERT_EQ(p.cells.size(), 1u);
  ASSERT_EQ(p.paths.size(), 1u);
  EXPECT_TRUE(p.data.empty());
  EXPECT_EQ(p.paths[0].dim, 3);
  EXPECT_EQ(p.paths[0].stops, (std::vector<Index>{0, 10}));
  EXPECT_EQ(p.paths[0].labels, (std::vector<std::string>{"0 %", "100 %", "optimum"}));
  EXPECT_EQ(p.paths[0].counts.gradient_evaluations, 10 * 16);
  EXPECT_EQ(p.cells[0].counts.value_evaluations, 3 * 64 * 8);         // sf_raw
  EXPECT_EQ(p.cells[0].counts.gradient_evaluations, 2 * 3 * 64 * 8);  // pw_cfe, stl
  EXPECT_EQ(p.counts.gradient_evaluations, 10 * 16 + 2 * 3 * 64 * 8);
  EXPECT_EQ(p.counts.gradient_rows, 0);
  EXPECT_EQ(p.counts.value_rows, 0);
  EXPECT_EQ(p.replicate_calls, 3 * 64 * 3);
  EXPECT_EQ(p.layout, (cluster::Layout{1, 1, 1}));
}

TEST_F(PlanTest, CountsWithData) {
  write_data(50);
  // pw_kl draws no prior: its gradient rows count, its prior evaluations do not.
  const Plan p = plan(replaced(logistic_spec("d.csv", R"("sf_loo", "pw_kl")", "8", "batch_rows = [\"all\", 20]\n"), "steps = 5",
                               "steps = 6\nbatch_rows = 10\nsamples = 4"));
  ASSERT_EQ(p.cells.size(), 2u);
  ASSERT_EQ(p.data.size(), 1u);
  EXPECT_EQ(p.data[0].width, 3);
  EXPECT_EQ(p.paths[0].counts.gradient_rows, 6 * 4 * 10);
  EXPECT_EQ(p.paths[0].counts.gradient_evaluations, 6 * 4);
  const Index columns = 3 * 16 * 8;
  EXPECT_EQ(p.cells[0].counts.value_rows, columns * 50);
  EXPECT_EQ(p.cells[0].counts.gradient_rows, columns * 50);
  EXPECT_EQ(p.cells[0].counts.value_evaluations, columns);
  EXPECT_EQ(p.cells[0].counts.gradient_evaluations, 0);
  EXPECT_EQ(p.cells[1].counts.value_rows, columns * 20);
  EXPECT_EQ(p.cells[1].counts.gradient_rows, columns * 20);
  EXPECT_EQ(p.counts.gradient_rows, 6 * 4 * 10 + columns * 70);
}

TEST_F(PlanTest, WhatAModelRefusesOfItsDataHasAPlaceInTheSpec) {
  write_data(50);
  const std::string refused =
      replaced(logistic_spec("d.csv"), "name = \"logistic_regression\"", "name = \"logistic_regression\"\nprior_sd = -1.0");
  const auto line = 1 + std::count(refused.begin(), refused.begin() + static_cast<std::ptrdiff_t>(refused.find("prior_sd = -1")), '\n');
  try {
    plan(refused);
    FAIL() << "a negative standard deviation was accepted";
  } catch (const UserError& error) {
    const std::string wanted = fmt::format("s.toml:{}:12: model.prior_sd: must be positive", line);
    EXPECT_NE(std::string(error.what()).find(wanted), std::string::npos) << error.what();
  }
}

TEST_F(PlanTest, ThePathStopsAtTheLastPoint) {
  auto text = replaced(gaussian_spec(), "points = [0, 100]", "points = [0, 50]\noptimum = false");
  EXPECT_EQ(plan(text).paths[0].counts.gradient_evaluations, 5 * 16);
  text = replaced(text, "points = [0, 50]", "points = [0]");
  EXPECT_EQ(plan(text).paths[0].counts.gradient_evaluations, 0);
}

TEST_F(PlanTest, AMonteCarloReferenceIsCounted) {
  write_data(50);
  const auto text = logistic_spec("d.csv") + "[reference]\nmethod = \"monte_carlo\"\nsamples = 640\n";
  // The path's 5 steps of 16 samples; 3 points x 10 replicates of 64; twice the steps of 256 samples towards the optimum.
  EXPECT_EQ(plan(text).paths[0].counts.gradient_evaluations, 5 * 16 + 3 * 10 * 64 + 10 * 256);
  EXPECT_EQ(plan(text).paths[0].counts.gradient_rows, 50 * (5 * 16 + 3 * 10 * 64 + 10 * 256));
}

TEST_F(PlanTest, CellsThatDifferInEstimatorsShareAPath) {
  const Plan samples = plan(replaced(gaussian_spec(), "samples = 8", "samples = [4, 8]"));
  EXPECT_EQ(samples.cells.size(), 2u);
  EXPECT_EQ(samples.paths.size(), 1u);
  const Plan seeds = plan(replaced(gaussian_spec(), "name = \"cheap\"", "name = \"cheap\"\nseed = [1, 2]"));
  EXPECT_EQ(seeds.cells.size(), 2u);
  EXPECT_EQ(seeds.paths.size(), 2u);
}

TEST_F(PlanTest, MinibatchTilesAreCoarserWhileManyRemain) {
  write_data(2000);  // 125 tiles of 16, 63 of 32, 32 of 64, 16 of 128
  const auto coarser = [&](const std::string& batch_rows) {
    return plan(logistic_spec("d.csv", "\"pw_cfe\"", "8", "batch_rows = " + batch_rows + "\n")).cells.at(0).coarser;
  };
  EXPECT_EQ(coarser("\"all\""), 0);
  EXPECT_EQ(coarser("32"), 2);    // 64 x 32 / 2000: about one row a leaf; 16 leaves of 128 do not divide by 3
  EXPECT_EQ(coarser("2000"), 2);  // 64 rows a leaf
  write_data(500);
  EXPECT_EQ(coarser("32"), 0);  // 16 tiles of 32 do not divide by 3
}

TEST(CoarserTilesTest, LeavesFillUpAndStillDivideByFewShards) {
  EXPECT_EQ(coarser_tiles(10000, 256, 500), 1);      // 20 leaves of 25 selected rows
  EXPECT_EQ(coarser_tiles(100000, 1024, 500), 1);    // 49; 25 would not divide by 4
  EXPECT_EQ(coarser_tiles(10000000, 1024, 500), 6);  // 153 leaves of 65536 rows, however few rows are selected
  EXPECT_EQ(coarser_tiles(10000, 16, 10000), 3);     // 128 rows a leaf, all of them selected
  for (Index rows = 40; rows < 4000000; rows = rows * 9 / 7) {
    for (const Index row_tile : {16, 256, 1000, 1024}) {
      for (const Index batch_rows : {Index{1}, rows / 40, rows / 2}) {
        const int c = coarser_tiles(rows, row_tile, batch_rows);
        if (c == 0) continue;
        const Index tile = row_tile << c;
        const Index leaves = (rows + tile - 1) / tile;
        EXPECT_GE(leaves, 16);
        for (const Index shards : {2, 3, 4}) {
          const Index most = (leaves + shards - 1) / shards * tile;
          EXPECT_LE(static_cast<double>(most * shards) / static_cast<double>(rows), 1.1) << rows << " " << tile << " " << shards;
        }
      }
    }
  }
}

TEST_F(PlanTest, SharesAreContiguousBalancedAndOfWholeTiles) {
  write_data(1009);
  const Plan p = plan(logistic_spec("d.csv", "\"pw_cfe\"", "8", "batch_rows = 32\n"));
  const DataPlan& data = p.data.at(0);
  EXPECT_EQ(p.cells.at(0).coarser, 1);
  EXPECT_EQ(data.shard_unit, 2);
  for (const Index shards : {1, 2, 3, 4, 7}) {
    Index row = 0;
    for (Index shard = 0; shard < shards; ++shard) {
      const Range share = data.share(shards, shard);
      EXPECT_EQ(share.first, row);
      EXPECT_TRUE(share.last == 1009 || share.last % 32 == 0);
      EXPECT_LE(share.size(), (1009 + shards - 1) / shards + 32);
      // Finer and coarser tiles divide the rows alike.
      for (const int coarser : {0, 1}) {
        const Range owned = data.tiles(shards, coarser).range(shard);
        EXPECT_EQ(owned.first * (data.row_tile << coarser), share.first);
        EXPECT_EQ(std::min<Index>(owned.last * (data.row_tile << coarser), 1009), share.last);
      }
      row = share.last;
    }
    EXPECT_EQ(row, 1009);
  }
}

TEST_F(PlanTest, PredictedDataMemoryIsAShare) {
  write_data(1024);
  const auto text = logistic_spec("d.csv");
  EXPECT_EQ(plan(text).prediction.data_bytes, 1024 * (3 + 2) * 8);
  EXPECT_EQ(plan(text, 4, {1, 1, 4}).prediction.data_bytes, 256 * (3 + 2) * 8);
  EXPECT_EQ(plan(text).counts.gradient_rows, plan(text, 4, {1, 1, 4}).counts.gradient_rows);
  EXPECT_EQ(plan(text).file_bytes, plan(text, 4, {1, 1, 4}).file_bytes);
}

TEST_F(PlanTest, WideEstimatesTakeMoreWorkSpace) {
  const auto work = [&](const std::string& estimators, const std::string& samples) {
    const Plan p = plan(replaced(gaussian_spec("count = 64\nbatches = 8\n", estimators), "samples = 8", "samples = " + samples));
    return std::pair(p.cells.at(0).columns, p.prediction.work_bytes);
  };
  // mvd takes 4 values a sample and coordinate; a group holds at least one replicate.
  EXPECT_EQ(work("\"pw_cfe\"", "8").first, 8);
  EXPECT_EQ(work("\"pw_cfe\", \"mvd\"", "8").first, 8 * 4 * 3);
  EXPECT_EQ(work("\"mvd\"", "8").second, work("\"pw_cfe\"", "8").second);
  EXPECT_GT(work("\"mvd\"", "8192").second, 10 * work("\"pw_cfe\"", "8").second);
}

TEST_F(PlanTest, TheFileIsAboutAsLargeAsPredicted) {
  const auto text = gaussian_spec("count = 512\nbatches = 256\n", R"("sf_raw", "sf_loo", "pw_cfe", "stl")");
  const double predicted = plan(text).file_bytes;
  ASSERT_EQ(variscope({"run", "s.toml", "--quiet"}).status, 0);
  const auto actual = static_cast<double>(std::filesystem::file_size(work() / "runs/cheap/run.h5"));
  EXPECT_GT(actual, 0.5 * predicted);
  EXPECT_LT(actual, 2.1 * predicted + (1 << 20));
}

// What crossed designs add, beside what every file has.
TEST_F(PlanTest, CrossedDesignsAddToTheFileWhatIsPredicted) {
  write_data(50);
  const auto spec = [](const std::string& more) {
    return replaced(logistic_spec("d.csv", R"("sf_loo", "pw_cfe", "stl")", "8", "batch_rows = 10\n"), "count = 16\nbatches = 8",
                    "count = 256\nbatches = 256") +
           more;
  };
  const auto size = [&](const std::string& text, const std::string& name) {
    const double predicted = plan(text).file_bytes;
    EXPECT_EQ(variscope({"run", "s.toml", "--quiet", "--output", name}).status, 0);
    return std::pair(predicted, static_cast<double>(std::filesystem::file_size(work() / name / "run.h5")));
  };
  const auto plain = size(spec(""), "plain");
  const auto crossed = size(spec("[components]\ndesigns = 256\nrow_sets = 2\nnoise_sets = 2\n"), "crossed");
  EXPECT_NEAR((crossed.second - plain.second) / (crossed.first - plain.first), 1, 0.2);
}

TEST_F(PlanTest, ReplicasAndCrossedDesignsAreCounted) {
  write_data(50);
  const Plan p = plan(logistic_spec("d.csv", R"("sf_loo", "pw_cfe")", "8", "batch_rows = 10\nreplicas = 5\nrow_policy = \"disjoint\"\n") +
                      "[components]\ndesigns = 8\nrow_sets = 3\nnoise_sets = 2\n");
  EXPECT_EQ(p.cells.at(0).design.units(), 5);
  // 3 points x (16 replicates of 5 replicas and 8 designs of 3 x 2) of 8 samples.
  const Index columns = 3 * (16 * 5 + 8 * 6) * 8;
  EXPECT_EQ(p.cells[0].counts.value_rows, columns * 10);
  EXPECT_EQ(p.cells[0].counts.gradient_rows, columns * 10);
}

TEST_F(PlanTest, PoliciesThatTheRowsCannotServeAreRefused) {
  write_data(50);
  const auto with = [](const std::string& more) { return logistic_spec("d.csv", "\"pw_cfe\"", "8", more); };
  EXPECT_NO_THROW(plan(with("batch_rows = 10\nreplicas = 5\nrow_policy = \"disjoint\"\n")));
  EXPECT_THROW(plan(with("batch_rows = 10\nreplicas = 6\nrow_policy = \"disjoint\"\n")), UserError);
  EXPECT_THROW(plan(with("batch_rows = 10\nreplicas = 6\nrow_policy = \"epoch\"\n")), UserError);
  EXPECT_THROW(plan(with("batch_rows = 17\nreplicas = 3\nrow_policy = \"shards\"\n")), UserError);
  EXPECT_NO_THROW(plan(with("batch_rows = 16\nreplicas = 3\nrow_policy = \"shards\"\n")));
  EXPECT_NO_THROW(plan(with("batch_rows = 10\nreplicas = 6\n")));
  const auto said = [&](const std::string& text) -> std::string {
    try {
      plan(text);
    } catch (const UserError& e) {
      return e.what();
    }
    return "accepted";
  };
  const std::string many = said(with("batch_rows = 1\nreplicas = 51\nrow_policy = \"shards\"\n"));
  EXPECT_NE(many.find("51 fixed shards of 50 rows"), std::string::npos) << many;
  const std::string net = "batch_rows = 10\nreplicas = 2\nnoise_policy = \"split_net\"\n";
  EXPECT_NE(said(with(net)).find("finds no net to split"), std::string::npos) << said(with(net));
  EXPECT_EQ(said(logistic_spec("d.csv", "\"pw_cfe\", \"pw_rqmc\"", "8", net)), "accepted");
  EXPECT_THROW(plan(with("") + "[components]\ndesigns = 8\n"), UserError);  // all rows: no data noise to tell apart
}

TEST_F(PlanTest, AllRowsBesideMinibatchesAreCrossedWithNothing) {
  write_data(50);
  const Plan p = plan(logistic_spec("d.csv", R"("pw_cfe")", "8", "batch_rows = [10, \"all\"]\n") +
                      "[components]\ndesigns = 8\nrow_sets = 3\nnoise_sets = 2\n");
  ASSERT_EQ(p.cells.size(), 2u);
  // 3 points x (16 replicates and 8 designs of 3 x 2, or of 1 x 2) of 8 samples.
  EXPECT_EQ(p.cells[0].counts.gradient_rows, 3 * (16 + 8 * 6) * 8 * 10);
  EXPECT_EQ(p.cells[1].counts.gradient_rows, 3 * (16 + 8 * 2) * 8 * 50);
  const Design design = component_design(p.cells[1].settings);
  EXPECT_EQ(design.units(), 2);
  EXPECT_EQ(design.noise_of(1), 1);
}

TEST_F(PlanTest, BoundsNeedAllRowsAndAPath) {
  const auto bound = [&](const std::string& text) {
    return plan("objective = \"importance_bound\"\n" + replaced(text, "steps = ", "samples = 8\nsteps = ")).cells.at(0);
  };
  const auto gaussian = gaussian_spec("count = 64\nbatches = 8\n", R"("iwae", "dreg", "pw_cfe")");
  EXPECT_EQ(bound(gaussian).estimators, (std::vector<std::string>{"iwae", "dreg"}));
  EXPECT_THROW(bound(gaussian + "[family]\nname = \"gaussian_mixture\"\n"), UserError);
  write_data(50);
  EXPECT_NO_THROW(bound(logistic_spec("d.csv", "\"dreg\"")));
  EXPECT_THROW(bound(logistic_spec("d.csv", "\"dreg\"", "8", "batch_rows = 10\n")), UserError);
  EXPECT_THROW(bound(replaced(logistic_spec("d.csv", "\"dreg\""), "steps = 5", "steps = 5\nbatch_rows = 10")), UserError);
}

TEST_F(PlanTest, WhatCannotBePlannedIsRefused) {
  EXPECT_THROW(plan(replaced(gaussian_spec(), "samples = 8", "samples = 8\nbatch_rows = 4")), UserError);
  EXPECT_THROW(plan(gaussian_spec() + "[family]\ninitial_mean = [0, 0]\n"), UserError);
  EXPECT_THROW(plan(gaussian_spec() + "[limits]\nmemory_gib = 0.000001\n"), UserError);
  write_data(50);
  EXPECT_THROW(plan(replaced(logistic_spec("d.csv"), "steps = 5", "steps = 5\nbatch_rows = 51")), UserError);
  EXPECT_NO_THROW(plan(replaced(logistic_spec("d.csv"), "steps = 5", "steps = 5\nbatch_rows = 50")));
}

}  // namespace
}  // namespace variscope::experiments
