/// Who owns which leaves: contiguous, balanced, whole units, and the same rows for finer and coarser tiles.
#include "cluster/topology/ownership.hpp"

#include <gtest/gtest.h>

namespace variscope::cluster {
namespace {

template <class Check>
void for_all(Check&& check) {
  for (Index leaves = 1; leaves <= 70; ++leaves) {
    for (const Index unit : {1, 2, 4, 8}) {
      for (Index parts = 1; parts <= 20; ++parts) check(Ownership{leaves, unit, parts});
    }
  }
}

TEST(Ownership, RangesFollowOneAnotherAndCoverAll) {
  for_all([](const Ownership& o) {
    Index next = 0;
    for (Index part = 0; part < o.parts; ++part) {
      const Range range = o.range(part);
      EXPECT_EQ(range.first, next);
      EXPECT_GE(range.size(), 0);
      next = range.last;
    }
    EXPECT_EQ(next, o.leaves);
  });
}

TEST(Ownership, OwnerIsThePartWhoseRangeContainsTheLeaf) {
  for_all([](const Ownership& o) {
    for (Index leaf = 0; leaf < o.leaves; ++leaf) EXPECT_TRUE(o.range(o.owner(leaf)).contains(leaf)) << leaf;
  });
}

TEST(Ownership, SharesDifferByOneUnitAtMost) {
  for_all([](const Ownership& o) {
    Index least = o.leaves;
    Index most = 0;
    for (Index part = 0; part < o.parts; ++part) {
      const Range range = o.range(part);
      EXPECT_TRUE(range.first % o.unit == 0 || range.first == o.leaves);
      const Index units = (range.size() + o.unit - 1) / o.unit;
      least = std::min(least, units);
      most = std::max(most, units);
    }
    EXPECT_LE(most - least, 1);
  });
}

TEST(Ownership, FinerAndCoarserTilesShareOneDivision) {
  // What the plan relies on: tiles 2^c times as coarse, in units 2^c times as small, begin and end at the same rows.
  for (Index fine = 1; fine <= 70; ++fine) {
    for (Index parts = 1; parts <= 12; ++parts) {
      const Ownership base{fine, 4, parts};
      for (const int coarser : {1, 2}) {
        const Index factor = Index{1} << coarser;
        const Ownership coarse{(fine + factor - 1) / factor, 4 / factor, parts};
        for (Index part = 0; part < parts; ++part) {
          const Range range = coarse.range(part);
          EXPECT_EQ((Range{std::min(range.first * factor, fine), std::min(range.last * factor, fine)}), base.range(part));
        }
      }
    }
  }
}

TEST(Ownership, AnswersAtOnceForManyRanks) {
  const Ownership o{Index{1} << 40, 4, 1000003};
  for (const Index part : {Index{0}, Index{1}, Index{500000}, Index{1000002}}) {
    EXPECT_EQ(o.owner(o.range(part).first), part);
    EXPECT_EQ(o.owner(o.range(part).last - 1), part);
  }
}

TEST(Ownership, MoreRanksThanUnitsLeavesTheLastEmpty) {
  const Ownership o{5, 2, 7};
  EXPECT_EQ(o.range(0), (Range{0, 2}));
  EXPECT_EQ(o.range(2), (Range{4, 5}));
  for (Index part = 3; part < 7; ++part) EXPECT_EQ(o.range(part).size(), 0);
}

}  // namespace
}  // namespace variscope::cluster
