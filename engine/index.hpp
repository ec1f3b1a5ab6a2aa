/// The one integer type that counts things.
#pragma once

#include <cstdint>

namespace variscope {

/// Rows, samples, replicates, tiles: signed, so that differences are safe.
using Index = std::int64_t;

/// A half-open range [first, last) of global indices.
struct Range {
  Index first = 0;
  Index last = 0;
  [[nodiscard]] Index size() const { return last - first; }
  [[nodiscard]] bool contains(Index i) const { return i >= first && i < last; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// Part `part` of `parts` of [0, total): [ceil(part total / parts), ceil((part + 1) total / parts)). Sizes differ by at most one; the
/// first is the largest. parts may exceed total: some are then empty, never the first. A power of two more parts only cuts the parts,
/// which is why balanced ranges are nodes of tiles::Tree. O(1).
inline Range balanced_range(Index total, Index parts, Index part) {
  __extension__ using Wide = unsigned __int128;  // the product may have twice as many bits
  const auto cut = [&](Index p) {
    return static_cast<Index>((static_cast<Wide>(p) * static_cast<Wide>(total) + static_cast<Wide>(parts - 1)) / static_cast<Wide>(parts));
  };
  return {cut(part), cut(part + 1)};
}

/// The part that owns `index` under balanced_range(total, parts, .).
inline Index balanced_owner(Index total, Index parts, Index index) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<Index>(static_cast<Wide>(index) * static_cast<Wide>(parts) / static_cast<Wide>(total));
}

}  // namespace variscope
