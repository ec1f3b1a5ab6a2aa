/// The product of all sweeps, less the exclusions, each cell checked as a whole.
#include "experiments/spec/expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/error.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/models/meaning.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "engine/samplers/catalogue.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/model_arguments.hpp"
#include "experiments/spec/nearest.hpp"
#include "experiments/spec/resolve.hpp"
#include "experiments/spec/unused.hpp"

namespace variscope::experiments::detail {
namespace {

constexpr std::size_t most_cells = 100000;
/// What a swept key of other models shows in a cell that does not take it.
constexpr const char* not_taken = "-";

/// Whether the file says which numbers are the response.
bool names_its_response(const Settings::Data& data) {
  if (data.file.empty()) return false;
  if (!data.response_file.empty() || data.format == "hdf5" || data.format == "libsvm") return true;
  if (data.format != "auto") return false;
  constexpr std::array<std::string_view, 5> kEnds = {".h5", ".hdf5", ".libsvm", ".svm", ".svmlight"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return data.file.ends_with(end); });
}

/// Whether a sampler of these names has the parameter: "sampler.KEY" of any of them, "sampler.NAME.KEY" of that one.
bool has_parameter(const std::vector<std::string>& names, const std::string& key) {
  const std::string rest = key.substr(key.find('.') + 1);
  const std::size_t dot = rest.find('.');
  const std::string leaf = dot == std::string::npos ? rest : rest.substr(dot + 1);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (dot != std::string::npos && rest.substr(0, dot) != name) return false;
    const samplers::Entry& entry = *samplers::find(name);
    return std::any_of(entry.parameters.begin(), entry.parameters.end(), [&](const auto& p) { return p.name == leaf; }) ||
           std::any_of(entry.words.begin(), entry.words.end(), [&](const auto& w) { return w.name == leaf; });
  });
}

/// The sampler.init that a key belongs to; nullptr: to none.
const char* init_of(const std::string& key) {
  return key == "sampler.init_values" ? "given" : key == "sampler.init_run" ? "run" : key == "sampler.init_radius" ? "uniform" : nullptr;
}

bool is_sampler_parameter(const Key& key) { return key.name.starts_with("sampler.") && !key.default_text.empty(); }

/// One cell on its way: which alternative of every given key it takes.
class CellMaker {
 public:
  CellMaker(const Document& document, std::vector<std::size_t> choice) : document_(document), choice_(std::move(choice)) {}

  const Alternative& chosen(std::size_t given) const { return document_.givens[given].alternatives[choice_[given]]; }

  /// Place of the value that this cell takes for a key; of nothing if the key was not given.
  Position at(const std::string& key) const {
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      if (document_.givens[g].key.name == key) return chosen(g).at;
    }
    return {};
  }

  const models::Entry& model() const {
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      if (document_.givens[g].key.name == "model.name") return *models::find(std::get<std::string>(chosen(g).value));
    }
    throw std::logic_error("model.name is required");
  }

  /// The value that this cell takes for a key of texts.
  std::string text(const char* key, const char* otherwise) const {
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      if (document_.givens[g].key.name == key) return std::get<std::string>(chosen(g).value);
    }
    return otherwise;
  }

  /// The method of a fit; nullptr in other studies.
  const FitMethod* method() const { return text("study.kind", "variance") == "fit" ? &fit_method(text("fit.method", "vi")) : nullptr; }

  bool takes(const Key& key) const {
    if (is_sampler_parameter(key) && !has_parameter(sampler_names(), key.name)) return false;
    if (const char* init = init_of(key.name); init != nullptr && text("sampler.init", Settings{}.sampler.init.c_str()) != init)
      return false;
    return (!key.applies || key.applies(model())) && (method() == nullptr || method()->takes(key.name)) && means_something(key);
  }

  std::vector<std::string> sampler_names() const {
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      if (document_.givens[g].key.name == "sampler.names") return std::get<std::vector<std::string>>(chosen(g).value);
    }
    return {};
  }

  /// Cells of a model, or a method, that does not take a swept key would repeat for each of its values: only the first is made.
  bool repeats() const {
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      if (choice_[g] > 0 && !takes(document_.givens[g].key)) return true;
    }
    return false;
  }

  SpecCell make() const {
    SpecCell cell;
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      const Given& given = document_.givens[g];
      const bool taken = takes(given.key);
      if (taken) given.key.set(cell.settings, chosen(g).value);
      if (given.swept) cell.swept.emplace_back(given.key.name, taken ? value_text(chosen(g).value, given.key.type) : not_taken);
    }
    cell.settings.model.directory = spec_directory(document_.file);
    complete_model(cell.settings);
    if (cell.settings.study.kind == "fit") complete_fit(cell.settings);
    if (cell.settings.study.kind == "sample") complete_samplers(cell.settings);
    check(cell.settings);
    return cell;
  }

 private:
  /// Whether the model's density depends on a key of its own that this cell gives, beside all others.
  bool means_something(const Key& key) const {
    const std::string prefix = "model.";
    const models::Entry& entry = model();
    if (!key.name.starts_with(prefix) || key.name == "model.name") return true;
    Settings settings;
    for (std::size_t g = 0; g < document_.givens.size(); ++g) {
      const Key& given = document_.givens[g].key;
      if (given.name.starts_with(prefix) && (!given.applies || given.applies(entry))) given.set(settings, chosen(g).value);
    }
    complete_model_keys(settings);
    return !models::no_meaning(entry, key.name.substr(prefix.size()), model_arguments(settings));
  }

  void complete_model_keys(Settings& settings) const {
    const models::Entry& entry = model();
    for (const models::Parameter& parameter : entry.parameters) {
      if (settings.model.numbers.count(parameter.name) > 0) continue;
      if (parameter.default_value.empty()) {
        fail(document_.file, at("model.name"), fmt::format("missing key 'model.{}'", parameter.name), parameter.description,
             fmt::format("Model '{}' needs it: add {} = ... to [model].", entry.name, parameter.name));
      }
      settings.model.numbers[parameter.name] = parameter.default_value;
    }
    for (const models::Word& word : entry.words) {
      if (word.list) {
        settings.model.lists.try_emplace(word.name);
        continue;
      }
      if (settings.model.words.contains(word.name)) continue;
      if (!word.default_value) {
        fail(document_.file, at("model.name"), fmt::format("missing key 'model.{}'", word.name), word.description,
             fmt::format("Model '{}' needs it: add {} = \"...\" to [model].", entry.name, word.name));
      }
      settings.model.words[word.name] = *word.default_value;
    }
  }

  void complete_model(Settings& settings) const {
    complete_model_keys(settings);
    const models::Entry& entry = model();
    if (entry.response == models::ResponseKind::none) {
      settings.data = {};
      check_arguments(entry, settings);
      return;
    }
    // Every column is explained: one of ones has no place.
    if (entry.response == models::ResponseKind::table && document_.find("data.intercept") == nullptr) settings.data.intercept = false;
    for (const char* key : {"data.file", "data.response"}) {
      if (document_.find(key) != nullptr) continue;
      if (names_its_response(settings.data)) continue;
      if (entry.response == models::ResponseKind::table && std::string_view(key) == "data.response") continue;
      fail(document_.file, at("model.name"), fmt::format("missing key '{}'", key),
           fmt::format("model '{}' explains a column of a table", entry.name),
           fmt::format("Add {} = \"...\" to [data].", std::string(key).substr(5)));
    }
  }

  /// Models without data can be tried at once.
  void check_arguments(const models::Entry& entry, const Settings& settings) const {
    if (!entry.make) return;
    try {
      entry.make(model_arguments(settings));
    } catch (const UserError& error) {
      // Models begin their errors with the key: "model.precision: ...".
      const std::string text = error.what();
      const std::string key = text.substr(0, text.find(':'));
      const Position place = at(document_.find(key) != nullptr ? key : "model.name");
      throw UserError(fmt::format("{}:{}:{}: {}", document_.file, place.line, place.column, text));
    }
  }

  /// What the method does not leave to the spec, and the parameters of optimizer and stopping rule.
  void complete_fit(Settings& settings) const {
    const FitMethod& by = *method();
    if (!by.family.empty()) settings.family.name = by.family;
    if (!by.random) settings.fit.repeats = 1;
    if (!by.samples) settings.estimators.samples = 1;
    if (!by.optimizer) return;
    const optimizers::Entry& entry = *optimizers::find(settings.fit.optimizer);
    complete_numbers(entry, "fit.", "fit.optimizer", settings.fit.numbers);
    const std::string reason = !entry.reason_against ? ""
                               : by.has_density()    ? entry.reason_against(settings.family.name)
                                                     : entry.reason_against("");
    if (!reason.empty()) {
      const std::string served = by.has_density() ? fmt::format("family '{}'", settings.family.name) : fmt::format("method '{}'", by.name);
      fail(document_.file, at("fit.optimizer"), fmt::format("optimizer '{}' cannot serve {}", entry.name, served), reason,
           "Use adam, or exclude the pair.");
    }
    if (settings.fit.search_steps > 0 && entry.step_sizes.empty()) {
      fail(document_.file, at("fit.search_steps"), fmt::format("fit.search_steps = {}", settings.fit.search_steps),
           fmt::format("optimizer '{}' has no step sizes of its own to try", entry.name), "Use advi_adaptive, or remove it.");
    }
    const optimizers::StoppingEntry* rule = optimizers::find_stopping(settings.stopping.rule);
    if (rule == nullptr) return settings.stopping.numbers.clear();
    complete_numbers(*rule, "stopping.", "stopping.rule", settings.stopping.numbers);
    if (rule->needs_objective && !by.has_density()) {
      fail(document_.file, at("stopping.rule"), fmt::format("stopping rule '{}' cannot serve method '{}'", rule->name, by.name),
           "it looks at the ELBO, and there is none", "Use relative_change, or exclude the pair.");
    }
  }

  /// Every parameter of every sampler, "nuts.step_size": its own, or the one given to all, or the default.
  void complete_samplers(Settings& settings) const {
    Settings::Sampler& s = settings.sampler;
    const auto complete = [](const auto& given, const std::string& sampler, const auto& parameters, auto& all) {
      for (const auto& parameter : parameters) {
        const std::string own = sampler + "." + parameter.name;
        const auto of_one = given.find(own);
        const auto of_all = given.find(parameter.name);
        all[own] = of_one != given.end() ? of_one->second : of_all != given.end() ? of_all->second : parameter.default_value;
      }
    };
    std::map<std::string, double> numbers;
    std::map<std::string, std::string> words;
    for (const std::string& name : s.names) {
      const samplers::Entry& entry = *samplers::find(name);
      complete(s.numbers, name, entry.parameters, numbers);
      complete(s.words, name, entry.words, words);
      for (const samplers::Word& word : entry.words) {
        const std::string& value = words.at(name + "." + word.name);
        if (std::find(word.choices.begin(), word.choices.end(), value) != word.choices.end()) continue;
        fail(document_.file, at("sampler." + word.name), fmt::format("sampler.{} = \"{}\" is given", word.name, value),
             fmt::format("sampler {} takes: {}", name, join(word.choices)),
             fmt::format("Give {} one of these in [sampler.{}].", name, name));
      }
    }
    s.numbers = std::move(numbers);
    s.words = std::move(words);
  }

  /// What studies of chains need or cannot have together.
  void check_chains(const Settings& settings) const {
    const Settings::Sampler& s = settings.sampler;
    if (s.init == "given" && s.init_values.empty())
      fail(document_.file, at("sampler.init"), "missing key 'sampler.init_values'", "init is \"given\"", "Add init_values = [...].");
    if (s.init == "run" && s.init_run.empty())
      fail(document_.file, at("sampler.init"), "missing key 'sampler.init_run'", "init is \"run\"", "Add init_run = \"...\".");
    if (s.chains % s.chains_per_start != 0) {
      fail(document_.file, at("sampler.chains_per_start"),
           fmt::format("sampler.chains = {} is no multiple of sampler.chains_per_start = {}", s.chains, s.chains_per_start),
           "superchains are of one size", "Change one.");
    }
    if (s.thin > s.draws) {
      fail(document_.file, at("sampler.thin"), fmt::format("sampler.thin = {} leaves none of sampler.draws = {}", s.thin, s.draws),
           "every thin-th draw is stored", "Thin less, or draw more.");
    }
    check_references(settings);
  }

  /// An entry's parameters with their defaults; those of others that a sweep may give are dropped.
  template <class Entry>
  void complete_numbers(const Entry& entry, const std::string& prefix, const char* chosen_by, std::map<std::string, double>& given) const {
    std::map<std::string, double> numbers;
    for (const optimizers::Parameter& parameter : entry.parameters) {
      const auto found = given.find(parameter.name);
      numbers[parameter.name] = found == given.end() ? parameter.default_value : found->second;
    }
    given = std::move(numbers);
    try {
      (void)entry.make({given});
    } catch (const UserError& error) {
      // They begin with the key, in its table or alone.
      const std::string text = error.what();
      const std::string name = text.substr(0, text.find(':'));
      const std::string key = name.starts_with(prefix) ? name : prefix + name;
      const Position place = at(document_.find(key) != nullptr ? key : chosen_by);
      throw UserError(fmt::format("{}:{}:{}: {}", document_.file, place.line, place.column, text));
    }
  }

  void check(const Settings& s) const {
    for (const Given& given : document_.givens) {
      if (of_kind(given.key.name, s.study.kind)) continue;
      fail(document_.file, given.at, fmt::format("{} is given", given.key.name),
           fmt::format("a study of kind '{}' does not take it", s.study.kind), "Remove it, or change study.kind.");
    }
    if (s.study.kind == "sample") {
      if (s.sampler.names.empty()) {
        fail(document_.file, {}, "missing key 'sampler.names'", find_key("sampler.names")->meaning, "Add names = [\"nuts\"] to [sampler].");
      }
      return check_chains(s);
    }
    if (s.estimators.names.empty() && (method() == nullptr || method()->estimators)) {
      fail(document_.file, {}, "missing key 'estimators.names'", find_key("estimators.names")->meaning,
           "Add names = [\"...\"] to [estimators].");
    }
    check_samples(s);
    if (s.study.kind == "fit") return check_references(s);
    if (s.replicates.count < s.replicates.batches) {
      const bool count_given = at("replicates.count").line != 0;
      fail(document_.file, at(count_given ? "replicates.count" : "replicates.batches"),
           fmt::format("replicates.count = {} is less than replicates.batches = {}", s.replicates.count, s.replicates.batches),
           "a batch holds at least one replicate",
           count_given ? fmt::format("Set batches = {} or less.", std::max<Index>(2, s.replicates.count))
                       : fmt::format("Set count = {} or more.", s.replicates.batches));
    }
    if (s.path.points.empty() && !s.path.optimum) {
      fail(document_.file, at("path.points"), "path.points is an empty list", "path.optimum is false too: nothing would be measured",
           "Give at least one point.");
    }
  }

  void check_references(const Settings& s) const {
    const auto same = [&](const char* key, const std::vector<double>& values, const char* with, std::size_t size, bool may_be_empty) {
      if (values.size() == size || (may_be_empty && values.empty())) return;
      fail(document_.file, at(document_.find(key) != nullptr ? key : with),
           fmt::format("{} has {} values where {} has {}", key, values.size(), with, size), "they belong together", "Give as many.");
    };
    same("reference.sd", s.reference.sd, "reference.mean", s.reference.mean.size(), false);
    same("reference.mean_error", s.reference.mean_error, "reference.mean", s.reference.mean.size(), true);
    same("reference.sd_error", s.reference.sd_error, "reference.mean", s.reference.mean.size(), true);
    const int sources = (s.reference.mean.empty() ? 0 : 1) + (s.reference.quadrature ? 1 : 0) + (s.reference.run.empty() ? 0 : 1);
    if (sources < 2) return;
    fail(document_.file, at(s.reference.quadrature ? "reference.quadrature" : "reference.run"), "reference moments are given twice",
         "of reference.mean, reference.quadrature and reference.run one is enough", "Remove all but one.");
  }

  void check_samples(const Settings& s) const {
    for (const std::string& name : s.estimators.names) {
      const estimators::Entry* entry = estimators::find(name);
      const auto bad = entry->bad_samples ? entry->bad_samples(s.estimators.samples) : std::nullopt;
      if (!bad) continue;
      const bool given = at("estimators.samples").line != 0;
      fail(document_.file, at(given ? "estimators.samples" : "estimators.names"),
           fmt::format("estimators.samples = {} is impossible for estimator '{}'", s.estimators.samples, name), *bad,
           other_samples(*entry, s.estimators.samples));
    }
  }

  static std::string other_samples(const estimators::Entry& entry, Index samples) {
    for (const Index step : {Index{1}, Index{2}, Index{3}}) {
      const bool above = !entry.bad_samples(samples + step);
      const bool below = samples > step && !entry.bad_samples(samples - step);
      if (above && below) return fmt::format("Use {} or {}, or leave '{}' out.", samples - step, samples + step, entry.name);
      if (above) return fmt::format("Use {}, or leave '{}' out.", samples + step, entry.name);
      if (below) return fmt::format("Use {}, or leave '{}' out.", samples - step, entry.name);
    }
    return fmt::format("Leave '{}' out.", entry.name);
  }

  const Document& document_;
  std::vector<std::size_t> choice_;
};

bool matches(const Exclusion& exclusion, const std::vector<std::pair<std::string, std::string>>& swept) {
  return std::all_of(exclusion.conditions.begin(), exclusion.conditions.end(), [&](const Exclusion::Condition& condition) {
    return std::any_of(swept.begin(), swept.end(), [&](const auto& pair) {
      return pair.first == condition.key && std::find(condition.texts.begin(), condition.texts.end(), pair.second) != condition.texts.end();
    });
  });
}

/// Texts of the swept keys alone: exclusions are matched before a cell is checked, since they may be there to remove what cannot work.
std::vector<std::pair<std::string, std::string>> swept_texts(const Document& document, const CellMaker& maker) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (std::size_t g = 0; g < document.givens.size(); ++g) {
    const Given& given = document.givens[g];
    if (!given.swept) continue;
    texts.emplace_back(given.key.name, maker.takes(given.key) ? value_text(maker.chosen(g).value, given.key.type) : not_taken);
  }
  return texts;
}

/// All values that a key of one name takes in the spec, or what it is by default.
std::vector<std::string> names_given(const Document& document, const char* key, const std::string& otherwise) {
  const Given* chosen = document.find(key);
  if (chosen == nullptr) return {otherwise};
  std::vector<std::string> names;
  for (const Alternative& alternative : chosen->alternatives) names.push_back(std::get<std::string>(alternative.value));
  return names;
}

/// So is a parameter that no optimizer, or stopping rule, of the spec knows. find(name): the entry, nullptr if there is none.
template <class Find>
void check_parameters(const Document& document, const std::string& prefix, const char* chosen_by, const std::string& otherwise,
                      const std::string& what, Find find) {
  const std::vector<std::string> names = names_given(document, chosen_by, otherwise);
  for (const Given& given : document.givens) {
    if (given.key.name.rfind(prefix, 0) != 0 || given.key.default_text.empty()) continue;
    const bool taken = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      const auto* entry = find(name);
      if (entry == nullptr) return false;
      return std::any_of(entry->parameters.begin(), entry->parameters.end(),
                         [&](const auto& p) { return prefix + p.name == given.key.name; });
    });
    if (taken) continue;
    fail(document.file, given.at, fmt::format("{} is given", given.key.name), fmt::format("{} {} does not take it", what, join(names)),
         fmt::format("Remove it, or choose another {}.", chosen_by));
  }
}

/// And a key that no method of the spec takes.
void check_methods(const Document& document) {
  if (names_given(document, "study.kind", "variance").front() != "fit") return;
  const std::vector<std::string> names = names_given(document, "fit.method", Settings{}.fit.method);
  for (const Given& given : document.givens) {
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return fit_method(name).takes(given.key.name); })) continue;
    fail(document.file, given.at, fmt::format("{} is given", given.key.name), fmt::format("method {} does not take it", join(names)),
         "Remove it, or choose another fit.method.");
  }
}

/// A parameter that no sampler of the spec has.
void check_samplers(const Document& document) {
  const Given* given_names = document.find("sampler.names");
  if (given_names == nullptr) return;
  std::vector<std::string> names;
  for (const Alternative& alternative : given_names->alternatives) {
    for (const std::string& name : std::get<std::vector<std::string>>(alternative.value)) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const Given& given : document.givens) {
    if (!is_sampler_parameter(given.key) || has_parameter(names, given.key.name)) continue;
    fail(document.file, given.at, fmt::format("{} is given", given.key.name),
         fmt::format("{} {} no such parameter", join(names, " and "), names.size() == 1 ? "has" : "have"),
         "Remove it, or name another sampler.");
  }
  const std::vector<std::string> inits = names_given(document, "sampler.init", Settings{}.sampler.init);
  for (const Given& given : document.givens) {
    const char* init = init_of(given.key.name);
    if (init == nullptr || std::find(inits.begin(), inits.end(), init) != inits.end()) continue;
    fail(document.file, given.at, fmt::format("{} is given", given.key.name), fmt::format("sampler.init is \"{}\"", join(inits, " and ")),
         fmt::format("Remove it, or set init = \"{}\".", init));
  }
}

/// A key that no model of the spec takes is a mistake; `data.file` beside a banana, say.
void check_all_taken(const Document& document) {
  const Given& name = *document.find("model.name");
  for (const Given& given : document.givens) {
    if (!given.key.applies) continue;
    const bool taken = std::any_of(name.alternatives.begin(), name.alternatives.end(), [&](const Alternative& alternative) {
      return given.key.applies(*models::find(std::get<std::string>(alternative.value)));
    });
    if (taken) continue;
    fail(document.file, given.at, fmt::format("{} is given", given.key.name),
         fmt::format("model '{}' takes no data", value_text(name.alternatives[0].value, Type::text)),
         "Remove [data], or choose a model with data.");
  }
}

}  // namespace

void expand(const Document& document, Spec& spec) {
  check_all_taken(document);
  check_methods(document);
  check_samplers(document);
  check_parameters(document, "fit.", "fit.optimizer", Settings{}.fit.optimizer, "optimizer", optimizers::find);
  check_parameters(document, "stopping.", "stopping.rule", Settings{}.stopping.rule, "stopping rule", optimizers::find_stopping);
  std::size_t total = 1;
  for (const Given& given : document.givens) {
    total *= given.alternatives.size();
    if (total > most_cells) {
      fail(document.file, given.at, fmt::format("the sweeps make more than {} cells", most_cells), "their product is the plan",
           "Sweep fewer values.");
    }
  }
  std::vector<std::size_t> matched(document.exclusions.size(), 0);
  for (std::size_t cell = 0; cell < total; ++cell) {
    // Digits of the cell's number, the last swept key fastest.
    std::vector<std::size_t> choice(document.givens.size());
    std::size_t rest = cell;
    for (std::size_t g = document.givens.size(); g-- > 0;) {
      choice[g] = rest % document.givens[g].alternatives.size();
      rest /= document.givens[g].alternatives.size();
    }
    const CellMaker maker(document, std::move(choice));
    if (maker.repeats()) continue;
    const auto texts = swept_texts(document, maker);
    const Exclusion* excluded = nullptr;
    for (std::size_t e = 0; e < document.exclusions.size(); ++e) {
      if (!matches(document.exclusions[e], texts)) continue;
      ++matched[e];
      if (excluded == nullptr) excluded = &document.exclusions[e];
    }
    if (excluded != nullptr)
      spec.excluded.push_back({texts, excluded->reason});
    else
      spec.cells.push_back(maker.make());
  }
  for (std::size_t e = 0; e < matched.size(); ++e) {
    if (matched[e] > 0) continue;
    fail(document.file, document.exclusions[e].at, "this exclusion removes nothing", "no cell has all these values",
         "Remove it or correct its values.");
  }
  if (spec.cells.empty())
    fail(document.file, document.exclusions.front().at, "the exclusions remove every cell", "nothing is left to run", "Remove one.");
  check_all_used(document, spec);
}

}  // namespace variscope::experiments::detail
