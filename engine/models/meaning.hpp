/// Which keys of a model mean something beside its other keys.
#pragma once

#include <optional>
#include <string>

#include "engine/models/catalogue.hpp"

namespace variscope::models {

/// Why a key means nothing, and what would give it a meaning: "likelihood poisson has no sigma", "use likelihood = \"gaussian\"".
struct NoMeaning {
  std::string reason;
  std::string instead;
};

/// Why the density of this model does not depend on one of its keys beside these arguments (all declared keys, defaults filled in),
/// whatever the key's value; nothing: it may. Of arguments without a table only what holds of every table.
std::optional<NoMeaning> no_meaning(const Entry& entry, const std::string& key, const Arguments& arguments);

}  // namespace variscope::models
