/// Approximations that L-BFGS finds.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/approximations/divergence.hpp"
#include "engine/approximations/fixed_sample.hpp"
#include "engine/approximations/laplace.hpp"
#include "engine/approximations/pathfinder.hpp"
#include "engine/optimizers/simplex.hpp"
#include "engine/random/stream.hpp"
#include "experiments/run/fit.hpp"

namespace variscope::experiments {

namespace {

/// Pathfinder's own evaluations of the objective draw from tasks behind those of repeats (at most 256).
constexpr std::uint32_t kPathfinderTask = 256;

}  // namespace

int FitRunner::most_evaluations() const {
  return static_cast<int>(std::clamp<Index>(cell_.fit.steps[0] - 1, 1, std::numeric_limits<int>::max()));
}

std::vector<double> FitRunner::start_point(Index repeat) const {
  std::vector<double> start(static_cast<std::size_t>(path_.dim));
  const random::Stream stream{settings_.study.seed, random::Purpose::particle_start, static_cast<std::uint32_t>(std::max<Index>(repeat, 0)),
                              0, 0};
  for (Index d = 0; d < path_.dim; ++d) {
    start[static_cast<std::size_t>(d)] = spread(settings_.family.initial_mean, d);
    if (repeat >= 0)
      start[static_cast<std::size_t>(d)] += spread(settings_.family.initial_sd, d) * random::normal(stream, static_cast<std::uint32_t>(d));
  }
  return start;
}

optimizers::Objective FitRunner::watched(FitCourse& course, const optimizers::Objective& inner, std::vector<double>& best, bool answers) {
  best_value_ = -std::numeric_limits<double>::infinity();
  return [this, &course, &inner, &best, answers](std::span<const double> at, std::span<double> gradient) {
    const double value = inner(at, gradient);
    if (std::isfinite(value) && value > best_value_) {
      best_value_ = value;
      best.assign(at.begin(), at.end());
    }
    ++course.record.steps;
    if (course.due()) (void)course.observe(answers ? std::span<const double>(best) : std::span<const double>());
    return value;
  };
}

std::vector<double> FitRunner::search(FitCourse& course, Index repeat) {
  const std::string& method = settings_.fit.method;
  std::vector<double> answer = method == "fixed_sample"        ? fixed_sample(course, repeat)
                               : method == "exact_mean_field"  ? exact_mean_field(course)
                               : method == "laplace"           ? laplace(course)
                               : method == "pathfinder"        ? pathfinder(course, repeat)
                               : method.starts_with("simplex") ? simplex(course)
                                                               : mode(course);
  FitRecord& record = course.record;
  if (answer.empty()) end_as(record, FitEnding::no_answer);
  if (!answer.empty() && !course.settle(answer)) end_as(record, FitEnding::not_finite);
  advance_(static_cast<double>(cell_.fit.steps[0]));
  return answer;
}

namespace {

FitEnding ending_of(const optimizers::Maximum& maximum) {
  return maximum.status == "evaluation limit reached" ? FitEnding::all_steps : FitEnding::converged;
}

}  // namespace

std::vector<double> FitRunner::fixed_sample(FitCourse& course, Index repeat) {
  const Index samples = settings_.estimators.samples;
  std::vector<random::Stream> streams;
  for (Index j = 0; j < samples; ++j) {
    // Those of a stochastic fit's step 0.
    streams.push_back(
        {settings_.study.seed, random::Purpose::fit_noise, static_cast<std::uint32_t>(repeat), 0, static_cast<std::uint32_t>(j)});
  }
  tiles::Batch noise(path_.dim, samples);
  random::fill_normal(streams.data(), noise.view());
  const approximations::FixedSample objective(density_, std::move(noise));
  const optimizers::Objective inner = [&](std::span<const double> lambda, std::span<double> gradient) {
    return objective.value_and_gradient(lambda, gradient);
  };
  std::vector<double> best = initial_lambda(settings_, path_.dim);
  (void)course.observe(best);
  const auto maximum = optimizers::maximise(watched(course, inner, best, true), initial_lambda(settings_, path_.dim), most_evaluations());
  end_as(course.record, ending_of(maximum));
  return std::isfinite(maximum.value) ? maximum.lambda : std::vector<double>{};
}

std::vector<double> FitRunner::exact_mean_field(FitCourse& course) {
  const optimizers::Objective inner = [&](std::span<const double> lambda, std::span<double> gradient) {
    const auto e = expectation(*member(lambda));
    std::copy(e.gradient.begin(), e.gradient.end(), gradient.begin());
    return e.value;
  };
  std::vector<double> best = initial_lambda(settings_, path_.dim);
  (void)course.observe(best);
  const auto maximum = optimizers::maximise(watched(course, inner, best, true), initial_lambda(settings_, path_.dim), most_evaluations());
  end_as(course.record, ending_of(maximum));
  return std::isfinite(maximum.value) ? maximum.lambda : std::vector<double>{};
}

std::vector<double> FitRunner::simplex(FitCourse& course) {
  const bool square = settings_.fit.method == "simplex_square";
  std::vector<double> best = initial_lambda(settings_, path_.dim);
  best_value_ = -std::numeric_limits<double>::infinity();
  (void)course.observe(best);
  const auto away = [&](std::span<const double> at) {
    double value = std::numeric_limits<double>::infinity();
    if (std::all_of(at.begin(), at.end(), [](double x) { return std::abs(x) <= kLambdaBound; })) {
      const auto d = approximations::divergence(density_, *member(at));
      value = square ? d.log_square : -d.elbo;
    }
    if (std::isfinite(value) && -value > best_value_) {
      best_value_ = -value;
      best.assign(at.begin(), at.end());
    }
    ++course.record.steps;
    if (course.due()) (void)course.observe(best);
    return value;
  };
  // Log scales and weights are of order 1; a mean's unit is not known where a start may be far away: the simplex grows.
  const std::vector<double> edges(best.size(), 1.0);
  const auto minimum = optimizers::minimise_by_simplex(away, best, edges, most_evaluations());
  end_as(course.record, minimum.converged ? FitEnding::converged : FitEnding::all_steps);
  return std::isfinite(best_value_) ? best : std::vector<double>{};
}

std::vector<double> FitRunner::mode(FitCourse& course) {
  const optimizers::Objective inner = approximations::objective_of(density_);
  std::vector<double> best = start_point(-1);
  (void)course.observe({});
  const auto maximum = optimizers::maximise(watched(course, inner, best, true), start_point(-1), most_evaluations());
  end_as(course.record, ending_of(maximum));
  best_value_ = maximum.value;
  const bool bounded = std::all_of(maximum.lambda.begin(), maximum.lambda.end(), [](double x) { return std::abs(x) <= kLambdaBound; });
  return std::isfinite(maximum.value) && bounded ? maximum.lambda : std::vector<double>{};
}

std::vector<double> FitRunner::laplace(FitCourse& course) {
  (void)course.observe({});
  approximations::Density watching = density_;
  watching.evaluate = [&](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction,
                          tiles::BatchView out) {
    density_.evaluate(theta, wanted, direction, out);
    if (!wanted.value || !wanted.gradient) return;
    ++course.record.steps;
    if (course.due()) (void)course.observe({});
  };
  const auto result = approximations::laplace(watching, start_point(-1), most_evaluations());
  end_as(course.record, ending_of(result.mode));
  return result.trouble.empty() ? result.full_rank_lambda() : std::vector<double>{};
}

std::vector<double> FitRunner::pathfinder(FitCourse& course, Index repeat) {
  (void)course.observe({});
  approximations::Density watching = density_;
  watching.evaluate = [&](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction,
                          tiles::BatchView out) {
    density_.evaluate(theta, wanted, direction, out);
    if (!wanted.gradient) return;
    ++course.record.steps;
    if (course.due()) (void)course.observe({});
  };
  approximations::PathfinderSettings how;
  how.most = most_evaluations();
  how.seed = settings_.study.seed;
  how.task = kPathfinderTask + static_cast<std::uint32_t>(repeat);
  const auto result = approximations::pathfinder(watching, start_point(repeat), how);
  end_as(course.record, result.evaluations >= how.most ? FitEnding::all_steps : FitEnding::converged);
  if (!result.covariance) return {};
  const Index dim = path_.dim;
  dense::Matrix covariance(dim, dim);
  std::vector<double> unit(static_cast<std::size_t>(dim), 0.0);
  for (Index i = 0; i < dim; ++i) {
    unit[static_cast<std::size_t>(i)] = 1;
    const std::vector<double> row = result.covariance->times(unit);
    unit[static_cast<std::size_t>(i)] = 0;
    // Of each pair (i, j), (j, i) the later row's: symmetric to the bit.
    for (Index j = 0; j <= i; ++j) covariance(i, j) = covariance(j, i) = row[static_cast<std::size_t>(j)];
  }
  if (!dense::cholesky(covariance)) return {};
  return approximations::full_rank_lambda(result.mean, covariance);
}

}  // namespace variscope::experiments
