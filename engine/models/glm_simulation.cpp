/// Draws from the prior of a generalised linear model, and of responses given its parameters.
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <limits>

#include "engine/models/draw_poisson.hpp"
#include "engine/models/glm.hpp"
#include "engine/models/row_stream.hpp"

namespace variscope::models {

namespace {

namespace policies = boost::math::policies;
using glm::Likelihood;

/// Counts: the smallest whose distribution function reaches the uniform. Extremes give extremes, not exceptions.
using Upward = policies::policy<policies::discrete_quantile<policies::integer_round_up>, policies::overflow_error<policies::ignore_error>,
                                policies::underflow_error<policies::ignore_error>, policies::denorm_error<policies::ignore_error>,
                                policies::evaluation_error<policies::ignore_error>>;

double sigmoid(double eta) {
  const double t = std::exp(-std::fabs(eta));
  return (eta >= 0 ? 1.0 : t) / (1.0 + t);
}

}  // namespace

void Glm::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  const auto at = [&](Index j) -> double& { return theta[static_cast<std::size_t>(j)]; };
  // Even numbers: a normal is made of a pair of uniforms, so that neighbours of different kinds would share one.
  const auto lane = [](Index j) { return static_cast<std::uint32_t>(2 * j); };
  const auto draw = [&](Index j, const distributions::Distribution& of) { return of.draw(stream, lane(j)); };
  const distributions::Distribution standard(distributions::Kind::half_cauchy, {1.0}, "half_cauchy");
  for (Index j = 0; j < layout_.coefficients(); ++j) at(j) = draw(j, layout_.prior[static_cast<std::size_t>(j)]);
  for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
    at(horseshoe.tau) = std::log(draw(horseshoe.tau, horseshoe.global));
    const Index last = horseshoe.lambda + static_cast<Index>(horseshoe.coordinates.size());
    for (Index j = horseshoe.lambda; j < last; ++j) at(j) = std::log(draw(j, standard));
  }
  if (layout_.has_scale()) at(layout_.scale) = std::log(draw(layout_.scale, layout_.scale_prior));
  for (const glm::Varying& term : layout_.varying) {
    for (Index i = 1, next = term.correlation; term.correlated() && i < term.effects(); ++i) {
      for (Index j = 0; j < i; ++j, ++next) {
        const double a = term.partial_shape(j);
        double other = 0;
        const double share = boost::math::ibeta_inv(a, a, random::uniform(stream, lane(next)), &other);
        constexpr double kTiny = std::numeric_limits<double>::min();
        at(next) = 0.5 * (std::log(std::max(share, kTiny)) - std::log(std::max(other, kTiny)));
      }
    }
    for (Index k = 0; k < term.effects(); ++k) {
      const double sd = draw(term.sd + k, layout_.varying_prior);
      at(term.sd + k) = std::log(sd);
      for (Index j = term.effect + k; j < term.effect + term.size(); j += term.effects())
        at(j) = (layout_.centred ? sd : 1.0) * random::normal(stream, lane(j));
    }
  }
}

void Glm::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                             std::span<double> responses) const {
  tiles::Batch column(layout_.dim, 1);
  for (Index j = 0; j < layout_.dim; ++j) column(j, 0) = theta[static_cast<std::size_t>(j)];
  tiles::Batch effects(layout_.dim, 1);
  effective(column.view(), effects.view());
  const double scale = std::exp(layout_.has_scale() ? effects(layout_.scale, 0) : layout_.fixed_log_scale);
  for (Index k = 0; k < rows.size(); ++k) {
    const Index row = rows[k];
    const Index held = row - layout_.table->held.first;
    const random::Stream own = row_stream(stream, row);
    const double* x = layout_.table->row(row);
    const auto predictor = [&](Index first) {
      double eta = 0;
      for (Index d = 0; d < layout_.width; ++d) eta = std::fma(x[d], effects(first + d, 0), eta);
      return eta;
    };
    double& y = responses[static_cast<std::size_t>(k)];
    if (layout_.likelihood == Likelihood::categorical) {
      // Reference: predictor 0. The class where the cumulative probability passes the uniform.
      double top = 0;
      std::vector<double> eta{0.0};
      for (Index c = 0; c < layout_.predictors; ++c) {
        eta.push_back(predictor(c * layout_.width));
        top = std::max(top, eta.back());
      }
      double total = 0;
      for (const double e : eta) total += std::exp(e - top);
      double left = random::uniform(own, 0) * total;
      std::size_t chosen = 0;
      while (chosen + 1 < eta.size() && left > std::exp(eta[chosen] - top)) left -= std::exp(eta[chosen++] - top);
      y = static_cast<double>(chosen);
      continue;
    }
    double eta = predictor(0) + (layout_.offset == nullptr ? 0.0 : layout_.offset[held]);
    for (const glm::Varying& term : layout_.varying) {
      const Index first = term.effect + static_cast<Index>(term.level[held]) * term.effects();
      for (Index i = 0; i < term.effects(); ++i) {
        const Index d = term.columns[static_cast<std::size_t>(i)];
        eta = std::fma(d < 0 ? 1.0 : x[d], effects(first + i, 0), eta);
      }
    }
    switch (layout_.likelihood) {
      case Likelihood::gaussian:
        y = eta + scale * random::normal(own, 0);
        break;
      case Likelihood::student_t:
        y = eta +
            scale * boost::math::quantile(boost::math::students_t_distribution<double, Upward>(layout_.degrees), random::uniform(own, 0));
        break;
      case Likelihood::bernoulli:
        y = random::uniform(own, 0) < sigmoid(eta) ? 1.0 : 0.0;
        break;
      case Likelihood::binomial:
        y = boost::math::quantile(
            boost::math::binomial_distribution<double, Upward>(layout_.trials[static_cast<std::size_t>(held)], sigmoid(eta)),
            random::uniform(own, 0));
        break;
      case Likelihood::poisson:
        y = draw_poisson(std::exp(eta), own);
        break;
      case Likelihood::negative_binomial: {
        // A Poisson whose mean is gamma with shape phi: number 2 for the mean (0 and 1 may go into a normal).
        const boost::math::gamma_distribution<double, Upward> mixing(scale, 1.0);
        y = draw_poisson(std::exp(eta) / scale * boost::math::quantile(mixing, random::uniform(own, 2)), own);
        break;
      }
      case Likelihood::categorical:
        break;
    }
  }
}

}  // namespace variscope::models
