/// Checks that optimizers share: of their arguments, and of the gradients they are given.
#pragma once

#include <span>
#include <string>

#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// The argument, or UserError unless it is finite and above `above`.
/// section: where the spec has it, for the message.
double number_above(const Arguments& arguments, const std::string& name, double above, const char* section = "optimizer");
/// The argument, or UserError unless it lies in [lowest, below).
double number_from(const Arguments& arguments, const std::string& name, double lowest, double below);
/// The argument, or UserError unless it is a whole number of at least `least` and at most 2^31.
Index whole_number(const Arguments& arguments, const std::string& name, Index least, const char* section = "optimizer");
/// The argument as a switch, or UserError unless it is 0 or 1.
bool switch_of(const Arguments& arguments, const std::string& name);

/// Whether all entries are numbers.
bool all_finite(std::span<const double> values);

}  // namespace variscope::optimizers
