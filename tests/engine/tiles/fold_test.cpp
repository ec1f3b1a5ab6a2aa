/// NodeFolder against a tree written out naively, with a merge that shows any other order.
#include "engine/tiles/fold.hpp"

#include <numeric>

#include <gtest/gtest.h>

#include "tests/engine/tiles/hash_merge.hpp"

namespace variscope::tiles {
namespace {

constexpr Index kMost = 70;

std::vector<double> folded(NodeFolder& folder, Node node, Index total, std::size_t size) {
  std::vector<double> out(size, -1.0);
  folder.fold(node, total, test::fill_hash_leaf, test::hash_merge, out);
  return out;
}

TEST(Fold, MergeOfTheTestIsNeitherCommutativeNorAssociative) {
  const auto merged = [](std::vector<double> a, const std::vector<double>& b) {
    test::hash_merge(a, b);
    return a;
  };
  const std::vector<double> a{test::hash_leaf(0, 0)};
  const std::vector<double> b{test::hash_leaf(1, 0)};
  const std::vector<double> c{test::hash_leaf(2, 0)};
  EXPECT_NE(merged(a, b), merged(b, a));
  EXPECT_NE(merged(merged(a, b), c), merged(a, merged(b, c)));
}

TEST(Fold, RootIsTheNaiveTree) {
  NodeFolder folder;  // one for all, as threads use it
  for (Index total = 1; total <= kMost; ++total) {
    for (const std::size_t size : {3U, 1U, 17U}) {
      EXPECT_EQ(folded(folder, root(total), total, size), test::naive_tree(total, size, test::fill_hash_leaf, test::hash_merge))
          << total << " leaves of " << size;
    }
  }
}

TEST(Fold, EveryNodeIsItsNaiveSubtree) {
  NodeFolder folder;
  for (Index total = 1; total <= 40; ++total) {
    for (int level = 0; level <= root(total).level; ++level) {
      for (Index index = 0; Node{level, index}.first() < total; ++index) {
        const Node node{level, index};
        EXPECT_EQ(folded(folder, node, total, 2),
                  test::naive_subtree(node.first(), Index{1} << level, total, 2, test::fill_hash_leaf, test::hash_merge));
      }
    }
  }
}

TEST(Fold, LeavesComeOnceEachInOrderIntoZeros) {
  NodeFolder folder;
  for (Index total = 1; total <= kMost; ++total) {
    std::vector<Index> seen;
    const auto leaf = [&](Index index, std::span<double> partial) {
      for (const double x : partial) EXPECT_EQ(x, 0.0);
      seen.push_back(index);
      partial[0] += static_cast<double>(index);
      partial[1] += 1;
    };
    std::vector<double> out{99.0, 99.0};
    folder.fold(root(total), total, leaf, add, out);
    std::vector<Index> expected(static_cast<std::size_t>(total));
    std::iota(expected.begin(), expected.end(), Index{0});
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(2 * out[0], static_cast<double>(total * (total - 1)));
    EXPECT_EQ(out[1], static_cast<double>(total));
  }
}

TEST(Fold, PartialsMayShrinkAndGrowBetweenCalls) {
  // The stack is kept between calls: remains of a larger partial must not show.
  NodeFolder folder;
  for (const std::size_t size : {1000U, 1U, 5000U, 7U}) {
    EXPECT_EQ(folded(folder, root(37), 37, size), test::naive_tree(37, size, test::fill_hash_leaf, test::hash_merge));
  }
}

}  // namespace
}  // namespace variscope::tiles
