/// Registers the identity.
#include "engine/transforms/identity.hpp"

#include <memory>

namespace variscope::transforms {

Entry identity_entry() {
  Entry entry;
  entry.name = "identity";
  entry.summary = "unconstrained numbers, x = u";
  entry.source = "definition";
  entry.size = "numbers";
  entry.make = [](const Arguments& arguments) { return std::make_unique<Identity>(arguments.size); };
  entry.smoke = {{1, {}}, {3, {}}};
  return entry;
}

}  // namespace variscope::transforms
