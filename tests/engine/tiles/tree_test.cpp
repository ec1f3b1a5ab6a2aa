/// The tree's nodes, and covering nodes of every range: disjoint, maximal, exact, few; one for a balanced share.
#include "engine/tiles/tree.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace variscope::tiles {
namespace {

constexpr Index kMost = 70;

template <class Check>
void for_all_trees(Check&& check, Index most = kMost) {
  for (Index leaves = 1; leaves <= most; ++leaves) {
    for (const Index unit : {1, 2, 4}) {
      SCOPED_TRACE(std::to_string(leaves) + " leaves in units of " + std::to_string(unit));
      check(Tree{leaves, unit});
    }
  }
}

/// Nodes of one level, empty ones too.
Index width(const Tree& tree, int level) { return Index{1} << (tree.root().level - level); }

TEST(Tree, RootCoversAllLeavesAndIsNoHigherThanItMust) {
  for_all_trees(
      [](const Tree& tree) {
        EXPECT_EQ(tree.range(tree.root()), (Range{0, tree.leaves}));
        const auto least = static_cast<double>(std::max(tree.leaves, tree.unit));
        EXPECT_EQ(tree.root().level, static_cast<int>(std::ceil(std::log2(least))));
      },
      1030);
}

TEST(Tree, ChildrenDivideTheirParent) {
  for_all_trees([](const Tree& tree) {
    for (int level = 1; level <= tree.root().level; ++level) {
      for (Index index = 0; index < width(tree, level); ++index) {
        const Node node{level, index};
        EXPECT_EQ(node.left().parent(), node);
        EXPECT_EQ(node.right().parent(), node);
        EXPECT_EQ(tree.range(node.left()).first, tree.range(node).first);
        EXPECT_EQ(tree.range(node.left()).last, tree.range(node.right()).first);
        EXPECT_EQ(tree.range(node.right()).last, tree.range(node).last);
        EXPECT_GE(tree.range(node.left()).size(), 0);
        EXPECT_GE(tree.range(node.right()).size(), 0);
      }
    }
  });
}

TEST(Tree, EveryLeafIsInExactlyOneNodeOfLevelZero) {
  for_all_trees([](const Tree& tree) {
    std::vector<int> seen(static_cast<std::size_t>(tree.leaves));
    for (Index index = 0; index < width(tree, 0); ++index) {
      const Range range = tree.range({0, index});
      EXPECT_LE(range.size(), 1);
      for (Index leaf = range.first; leaf < range.last; ++leaf) ++seen.at(static_cast<std::size_t>(leaf));
    }
    EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
  });
}

TEST(Tree, NodesOfAPowerOfTwoPartsAreBalancedRanges) {
  for_all_trees([](const Tree& tree) {
    const int unit_level = std::countr_zero(static_cast<unsigned>(tree.unit));
    for (int level = unit_level; level <= tree.root().level; ++level) {
      for (Index part = 0; part < width(tree, level); ++part) {
        const Range units = balanced_range(tree.units(), width(tree, level), part);
        EXPECT_EQ(tree.range({level, part}),
                  (Range{std::min(units.first * tree.unit, tree.leaves), std::min(units.last * tree.unit, tree.leaves)}));
      }
    }
  });
}

TEST(Tree, UnitsAreHalvedAtPowersOfTwo) {
  for_all_trees([](const Tree& tree) {
    const int unit_level = std::countr_zero(static_cast<unsigned>(tree.unit));
    for (int level = 0; level <= unit_level; ++level) {
      for (Index first = 0; first < tree.leaves; first += Index{1} << level) {
        const Range range{first, std::min(first + (Index{1} << level), tree.leaves)};
        Index found = 0;
        for (Index index = 0; index < width(tree, level); ++index) found += tree.range({level, index}) == range ? 1 : 0;
        EXPECT_EQ(found, 1) << "leaves [" << range.first << ", " << range.last << ")";
      }
    }
  });
}

TEST(Tree, HugeTreesDoNotOverflow) {
  // Cuts as long double arithmetic has them: 64 bits hold all integers here, k U / 2^d is exact.
  const Tree tree{(Index{1} << 50) - 12345, 4};
  const auto units = static_cast<long double>(tree.units());
  for (const int depth : {1, 5, 13}) {
    for (Index k = 0; k < Index{1} << depth; k += 3) {
      const Range range = tree.range({tree.root().level - depth, k});
      const auto cut = [&](Index i) {
        return std::min(tree.unit * static_cast<Index>(std::ceil(std::ldexp(units * static_cast<long double>(i), -depth))), tree.leaves);
      };
      EXPECT_EQ(range, (Range{cut(k), cut(k + 1)}));
    }
  }
  EXPECT_EQ(tree.range({0, width(tree, 0) - 1}).last, tree.leaves);
}

TEST(CoveringNodes, CoverExactlyInOrder) {
  for_all_trees([](const Tree& tree) {
    for (Index first = 0; first <= tree.leaves; ++first) {
      for (Index last = first; last <= tree.leaves; ++last) {
        Index next = first;
        for (const Node& node : covering_nodes(tree, {first, last})) {
          EXPECT_EQ(tree.range(node).first, next);  // disjoint, and nothing left out
          EXPECT_FALSE(tree.empty(node));
          next = tree.range(node).last;
        }
        EXPECT_EQ(next, last);
      }
    }
  });
}

TEST(CoveringNodes, AreMaximalAndFew) {
  for_all_trees([](const Tree& tree) {
    for (Index first = 0; first < tree.leaves; ++first) {
      for (Index last = first + 1; last <= tree.leaves; ++last) {
        const auto nodes = covering_nodes(tree, {first, last});
        // Two of a level, one on each flank.
        EXPECT_LE(nodes.size(), std::max<std::size_t>(1, 2 * static_cast<std::size_t>(tree.root().level)));
        for (const Node& node : nodes) {
          if (node == tree.root()) continue;
          const Range parent = tree.range(node.parent());
          EXPECT_TRUE(parent.first < first || parent.last > last) << "[" << first << ", " << last << ")";
        }
      }
    }
  });
  EXPECT_EQ(covering_nodes({Index{1} << 40, 1}, {1, (Index{1} << 40) - 1}).size(), 78U);
}

TEST(CoveringNodes, DoNotDependOnTheRange) {
  // A wider range uses the same node or an ancestor of it: ranks never invent nodes.
  for (const Tree tree : {Tree{53, 1}, Tree{53, 4}}) {
    for (Index first = 0; first < tree.leaves; ++first) {
      for (Index last = first + 1; last <= tree.leaves; ++last) {
        for (const Node& node : covering_nodes(tree, {first, last})) {
          const auto alone = covering_nodes(tree, tree.range(node));
          ASSERT_EQ(alone.size(), 1U);
          EXPECT_EQ(alone.front(), node);
        }
      }
    }
  }
}

}  // namespace
}  // namespace variscope::tiles
