/// Checks that optimizers share: of their arguments, and of the gradients they are given.
#include "engine/optimizers/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.hpp"

namespace variscope::optimizers {

double number_above(const Arguments& arguments, const std::string& name, double above) {
  const double value = arguments.number(name);
  if (std::isfinite(value) && value > above) return value;
  throw UserError(
      fmt::format("optimizer.{}: {} is out of range (it must be finite and above {}). Give a larger number.", name, value, above));
}

double number_from(const Arguments& arguments, const std::string& name, double lowest, double below) {
  const double value = arguments.number(name);
  if (value >= lowest && value < below) return value;
  throw UserError(fmt::format("optimizer.{}: {} is out of range (it must be at least {} and below {}). Give a number between them.", name,
                              value, lowest, below));
}

Index whole_number(const Arguments& arguments, const std::string& name, Index least) {
  const double value = arguments.number(name);
  if (value >= static_cast<double>(least) && value <= 0x1p31 && value == std::floor(value)) return static_cast<Index>(value);
  throw UserError(
      fmt::format("optimizer.{}: {} is not a number of its kind (it counts). Give a whole number, {} or more.", name, value, least));
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace variscope::optimizers
