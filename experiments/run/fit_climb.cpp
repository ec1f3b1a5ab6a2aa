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

std::unique_ptr<optimizers::Optimizer> FitRunner::optimizer_of_step_size(double chosen) const {
  optimizers::Arguments arguments{settings_.fit.numbers};
  if (settings_.fit.search_steps > 0) arguments.numbers["step_size"] = chosen;
  return optimizers::find(settings_.fit.optimizer)->make(arguments);
}

std::unique_ptr<optimizers::Optimizer> FitRunner::best_of_trials(FitCourse& course, const Climb& climb) {
  const optimizers::Entry& entry = *optimizers::find(settings_.fit.optimizer);
  if (settings_.fit.search_steps == 0) return optimizer_of_step_size(0);
  optimizers::Arguments arguments{settings_.fit.numbers};
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
  return optimizer_of_step_size(chosen);
}

bool FitRunner::take_up(FitCourse& course, std::vector<double>& lambda, Stand& stand) const {
  if (before_.fit == nullptr || !before_.fit->state.exists()) return false;
  const FitState& state = before_.fit->state;
  const auto optimizer = optimizer_of_step_size(before_.fit->step_size);
  const auto parameters = static_cast<Index>(lambda.size());
  if (state.lambda.size() != lambda.size() || state.stopping.size() != stand.stopping.size() ||
      static_cast<Index>(state.optimizer.size()) != optimizer->state_size(parameters)) {
    return false;
  }
  if (!course.resume(*before_.trace, *before_.fit, team_.is_root())) return false;
  lambda = state.lambda;
  stand = {state.optimizer, state.stopping, state.refused_in_a_row, state.held};
  return true;
}

FitState FitRunner::state_of(const FitCourse& course, std::span<const double> lambda, const Stand& stand) const {
  FitState state = course.marked();
  state.lambda.assign(lambda.begin(), lambda.end());
  state.optimizer = stand.optimizer;
  state.stopping = stand.stopping;
  state.refused_in_a_row = stand.refused_in_a_row;
  state.held = stand.held;
  return state;
}

std::vector<double> FitRunner::climb(FitCourse& course, Climb climb) {
  FitRecord& record = course.record;
  std::vector<double>& lambda = climb.lambda;
  Stand stand;
  // A state further than this fit is to go is of no use to it.
  const bool within = before_.fit != nullptr && before_.fit->steps <= climb.steps;
  const optimizers::StoppingEntry* entry = optimizers::find_stopping(settings_.stopping.rule);
  const auto rule = entry == nullptr ? nullptr : entry->make({settings_.stopping.numbers});
  if (rule != nullptr) stand.stopping.assign(static_cast<std::size_t>(rule->state_size(static_cast<Index>(lambda.size()))), 0.0);
  resumed_ = within && take_up(course, lambda, stand);
  const auto optimizer = resumed_ ? optimizer_of_step_size(record.step_size) : best_of_trials(course, climb);
  if (!resumed_) stand.optimizer = started(*optimizer, lambda.size());
  std::vector<double> answer = lambda;
  Index told = 0;
  const auto ends = [&](FitEnding ending) {
    end_as(record, ending);
    record.state = state_of(course, lambda, stand);
    advance_(static_cast<double>(climb.steps - told));
    if (record.status == FitStatus::diverged) answer.clear();
    return answer;
  };
  // What a turn does is a function of what a state holds: a fit taken up at any of them goes the same way.
  const Index first = record.steps;
  while (true) {
    course.mark();
    if (keep_steps_ > 0 && record.steps > first && record.steps % keep_steps_ == 0) {
      FitRecord so_far = record;
      so_far.state = state_of(course, lambda, stand);
      add_up(so_far);
      keep_(so_far);
    }
    if (!within_bounds(lambda)) return ends(FitEnding::out_of_bounds);
    if (stand.refused_in_a_row == kMostRefused) return ends(FitEnding::refused);
    const bool stops = stand.held && record.steps < climb.steps;
    if (stops || course.due()) {
      optimizer->answer(stand.optimizer, lambda, answer);
      if (!within_bounds(answer)) return ends(FitEnding::out_of_bounds);
    }
    if (stops) return ends(course.settle(answer) ? FitEnding::stopped : FitEnding::not_finite);
    if (course.due() && !course.observe(answer)) return ends(FitEnding::not_finite);
    if (record.steps == climb.steps) return ends(FitEnding::all_steps);
    const auto family = climb.density ? member(lambda) : nullptr;
    const bool taken = optimizer->step({record.steps, climb.gradient(lambda, record.steps), family.get()}, stand.optimizer, lambda);
    ++record.steps;
    record.refused += taken ? 0 : 1;
    stand.refused_in_a_row = taken ? 0 : stand.refused_in_a_row + 1;
    if (record.steps - told >= 64) {
      advance_(static_cast<double>(record.steps - told));
      told = record.steps;
    }
    if (rule == nullptr || !within_bounds(lambda) || stand.refused_in_a_row == kMostRefused) continue;
    optimizers::Look look{record.steps, lambda};
    const auto now = climb.density ? member(lambda) : nullptr;
    // What the rule has to see is part of what the fit takes.
    if (rule->wants_objective(record.steps)) look.objective = objective(*now, climb.repeat, record.steps)[0];
    const std::vector<double> units = climb.density ? units_of(*now) : std::vector<double>{};
    look.scale = units;
    stand.held = rule->stops(look, stand.stopping);
  }
}

}  // namespace variscope::experiments
