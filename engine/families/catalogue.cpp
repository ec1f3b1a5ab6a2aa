/// The families that specs can name.
#include "engine/families/catalogue.hpp"

#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::families {

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {mean_field_gaussian_entry()};
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::families
