/// The interface of every optimizer of stochastic objectives: a step as a pure function of gradient, state and parameters.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/families/family.hpp"
#include "engine/index.hpp"

namespace variscope::optimizers {

/// What a step sees.
struct StepInput {
  Index step = 0;                            ///< 0, 1, ...
  std::span<const double> gradient;          ///< an estimate at lambda, to be ascended
  const families::Family* family = nullptr;  ///< at lambda; null where lambda is no family's (MAP, model parameters)
};

/// Stateless: all that changes stands in `state`, so that a fit continued from a stored state is the same fit, bit for bit.
class Optimizer {
 public:
  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  /// Numbers of state for `parameters` parameters.
  [[nodiscard]] virtual Index state_size(Index parameters) const = 0;
  /// The state before step 0. Default: zeros.
  virtual void start(std::span<double> state) const;
  /// Moves lambda. A gradient that is not finite leaves lambda and state as they are; returns false then.
  [[nodiscard]] virtual bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const = 0;
  /// What the fit answers with: lambda itself, or what the state has averaged. Default: lambda.
  virtual void answer(std::span<const double> state, std::span<const double> lambda, std::span<double> out) const;
};

struct Parameter {
  std::string name;
  std::string description;
  double default_value = 0;
};

struct Arguments {
  std::map<std::string, double> numbers;  ///< every declared parameter, defaults filled in
  [[nodiscard]] double number(const std::string& name) const { return numbers.at(name); }
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<Parameter> parameters;  ///< step_size is one of all
  /// Why it cannot serve this family; empty: it can.
  std::function<std::string(const std::string& family)> reason_against{};
  /// Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<Optimizer>(const Arguments&)> make;
  /// The step sizes that its source tries one after the other, taking the best; empty: none.
  std::vector<double> step_sizes{};
};

/// Every entry also takes "average" (average.hpp).
const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

}  // namespace variscope::optimizers
