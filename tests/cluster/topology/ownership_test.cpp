/// Who owns which leaves: contiguous, balanced, whole units, and the same rows for finer and coarser tiles.
#include "cluster/topology/ownership.hpp"

#include <bit>

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

TEST(Ownership, MoreRanksThanUnitsLeavesSomeEmptyButNeverTheFirst) {
  for_all([](const Ownership& o) {
    if (o.parts <= o.units()) return;
    Index busy = 0;
    for (Index part = 0; part < o.parts; ++part) busy += o.range(part).size() > 0 ? 1 : 0;
    EXPECT_EQ(busy, o.units());
    EXPECT_GT(o.range(0).size(), 0);
  });
}

TEST(Ownership, ThirtySixTilesOfTwoRanksAreTwoNodes) {
  const Ownership o{36, 1, 2};
  EXPECT_EQ(o.nodes(0), (std::vector<tiles::Node>{{5, 0}}));
  EXPECT_EQ(o.nodes(1), (std::vector<tiles::Node>{{5, 1}}));
  EXPECT_EQ(o.range(1), (Range{18, 36}));
}

TEST(Ownership, NodesMakeUpThePartAndAPowerOfTwoNeedsOneEach) {
  for_all([](const Ownership& o) {
    for (Index part = 0; part < o.parts; ++part) {
      Index next = o.range(part).first;
      for (const tiles::Node& node : o.nodes(part)) {
        EXPECT_EQ(o.tree().range(node).first, next);
        next = o.tree().range(node).last;
      }
      EXPECT_EQ(next, o.range(part).last);
      if (std::has_single_bit(static_cast<unsigned>(o.parts)) && o.range(part).size() > 0) {
        EXPECT_EQ(o.nodes(part).size(), 1U) << o.leaves << " leaves, unit " << o.unit << ", part " << part << " of " << o.parts;
      }
    }
  });
}

}  // namespace
}  // namespace variscope::cluster
