/// The estimators that specs can name.
#include "engine/estimators/estimator.hpp"
#include "engine/estimators/pathwise.hpp"
#include "engine/estimators/score_function.hpp"

namespace variscope::estimators {

void Estimator::merge(std::span<double> left, std::span<const double> right) const {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
}

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      score_function_raw_entry(),      score_function_leave_one_out_entry(), pathwise_closed_form_entropy_entry(),
      pathwise_closed_form_kl_entry(), sticking_the_landing_entry(),         antithetic_pathwise_entry(),
  };
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::estimators
