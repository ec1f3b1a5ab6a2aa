/// Poisson counts as quantiles of a uniform.
#include "engine/models/draw_poisson.hpp"

#include <algorithm>
#include <boost/math/distributions/poisson.hpp>
#include <cmath>

namespace variscope::models {

namespace {

namespace policies = boost::math::policies;

/// The smallest count whose distribution function reaches the uniform. Extremes give extremes, not exceptions.
using Upward = policies::policy<policies::discrete_quantile<policies::integer_round_up>, policies::overflow_error<policies::ignore_error>,
                                policies::underflow_error<policies::ignore_error>, policies::denorm_error<policies::ignore_error>,
                                policies::evaluation_error<policies::ignore_error>>;

constexpr double kNormalMean = 1e9;

}  // namespace

double draw_poisson(double mean, const random::Stream& stream) {
  if (mean < 1e-300) return 0;
  if (mean > kNormalMean) return std::max(0.0, std::round(mean + std::sqrt(mean) * random::normal(stream, 0)));
  return boost::math::quantile(boost::math::poisson_distribution<double, Upward>(mean), random::uniform(stream, 0));
}

}  // namespace variscope::models
