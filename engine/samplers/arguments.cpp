/// Checks that samplers share: of their arguments.
#include "engine/samplers/arguments.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/error.hpp"

namespace variscope::samplers {

double number_within(const Arguments& arguments, const std::string& name, double lowest, double highest) {
  const double value = arguments.number(name);
  if (std::isfinite(value) && value >= lowest && value <= highest) return value;
  throw UserError(fmt::format("sampler.{}: {} is out of range (from {} to {}). Give a number between them.", name, value, lowest, highest));
}

Index whole_number(const Arguments& arguments, const std::string& name, Index least, Index most) {
  const double value = number_within(arguments, name, static_cast<double>(least), static_cast<double>(most));
  if (value == std::floor(value)) return static_cast<Index>(value);
  throw UserError(
      fmt::format("sampler.{}: {} is not a number of its kind (it counts). Give a whole number from {} to {}.", name, value, least, most));
}

}  // namespace variscope::samplers
