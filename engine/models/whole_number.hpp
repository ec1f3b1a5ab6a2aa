/// A whole number among a model's arguments.
#pragma once

#include <cmath>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/catalogue.hpp"

namespace variscope::models {

/// The argument as an index. UserError unless it is a whole number from 0 to 2^53.
inline Index whole_number(const Arguments& arguments, const char* name) {
  const double value = arguments.number(name);
  if (!(value >= 0 && value <= 0x1p53 && value == std::floor(value)))
    throw UserError(fmt::format("model.{}: {} is not a whole number from 0 on (it counts). Give one.", name, value));
  return static_cast<Index>(value);
}

}  // namespace variscope::models
