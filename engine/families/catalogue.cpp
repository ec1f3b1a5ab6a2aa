/// The families that specs can name.
#include "engine/families/catalogue.hpp"

#include "engine/families/bernoulli.hpp"
#include "engine/families/categorical.hpp"
#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/gaussian_mixture.hpp"
#include "engine/families/low_rank_gaussian.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::families {

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {mean_field_gaussian_entry(), full_rank_gaussian_entry(), low_rank_gaussian_entry(),
                                             gaussian_mixture_entry(),    bernoulli_entry(),          categorical_entry()};
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::families
