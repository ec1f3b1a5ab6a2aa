/// A sample block turned so that lanes are coordinates: partial sums run sample by sample for a whole pack of coordinates at once.
///
/// The arithmetic of a coordinate is that of a scalar loop over the samples in order: it depends neither on the lanes the samples lie in
/// nor on the CPU's vector width.
#pragma once

#include <algorithm>

#include "engine/simd/pack.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::simd {

/// Rows [row, row + kWidth) of up to kLanes samples of a batch; pack i is sample first + i.
class TurnedBlock {
 public:
  /// Rows behind the batch's last repeat it. last - first <= kLanes.
  void take(tiles::ConstBatchView batch, Index row, Index first, Index last) {
    offset_ = first % kWidth;
    Pack* square = packs_;
    for (Index s = first - offset_; s < last; s += kWidth, square += kWidth) {
      const double* lanes = batch.block(s / tiles::kLanes) + s % tiles::kLanes;
      for (Index i = 0; i < kWidth; ++i) square[i] = load(lanes + std::min(row + i, batch.dim - 1) * tiles::kLanes);
      transpose(square);
    }
  }
  [[nodiscard]] Pack operator[](Index i) const { return packs_[offset_ + i]; }

 private:
  Pack packs_[tiles::kLanes + kWidth];  // a block that starts in the middle of a pack touches one more
  Index offset_ = 0;
};

/// x[0..live) as a pack, ones behind; live may exceed the pack.
inline Pack load_live(const double* x, Index live) {
  if (live >= kWidth) return load(x);
  Pack pack = broadcast(1.0);
  for (Index i = 0; i < live; ++i) pack[i] = x[i];
  return pack;
}

/// x[0..live) = pack.
inline void store_live(double* x, Pack pack, Index live) {
  if (live >= kWidth) {
    store(x, pack);
    return;
  }
  for (Index i = 0; i < live; ++i) x[i] = pack[i];
}

}  // namespace variscope::simd
