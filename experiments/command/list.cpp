/// `variscope list`: what specs can name, from the catalogues themselves.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cluster/launchers/launcher.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/combiners/combiner.hpp"
#include "engine/error.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/transforms/catalogue.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/pages.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/command/text_table.hpp"
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

template <class Catalogue>
std::vector<std::string> names_of(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& entry : catalogue) names.push_back(entry.name);
  return names;
}

/// The page of one entry of a topic. Throws UserError where there is none.
Page find_page(const std::string& topic, const std::string& wanted) {
  const auto unknown = [&](const char* kind, const std::vector<std::string>& names) {
    return UserError(fmt::format("variscope list: unknown {} '{}' (known: {}).{}", kind, wanted, join(names), suggest(wanted, names)));
  };
  const auto find = [&](const auto& catalogue, const char* kind) {
    for (const auto& entry : catalogue) {
      if (entry.name == wanted) return page_of(entry);
    }
    throw unknown(kind, names_of(catalogue));
  };
  if (topic == "estimators") return find(estimators::catalogue(), "estimator");
  if (topic == "samplers") return find(samplers::catalogue(), "sampler");
  if (topic == "models") return find(models::catalogue(), "model");
  if (topic == "families") return find(families::catalogue(), "family");
  if (topic == "transforms") return find(transforms::catalogue(), "transform");
  if (topic == "optimizers") return find(optimizers::catalogue(), "optimizer");
  if (topic == "stopping") return find(optimizers::stopping_catalogue(), "stopping rule");
  if (topic == "methods") return find(fit_methods(), "method");
  throw UserError(
      fmt::format("variscope list: '{}' has no pages of single entries (what a spec names has). Leave out '{}'.", topic, wanted));
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
  for (std::size_t i = 0; i < listings.size(); ++i)
    fmt::print("{}{}", i > 0 ? "\n" : "", text_table(listings[i].headings, listings[i].rows, output_columns()));
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
  app->add_option("NAME", *wanted, "One entry of a topic: its formula or parameters, source, cost and truths");
  app->add_flag("--json", options->json, "As JSON");
  app->add_option("--markdown", options->markdown,
                  "Directory to write a reference into: a page of every entry of every topic, and an index");
  app->footer(
      "Examples:\n  variscope list estimators\n  variscope list estimators pw_rqmc\n  variscope list samplers nuts\n  variscope list keys "
      "--json\n  variscope list --markdown reference");
  app->callback([&chosen, options, wanted] {
    chosen = [options, wanted] {
      if (!options->markdown.empty()) return write_reference(options->markdown);
      return wanted->empty() ? print_list(*options) : print_page(*options, *wanted);
    };
  });
}

}  // namespace variscope::experiments
