/// `variscope list`: what specs can name, from the catalogues themselves.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cluster/launchers/launcher.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/combiners/combiner.hpp"
#include "engine/data/table.hpp"
#include "engine/error.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/estimators/formulas.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/transforms/catalogue.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/selftest/expected.hpp"
#include "experiments/selftest/noise_rows.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/keys.hpp"
#include "experiments/spec/nearest.hpp"
#include "experiments/spec/spec.hpp"
#include "experiments/submit/site.hpp"

namespace variscope::experiments {
namespace {

/// Columns of texts under headings; the first column names the row.
struct Listing {
  std::string topic;
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;
};

std::string response_text(models::ResponseKind kind) {
  switch (kind) {
    case models::ResponseKind::none:
      return "no data";
    case models::ResponseKind::binary:
      return "binary response";
    case models::ResponseKind::real:
      return "real response";
    case models::ResponseKind::count:
      return "count response";
    case models::ResponseKind::category:
      return "categorical response";
    case models::ResponseKind::table:
      return "columns, no response";
  }
  return "";
}

Listing list_models() {
  Listing listing{"models", {"model", "data", "parameters", "summary", "source"}, {}};
  for (const models::Entry& entry : models::catalogue()) {
    std::vector<std::string> parameters;
    for (const detail::Key& key : detail::model_keys(entry)) {
      const std::string name = key.name.substr(key.name.find('.') + 1);
      parameters.push_back(key.default_text.empty() ? name : name + " = " + key.default_text);
    }
    const std::string response = entry.response_of ? "response as its likelihood says" : response_text(entry.response);
    listing.rows.push_back({entry.name, response, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_estimators() {
  Listing listing{"estimators", {"estimator", "cost per sample", "summary", "source"}, {}};
  for (const estimators::Entry& entry : estimators::catalogue())
    listing.rows.push_back({entry.name, entry.cost, entry.summary, entry.source});
  return listing;
}

Listing list_families() {
  Listing listing{"families", {"family", "parameters", "summary", "source"}, {}};
  for (const families::Entry& entry : families::catalogue()) {
    std::vector<std::string> parameters;
    for (const families::Parameter& p : entry.parameters) parameters.push_back(fmt::format("{} = {}", p.name, p.default_value));
    listing.rows.push_back({entry.name, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_transforms() {
  Listing listing{"transforms", {"transform", "size", "parameters", "summary", "source"}, {}};
  for (const transforms::Entry& entry : transforms::catalogue()) {
    std::vector<std::string> parameters;
    for (const transforms::Parameter& p : entry.parameters) parameters.push_back(fmt::format("{} = {}", p.name, p.default_value));
    listing.rows.push_back({entry.name, entry.size, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_optimizers() {
  Listing listing{"optimizers", {"optimizer", "parameters", "summary", "source"}, {}};
  for (const optimizers::Entry& entry : optimizers::catalogue()) {
    std::vector<std::string> parameters;
    for (const optimizers::Parameter& p : entry.parameters) parameters.push_back(fmt::format("{} = {}", p.name, p.default_value));
    listing.rows.push_back({entry.name, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_stopping() {
  Listing listing{"stopping", {"stopping rule", "parameters", "summary", "source"}, {}};
  for (const optimizers::StoppingEntry& entry : optimizers::stopping_catalogue()) {
    std::vector<std::string> parameters;
    for (const optimizers::Parameter& p : entry.parameters) parameters.push_back(fmt::format("{} = {}", p.name, p.default_value));
    listing.rows.push_back({entry.name, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_samplers() {
  Listing listing{"samplers", {"sampler", "parameters", "summary", "source"}, {}};
  for (const samplers::Entry& entry : samplers::catalogue()) {
    std::vector<std::string> parameters;
    for (const samplers::Parameter& p : entry.parameters) parameters.push_back(fmt::format("{} = {}", p.name, p.default_value));
    for (const samplers::Word& w : entry.words) parameters.push_back(fmt::format("{} = {}", w.name, w.default_value));
    listing.rows.push_back({entry.name, join(parameters), entry.summary, entry.source});
  }
  return listing;
}

Listing list_combiners() {
  Listing listing{"combiners", {"combiner", "posteriors of shards", "summary", "source"}, {}};
  for (const combiners::Entry& entry : combiners::catalogue()) {
    const bool fraction = entry.subposterior == combiners::Subposterior::prior_fraction;
    listing.rows.push_back({entry.name, fraction ? "prior^(1/M) x likelihood" : "prior x likelihood^M", entry.summary, entry.source});
  }
  return listing;
}

Listing list_methods() {
  Listing listing{"methods", {"method of fits", "summary", "source"}, {}};
  for (const FitMethod& method : fit_methods()) listing.rows.push_back({method.name, method.summary, method.source});
  return listing;
}

Listing list_keys() {
  Listing listing{"keys", {"key", "default", "type", "meaning"}, {}};
  for (const KeyDescription& key : describe_keys()) listing.rows.push_back({key.key, key.default_value, key.type, key.meaning});
  return listing;
}

Listing list_schedulers() {
  Listing listing{"schedulers", {"scheduler", "launcher", "checked", "summary", "source"}, {}};
  for (const cluster::SchedulerEntry& entry : cluster::schedulers())
    listing.rows.push_back({entry.name, entry.launcher, entry.checked, entry.summary, entry.source});
  return listing;
}

Listing list_launchers() {
  Listing listing{"launchers", {"launcher", "summary", "source"}, {}};
  for (const cluster::LauncherEntry& entry : cluster::launchers()) listing.rows.push_back({entry.name, entry.summary, entry.source});
  return listing;
}

Listing list_sites() {
  Listing listing{"sites", {"site", "file", "description"}, {}};
  for (const SiteName& site : known_sites()) listing.rows.push_back({site.name, site.file, site.description});
  return listing;
}

/// A few rows for the models that pages are made with: an intercept and normal-looking columns.
data::Table small_table(Index columns) {
  data::Table table;
  table.rows = 4;
  table.held = {0, 4};
  for (Index d = 0; d < columns; ++d) table.columns.push_back(d == 0 ? "intercept" : fmt::format("x{}", d));
  for (Index n = 0; n < table.rows; ++n) {
    for (Index d = 0; d < columns; ++d) table.design.push_back(d == 0 ? 1.0 : static_cast<double>((n + d) % 3) - 1.0);
    table.response.push_back(n % 2 == 0 ? 1.0 : 0.0);
  }
  return table;
}

/// Families by whether the estimator serves them, over logistic regression, the model that offers most: on all rows or on minibatches.
/// What other models lack can only take away.
std::vector<std::pair<std::string, std::string>> families_of(const estimators::Entry& entry) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const families::Entry& family : families::catalogue()) {
    const auto dim = static_cast<std::size_t>(family.smoke.dim);
    const auto member =
        family.make(family.smoke, family.initial(family.smoke, std::vector<double>(dim, 0.5), std::vector<double>(dim, 0.4)));
    const data::Table table = small_table(family.smoke.dim);
    models::Arguments arguments;
    const models::Entry& model_entry = *models::find("logistic_regression");
    for (const auto& p : model_entry.parameters) arguments.numbers[p.name] = p.default_value;
    arguments.table = &table;
    const auto model = model_entry.make(arguments);
    const auto objective = entry.importance_bound ? estimators::Objective::importance_bound : estimators::Objective::elbo;
    std::optional<std::string> reason;
    for (const Index batch_rows : {0, 2}) {
      const auto against = estimators::reason_against(entry, {member.get(), model.get(), objective, 4, batch_rows, {}});
      if (!against) reason.reset();
      if (!against) break;
      if (!reason) reason = against;  // that on all rows is about the family, unless there is none
    }
    pairs.emplace_back(family.name, reason.value_or(""));
  }
  return pairs;
}

/// Targets of the self-test at which the estimator is measured against an oracle; "(mean alone)" where no exact variance is known.
std::vector<std::string> truths_of(const estimators::Entry& entry) {
  std::vector<std::string> names;
  for (const SelftestCase& at : selftest_cases()) {
    const Scene scene(at);
    const estimators::Context context{scene.family.get(), scene.model.get(), at.objective, at.samples, 0, {}};
    if (entry.biased || estimators::reason_against(entry, context) || entry.bad_samples(at.samples)) continue;
    // What is known does not depend on what a state holds.
    const std::vector<double> state(static_cast<std::size_t>(entry.make()->state_size(context)), 0.0);
    const auto truth = expected(entry, at, *scene.model, state);
    names.push_back(at.name + (truth && !truth->variance.empty() ? "" : " (mean alone)"));
  }
  for (const NoiseCase& at : noise_cases()) {
    if (at.estimator == entry.name) names.push_back(at.name);
  }
  return names;
}

/// Everything that the catalogue knows of one estimator.
std::vector<std::pair<std::string, std::string>> page_of(const estimators::Entry& entry) {
  std::vector<std::pair<std::string, std::string>> page = {{"estimator", entry.name},
                                                           {"summary", entry.summary},
                                                           {"estimate", estimators::formula(entry.name)},
                                                           {"source", entry.source},
                                                           {"cost per sample", entry.cost}};
  std::vector<std::string> serves;
  std::map<std::string, std::vector<std::string>> not_served;  // by reason
  for (const auto& [family, reason] : families_of(entry)) {
    if (reason.empty())
      serves.push_back(family);
    else
      not_served[reason].push_back(family);
  }
  page.emplace_back("families", join(serves));
  std::string refusals;
  for (const auto& [reason, names] : not_served) refusals += fmt::format("{}{} ({})", refusals.empty() ? "" : "; ", join(names), reason);
  if (!refusals.empty()) page.emplace_back("not for", refusals);
  std::vector<std::string> properties;
  const auto mark = [&](bool is, const char* text) {
    if (is) properties.emplace_back(text);
  };
  mark(entry.biased, "biased: judged by mean squared error");
  mark(entry.importance_bound, "of the importance-weighted bound");
  mark(entry.joins_samples, "its samples hang together");
  mark(entry.own_noise_per_row, "every row has noise of its own");
  mark(entry.snapshot, "leans on an earlier step (path.snapshot_age)");
  mark(entry.history, "leans on when the path last drew each row");
  mark(entry.makes_reference, "makes reference gradients where none is exact");
  if (const auto reason = entry.bad_samples(1)) properties.push_back("not with 1 sample: " + *reason);
  page.emplace_back("properties", properties.empty() ? "none" : join(properties));
  const std::vector<std::string> truths = truths_of(entry);
  std::string text = "variscope selftest: ";
  for (std::size_t i = 0; i < truths.size(); ++i) text += (i > 0 ? "; " : "") + truths[i];
  page.emplace_back("truths", truths.empty() ? "its own mean by enumeration, in the rows of variscope selftest that name it" : text);
  return page;
}

/// Everything that the catalogue knows of one sampler.
std::vector<std::pair<std::string, std::string>> page_of(const samplers::Entry& entry) {
  std::vector<std::pair<std::string, std::string>> page = {{"sampler", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
  for (const samplers::Parameter& p : entry.parameters)
    page.emplace_back("", fmt::format("sampler.{} = {}: {}", p.name, p.default_value, p.description));
  for (const samplers::Word& w : entry.words)
    page.emplace_back("", fmt::format("sampler.{} = \"{}\": {}; one of {}", w.name, w.default_value, w.description, join(w.choices)));
  if (page.size() > 3) page[3].first = "parameters";
  const auto& c = entry.capabilities;
  page.emplace_back("cost", fmt::format("{} of the whole data; {}", c.gradient ? "gradients" : "values",
                                        c.independent ? "as many an iteration whatever the target" : "how many depends on the target"));
  std::vector<std::string> properties;
  const auto mark = [&](bool is, const char* text) {
    if (is) properties.emplace_back(text);
  };
  mark(c.adapts, "adapts during warm-up");
  mark(c.cross_chain, "chains adapt together: results depend on how many there are");
  mark(c.exact, "leaves the target invariant once warm-up is over");
  mark(!c.exact, "one iteration alone does not leave the target invariant");
  mark(c.weighted, "its draws carry weights");
  page.emplace_back("properties", join(properties));
  std::vector<std::string> statistics;
  const auto example = models::find("gaussian")->make(models::find("gaussian")->smoke);
  if (!entry.reason_against || entry.reason_against(*example).empty()) {
    for (const samplers::Statistic& s : samplers::recorded_statistics(*entry.make(samplers::arguments_of(entry), *example)))
      statistics.push_back(s.name);
    page.emplace_back("recorded", join(statistics));
  }
  std::vector<std::string> variants;
  for (const samplers::Variant& variant : entry.smoke) variants.push_back(variant.name);
  page.emplace_back("truths", c.exact && !c.weighted
                                  ? fmt::format("exact draws stay exact through one iteration, moments of known targets ({}); broken twins "
                                                "must be caught: tests/conformance",
                                                join(variants))
                                  : fmt::format("known targets ({}): tests/conformance", join(variants)));
  return page;
}

template <class Catalogue>
std::vector<std::string> names_of(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& entry : catalogue) names.push_back(entry.name);
  return names;
}

/// The page of one entry of a topic. Throws UserError where there is none.
std::vector<std::pair<std::string, std::string>> find_page(const std::string& topic, const std::string& wanted) {
  const auto unknown = [&](const char* kind, const std::vector<std::string>& names) {
    return UserError(fmt::format("variscope list: unknown {} '{}' ({}s: {}).{}", kind, wanted, kind, join(names), suggest(wanted, names)));
  };
  if (topic == "estimators") {
    const estimators::Entry* entry = estimators::find(wanted);
    if (entry == nullptr) throw unknown("estimator", names_of(estimators::catalogue()));
    return page_of(*entry);
  }
  if (topic == "samplers") {
    const samplers::Entry* entry = samplers::find(wanted);
    if (entry == nullptr) throw unknown("sampler", names_of(samplers::catalogue()));
    return page_of(*entry);
  }
  throw UserError(
      fmt::format("variscope list: '{}' has no pages of single entries (estimators and samplers have). Leave out '{}'.", topic, wanted));
}

int print_page(const ListOptions& options, const std::string& wanted) {
  const auto page = find_page(options.topic, wanted);
  if (options.json) {
    nlohmann::ordered_json object;
    std::string heading;
    for (const auto& [own, text] : page) {
      // Lines without a heading go on with the one above.
      if (own.empty())
        object[heading] = object[heading].get<std::string>() + "\n" + text;
      else
        object[heading = own] = text;
    }
    fmt::print("{}\n", object.dump(2));
    return 0;
  }
  for (const auto& [heading, text] : page) fmt::print("{:<16} {}\n", heading, text);
  return 0;
}

const std::vector<std::pair<std::string, Listing (*)()>>& topics() {
  static const std::vector<std::pair<std::string, Listing (*)()>> all = {{"models", list_models},
                                                                         {"estimators", list_estimators},
                                                                         {"families", list_families},
                                                                         {"transforms", list_transforms},
                                                                         {"optimizers", list_optimizers},
                                                                         {"methods", list_methods},
                                                                         {"stopping", list_stopping},
                                                                         {"samplers", list_samplers},
                                                                         {"combiners", list_combiners},
                                                                         {"keys", list_keys},
                                                                         {"schedulers", list_schedulers},
                                                                         {"launchers", list_launchers},
                                                                         {"sites", list_sites}};
  return all;
}

/// Characters, not bytes: names and sources are UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string render(const Listing& listing) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < listing.headings.size(); ++c) {
    widths.push_back(width_of(listing.headings[c]));
    for (const auto& row : listing.rows) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += row[c] + std::string(widths[c] - width_of(row[c]) + 2, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(listing.headings);
  std::vector<std::string> rules;
  for (const std::size_t width : widths) rules.emplace_back(width, '-');
  add(rules);
  for (const auto& row : listing.rows) add(row);
  return text;
}

nlohmann::ordered_json to_json(const Listing& listing) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : listing.rows) {
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < row.size(); ++c) object[listing.headings[c]] = row[c];
    rows.push_back(object);
  }
  return rows;
}

}  // namespace

int print_list(const ListOptions& options) {
  std::vector<Listing> listings;
  std::vector<std::string> names;
  for (const auto& [name, make] : topics()) {
    names.push_back(name);
    const bool of_jobs = name == "schedulers" || name == "launchers" || name == "sites";
    if (options.topic == name || (options.topic.empty() && name != "keys" && !of_jobs)) listings.push_back(make());
  }
  if (listings.empty())
    throw UserError(
        fmt::format("variscope list: unknown topic '{}' (topics: {}).{}", options.topic, join(names), suggest(options.topic, names)));
  if (options.json) {
    nlohmann::ordered_json all;
    for (const Listing& listing : listings) all[listing.topic] = to_json(listing);
    fmt::print("{}\n", all.dump(2));
    return 0;
  }
  for (std::size_t i = 0; i < listings.size(); ++i) fmt::print("{}{}", i > 0 ? "\n" : "", render(listings[i]));
  if (options.topic.empty()) fmt::print("\nKeys of a spec: variscope list keys. For jobs: schedulers, launchers, sites.\n");
  return 0;
}

void add_list(CLI::App& program, Action& chosen) {
  auto* app =
      program.add_subcommand("list",
                             "List models, estimators, families, transforms, optimizers, methods and stopping rules of fits, samplers, "
                             "the keys of a spec, or what submit knows");
  auto options = std::make_shared<ListOptions>();
  app->add_option("TOPIC", options->topic,
                  "models, estimators, families, transforms, optimizers, methods, stopping, samplers, keys, schedulers, launchers or sites "
                  "(default: what a spec names)");
  auto wanted = std::make_shared<std::string>();
  app->add_option("NAME", *wanted, "One estimator or sampler: its formula or parameters, source, cost and truths");
  app->add_flag("--json", options->json, "As JSON");
  app->footer(
      "Examples:\n  variscope list estimators\n  variscope list estimators pw_rqmc\n  variscope list samplers nuts\n  variscope list keys "
      "--json");
  app->callback([&chosen, options, wanted] {
    chosen = [options, wanted] { return wanted->empty() ? print_list(*options) : print_page(*options, *wanted); };
  });
}

}  // namespace variscope::experiments
