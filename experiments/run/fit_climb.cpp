/// Steps of an optimizer, and what ends them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/optimizers/stopping.hpp"
#include "experiments/run/fit.hpp"

namespace variscope::experiments {

namespace {

bool within_bounds(std::span<const double> lambda) {
  return std::all_of(lambda.begin(), lambda.end(), [](double value) { return std::abs(value) <= kLambdaBound; });  // false for NaN
}

std::vector<double> started(const optimizers::Optimizer& optimizer, std::size_t parameters) {
  std::vector<double> state(static_cast<std::size_t>(optimizer.state_size(static_cast<Index>(parameters))), 0.0);
  optimizer.start(state);
  return state;
}

/// What a unit of each parameter is: a coordinate's sd for its mean, 1 for others.
std::vector<double> units_of(const families::Family& family) {
  std::vector<double> units(static_cast<std::size_t>(family.parameters()), 1.0);
  for (const Block& block : family.blocks()) {
    if (block.name != "mean" || block.parameters.size() != family.dim()) continue;
    std::vector<double> mean(static_cast<std::size_t>(family.dim()));
    std::vector<double> sd(mean.size());
    family.moments(mean, sd);
    std::copy(sd.begin(), sd.end(), units.begin() + block.parameters.first);
  }
  return units;
}

/// Trials of step sizes draw their numbers behind those of all steps that a fit can have.
constexpr Index kTrialSteps = Index{1} << 31;

}  // namespace

std::unique_ptr<optimizers::Optimizer> FitRunner::best_of_trials(FitCourse& course, const Climb& climb) {
  const optimizers::Entry& entry = *optimizers::find(settings_.fit.optimizer);
  optimizers::Arguments arguments{settings_.fit.numbers};
  if (settings_.fit.search_steps == 0) return entry.make(arguments);
  double best = -std::numeric_limits<double>::infinity();
  double chosen = *std::min_element(entry.step_sizes.begin(), entry.step_sizes.end());
  std::vector<double> answer(climb.lambda.size());
  for (std::size_t trial = 0; trial < entry.step_sizes.size(); ++trial) {
    arguments.numbers["step_size"] = entry.step_sizes[trial];
    const auto optimizer = entry.make(arguments);
    std::vector<double> state = started(*optimizer, climb.lambda.size());
    std::vector<double> lambda = climb.lambda;
    Index step = 0;
    for (; step < settings_.fit.search_steps && within_bounds(lambda); ++step) {
      const auto family = member(lambda);
      const Index place = kTrialSteps + static_cast<Index>(trial) * settings_.fit.search_steps + step;
      (void)optimizer->step({step, climb.gradient(lambda, place), family.get()}, state, lambda);
    }
    optimizer->answer(state, lambda, answer);
    if (!within_bounds(lambda) || !within_bounds(answer)) continue;
    const double value = objective(*member(answer), climb.repeat, kTrialSteps + static_cast<Index>(trial))[0];
    if (!std::isfinite(value) || !(value > best)) continue;
    best = value;
    chosen = entry.step_sizes[trial];
  }
  course.record.step_size = chosen;
  arguments.numbers["step_size"] = chosen;
  return entry.make(arguments);
}

std::vector<double> FitRunner::climb(FitCourse& course, Climb climb) {
  const auto optimizer = best_of_trials(course, climb);
  std::vector<double>& lambda = climb.lambda;
  std::vector<double> answer = lambda;
  std::vector<double> state = started(*optimizer, lambda.size());
  const optimizers::StoppingEntry* entry = optimizers::find_stopping(settings_.stopping.rule);
  const auto rule = entry == nullptr ? nullptr : entry->make({settings_.stopping.numbers});
  std::vector<double> seen(rule == nullptr ? 0 : static_cast<std::size_t>(rule->state_size(static_cast<Index>(lambda.size()))), 0.0);
  FitRecord& record = course.record;
  Index refused_in_a_row = 0;
  Index told = 0;
  const auto ends = [&](FitEnding ending) {
    end_as(record, ending);
    advance_(static_cast<double>(climb.steps - told));
    if (record.status == FitStatus::diverged) answer.clear();
    return answer;
  };
  while (true) {
    if (course.due()) {
      optimizer->answer(state, lambda, answer);
      if (!within_bounds(lambda) || !within_bounds(answer)) return ends(FitEnding::out_of_bounds);
      if (!course.observe(answer)) return ends(FitEnding::not_finite);
    }
    if (record.steps == climb.steps) return ends(FitEnding::all_steps);
    const auto family = climb.density ? member(lambda) : nullptr;
    const bool taken = optimizer->step({record.steps, climb.gradient(lambda, record.steps), family.get()}, state, lambda);
    ++record.steps;
    record.refused += taken ? 0 : 1;
    refused_in_a_row = taken ? 0 : refused_in_a_row + 1;
    if (!within_bounds(lambda)) return ends(FitEnding::out_of_bounds);
    if (refused_in_a_row == kMostRefused) return ends(FitEnding::refused);
    if (record.steps - told == 64) {
      advance_(64);
      told = record.steps;
    }
    if (rule == nullptr) continue;
    optimizers::Look look{record.steps, lambda};
    const auto now = climb.density ? member(lambda) : nullptr;
    // What the rule has to see is part of what the fit takes.
    if (rule->wants_objective(record.steps)) look.objective = objective(*now, climb.repeat, record.steps)[0];
    const std::vector<double> units = climb.density ? units_of(*now) : std::vector<double>{};
    look.scale = units;
    if (!rule->stops(look, seen) || record.steps == climb.steps) continue;
    optimizer->answer(state, lambda, answer);
    if (!within_bounds(answer)) return ends(FitEnding::out_of_bounds);
    return ends(course.settle(answer) ? FitEnding::stopped : FitEnding::not_finite);
  }
}

}  // namespace variscope::experiments
