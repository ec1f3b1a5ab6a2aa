/// The layout of a batch: lane blocks of eight columns, 64-byte aligned, sliced without copying.
#include "engine/tiles/batch.hpp"

#include <cstdint>
#include <set>

#include <gtest/gtest.h>

namespace variscope::tiles {
namespace {

TEST(Batch, ElementsLieInLaneBlocks) {
  Batch batch(3, 21);
  EXPECT_EQ(batch.blocks(), 3);
  EXPECT_EQ(batch.size(), 3 * 3 * 8);
  std::set<const double*> places;
  for (Index s = 0; s < batch.count(); ++s) {
    for (Index d = 0; d < batch.dim(); ++d) {
      EXPECT_EQ(&batch(d, s), batch.data() + (s / 8) * 3 * 8 + d * 8 + s % 8);
      EXPECT_EQ(&batch(d, s), batch.view().block(s / 8) + d * 8 + s % 8);
      places.insert(&batch(d, s));
    }
  }
  EXPECT_EQ(places.size(), 63U);
}

TEST(Batch, StartsZeroAndAligned) {
  for (const Index dim : {1, 2, 5, 31}) {
    for (const Index count : {1, 7, 8, 9, 64, 65}) {
      const Batch batch(dim, count);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.data()) % 64, 0U);
      EXPECT_EQ(batch.blocks(), (count + 7) / 8);
      for (Index k = 0; k < batch.size(); ++k) EXPECT_EQ(batch.data()[k], 0.0);  // padding lanes too
    }
  }
}

TEST(Batch, ResizeKeepsItsMemoryWhereItSuffices) {
  Batch batch(10, 64);
  const double* before = batch.data();
  batch.resize(3, 17);
  EXPECT_EQ(batch.data(), before);
  EXPECT_EQ(batch.dim(), 3);
  EXPECT_EQ(batch.count(), 17);
  batch.resize(80, 8);
  EXPECT_EQ(batch.data(), before);
  batch.resize(81, 8);
  EXPECT_EQ(batch.size(), 81 * 8);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.data()) % 64, 0U);
  batch.set_zero();
  EXPECT_EQ(batch(80, 7), 0.0);
}

TEST(Batch, SlicesAreViewsOfWholeBlocks) {
  Batch batch(2, 21);
  const BatchView all = batch.view();
  const BatchView middle = all.slice(1, 2);
  EXPECT_EQ(middle.count, 8);
  EXPECT_EQ(middle.blocks(), 1);
  middle(1, 3) = 4.5;
  EXPECT_EQ(batch(1, 11), 4.5);
  const BatchView tail = all.slice(1, 3);
  EXPECT_EQ(tail.count, 13);
  EXPECT_EQ(&tail(0, 12), &batch(0, 20));
  const ConstBatchView read_only = tail;
  EXPECT_EQ(read_only(1, 3), 4.5);
  EXPECT_EQ(read_only.count, 13);
}

TEST(Batch, MayBeEmpty) {
  Batch batch;
  EXPECT_EQ(batch.size(), 0);
  batch.set_zero();
  batch.resize(5, 0);
  EXPECT_EQ(batch.blocks(), 0);
  batch.resize(0, 5);
  EXPECT_EQ(batch.size(), 0);
  batch.resize(2, 3);
  batch.set_zero();
  EXPECT_EQ(batch(1, 2), 0.0);
}

}  // namespace
}  // namespace variscope::tiles
