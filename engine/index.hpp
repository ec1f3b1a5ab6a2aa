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

/// Part `part` of `parts` of [0, total), sizes differing by at most one, the larger ones first.
/// parts may exceed total: the last ones are then empty.
inline Range balanced_range(Index total, Index parts, Index part) {
  const Index base = total / parts;
  const Index extra = total % parts;
  const Index first = part * base + (part < extra ? part : extra);
  return {first, first + base + (part < extra ? 1 : 0)};
}

/// The part that owns `index` under balanced_range(total, parts, .).
inline Index balanced_owner(Index total, Index parts, Index index) {
  const Index base = total / parts;
  const Index extra = total % parts;
  const Index cut = extra * (base + 1);
  return index < cut ? index / (base + 1) : extra + (index - cut) / base;
}

}  // namespace variscope
