/// Pathfinder.
#include "engine/approximations/pathfinder.hpp"

#include <cmath>
#include <numbers>
#include <utility>

#include "engine/random/stream.hpp"

namespace variscope::approximations {

namespace {

struct Iterate {
  std::vector<double> theta;
  std::vector<double> gradient;
};

/// theta's columns become draws of N(mean, covariance), log_q their log densities; column s has noise stream(s).
template <class StreamOf>
void draw_normal(std::span<const double> mean, const InverseHessian& covariance, StreamOf&& stream, tiles::Batch& theta,
                 std::vector<double>& log_q) {
  const Index count = theta.count();
  const auto dim = static_cast<Index>(mean.size());
  std::vector<random::Stream> streams;
  for (Index s = 0; s < count; ++s) streams.push_back(stream(s));
  tiles::Batch noise(dim, count);
  random::fill_normal(streams.data(), noise.view());
  const double constant = -0.5 * (covariance.log_determinant() + static_cast<double>(dim) * std::log(2 * std::numbers::pi));
  log_q.assign(static_cast<std::size_t>(count), constant);
  std::vector<double> u(mean.size());
  for (Index s = 0; s < count; ++s) {
    for (Index d = 0; d < dim; ++d) u[static_cast<std::size_t>(d)] = noise(d, s);
    log_q[static_cast<std::size_t>(s)] -= 0.5 * dense::dot(u, u);
    const std::vector<double> moved = covariance.root_times(u);
    for (Index d = 0; d < dim; ++d) theta(d, s) = mean[static_cast<std::size_t>(d)] + moved[static_cast<std::size_t>(d)];
  }
}

struct Elbo {
  double value = 0;
  double error = 0;
};

Elbo estimate_elbo(const Density& density, std::span<const double> mean, const InverseHessian& covariance,
                   const PathfinderSettings& settings, Index iterate) {
  tiles::Batch theta(density.dim, settings.elbo_draws);
  std::vector<double> log_q;
  draw_normal(
      mean, covariance,
      [&](Index s) {
        return random::Stream{settings.seed, random::Purpose::fit_evaluation, settings.task, static_cast<std::uint32_t>(iterate),
                              static_cast<std::uint32_t>(s)};
      },
      theta, log_q);
  tiles::Batch value(1, settings.elbo_draws);
  density.evaluate(theta.view(), {true, false}, {}, value.view());
  Elbo elbo;
  const auto count = static_cast<double>(settings.elbo_draws);
  for (Index s = 0; s < settings.elbo_draws; ++s) elbo.value += (value(0, s) - log_q[static_cast<std::size_t>(s)]) / count;
  for (Index s = 0; s < settings.elbo_draws; ++s) {
    const double deviation = value(0, s) - log_q[static_cast<std::size_t>(s)] - elbo.value;
    elbo.error += deviation * deviation;
  }
  elbo.error = std::sqrt(elbo.error / (count - 1) / count);
  return elbo;
}

}  // namespace

Pathfinder pathfinder(const Density& density, std::vector<double> start, const PathfinderSettings& settings) {
  Pathfinder result;
  std::vector<Iterate> path;
  double best = 0;
  const optimizers::Objective objective = [&](std::span<const double> theta, std::span<double> gradient) {
    const double value = value_and_gradient(density, theta, gradient);
    if (std::isfinite(value) && (path.empty() || value > best)) {
      best = value;
      path.push_back({{theta.begin(), theta.end()}, {gradient.begin(), gradient.end()}});
    }
    return value;
  };
  result.evaluations = optimizers::maximise(objective, std::move(start), settings.most).evaluations;
  CurvatureHistory history(density.dim, settings.memory);
  std::vector<double> s(static_cast<std::size_t>(density.dim));
  std::vector<double> y(s.size());
  for (std::size_t l = 1; l < path.size(); ++l) {
    for (std::size_t d = 0; d < s.size(); ++d) {
      s[d] = path[l].theta[d] - path[l - 1].theta[d];
      y[d] = path[l - 1].gradient[d] - path[l].gradient[d];
    }
    ++result.iterates;
    if (!history.add(s, y)) continue;
    auto covariance = InverseHessian::of(history);
    if (!covariance) continue;
    std::vector<double> mean = covariance->times(path[l].gradient);
    for (std::size_t d = 0; d < mean.size(); ++d) mean[d] += path[l].theta[d];
    const Elbo elbo = estimate_elbo(density, mean, *covariance, settings, static_cast<Index>(l));
    if (!std::isfinite(elbo.value) || (result.covariance && !(elbo.value > result.elbo))) continue;
    result.mean = std::move(mean);
    result.covariance = std::move(covariance);
    result.elbo = elbo.value;
    result.elbo_error = elbo.error;
    result.iterate = static_cast<Index>(l);
  }
  if (!result.covariance) {
    result.trouble = path.size() < 2 ? "the search did not leave its start (a maximum already, or no finite density)"
                                     : "no iterate of the search gave an approximation with a finite objective";
  }
  return result;
}

void Pathfinder::draw(const PathfinderSettings& settings, Index first, tiles::Batch& theta, std::vector<double>& log_q) const {
  draw_normal(
      mean, *covariance,
      [&](Index s) {
        const auto draw = static_cast<std::uint64_t>(first + s);
        return random::Stream{settings.seed, random::Purpose::posterior_draw, settings.task, static_cast<std::uint32_t>(draw >> 32),
                              static_cast<std::uint32_t>(draw)};
      },
      theta, log_q);
}

}  // namespace variscope::approximations
