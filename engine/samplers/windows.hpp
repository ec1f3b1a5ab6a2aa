/// Stan's warm-up windows: when a metric learns from draws, and when it is set from what it has learned.
#pragma once

#include "engine/index.hpp"

namespace variscope::samplers {

struct WindowSizes {
  Index first = 75;  ///< before any learning
  Index base = 25;   ///< the first learning window; each further one is twice as long, the last stretched to the end
  Index last = 50;   ///< after the last window, step size alone
};

struct Window {
  bool learns = false;  ///< the draw of this iteration is learned from
  bool ends = false;    ///< the metric is set behind this iteration
};

/// What warm-up iteration `iteration` of `warmup` does: nothing if warmup < 20; 15 %, 75 % and 10 % in one window if it is shorter than the
/// three sizes. Cost O(log warmup). Source: Stan 2.32, windowed_adaptation.hpp; Hoffman and Gelman 2014, JMLR 15.
Window window_at(Index iteration, Index warmup, const WindowSizes& sizes = {});

}  // namespace variscope::samplers
