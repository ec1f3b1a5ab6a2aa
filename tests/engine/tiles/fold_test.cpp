/// NodeFolder against a tree written out naively, with a merge that shows any other order.
#include "engine/tiles/fold.hpp"

#include <numeric>
#include <string>

#include <gtest/gtest.h>

#include "tests/engine/tiles/hash_merge.hpp"

namespace variscope::tiles {
namespace {

constexpr Index kMost = 70;

std::vector<double> folded(NodeFolder& folder, const Tree& tree, Node node, std::size_t size) {
  std::vector<double> out(size, -1.0);
  folder.fold(tree, node, test::fill_hash_leaf, test::hash_merge, out);
  return out;
}

std::vector<double> naive(const Tree& tree, std::size_t size) {
  return test::naive_tree(tree.leaves, tree.unit, size, test::fill_hash_leaf, test::hash_merge);
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
  for (Index leaves = 1; leaves <= kMost; ++leaves) {
    for (const Index unit : {1, 2, 4, 128}) {
      const Tree tree{leaves, unit};
      for (const std::size_t size : {3U, 1U, 17U}) {
        EXPECT_EQ(folded(folder, tree, tree.root(), size), naive(tree, size)) << leaves << " leaves of " << size << ", unit " << unit;
      }
    }
  }
}

TEST(Fold, UnitsAreAnotherTree) {
  // The check above can fail: 7 leaves make one tree in units of 1 and of 2, but 6 leaves are 3 + 3 and 4 + 2.
  EXPECT_EQ(naive({7, 1}, 1), naive({7, 2}, 1));
  EXPECT_NE(naive({6, 1}, 1), naive({6, 2}, 1));
  EXPECT_NE(naive({36, 1}, 1), naive({36, 64}, 1));
}

TEST(Fold, SmallTreesAsWrittenByHand) {
  const auto brackets = [](const Tree& tree) {
    // Words instead of sums: a partial holds the number of its word.
    std::vector<std::string> words;
    const auto word = [&](double x) { return words[static_cast<std::size_t>(x)]; };
    const auto put = [&](std::span<double> at, const std::string& text) {
      at[0] = static_cast<double>(words.size());
      words.push_back(text);
    };
    std::vector<double> out(1);
    NodeFolder().fold(
        tree, tree.root(), [&](Index leaf, std::span<double> partial) { put(partial, std::to_string(leaf)); },
        [&](std::span<double> left, std::span<const double> right) { put(left, "(" + word(left[0]) + " " + word(right[0]) + ")"); }, out);
    return word(out[0]);
  };
  EXPECT_EQ(brackets({1, 1}), "0");
  EXPECT_EQ(brackets({3, 1}), "((0 1) 2)");
  EXPECT_EQ(brackets({5, 1}), "(((0 1) 2) (3 4))");
  EXPECT_EQ(brackets({6, 1}), "(((0 1) 2) ((3 4) 5))");
  EXPECT_EQ(brackets({6, 2}), "(((0 1) (2 3)) (4 5))");
  EXPECT_EQ(brackets({6, 8}), "(((0 1) (2 3)) (4 5))");
  EXPECT_EQ(brackets({7, 1}), "(((0 1) (2 3)) ((4 5) 6))");
  EXPECT_EQ(brackets({9, 2}), "((((0 1) (2 3)) (4 5)) ((6 7) 8))");
}

TEST(Fold, EveryNodeIsItsNaiveSubtree) {
  NodeFolder folder;
  for (Index leaves = 1; leaves <= 40; ++leaves) {
    for (const Index unit : {1, 4}) {
      const Tree tree{leaves, unit};
      const int unit_level = unit == 1 ? 0 : 2;
      for (int level = 0; level <= tree.root().level; ++level) {
        for (Index index = 0; index < Index{1} << (tree.root().level - level); ++index) {
          const Node node{level, index};
          if (tree.empty(node)) continue;
          const std::vector<double> expected =
              level < unit_level
                  ? test::naive_subtree(tree.range(node).first, Index{1} << level, leaves, 2, test::fill_hash_leaf, test::hash_merge)
                  : test::naive_units(Index{1} << (tree.root().level - level), index, leaves, unit, 2, test::fill_hash_leaf,
                                      test::hash_merge);
          EXPECT_EQ(folded(folder, tree, node, 2), expected);
        }
      }
    }
  }
}

TEST(Fold, LeavesComeOnceEachInOrderIntoZeros) {
  NodeFolder folder;
  for (Index leaves = 1; leaves <= kMost; ++leaves) {
    for (const Index unit : {1, 2, 4}) {
      const Tree tree{leaves, unit};
      std::vector<Index> seen;
      Index merges = 0;
      const auto leaf = [&](Index index, std::span<double> partial) {
        for (const double x : partial) EXPECT_EQ(x, 0.0);
        seen.push_back(index);
        partial[0] += static_cast<double>(index);
        partial[1] += 1;
      };
      const auto merge = [&](std::span<double> left, std::span<const double> right) {
        ++merges;
        add(left, right);
      };
      std::vector<double> out{99.0, 99.0};
      folder.fold(tree, tree.root(), leaf, merge, out);
      std::vector<Index> expected(static_cast<std::size_t>(leaves));
      std::iota(expected.begin(), expected.end(), Index{0});
      EXPECT_EQ(seen, expected);
      EXPECT_EQ(merges, leaves - 1);  // empty nodes are not merged
      EXPECT_EQ(2 * out[0], static_cast<double>(leaves * (leaves - 1)));
      EXPECT_EQ(out[1], static_cast<double>(leaves));
    }
  }
}

TEST(Fold, PartialsMayShrinkAndGrowBetweenCalls) {
  // The stack is kept between calls: remains of a larger partial must not show.
  NodeFolder folder;
  const Tree tree{37, 2};
  for (const std::size_t size : {1000U, 1U, 5000U, 7U}) EXPECT_EQ(folded(folder, tree, tree.root(), size), naive(tree, size));
}

}  // namespace
}  // namespace variscope::tiles
