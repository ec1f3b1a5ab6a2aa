/// Stan's warm-up windows.
#include "engine/samplers/windows.hpp"

namespace variscope::samplers {

Window window_at(Index iteration, Index warmup, const WindowSizes& sizes) {
  if (warmup < 20 || iteration >= warmup) return {};
  WindowSizes use = sizes;
  if (sizes.first + sizes.base + sizes.last > warmup) {
    use.first = static_cast<Index>(0.15 * static_cast<double>(warmup));
    use.last = static_cast<Index>(0.1 * static_cast<double>(warmup));
    use.base = warmup - (use.first + use.last);
  }
  const Index end = warmup - use.last;
  if (iteration < use.first || iteration >= end) return {};
  Index size = use.base;
  Index window_end = use.first + size - 1;
  while (window_end < iteration) {
    size *= 2;
    window_end += size;
    if (window_end == end - 1) break;
    if (window_end + 2 * size >= end) window_end = end - 1;
  }
  return {true, iteration == window_end};
}

}  // namespace variscope::samplers
