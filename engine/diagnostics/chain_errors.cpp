/// Standard errors from effective sizes.
#include "engine/diagnostics/chain_errors.hpp"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <limits>

#include "engine/diagnostics/effective_size.hpp"

namespace variscope::diagnostics {

double mean_error(const ChainDraws& draws) { return std::sqrt(variance_of(draws.values) / mean_effective_size(draws)); }

double deviation_error(const ChainDraws& draws) {
  const double mean = mean_of(draws.values);
  std::vector<double> squares(draws.values.begin(), draws.values.end());
  for (double& x : squares) x = (x - mean) * (x - mean);
  const double variance = mean_of(squares);
  const double size = mean_effective_size({squares, draws.chains, draws.draws});
  for (double& x : squares) x *= x;
  const double variance_of_variance = (mean_of(squares) - variance * variance) / size;
  return std::sqrt(variance_of_variance / variance / 4);
}

double quantile_error(const SortedDraws& sorted, Index draws, double p, double effective_size) {
  if (std::isnan(effective_size)) return std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<double>(draws);
  const double a = effective_size * p + 1;
  const double b = effective_size * (1 - p) + 1;
  // The probabilities of one standard error below and above, to the digits in which they define the error.
  const double low = boost::math::ibeta_inv(a, b, 0.1586553);
  const double high = boost::math::ibeta_inv(a, b, 0.8413447);
  return (sorted.at(static_cast<Index>(std::min(std::ceil(high * count), count))) -
          sorted.at(static_cast<Index>(std::max(std::floor(low * count), 1.0)))) /
         2;
}

double quantile_error(const ChainDraws& draws, double p) {
  const SortedDraws sorted(draws);
  return quantile_error(sorted, static_cast<Index>(draws.values.size()), p, quantile_effective_size(draws, sorted, p));
}

}  // namespace variscope::diagnostics
