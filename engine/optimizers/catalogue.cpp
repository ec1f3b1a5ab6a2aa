/// The optimizers that specs can name. An optimizer is one file and one line here; averaging comes with all of them.
#include <utility>

#include "engine/optimizers/adagrad_window.hpp"
#include "engine/optimizers/adam.hpp"
#include "engine/optimizers/advi_adaptive.hpp"
#include "engine/optimizers/average.hpp"
#include "engine/optimizers/natural_gradient.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/rmsprop.hpp"
#include "engine/optimizers/sgd.hpp"

namespace variscope::optimizers {

namespace {

std::vector<Entry> with_averages(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    entry.parameters.push_back(average_parameter());
    entry.make = [inner = std::move(entry.make)](const Arguments& arguments) {
      return with_average(inner(arguments), arguments.number("average"));
    };
  }
  return entries;
}

}  // namespace

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries =
      with_averages({adam_entry(), sgd_entry(), rmsprop_entry(), advi_adaptive_entry(), adagrad_window_entry(), natural_gradient_entry()});
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::optimizers
