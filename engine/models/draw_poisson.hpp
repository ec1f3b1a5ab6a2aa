/// Poisson counts as quantiles of a uniform.
#pragma once

#include "engine/random/stream.hpp"

namespace variscope::models {

/// A draw that takes number 0 of the stream. mean >= 0; below 1e-300 the draw is 0, beyond 1e9 a rounded normal, which differs by less than
/// 1e-5 in distribution.
double draw_poisson(double mean, const random::Stream& stream);

}  // namespace variscope::models
