/// Helpers of the optimizer tests: one made by name, and driven by a gradient function from a state.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/optimizers/optimizer.hpp"

namespace variscope::test {

/// The catalogue's optimizer of this name; parameters not given have their defaults.
inline std::unique_ptr<optimizers::Optimizer> make_optimizer(const std::string& name, const std::map<std::string, double>& numbers) {
  optimizers::Arguments arguments;
  const optimizers::Entry* entry = optimizers::find(name);
  for (const auto& parameter : entry->parameters) arguments.numbers[parameter.name] = parameter.default_value;
  for (const auto& [key, value] : numbers) arguments.numbers.at(key) = value;
  return entry->make(arguments);
}

/// A fit under way: what a checkpoint would store.
struct Fit {
  std::vector<double> lambda;
  std::vector<double> state;
  Index step = 0;
};

inline Fit start_fit(const optimizers::Optimizer& optimizer, std::vector<double> lambda) {
  Fit fit;
  fit.state.resize(static_cast<std::size_t>(optimizer.state_size(static_cast<Index>(lambda.size()))));
  optimizer.start(fit.state);
  fit.lambda = std::move(lambda);
  return fit;
}

/// `steps` steps; gradient(step, lambda) is a vector. Returns how many were taken.
template <class Gradient>
Index drive(const optimizers::Optimizer& optimizer, Fit& fit, Index steps, Gradient&& gradient) {
  Index taken = 0;
  for (Index k = 0; k < steps; ++k, ++fit.step) {
    const std::vector<double> g = gradient(fit.step, fit.lambda);
    optimizers::StepInput input;
    input.step = fit.step;
    input.gradient = g;
    if (optimizer.step(input, fit.state, fit.lambda)) ++taken;
  }
  return taken;
}

inline std::vector<double> answer_of(const optimizers::Optimizer& optimizer, const Fit& fit) {
  std::vector<double> out(fit.lambda.size());
  optimizer.answer(fit.state, fit.lambda, out);
  return out;
}

}  // namespace variscope::test
