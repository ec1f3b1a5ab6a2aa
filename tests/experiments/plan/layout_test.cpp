/// Layouts: chosen for balance, kept as asked for, refused with the nearest number of ranks that divides.
#include "experiments/plan/layout.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/error.hpp"

namespace variscope::experiments {
namespace {

/// A plan of one cell, with data if rows > 0.
Plan plan(Index batches, Index count, Index samples, Index rows = 0) {
  Plan p;
  CellPlan& cell = p.cells.emplace_back();
  cell.settings.replicates.batches = batches;
  cell.settings.replicates.count = count;
  cell.settings.estimators.samples = samples;
  PathPlan& path = p.paths.emplace_back();
  path.dim = 2;
  path.settings.model.name = rows > 0 ? "logistic_regression" : "banana";
  if (rows > 0) {
    path.data = 0;
    DataPlan& data = p.data.emplace_back();
    data.rows = rows;
    data.row_tile = 16;
  }
  return p;
}

std::string refusal(const Plan& p, Index ranks, const LayoutRequest& request) {
  try {
    const auto layout = choose_layout(p, ranks, request);
    return "accepted " + layout.text();
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(ChooseLayout, ReplicatesFirstThenSamplesThenShards) {
  const Plan p = plan(8, 64, 32, 1024);
  EXPECT_EQ(choose_layout(p, 8, {}), (cluster::Layout{8, 1, 1}));
  EXPECT_EQ(choose_layout(p, 16, {}), (cluster::Layout{8, 2, 1}));
  EXPECT_EQ(choose_layout(p, 32, {}), (cluster::Layout{8, 4, 1}));
  EXPECT_EQ(choose_layout(p, 64, {}), (cluster::Layout{8, 4, 2}));
  EXPECT_EQ(choose_layout(p, 1024, {}), (cluster::Layout{8, 4, 32}));
  EXPECT_EQ(choose_layout(p, 1, {}), (cluster::Layout{1, 1, 1}));
}

TEST(ChooseLayout, KeepsTheAxesAskedFor) {
  const Plan p = plan(8, 64, 32, 1024);
  EXPECT_EQ(choose_layout(p, 8, {0, 0, 4}), (cluster::Layout{2, 1, 4}));
  EXPECT_EQ(choose_layout(p, 8, {0, 4, 0}), (cluster::Layout{2, 4, 1}));
  EXPECT_EQ(choose_layout(p, 8, {1, 0, 0}), (cluster::Layout{1, 4, 2}));
  EXPECT_EQ(choose_layout(p, 8, {2, 2, 2}), (cluster::Layout{2, 2, 2}));
}

TEST(ChooseLayout, NoRankIsMoreThanATenthBusierThanTheMean) {
  const Plan p = plan(16, 64, 32, 1009);  // 64 tiles of 16 rows
  std::string reason;
  for (Index ranks = 1; ranks <= 300; ++ranks) {
    try {
      const auto layout = choose_layout(p, ranks, {});
      EXPECT_EQ(layout.ranks(), ranks);
      EXPECT_LE(imbalance(p, layout, reason), 1.1) << layout.text();
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("--ranks"), std::string::npos);
    }
  }
  EXPECT_EQ(imbalance(p, {1, 1, 1}, reason), 1);
  EXPECT_GT(imbalance(p, {3, 1, 1}, reason), 1.1);
  EXPECT_EQ(reason, "the batches of replicates do not divide evenly by 3");
  EXPECT_GT(imbalance(p, {1, 3, 1}, reason), 1.1);
  EXPECT_EQ(reason, "the blocks of 8 samples do not divide evenly by 3");
  EXPECT_GT(imbalance(p, {1, 1, 60}, reason), 1.1);
  EXPECT_EQ(reason, "the data's row tiles do not divide evenly by 60");
}

TEST(ChooseLayout, RefusesWithTheNearestNumberOfRanksThatWorks) {
  const Plan p = plan(8, 64, 8);
  EXPECT_EQ(refusal(p, 7, {}),
            "--ranks 7: more ranks than work (no division over replicates, replicas, sample blocks and data shards keeps all ranks equally "
            "busy). "
            "Use --ranks 8, the nearest that divides.");
  EXPECT_EQ(refusal(p, 9, {}).substr(0, 11), "--ranks 9: ");
  EXPECT_NE(refusal(p, 9, {}).find("Use --ranks 8, the nearest that divides."), std::string::npos);
  EXPECT_NE(refusal(p, 100000, {}).find("Use --ranks 8, the nearest that divides."), std::string::npos);
  EXPECT_EQ(
      refusal(p, 2, {1, 1, 2}),
      "--ranks 2: more ranks than work (the data's row tiles do not divide evenly by 2). Use --layout replicates=2,samples=1,shards=1.");
  EXPECT_EQ(refusal(p, 8, {3, 0, 0}),
            "--layout: 3 ranks asked for by the layout do not make 8 ranks (the product must divide). Use --ranks 6.");
  EXPECT_EQ(refusal(p, 4, {2, 1, 1}),
            "--layout: 2 ranks asked for by the layout do not make 4 ranks (the product must divide). Use --ranks 2.");
}

TEST(ChooseLayout, WhatARefusalProposesIsAccepted) {
  const Plan p = plan(12, 100, 24, 569);
  int refused = 0;
  for (Index ranks = 1; ranks <= 60; ++ranks) {
    const std::string text = refusal(p, ranks, {});
    if (text.starts_with("accepted")) continue;
    ++refused;
    const std::string label = "Use --ranks ";
    const std::size_t at = text.find(label);
    ASSERT_NE(at, std::string::npos) << text;
    EXPECT_TRUE(refusal(p, std::stoll(text.substr(at + label.size())), {}).starts_with("accepted")) << text;
  }
  EXPECT_GT(refused, 10);
}

/// The same with R replicas, and crossed designs of `row_sets` row sets if that is more than 0.
Plan with_replicas(Plan p, Index replicas, Index row_sets = 0) {
  CellPlan& cell = p.cells.back();
  cell.settings.estimators.replicas = replicas;
  cell.design = Design::replicas(replicas, NoisePolicy::independent, RowPolicy::without_replacement);
  cell.settings.components.designs = row_sets > 0 ? 64 : 0;
  if (row_sets > 0) cell.settings.components.row_sets = row_sets;
  cell.settings.estimators.batch_rows = row_sets > 0 ? 8 : 0;
  return p;
}

TEST(ChooseLayout, ReplicasComeBetweenReplicatesAndSamples) {
  const Plan p = with_replicas(plan(8, 64, 32, 1024), 4);
  EXPECT_EQ(choose_layout(p, 8, {}), (cluster::Layout{8, 1, 1, 1}));
  EXPECT_EQ(choose_layout(p, 32, {}), (cluster::Layout{8, 1, 1, 4}));
  EXPECT_EQ(choose_layout(p, 128, {}), (cluster::Layout{8, 4, 1, 4}));
  EXPECT_EQ(choose_layout(p, 256, {}), (cluster::Layout{8, 4, 2, 4}));
  EXPECT_EQ(choose_layout(p, 8, {0, 0, 0, 2}), (cluster::Layout{4, 1, 1, 2}));
  EXPECT_EQ(choose_layout(p, 8, {1, 0, 0, 2}), (cluster::Layout{1, 4, 1, 2}));
  EXPECT_EQ(choose_layout(p, 8, {2, 2, 1, 2}), (cluster::Layout{2, 2, 1, 2}));
  // A layout as it is printed leaves one replica out.
  EXPECT_EQ(choose_layout(p, 4, {2, 2, 1}), (cluster::Layout{2, 2, 1, 1}));
  EXPECT_EQ(refusal(p, 8, {2, 2, 1}),
            "--layout: 4 ranks asked for by the layout do not make 8 ranks (the product must divide). Use --ranks 4.");
}

TEST(ChooseLayout, ReplicasOfEveryCellAndRowSetsOfItsCrossedDesignsMustDivide) {
  const Plan four = with_replicas(plan(8, 64, 8), 4);
  std::string reason;
  EXPECT_EQ(imbalance(four, {1, 1, 1, 2}, reason), 1);
  EXPECT_EQ(imbalance(four, {1, 1, 1, 4}, reason), 1);
  EXPECT_EQ(imbalance(four, {1, 1, 1, 3}, reason), 1.5);  // two of four, where the mean is four thirds
  EXPECT_EQ(reason, "the replicas of an estimate do not divide evenly by 3");
  EXPECT_EQ(refusal(four, 3, {0, 0, 0, 3}),
            "--ranks 3: more ranks than work (the replicas of an estimate do not divide evenly by 3). Use --ranks 2, the nearest that "
            "divides.");
  EXPECT_EQ(refusal(four, 8, {1, 1, 1, 8}),
            "--ranks 8: more ranks than work (the replicas of an estimate do not divide evenly by 8). Use --layout "
            "replicates=8,samples=1,shards=1.");
  EXPECT_NE(refusal(four, 33, {}).find("Use --ranks 32, the nearest that divides."), std::string::npos);
  EXPECT_EQ(refusal(four, 32, {1, 1, 32, 1}),
            "--ranks 32: more ranks than work (the data's row tiles do not divide evenly by 32). Use --layout "
            "replicates=8,replicas=4,samples=1,shards=1.");
  // Twenty-one replicas by two: eleven and ten.
  EXPECT_EQ(refusal(with_replicas(plan(8, 64, 8), 21), 2, {0, 0, 0, 2}), "accepted replicates=1,replicas=2,samples=1,shards=1");

  EXPECT_EQ(refusal(with_replicas(plan(8, 64, 8), 4, 8), 4, {0, 0, 0, 4}), "accepted replicates=1,replicas=4,samples=1,shards=1");
  EXPECT_EQ(refusal(with_replicas(plan(8, 64, 8), 4, 6), 4, {0, 0, 0, 4}).substr(0, 11), "--ranks 4: ");
  EXPECT_EQ(refusal(with_replicas(plan(8, 64, 8), 1, 8), 2, {0, 0, 0, 2}).substr(0, 11), "--ranks 2: ");

  Plan two = four;
  two.cells.push_back(plan(8, 64, 8).cells.front());
  EXPECT_EQ(refusal(two, 2, {0, 0, 0, 2}).substr(0, 11), "--ranks 2: ");
  EXPECT_EQ(choose_layout(two, 2, {}), (cluster::Layout{2, 1, 1, 1}));
}

TEST(ChooseLayout, EveryCellMustDivide) {
  Plan p = plan(8, 64, 32);
  p.cells.push_back(p.cells.front());
  p.cells.back().settings.estimators.samples = 8;
  EXPECT_EQ(refusal(p, 2, {1, 2, 1}).substr(0, 11), "--ranks 2: ");
  EXPECT_EQ(choose_layout(p, 2, {}), (cluster::Layout{2, 1, 1}));
}

}  // namespace
}  // namespace variscope::experiments
