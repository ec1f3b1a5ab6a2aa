/// Lists the samplers: one line each.
#include "engine/samplers/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.hpp"
#include "engine/samplers/annealed_importance.hpp"
#include "engine/samplers/elliptical_slice.hpp"
#include "engine/samplers/ensemble_hmc.hpp"
#include "engine/samplers/hmc.hpp"
#include "engine/samplers/importance_sampling.hpp"
#include "engine/samplers/mala.hpp"
#include "engine/samplers/meads.hpp"
#include "engine/samplers/microcanonical_hmc.hpp"
#include "engine/samplers/nuts.hpp"
#include "engine/samplers/parallel_tempering.hpp"
#include "engine/samplers/random_walk_metropolis.hpp"
#include "engine/samplers/sequential_monte_carlo.hpp"
#include "engine/samplers/stochastic_gradient.hpp"

namespace variscope::samplers {

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      random_walk_metropolis_entry(),  //
      mala_entry(),                    //
      hmc_entry(),                     //
      nuts_entry(),                    //
      microcanonical_hmc_entry(),      //
      chees_hmc_entry(),               //
      snaper_hmc_entry(),              //
      meads_entry(),                   //
      elliptical_slice_entry(),        //
      importance_sampling_entry(),     //
      annealed_importance_entry(),     //
      parallel_tempering_entry(),      //
      sequential_monte_carlo_entry(),  //
      sgld_entry(),                    //
      sghmc_entry(),                   //
      sgnht_entry(),                   //
  };
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Arguments arguments_of(const Entry& entry, const std::map<std::string, double>& numbers, const std::map<std::string, std::string>& words) {
  Arguments arguments;
  for (const Parameter& parameter : entry.parameters) arguments.numbers[parameter.name] = parameter.default_value;
  for (const Word& word : entry.words) arguments.words[word.name] = word.default_value;
  const auto unknown = [&](const std::string& name) {
    return UserError(fmt::format("sampler.{}: {} has no such key. See `variscope list`.", name, entry.name));
  };
  for (const auto& [name, value] : numbers) {
    if (!arguments.numbers.contains(name)) throw unknown(name);
    arguments.numbers[name] = value;
  }
  for (const auto& [name, value] : words) {
    const auto word = std::find_if(entry.words.begin(), entry.words.end(), [&key = name](const Word& w) { return w.name == key; });
    if (word == entry.words.end()) throw unknown(name);
    if (std::find(word->choices.begin(), word->choices.end(), value) == word->choices.end())
      throw UserError(fmt::format("sampler.{}: '{}' is none of its values. Give {}.", name, value, fmt::join(word->choices, ", ")));
    arguments.words[name] = value;
  }
  return arguments;
}

}  // namespace variscope::samplers
