/// Lists the transforms: one line each.
#include "engine/transforms/catalogue.hpp"

#include "engine/transforms/bounded.hpp"
#include "engine/transforms/correlation_cholesky.hpp"
#include "engine/transforms/covariance_cholesky.hpp"
#include "engine/transforms/identity.hpp"
#include "engine/transforms/ordered.hpp"
#include "engine/transforms/positive_log.hpp"
#include "engine/transforms/positive_softplus.hpp"
#include "engine/transforms/simplex.hpp"

namespace variscope::transforms {

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      identity_entry(),
      positive_log_entry(),
      positive_softplus_entry(),
      upper_log_entry(),
      bounded_entry(),
      ordered_entry(),
      positive_ordered_entry(),
      simplex_entry(),
      correlation_cholesky_entry(),
      covariance_cholesky_entry(),
  };
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::transforms
