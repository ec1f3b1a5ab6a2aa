/// NLopt's gradient searches behind one function.
#include "engine/optimizers/lbfgs.hpp"

#include <cmath>
#include <nlopt.hpp>

namespace variscope::optimizers {

namespace {

struct State {
  const Objective* objective;
  int evaluations = 0;
};

double evaluate(const std::vector<double>& lambda, std::vector<double>& gradient, void* data) {
  auto* state = static_cast<State*>(data);
  ++state->evaluations;
  std::vector<double> unused(gradient.empty() ? lambda.size() : 0);
  return (*state->objective)(lambda, gradient.empty() ? std::span<double>(unused) : std::span<double>(gradient));
}

}  // namespace

Maximum maximise(const Objective& objective, std::vector<double> start, int most, Search search) {
  State state{&objective};
  const auto algorithm = search == Search::lbfgs ? nlopt::LD_LBFGS : nlopt::LD_TNEWTON_PRECOND_RESTART;
  nlopt::opt solver(algorithm, static_cast<unsigned>(start.size()));
  solver.set_max_objective(evaluate, &state);
  solver.set_xtol_rel(1e-12);
  solver.set_maxeval(most);
  Maximum maximum;
  maximum.lambda = std::move(start);
  double value = 0;
  try {
    maximum.status = solver.optimize(maximum.lambda, value) == nlopt::MAXEVAL_REACHED ? "evaluation limit reached" : "converged";
  } catch (const nlopt::roundoff_limited&) {
    maximum.status = "converged to rounding";  // lambda holds the best point so far
  } catch (const std::runtime_error& error) {
    // The line search gives up when it cannot improve the last digits.
    maximum.status = std::string("line search ended: ") + error.what();
  }
  std::vector<double> gradient(maximum.lambda.size());
  maximum.value = objective(maximum.lambda, gradient);
  for (const double g : gradient) maximum.gradient_norm += g * g;
  maximum.gradient_norm = std::sqrt(maximum.gradient_norm);
  maximum.evaluations = state.evaluations;
  return maximum;
}

}  // namespace variscope::optimizers
