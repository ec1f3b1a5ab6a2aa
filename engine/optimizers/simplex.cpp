/// NLopt's downhill simplex, restarted.
#include "engine/optimizers/simplex.hpp"

#include <cmath>
#include <nlopt.hpp>
#include <utility>

namespace variscope::optimizers {

namespace {

constexpr int kRestarts = 20;
/// In the place of values that are no numbers: NLopt orders values, and an infinite one would poison its centroids' comparisons.
constexpr double kWorst = 1e300;

struct State {
  const std::function<double(std::span<const double>)>* function;
  int evaluations = 0;
};

double evaluate(const std::vector<double>& at, std::vector<double>&, void* data) {
  auto* state = static_cast<State*>(data);
  ++state->evaluations;
  const double value = (*state->function)(at);
  return std::isfinite(value) && value < kWorst ? value : kWorst;
}

}  // namespace

SimplexMinimum minimise_by_simplex(const std::function<double(std::span<const double>)>& function, std::vector<double> start,
                                   std::vector<double> first_steps, int most) {
  State state{&function};
  SimplexMinimum minimum;
  minimum.at = std::move(start);
  minimum.value = kWorst;
  for (int restart = 0; restart <= kRestarts && state.evaluations < most; ++restart) {
    nlopt::opt solver(nlopt::LN_NELDERMEAD, static_cast<unsigned>(minimum.at.size()));
    solver.set_min_objective(evaluate, &state);
    solver.set_initial_step(first_steps);
    solver.set_xtol_rel(1e-10);
    solver.set_xtol_abs(1e-12);
    solver.set_maxeval(most - state.evaluations);
    double value = kWorst;
    std::vector<double> at = minimum.at;
    try {
      minimum.converged = solver.optimize(at, value) != nlopt::MAXEVAL_REACHED;
    } catch (const nlopt::roundoff_limited&) {
      minimum.converged = true;  // `at` is the best so far
    }
    const bool gained = value < minimum.value - 1e-14 * std::abs(minimum.value);
    if (value < minimum.value) {
      minimum.value = value;
      minimum.at = std::move(at);
    }
    if (!gained) break;
    for (double& step : first_steps) step *= 0.1;
  }
  minimum.evaluations = state.evaluations;
  return minimum;
}

}  // namespace variscope::optimizers
