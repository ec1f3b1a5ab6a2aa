/// What the catalogues know of one entry, as headed lines; and all of it as Markdown.
#include "experiments/command/pages.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include "engine/data/table.hpp"
#include "engine/error.hpp"
#include "engine/estimators/formulas.hpp"
#include "experiments/selftest/expected.hpp"
#include "experiments/selftest/noise_rows.hpp"
#include "experiments/spec/keys.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments {

namespace {

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

/// A model on its smoke configuration, where it needs no rows of its own; nullptr otherwise.
std::unique_ptr<models::Model> example_of(const models::Entry& entry) {
  models::Arguments arguments = entry.smoke;
  const data::Table table = small_table(3);
  if (entry.response != models::ResponseKind::none || entry.response_of) arguments.table = &table;
  try {
    return entry.make(arguments);
  } catch (const UserError&) {
    return nullptr;  // it wants other rows, or a library
  }
}

/// "name = 1: what it is", the first under a heading.
template <class Parameters>
void add_parameters(const Parameters& parameters, const std::string& prefix, Page& page) {
  bool first = true;
  for (const auto& p : parameters) {
    page.emplace_back(first ? "parameters" : "", fmt::format("{}{} = {}: {}", prefix, p.name, p.default_value, p.description));
    first = false;
  }
}

std::string data_of(const models::Entry& entry) {
  if (entry.response_of) return "rows with a response as its likelihood says";
  switch (entry.response) {
    case models::ResponseKind::none:
      return "none";
    case models::ResponseKind::binary:
      return "rows with a binary response";
    case models::ResponseKind::real:
      return "rows with a real response";
    case models::ResponseKind::count:
      return "rows with a count response";
    case models::ResponseKind::category:
      return "rows with a categorical response";
    case models::ResponseKind::table:
      return "columns, no response";
  }
  return "";
}

}  // namespace

/// Everything that the catalogue knows of one estimator.
Page page_of(const estimators::Entry& entry) {
  Page page = {{"estimator", entry.name},
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
Page page_of(const samplers::Entry& entry) {
  Page page = {{"sampler", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
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

Page page_of(const models::Entry& entry) {
  Page page = {{"model", entry.name}, {"summary", entry.summary}, {"source", entry.source}, {"data", data_of(entry)}};
  bool first = true;
  for (const detail::Key& key : detail::model_keys(entry)) {
    const std::string value = key.default_text.empty() ? "" : " = " + key.default_text;
    page.emplace_back(first ? "parameters" : "", fmt::format("{}{}: {}", key.name, value, key.meaning));
    first = false;
  }
  std::vector<std::string> offers = {"value and gradient"};
  if (const auto model = example_of(entry)) {
    const auto mark = [&](bool is, const char* text) {
      if (is) offers.emplace_back(text);
    };
    mark(model->has_hessian_vector(), "Hessian-vector products");
    mark(model->gaussian_prior() != nullptr, "an independent normal prior (analytic KL)");
    mark(model->has_local_gradient(), "linear predictors (local reparameterisation)");
    mark(model->has_gaussian_expectation(), "exact expectations under mean-field normals");
    mark(model->has_covariance_expectation(), "and under normals with a covariance");
    mark(model->has_prior_simulation(), "draws from the prior");
    mark(model->has_response_simulation(), "simulated responses");
    mark(model->has_row_log_likelihood(), "predictions row by row");
  }
  page.emplace_back("offers", join(offers));
  page.emplace_back("cost", "a value or gradient of S parameter vectors on B rows is one batch; the report counts each");
  page.emplace_back(
      "truths",
      "tests/conformance: gradients and products against finite differences, columns independent of their neighbours, rows that add "
      "up, work counted, expectations against quadrature");
  return page;
}

Page page_of(const families::Entry& entry) {
  Page page = {{"family", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
  add_parameters(entry.parameters, "family.", page);
  const auto dim = static_cast<std::size_t>(entry.smoke.dim);
  const auto member = entry.make(entry.smoke, entry.initial(entry.smoke, std::vector<double>(dim, 0.5), std::vector<double>(dim, 0.4)));
  std::vector<std::string> blocks;
  for (const Block& block : member->blocks()) blocks.push_back(fmt::format("{} ({})", block.name, block.parameters.size()));
  page.emplace_back("blocks", fmt::format("{}, of {} coordinates", join(blocks), dim));
  page.emplace_back("path",
                    member->reparameterisable() ? "z is a differentiable function of lambda and noise" : "none: no pathwise gradients");
  page.emplace_back("entropy", member->entropy() ? "in closed form" : "by samples");
  std::vector<std::string> serve;
  for (const estimators::Entry& estimator : estimators::catalogue()) {
    for (const auto& [family, reason] : families_of(estimator)) {
      if (family == entry.name && reason.empty()) serve.push_back(estimator.name);
    }
  }
  page.emplace_back("estimators", join(serve));
  page.emplace_back(
      "truths",
      "tests/conformance: draws against densities, scores and pathwise derivatives against finite differences, entropy against "
      "draws or quadrature");
  return page;
}

Page page_of(const transforms::Entry& entry) {
  Page page = {{"transform", entry.name}, {"summary", entry.summary}, {"source", entry.source}, {"size", entry.size}};
  add_parameters(entry.parameters, "", page);
  page.emplace_back("truths", "tests/conformance: there and back, log |J| against the determinant of finite differences");
  return page;
}

Page page_of(const optimizers::Entry& entry) {
  Page page = {{"optimizer", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
  add_parameters(entry.parameters, "fit.", page);
  std::string refused;
  for (const families::Entry& family : families::catalogue()) {
    const std::string reason = entry.reason_against ? entry.reason_against(family.name) : "";
    if (!reason.empty()) refused += fmt::format("{}{} ({})", refused.empty() ? "" : "; ", family.name, reason);
  }
  if (!refused.empty()) page.emplace_back("not for", refused);
  page.emplace_back("truths",
                    "tests/conformance: steps against its source's formulas, states that go on where they were left, a quartic's optimum");
  return page;
}

Page page_of(const optimizers::StoppingEntry& entry) {
  Page page = {{"stopping rule", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
  add_parameters(entry.parameters, "stopping.", page);
  page.emplace_back("looks at", entry.needs_objective ? "the objective, whose estimates are counted as the fit's work" : "the iterates");
  return page;
}

Page page_of(const FitMethod& entry) {
  Page page = {{"method", entry.name}, {"summary", entry.summary}, {"source", entry.source}};
  page.emplace_back("family", entry.any_family        ? "family.name"
                              : !entry.family.empty() ? entry.family
                              : entry.particles       ? "particles"
                                                      : "a point");
  std::vector<std::string> takes;
  for (const char* key : {"fit.optimizer", "fit.steps", "fit.particles", "fit.repeats", "fit.evaluation_samples", "fit.posterior_draws",
                          "estimators.names", "estimators.samples", "family.initial_mean", "stopping.rule"}) {
    if (entry.takes(key)) takes.emplace_back(key);
  }
  page.emplace_back("takes", join(takes));
  page.emplace_back("repeats", entry.random ? "differ by their random numbers" : "one: nothing is random before draws from the answer");
  return page;
}

namespace {

/// Characters that Markdown would read as markup; the texts are plain.
std::string markdown(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<' || c == '[' || c == ']' || c == '`') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  if (!out) throw UserError(fmt::format("{}: cannot be written (no such directory, or no space). Name another directory.", file.string()));
}

/// One page as a file; the index's line of it.
std::string write_page(const std::filesystem::path& directory, const std::string& topic, const Page& page) {
  const std::string& name = page.at(0).second;
  std::string text = fmt::format("# {}\n\n{}.\n", markdown(name), markdown(page.at(1).second));
  for (std::size_t i = 2; i < page.size(); ++i) {
    const auto& [heading, line] = page[i];
    const bool goes_on = heading.empty() || (i + 1 < page.size() && page[i + 1].first.empty());
    if (!heading.empty()) text += fmt::format("\n**{}**:{}", heading, goes_on ? "\n\n" : " ");
    text += fmt::format("{}{}\n", goes_on ? "- " : "", markdown(line));
  }
  write(directory / topic / (name + ".md"), text + "\nMade by `variscope list --markdown` from the catalogue.\n");
  return fmt::format("| [{}]({}/{}.md) | {} |\n", markdown(name), topic, name, markdown(page.at(1).second));
}

}  // namespace

int write_reference(const std::string& directory) {
  std::string index = "# Reference\n\nWhat specs can name, from the catalogues of this program: `variscope list --markdown DIRECTORY`.\n";
  std::size_t pages = 0;
  const auto add = [&](const std::string& topic, const auto& catalogue) {
    index += fmt::format("\n## {}\n\n| | |\n|---|---|\n", topic);
    for (const auto& entry : catalogue) {
      index += write_page(directory, topic, page_of(entry));
      ++pages;
    }
  };
  add("models", models::catalogue());
  add("families", families::catalogue());
  add("estimators", estimators::catalogue());
  add("samplers", samplers::catalogue());
  add("methods", fit_methods());
  add("optimizers", optimizers::catalogue());
  add("stopping", optimizers::stopping_catalogue());
  add("transforms", transforms::catalogue());
  write(std::filesystem::path(directory) / "README.md", index);
  fmt::print("{} pages: {}\n", pages, (std::filesystem::path(directory) / "README.md").string());
  return 0;
}

}  // namespace variscope::experiments
