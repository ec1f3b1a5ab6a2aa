/// Frames by size, in units of 64 bytes.
#include "engine/samplers/transition.hpp"

#include <array>
#include <new>
#include <vector>

namespace variscope::samplers {

namespace {

constexpr std::size_t kUnit = 64;
constexpr std::size_t kBins = 64;  // frames up to 4 KiB
constexpr std::size_t kMost = std::size_t{1} << 16;

struct Bins {
  std::array<std::vector<void*>, kBins> frames;
  Bins() = default;
  Bins(const Bins&) = delete;
  Bins& operator=(const Bins&) = delete;
  ~Bins() {
    for (const auto& bin : frames) {
      for (void* frame : bin) ::operator delete(frame);
    }
  }
};

thread_local Bins bins;

std::size_t bin_of(std::size_t bytes) { return (bytes + kUnit - 1) / kUnit; }

}  // namespace

void* FramePool::take(std::size_t bytes) {
  const std::size_t bin = bin_of(bytes);
  if (bin >= kBins) return ::operator new(bytes);
  auto& frames = bins.frames[bin];
  if (frames.empty()) return ::operator new(bin* kUnit);
  void* frame = frames.back();
  frames.pop_back();
  return frame;
}

void FramePool::give(void* frame, std::size_t bytes) noexcept {
  const std::size_t bin = bin_of(bytes);
  if (bin < kBins && bins.frames[bin].size() < kMost) {
    try {
      bins.frames[bin].push_back(frame);
      return;
    } catch (...) {  // no memory for the list: the frame itself goes
    }
  }
  ::operator delete(frame);
}

}  // namespace variscope::samplers
