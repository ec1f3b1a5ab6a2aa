/// NLopt's gradient searches behind one function.
#include "engine/optimizers/lbfgs.hpp"

#include <cmath>
#include <nlopt.hpp>

namespace variscope::optimizers {

namespace {

/// Searches that may follow one whose line search gave up.
constexpr int kRestarts = 20;
/// A gradient shorter than this share of the value is taken for rounding.
constexpr double kSmallGradient = 1e-6;

struct State {
  const Objective* objective;
  double scale = 1;  ///< of value and gradient
  int evaluations = 0;
};

double evaluate(const std::vector<double>& lambda, std::vector<double>& gradient, void* data) {
  auto* state = static_cast<State*>(data);
  ++state->evaluations;
  std::vector<double> unused(gradient.empty() ? lambda.size() : 0);
  const double value = (*state->objective)(lambda, gradient.empty() ? std::span<double>(unused) : std::span<double>(gradient));
  for (double& g : gradient) g *= state->scale;
  return state->scale * value;
}

/// Value, gradient and length of the gradient at maximum.lambda.
void look(const Objective& objective, Maximum& maximum) {
  std::vector<double> gradient(maximum.lambda.size());
  maximum.value = objective(maximum.lambda, gradient);
  double square = 0;
  for (const double g : gradient) square += g * g;
  maximum.gradient_norm = std::sqrt(square);
}

}  // namespace

Maximum maximise(const Objective& objective, std::vector<double> start, int most, Search search) {
  State state{&objective};
  const auto algorithm = search == Search::lbfgs ? nlopt::LD_LBFGS : nlopt::LD_TNEWTON_PRECOND_RESTART;
  Maximum maximum;
  maximum.lambda = std::move(start);
  look(objective, maximum);
  for (int restart = 0; restart <= kRestarts && state.evaluations < most; ++restart) {
    // The first step goes along the gradient, by its length: one that is long, in whatever units, must not throw the search far off.
    state.scale = maximum.gradient_norm > 1 ? 1 / maximum.gradient_norm : 1;
    nlopt::opt solver(algorithm, static_cast<unsigned>(maximum.lambda.size()));
    solver.set_max_objective(evaluate, &state);
    solver.set_xtol_rel(1e-12);
    solver.set_maxeval(most - state.evaluations);
    double value = 0;
    const double before = maximum.value;
    try {
      maximum.status = solver.optimize(maximum.lambda, value) == nlopt::MAXEVAL_REACHED ? "evaluation limit reached" : "converged";
    } catch (const nlopt::roundoff_limited&) {
      maximum.status = "converged to rounding";  // lambda holds the best point so far
    } catch (const std::runtime_error& error) {
      // The line search gives up when it cannot improve the last digits, or when the first step along a very long gradient leads nowhere.
      maximum.status = std::string("line search ended: ") + error.what();
    }
    look(objective, maximum);
    maximum.found = maximum.gradient_norm <= kSmallGradient * std::fmax(1.0, std::fabs(maximum.value));
    const bool stuck = restart > 0 && !(maximum.value > before);
    // NLopt's tolerances are absolute: what a shortened gradient has found is polished by one that is not.
    if (stuck || (maximum.found && state.scale == 1) || !std::isfinite(maximum.gradient_norm)) break;
  }
  maximum.evaluations = state.evaluations;
  return maximum;
}

}  // namespace variscope::optimizers
