/// A vector for large tables: cache-line aligned, on huge pages where the system gives them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace variscope {

/// Behind the last element 64 bytes may be read (not written): a vector load may start at any element.
/// Rows picked at random miss the translation buffer on nearly every access; 2 MiB pages make it reach 500 times as far.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <class U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t n) {
    constexpr std::size_t kHuge = std::size_t{2} << 20;
    constexpr std::size_t kSlack = 64;
    const std::size_t align = n * sizeof(T) >= 4 * kHuge ? kHuge : 64;
    const std::size_t bytes = (n * sizeof(T) + kSlack + align - 1) / align * align;
    void* p = std::aligned_alloc(align, bytes);
    if (p == nullptr) throw std::bad_alloc();
    if (align == kHuge) madvise(p, bytes, MADV_HUGEPAGE);  // advice: failing costs speed alone
    return static_cast<T*>(p);
  }
  void deallocate(T* p, std::size_t) { std::free(p); }
  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }
};

using AlignedVector = std::vector<double, HugePageAllocator<double>>;

}  // namespace variscope
