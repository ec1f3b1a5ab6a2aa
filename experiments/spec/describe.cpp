/// The language described by its own table of keys, and settings written back as texts.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/keys.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {
namespace {

/// Keys of all models by name: the order in which to_pairs writes them too.
std::map<std::string, KeyDescription> describe_model_keys() {
  std::map<std::string, KeyDescription> described;
  for (const models::Entry& entry : models::catalogue()) {
    for (const detail::Key& key : detail::model_keys(entry)) {
      const std::string meaning = fmt::format("{}: {}", entry.name, key.meaning);
      const auto [place, added] = described.try_emplace(key.name, KeyDescription{key.name, key.describe_type(), key.default_text, meaning});
      if (!added) place->second.meaning += "; " + meaning;
      if (!added && place->second.default_value != key.default_text) place->second.default_value = "";
    }
  }
  return described;
}

/// Whether a cell has a parameter of its optimizer, stopping rule or samplers: those of others are left out.
bool has_parameter(const Settings& settings, const std::string& key) {
  const std::string name = key.substr(key.find('.') + 1);
  if (key.starts_with("sampler.")) return settings.sampler.numbers.contains(name) || settings.sampler.words.contains(name);
  return (key.starts_with("stopping.") ? settings.stopping.numbers : settings.fit.numbers).contains(name);
}

}  // namespace

std::vector<KeyDescription> describe_keys() {
  const Settings defaults;
  std::vector<KeyDescription> described;
  for (const detail::Key& key : detail::keys()) {
    if (std::count(key.name.begin(), key.name.end(), '.') > 1) continue;  // sampler.NAME.KEY
    std::string value = key.required ? "" : detail::value_text(key.get(defaults), key.type);
    if (!key.default_text.empty()) value = key.default_text;
    described.push_back({key.name, key.describe_type(), value, key.meaning});
    if (key.name != "model.name") continue;
    for (const auto& [name, model_key] : describe_model_keys()) described.push_back(model_key);
  }
  described.push_back({"sampler.NAME.KEY", "as sampler.KEY", "",
                       "sampler.KEY of one sampler alone, in [sampler.NAME], where it goes before sampler.KEY; 'variscope list samplers "
                       "NAME' has the keys"});
  described.push_back({"exclude.when", "a table", "",
                       "in [[exclude]]: swept keys and the values (or lists of values) that a cell must have to be left out"});
  described.push_back({"exclude.reason", "a text", "", "in [[exclude]]: why; printed by plan and report"});
  return described;
}

std::vector<std::pair<std::string, std::string>> to_pairs(const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const detail::Key& key : detail::keys()) {
    if (!detail::of_kind(key.name, settings.study.kind)) continue;
    if (settings.study.kind == "fit" && !fit_method(settings.fit.method).shows(key.name)) continue;
    if (!key.default_text.empty() && !has_parameter(settings, key.name)) continue;
    pairs.emplace_back(key.name, detail::value_text(key.get(settings), key.type));
    if (key.name != "model.name") continue;
    std::map<std::string, std::string> of_model;
    for (const auto& [name, word] : settings.model.words) of_model["model." + name] = word;
    for (const auto& [name, list] : settings.model.lists) of_model["model." + name] = detail::value_text(list, detail::Type::names);
    for (const auto& [name, numbers] : settings.model.numbers) {
      of_model["model." + name] =
          numbers.size() == 1 ? detail::value_text(numbers[0], detail::Type::real) : detail::value_text(numbers, detail::Type::reals);
    }
    pairs.insert(pairs.end(), of_model.begin(), of_model.end());
  }
  return pairs;
}

}  // namespace variscope::experiments
