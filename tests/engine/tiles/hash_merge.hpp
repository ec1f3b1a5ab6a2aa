/// A merge that forgives nothing: exchange, regroup or drop one operand and all bits change. And a tree written out naively.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::test {

/// The finaliser of SplitMix64.
inline std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// A double in [1, 2) made of 52 hash bits.
inline double hashed(std::uint64_t x) { return std::bit_cast<double>((mix(x) >> 12) | 0x3ff0000000000000U); }

/// left = hash of (left, right), element by element: neither commutative nor associative.
inline void hash_merge(std::span<double> left, std::span<const double> right) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    left[i] = hashed(std::bit_cast<std::uint64_t>(left[i]) * 3 + std::rotl(std::bit_cast<std::uint64_t>(right[i]), 17));
  }
}

/// Element `element` of leaf `leaf`.
inline double hash_leaf(Index leaf, std::size_t element) { return hashed(static_cast<std::uint64_t>(leaf) * 1000003U + element); }

/// Fills the partial of one leaf.
inline void fill_hash_leaf(Index leaf, std::span<double> partial) {
  for (std::size_t i = 0; i < partial.size(); ++i) partial[i] = hash_leaf(leaf, i);
}

using LeafFunction = std::function<void(Index, std::span<double>)>;
using MergeFunction = std::function<void(std::span<double>, std::span<const double>)>;

/// Leaves [first, first + width) cut at `total`, width a power of two: split in the middle, merge if the right half exists.
inline std::vector<double> naive_subtree(Index first, Index width, Index total, std::size_t size, const LeafFunction& leaf,
                                         const MergeFunction& merge) {
  if (width == 1) {
    std::vector<double> partial(size, 0.0);
    leaf(first, partial);
    return partial;
  }
  std::vector<double> left = naive_subtree(first, width / 2, total, size, leaf, merge);
  if (first + width / 2 >= total) return left;
  merge(left, naive_subtree(first + width / 2, width / 2, total, size, leaf, merge));
  return left;
}

/// The least unit u with u / units >= part / parts, by looking.
inline Index naive_cut(Index units, Index parts, Index part) {
  Index unit = 0;
  while (unit * parts < part * units) ++unit;
  return unit;
}

/// Part `part` of `parts` of the units, parts a power of two, cut further until parts >= units. Nothing if there is no unit in it.
inline std::vector<double> naive_units(Index parts, Index part, Index leaves, Index unit, std::size_t size, const LeafFunction& leaf,
                                       const MergeFunction& merge) {
  const Index units = (leaves + unit - 1) / unit;
  const Index first = naive_cut(units, parts, part);
  if (first == naive_cut(units, parts, part + 1)) return {};
  if (parts >= units) return naive_subtree(first * unit, unit, leaves, size, leaf, merge);
  std::vector<double> left = naive_units(2 * parts, 2 * part, leaves, unit, size, leaf, merge);
  std::vector<double> right = naive_units(2 * parts, 2 * part + 1, leaves, unit, size, leaf, merge);
  if (left.empty()) return right;
  if (!right.empty()) merge(left, right);
  return left;
}

/// The whole tree over `leaves` leaves in units of `unit`.
inline std::vector<double> naive_tree(Index leaves, Index unit, std::size_t size, const LeafFunction& leaf, const MergeFunction& merge) {
  return naive_units(1, 0, leaves, unit, size, leaf, merge);
}

}  // namespace variscope::test
