/// Texts of the starting points that `variscope new` writes.
#pragma once

#include <map>
#include <string>

namespace variscope::experiments {

/// By file name: "spec.toml", "model.cpp", "variscope_plugin.h", ... `new_name` and `NewName` in them stand for the name that is given.
const std::map<std::string, std::string>& templates();

}  // namespace variscope::experiments
