/// The tree's nodes, and covering nodes of every range: disjoint, maximal, exact, few.
#include "engine/tiles/tree.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace variscope::tiles {
namespace {

constexpr Index kMost = 70;

TEST(Tree, RootCoversAllLeavesAndNoLowerNodeDoes) {
  for (Index total = 1; total <= 1030; ++total) {
    const Node top = root(total);
    EXPECT_EQ(top.first(), 0);
    EXPECT_EQ(top.last(total), total);
    EXPECT_EQ(top.level, static_cast<int>(std::ceil(std::log2(static_cast<double>(total))))) << total;
    if (top.level > 0) {
      EXPECT_LT(top.left().last(total), total) << total;
    }
  }
}

TEST(Tree, ChildrenDivideTheirParent) {
  for (Index total = 1; total <= kMost; ++total) {
    for (int level = 1; level <= root(total).level; ++level) {
      for (Index index = 0; Node{level, index}.first() < total; ++index) {
        const Node node{level, index};
        EXPECT_EQ(node.left().parent(), node);
        EXPECT_EQ(node.right().parent(), node);
        EXPECT_FALSE(node.left().is_right());
        EXPECT_TRUE(node.right().is_right());
        EXPECT_EQ(node.left().first(), node.first());
        if (node.right().first() < total) {
          EXPECT_EQ(node.left().last(total), node.right().first());
          EXPECT_EQ(node.right().last(total), node.last(total));
        } else {
          EXPECT_EQ(node.left().last(total), node.last(total));  // passes up unmerged
        }
      }
    }
  }
}

TEST(Tree, CoveringNodesCoverExactlyInOrder) {
  for (Index total = 1; total <= kMost; ++total) {
    for (Index first = 0; first <= total; ++first) {
      for (Index last = first; last <= total; ++last) {
        Index next = first;
        for (const Node& node : covering_nodes({first, last}, total)) {
          EXPECT_EQ(node.first(), next);  // disjoint, and nothing left out
          EXPECT_LT(node.first(), total);
          next = node.last(total);
        }
        EXPECT_EQ(next, last);
      }
    }
  }
}

TEST(Tree, CoveringNodesAreMaximal) {
  for (Index total = 1; total <= kMost; ++total) {
    for (Index first = 0; first < total; ++first) {
      for (Index last = first + 1; last <= total; ++last) {
        for (const Node& node : covering_nodes({first, last}, total)) {
          if (node == root(total)) continue;
          const Node parent = node.parent();
          EXPECT_TRUE(parent.first() < first || parent.last(total) > last) << total << ": [" << first << ", " << last << ")";
        }
      }
    }
  }
}

TEST(Tree, CoveringNodesAreFew) {
  // Two per level, one on each flank.
  for (Index total = 2; total <= kMost; ++total) {
    for (Index first = 0; first < total; ++first) {
      for (Index last = first; last <= total; ++last) {
        EXPECT_LE(covering_nodes({first, last}, total).size(), 2 * static_cast<std::size_t>(root(total).level)) << total;
      }
    }
  }
  EXPECT_EQ(covering_nodes({1, (Index{1} << 40) - 1}, Index{1} << 40).size(), 78U);
}

TEST(Tree, NodesInsideTheRangeDoNotDependOnTheRange) {
  // A wider range uses the same node or an ancestor of it: ranks never invent nodes.
  const Index total = 53;
  for (Index first = 0; first < total; ++first) {
    for (Index last = first + 1; last <= total; ++last) {
      for (const Node& node : covering_nodes({first, last}, total)) {
        const auto alone = covering_nodes({node.first(), node.last(total)}, total);
        ASSERT_EQ(alone.size(), 1U);
        EXPECT_EQ(alone.front(), node);
      }
    }
  }
}

}  // namespace
}  // namespace variscope::tiles
