/// Units of a replicate: which noise and which rows each gradient estimate has.
#include "experiments/plan/design.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace variscope::experiments {
namespace {

TEST(Design, OneUnitByDefault) {
  const Design one;
  EXPECT_EQ(one.units(), 1);
  EXPECT_EQ(one.units_per_row_set(), 1);
  EXPECT_EQ(one.noise_of(0), 0);
}

TEST(Design, ReplicasHaveNoiseAndRowsOfTheirOwn) {
  for (const NoisePolicy noise : {NoisePolicy::independent, NoisePolicy::split_net}) {
    const Design design = Design::replicas(5, noise, RowPolicy::disjoint);
    EXPECT_EQ(design.units(), 5);
    EXPECT_EQ(design.row_sets, 5);
    EXPECT_EQ(design.noise_sets, 5);
    EXPECT_EQ(design.units_per_row_set(), 1);
    EXPECT_EQ(design.rows, RowPolicy::disjoint);
    for (Index unit = 0; unit < 5; ++unit) EXPECT_EQ(design.noise_of(unit), unit);
  }
}

TEST(Design, SharedNoiseIsOneSet) {
  const Design design = Design::replicas(5, NoisePolicy::shared, RowPolicy::without_replacement);
  EXPECT_EQ(design.units(), 5);
  EXPECT_EQ(design.noise_sets, 1);
  EXPECT_EQ(design.row_sets, 5);
  for (Index unit = 0; unit < 5; ++unit) EXPECT_EQ(design.noise_of(unit), 0);
}

TEST(Design, CrossedUnitsAreEveryPairOnce) {
  for (const Index batches : {2, 3, 7}) {
    for (const Index noise_sets : {1, 2, 5}) {
      const Design design = Design::cross(batches, noise_sets, RowPolicy::with_replacement);
      EXPECT_EQ(design.units(), batches * noise_sets);
      EXPECT_EQ(design.units_per_row_set(), noise_sets);
      std::set<std::pair<Index, Index>> pairs;
      for (Index unit = 0; unit < design.units(); ++unit) {
        // Units with the same row set are neighbours.
        pairs.emplace(unit / design.units_per_row_set(), design.noise_of(unit));
        EXPECT_LT(design.noise_of(unit), noise_sets);
      }
      EXPECT_EQ(static_cast<Index>(pairs.size()), design.units());
    }
  }
}

}  // namespace
}  // namespace variscope::experiments
