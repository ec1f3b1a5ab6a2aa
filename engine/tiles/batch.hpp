/// A dim x count matrix of doubles in lane blocks: the unit that models evaluate and estimators fill.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "engine/index.hpp"

namespace variscope::tiles {

/// Columns that sit side by side in memory. Part of the build, never of a result: a column's arithmetic is the same in any lane.
inline constexpr Index kLanes = 8;

/// A view of whole lane blocks. Element (d, s) lies at data[(s / 8) * dim * 8 + d * 8 + s % 8].
/// `count` is the number of live columns; the lanes behind it are computed and ignored.
template <class T>
struct BasicBatchView {
  T* data = nullptr;
  Index dim = 0;
  Index count = 0;

  [[nodiscard]] Index blocks() const { return (count + kLanes - 1) / kLanes; }
  [[nodiscard]] T* block(Index b) const { return data + b * dim * kLanes; }
  [[nodiscard]] T& operator()(Index d, Index s) const { return data[((s / kLanes) * dim + d) * kLanes + s % kLanes]; }
  /// Blocks [first, last) as a batch of their own.
  [[nodiscard]] BasicBatchView slice(Index first, Index last) const {
    return {block(first), dim, std::min(count, last * kLanes) - first * kLanes};
  }
  operator BasicBatchView<const T>() const { return {data, dim, count}; }  // NOLINT(google-explicit-constructor)
};

using BatchView = BasicBatchView<double>;
using ConstBatchView = BasicBatchView<const double>;

/// An owning batch, 64-byte aligned. `resize` keeps its memory where it suffices and leaves the contents undefined.
class Batch {
 public:
  Batch() = default;
  Batch(Index dim, Index count) {
    resize(dim, count);
    set_zero();
  }

  void resize(Index dim, Index count) {
    dim_ = dim;
    count_ = count;
    const Index need = size();
    if (need > capacity_) {
      data_.reset(static_cast<double*>(::operator new[](static_cast<std::size_t>(need) * sizeof(double), std::align_val_t{64})));
      capacity_ = need;
    }
  }

  void set_zero() {
    if (size() > 0) std::memset(data_.get(), 0, static_cast<std::size_t>(size()) * sizeof(double));
  }

  [[nodiscard]] Index dim() const { return dim_; }
  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] Index blocks() const { return (count_ + kLanes - 1) / kLanes; }
  /// Doubles in all blocks, padding lanes included.
  [[nodiscard]] Index size() const { return blocks() * dim_ * kLanes; }
  [[nodiscard]] double* data() { return data_.get(); }
  [[nodiscard]] const double* data() const { return data_.get(); }
  [[nodiscard]] BatchView view() { return {data_.get(), dim_, count_}; }
  [[nodiscard]] ConstBatchView view() const { return {data_.get(), dim_, count_}; }
  double& operator()(Index d, Index s) { return view()(d, s); }
  double operator()(Index d, Index s) const { return view()(d, s); }

 private:
  struct Free {
    void operator()(double* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<double[], Free> data_;
  Index capacity_ = 0;
  Index dim_ = 0;
  Index count_ = 0;
};

}  // namespace variscope::tiles
