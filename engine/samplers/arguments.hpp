/// Checks that samplers share: of their arguments.
#pragma once

#include <string>

#include "engine/samplers/catalogue.hpp"

namespace variscope::samplers {

/// The argument, or UserError unless it lies in [lowest, highest] and is finite.
double number_within(const Arguments& arguments, const std::string& name, double lowest, double highest);
/// The argument, or UserError unless it is a whole number in [least, most].
Index whole_number(const Arguments& arguments, const std::string& name, Index least, Index most);

}  // namespace variscope::samplers
