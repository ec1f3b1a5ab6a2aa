/// Checks that optimizers share: of their arguments, and of the gradients they are given.
#include "engine/optimizers/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.hpp"

namespace variscope::optimizers {

double number_above(const Arguments& arguments, const std::string& name, double above, const char* section) {
  const double value = arguments.number(name);
  if (std::isfinite(value) && value > above) return value;
  throw UserError(
      fmt::format("{}.{}: {} is out of range (it must be finite and above {}). Give a larger number.", section, name, value, above));
}

double number_from(const Arguments& arguments, const std::string& name, double lowest, double below) {
  const double value = arguments.number(name);
  if (value >= lowest && value < below) return value;
  throw UserError(fmt::format("optimizer.{}: {} is out of range (it must be at least {} and below {}). Give a number between them.", name,
                              value, lowest, below));
}

Index whole_number(const Arguments& arguments, const std::string& name, Index least, const char* section) {
  const double value = arguments.number(name);
  if (value >= static_cast<double>(least) && value <= 0x1p31 && value == std::floor(value)) return static_cast<Index>(value);
  throw UserError(
      fmt::format("{}.{}: {} is not a number of its kind (it counts). Give a whole number, {} or more.", section, name, value, least));
}

bool switch_of(const Arguments& arguments, const std::string& name) {
  const double value = arguments.number(name);
  if (value == 0 || value == 1) return value == 1;
  throw UserError(fmt::format("optimizer.{}: {} is neither off nor on (it is a switch). Give 0 or 1.", name, value));
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace variscope::optimizers
