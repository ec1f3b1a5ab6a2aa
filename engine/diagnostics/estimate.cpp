/// A number with its 95 % interval, and whether the interval may be believed.
#include "engine/diagnostics/estimate.hpp"

#include <cmath>

namespace variscope::diagnostics {

std::string to_text(Reliability reliability) {
  switch (reliability) {
    case Reliability::reliable:
      return "reliable";
    case Reliability::too_few:
      return "too few replicates";
    case Reliability::heavy_tails:
      return "heavy tails";
    case Reliability::unstable_maximum:
      return "unstable maximum";
    case Reliability::zero:
      return "zero";
    case Reliability::undefined:
      return "undefined";
  }
  return "undefined";
}

Estimate scaled(Estimate estimate, double factor) {
  if (!std::isfinite(factor) || !(factor > 0) || !estimate.defined()) {
    return {};
  }
  estimate.value *= factor;
  estimate.lower *= factor;
  estimate.upper *= factor;
  estimate.floor *= factor;
  estimate.error *= factor;
  return estimate;
}

}  // namespace variscope::diagnostics
