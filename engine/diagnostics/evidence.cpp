/// Log of a mean of exponentials.
#include "engine/diagnostics/evidence.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

LogEvidence combine_log_evidence(std::span<const double> estimates) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  LogEvidence result{kNan, kNan, kNan, kNan};
  if (estimates.empty() || std::any_of(estimates.begin(), estimates.end(), [](double x) { return std::isnan(x); })) return result;
  const double largest = *std::max_element(estimates.begin(), estimates.end());
  if (!std::isfinite(largest)) {
    result.value = largest;
    return result;
  }
  const auto n = static_cast<double>(estimates.size());
  double mean = 0;
  for (const double x : estimates) mean += std::exp(x - largest) / n;
  result.value = largest + std::log(mean);
  if (estimates.size() < 2) return result;
  double square = 0;
  for (const double x : estimates) square += std::pow(std::exp(x - largest) / mean - 1, 2);
  result.error = std::sqrt(square / (n * (n - 1)));
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  result.lower = result.value - t * result.error;
  result.upper = result.value + t * result.error;
  return result;
}

}  // namespace variscope::diagnostics
