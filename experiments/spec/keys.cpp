/// The table of keys: name, type, range, where the value goes in Settings, and what it means.
#include "experiments/spec/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <type_traits>

#include "engine/combiners/combiner.hpp"
#include "engine/diagnostics/predictive.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "engine/samplers/catalogue.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments::detail {
namespace {

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, bool>) return Type::boolean;
  if constexpr (std::is_same_v<T, Index> || std::is_same_v<T, std::uint64_t>) return Type::integer;
  if constexpr (std::is_same_v<T, double>) return Type::real;
  if constexpr (std::is_same_v<T, std::string>) return Type::text;
  if constexpr (std::is_same_v<T, std::vector<double>>) return Type::reals;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return Type::names;
}

/// `field` maps Settings& to the member: type, setter and getter follow from it.
template <class Field>
Key key(std::string name, Field field, std::string meaning) {
  using T = std::remove_cvref_t<decltype(field(std::declval<Settings&>()))>;
  using Stored = std::conditional_t<std::is_same_v<T, std::uint64_t>, std::int64_t, T>;
  Key made;
  made.name = std::move(name);
  made.type = type_of<T>();
  made.meaning = std::move(meaning);
  made.set = [field](Settings& settings, const Value& value) { field(settings) = static_cast<T>(std::get<Stored>(value)); };
  made.get = [field](const Settings& settings) {
    Settings copy = settings;
    return Value(static_cast<Stored>(field(copy)));
  };
  return made;
}

Key at_least(Key made, double minimum, double maximum = 1e12) {
  made.minimum = minimum;
  made.maximum = maximum;
  return made;
}
Key above(Key made, double minimum, double maximum = 1e12) {
  made = at_least(std::move(made), minimum, maximum);
  made.above_minimum = true;
  return made;
}
Key one_of(Key made, std::vector<std::string> choices) {
  made.choices = std::move(choices);
  return made;
}
Key rows(Key made) {
  made.type = Type::rows;
  return at_least(std::move(made), 1);
}
Key of_study(Key made) {
  made.sweepable = false;
  return made;
}
Key needed(Key made) {
  made.required = true;
  return made;
}
Key power_of_two(Key made) {
  made.power_of_two = true;
  return made;
}
Key with_data(Key made) {
  made.applies = [](const models::Entry& entry) { return entry.response != models::ResponseKind::none; };
  return made;
}

template <class Catalogue>
std::vector<std::string> names_of(const Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& entry : catalogue) names.push_back(entry.name);
  return names;
}

#define FIELD(member) \
  [](Settings & s) -> auto& { return s.member; }

/// Parameters of all entries of a catalogue, as keys below `prefix`: an entry that does not know one refuses it in expand.cpp.
/// numbers(Settings&): where they go.
template <class Catalogue, class Numbers>
std::vector<Key> parameter_keys(const std::string& prefix, const Catalogue& catalogue, Numbers numbers) {
  std::vector<Key> made;
  for (const auto& entry : catalogue) {
    for (const auto& parameter : entry.parameters) {
      const std::string name = prefix + parameter.name;
      const auto same = std::find_if(made.begin(), made.end(), [&](const Key& k) { return k.name == name; });
      const std::string default_text = fmt::format("{}", parameter.default_value);
      if (same != made.end()) {
        if (same->default_text != default_text) same->default_text += fmt::format(", {} of {}", default_text, entry.name);
        continue;
      }
      Key added;
      added.name = name;
      added.type = Type::real;
      added.meaning = parameter.description;
      added.default_text = default_text;
      added.set = [name = parameter.name, numbers](Settings& settings, const Value& value) {
        numbers(settings)[name] = std::get<double>(value);
      };
      added.get = [name = parameter.name, numbers](const Settings& settings) {
        Settings copy = settings;
        const auto& all = numbers(copy);
        const auto found = all.find(name);
        return Value(found == all.end() ? std::numeric_limits<double>::quiet_NaN() : found->second);
      };
      made.push_back(std::move(added));
    }
  }
  return made;
}

/// A text of samplers: "nuts.metric" of one, "metric" of all that know it.
Key word_key(const std::string& of, const samplers::Word& word) {
  Key made;
  made.name = "sampler." + of + word.name;
  made.type = Type::text;
  made.meaning = word.description;
  made.choices = word.choices;
  made.default_text = word.default_value;
  made.set = [name = of + word.name](Settings& settings, const Value& value) {
    settings.sampler.words[name] = std::get<std::string>(value);
  };
  made.get = [name = of + word.name](const Settings& settings) {
    const auto found = settings.sampler.words.find(name);
    return Value(found == settings.sampler.words.end() ? std::string() : found->second);
  };
  return made;
}

/// sampler.KEY, for all samplers that have such a parameter, then sampler.NAME.KEY for each alone.
std::vector<Key> sampler_parameter_keys() {
  const auto numbers = [](Settings & s) -> auto& { return s.sampler.numbers; };
  std::vector<Key> made = parameter_keys("sampler.", samplers::catalogue(), numbers);
  for (const samplers::Entry& entry : samplers::catalogue()) {
    for (const samplers::Word& word : entry.words) {
      const auto same = std::find_if(made.begin(), made.end(), [&](const Key& k) { return k.name == "sampler." + word.name; });
      if (same == made.end()) {
        made.push_back(word_key("", word));
        continue;
      }
      for (const std::string& choice : word.choices) {
        if (std::find(same->choices.begin(), same->choices.end(), choice) == same->choices.end()) same->choices.push_back(choice);
      }
      if (same->default_text != word.default_value) same->default_text += fmt::format(", {} of {}", word.default_value, entry.name);
    }
  }
  for (const samplers::Entry& entry : samplers::catalogue()) {
    for (const samplers::Parameter& parameter : entry.parameters) {
      Key added;
      const std::string name = entry.name + "." + parameter.name;
      added.name = "sampler." + name;
      added.type = Type::real;
      added.meaning = parameter.description;
      added.default_text = fmt::format("{}", parameter.default_value);
      added.set = [name](Settings& settings, const Value& value) { settings.sampler.numbers[name] = std::get<double>(value); };
      added.get = [name](const Settings& settings) {
        const auto found = settings.sampler.numbers.find(name);
        return Value(found == settings.sampler.numbers.end() ? std::numeric_limits<double>::quiet_NaN() : found->second);
      };
      made.push_back(std::move(added));
    }
    for (const samplers::Word& word : entry.words) made.push_back(word_key(entry.name + ".", word));
  }
  return made;
}

std::vector<Key> make_keys() {
  const double seeds = 0x1p63;
  std::vector<Key> all = {
      of_study(needed(key("study.name", FIELD(study.name), "name of the study and of its run directory: letters, digits, '_', '.', '-'"))),
      of_study(key("study.description", FIELD(study.description), "what the study asks; kept with the results")),
      of_study(one_of(key("study.kind", FIELD(study.kind),
                          "what is measured: the noise of gradients, fits taken to the optimum, or chains of samplers"),
                      {"variance", "fit", "sample"})),
      at_least(key("study.seed", FIELD(study.seed), "seed of every random number"), 0, seeds),
      with_data(key("data.file", FIELD(data.file), "CSV or TSV with a header, HDF5, NumPy's .npy or LIBSVM, relative to the spec")),
      with_data(one_of(key("data.format", FIELD(data.format), "what the file is; auto: by its name"),
                       {"auto", "csv", "tsv", "hdf5", "npy", "libsvm"})),
      with_data(key("data.response", FIELD(data.response), "column that the model explains")),
      with_data(key("data.response_file", FIELD(data.response_file), "with a .npy file: one-dimensional .npy file of the response")),
      with_data(
          one_of(key("data.missing", FIELD(data.missing), "rows with a missing value (empty, NA, NaN, null) in a column that is used"),
                 {"refuse", "drop_rows"})),
      with_data(key("data.columns", FIELD(data.columns), "columns of the design; [\"*\"]: all that have no other use; []: none")),
      with_data(key("data.side_columns", FIELD(data.side_columns), "columns a model may name (groups, offsets, trials), kept as they are")),
      with_data(key("data.categorical", FIELD(data.categorical),
                    "columns whose texts or whole numbers are levels; in the design a 0/1 column for each level but the first")),
      with_data(key("data.interactions", FIELD(data.interactions), "products of design columns, such as \"x1*x2\", as more columns")),
      with_data(key("data.standardize", FIELD(data.standardize),
                    "shift and scale every number of the design to mean 0 and sd 1 before products are taken; levels stay 0 and 1")),
      with_data(key("data.intercept", FIELD(data.intercept), "add a column of ones")),
      with_data(at_least(key("data.test_fraction", FIELD(data.test_fraction), "share of rows, drawn by study.seed, held out for tests"), 0,
                         0.99)),
      with_data(power_of_two(
          at_least(key("data.row_tile", FIELD(data.row_tile), "rows per leaf of the fold; part of the arithmetic"), 16, 65536))),
      needed(one_of(key("model.name", FIELD(model.name), "target density; see 'variscope list models'"), names_of(models::catalogue()))),
      one_of(key("family.name", FIELD(family.name), "variational family; see 'variscope list families'"), names_of(families::catalogue())),
      at_least(key("family.initial_mean", FIELD(family.initial_mean), "start of the path: one value for all coordinates, or one each"),
               -1e12),
      above(key("family.initial_sd", FIELD(family.initial_sd), "start of the path: one value for all coordinates, or one each"), 0),
      one_of(key("objective", FIELD(objective),
                 "what the gradient is of: the ELBO, E_q[log density] without the entropy, or the bound of M importance samples"),
             {"elbo", "expectation", "importance_bound"}),
      at_least(key("family.rank", FIELD(family.rank), "columns of the factor of low_rank_gaussian"), 1, 1e6),
      at_least(key("family.components", FIELD(family.components), "components of gaussian_mixture"), 1, 1e4),
      at_least(key("family.categories", FIELD(family.categories), "categories of each variable of categorical"), 2, 1e6),
      of_study(key("family.point", FIELD(family.point),
                   "coordinates of the model (\"log_sigma\") that are optimised jointly with q over the others and have no distribution of "
                   "their own: model parameters, empirical Bayes. They start at initial_mean")),
      at_least(key("path.steps", FIELD(path.steps), "Adam steps of the reference path"), 0),
      above(key("path.step_size", FIELD(path.step_size), "Adam's step size"), 0, 1e6),
      at_least(key("path.samples", FIELD(path.samples), "Monte Carlo samples of each step"), 1, 1e9),
      rows(key("path.batch_rows", FIELD(path.batch_rows), "data rows of each step")),
      at_least(key("path.points", FIELD(path.points), "where variances are measured, in percent of the steps, increasing"), 0, 100),
      key("path.optimum", FIELD(path.optimum), "measure at the optimum too"),
      at_least(key("path.snapshot_age", FIELD(path.snapshot_age),
                   "steps between a point and the earlier parameters that svrg and joint_cv lean on; the optimum: the path's last step"),
               0),
      one_of(key("reference.method", FIELD(reference.method), "how the reference gradient is found"), {"auto", "exact", "monte_carlo"}),
      at_least(key("reference.samples", FIELD(reference.samples), "samples of a Monte Carlo reference gradient"), 2),
      key("reference.mean", FIELD(reference.mean), "posterior means of the model's variables that fits are held against"),
      at_least(key("reference.sd", FIELD(reference.sd), "their posterior standard deviations"), 0, 1e300),
      at_least(key("reference.mean_error", FIELD(reference.mean_error), "standard errors of reference.mean; empty: exact"), 0, 1e300),
      at_least(key("reference.sd_error", FIELD(reference.sd_error), "standard errors of reference.sd; empty: exact"), 0, 1e300),
      key("reference.quadrature", FIELD(reference.quadrature),
          "take both from quadrature over all coordinates, of which a model has at most 3"),
      key("reference.run", FIELD(reference.run),
          "take both from this run on the same model, relative to the spec: of fits, from those whose importance weights can be relied on; "
          "of chains, from the sampler of least error among those whose chains have mixed"),
      // Needed, but by some methods of fits: expand.cpp sees to it.
      one_of(key("estimators.names", FIELD(estimators.names), "gradient estimators to compare; see 'variscope list estimators'"),
             names_of(estimators::catalogue())),
      at_least(key("estimators.samples", FIELD(estimators.samples), "Monte Carlo samples M of one estimate"), 1, 1e9),
      rows(key("estimators.batch_rows", FIELD(estimators.batch_rows), "data rows B of one estimate")),
      one_of(key("estimators.row_policy", FIELD(estimators.row_policy),
                 "how the minibatches of R replicas are drawn: each on its own, B distinct rows or B with replacement; B R distinct rows "
                 "dealt out; B "
                 "of each replica's fixed shard; or one step of an epoch, B R rows of a permutation of all rows, at a random place in it. "
                 "R replicas of an epoch with noise of their own are R consecutive steps at fixed parameters too: their mean has the "
                 "variance of an average over steps, and at B R = N, a whole epoch, no data noise"),
             {"without_replacement", "with_replacement", "disjoint", "shards", "epoch"}),
      at_least(
          key("estimators.replicas", FIELD(estimators.replicas), "replicas R whose gradients are averaged; where they run is no matter"), 1,
          16384),
      one_of(key("estimators.noise_policy", FIELD(estimators.noise_policy), "how replicas share their noise"),
             {"independent", "shared", "split_net"}),
      at_least(key("replicates.count", FIELD(replicates.count), "independent repeats of every estimate, at least one a batch"), 2),
      at_least(key("replicates.batches", FIELD(replicates.batches), "batches of replicates that the jackknife leaves out in turn"), 2, 256),
      at_least(key("components.designs", FIELD(components.designs),
                   "crossed designs that tell Monte Carlo, data and interaction noise apart; 0: none"),
               0, 1e9),
      at_least(
          key("components.row_sets", FIELD(components.row_sets),
              "minibatches of a crossed design; 1 where batch_rows is \"all\"; within fixed shards divided among them, at least 2 each"),
          2, 1024),
      at_least(
          key("components.noise_sets", FIELD(components.noise_sets), "sample sets of a crossed design, every one met by every minibatch"),
          2, 1024),
      one_of(key("fit.method", FIELD(fit.method), "how the approximation is found; see 'variscope list methods'"), names_of(fit_methods())),
      one_of(key("fit.optimizer", FIELD(fit.optimizer), "optimizer of a fit; see 'variscope list optimizers'"),
             names_of(optimizers::catalogue())),
      at_least(key("fit.search_steps", FIELD(fit.search_steps),
                   "steps of each trial of the optimizer's own step sizes, the best of which is taken; 0: fit.step_size is"),
               0, 1e6),
      at_least(key("fit.particles", FIELD(fit.particles), "particles of method svgd; draws of method prior"), 2, 1e6),
      at_least(key("fit.steps", FIELD(fit.steps), "steps of a fit; of searches by L-BFGS the most evaluations of what is maximised"), 1,
               1e9),
      at_least(key("fit.budget_evaluations", FIELD(fit.budget_evaluations),
                   "a fit ends before its work exceeds so many gradients of all rows (of one sample); 0: no such limit"),
               0, 1e18),
      at_least(key("fit.repeats", FIELD(fit.repeats), "fits of each estimator, independent of each other"), 1, 256),
      at_least(key("fit.trace_every", FIELD(fit.trace_every), "steps between recorded ones; 0: a logarithmic grid, ten to a decade"), 0,
               1e9),
      at_least(key("fit.evaluation_samples", FIELD(fit.evaluation_samples),
                   "samples of each estimate of the objective along a fit, where it has no exact value"),
               2, 1e9),
      at_least(key("fit.posterior_draws", FIELD(fit.posterior_draws), "draws from each fitted approximation: its moments and k-hat"), 2,
               1e7),
      of_study(above(key("fit.tolerance", FIELD(fit.tolerance), "nats from the optimum that count as having come there, in the report"), 0,
                     1e12)),
      of_study(with_data(one_of(key("predictive.rows", FIELD(predictive.rows),
                                    "rows whose responses are predicted after a fit: training rows, those held out (data.test_fraction), a "
                                    "grid along predictive.covariate between its extremes, all else at the means"),
                                {"training", "test", "grid"}))),
      of_study(
          with_data(key("predictive.covariate", FIELD(predictive.covariate), "design column that predictive bands are shown against"))),
      of_study(with_data(at_least(key("predictive.grid_points", FIELD(predictive.grid_points), "points of the grid"), 2, 10000))),
      of_study(with_data(at_least(key("predictive.grid_margin", FIELD(predictive.grid_margin),
                                      "how far the grid goes beyond the least and the largest training value, in units of their distance"),
                                  0, 100))),
      of_study(with_data(at_least(key("predictive.draws", FIELD(predictive.draws),
                                      "draws of the parameters, the first of the posterior draws, each with one response of every row"),
                                  diagnostics::kLeastPredictiveDraws, 1e6))),
      of_study(with_data(at_least(key("predictive.kept_rows", FIELD(predictive.kept_rows),
                                      "rows of each part whose bands are stored, the first; figures are of all rows"),
                                  0, 1e6))),
      of_study(
          with_data(at_least(key("predictive.functions", FIELD(predictive.functions),
                                 "draws of the parameters whose mean response along the grid is stored and drawn as a line, the first"),
                             0, 1000))),
      // Needed by studies of chains: expand.cpp sees to it.
      one_of(key("sampler.names", FIELD(sampler.names), "samplers to compare on the target; see 'variscope list samplers'"),
             names_of(samplers::catalogue())),
      at_least(key("sampler.chains", FIELD(sampler.chains), "chains of each sampler"), 1, (1 << 24) - 1),
      at_least(key("sampler.warmup", FIELD(sampler.warmup), "iterations of each chain before its draws, in which samplers adapt"), 0, 1e9),
      key("sampler.adapt", FIELD(sampler.adapt), "adapt during the warm-up; false: parameters stay as given, and the warm-up is burn-in"),
      at_least(key("sampler.draws", FIELD(sampler.draws), "iterations of each chain behind the warm-up"), 1, 1e9),
      at_least(key("sampler.thin", FIELD(sampler.thin), "every so many-th draw is stored; statistics are, of every iteration"), 1, 1e9),
      one_of(
          key("sampler.stop", FIELD(sampler.stop),
              "what ends the chains before their draws do, where it holds for every stored scalar at two looks in a row: effective sizes "
              "(bulk and tail), R-hat, or both"),
          {"never", "ess", "rhat", "both"}),
      above(key("sampler.stop_ess", FIELD(sampler.stop_ess), "effective size, of all chains together, that stops them"), 0, 1e12),
      above(key("sampler.stop_rhat", FIELD(sampler.stop_rhat), "R-hat that stops them"), 0, 1e6),
      at_least(key("sampler.stop_every", FIELD(sampler.stop_every), "iterations between two looks"), 1, 1e9),
      one_of(key("sampler.init", FIELD(sampler.init),
                 "where chains start: uniform within the radius, draws from the prior, values given, the mode (map), draws from "
                 "pathfinder's approximation, or from the approximation that a run of fits ended in; on the unconstrained scale"),
             {"uniform", "prior", "given", "map", "pathfinder", "run"}),
      at_least(key("sampler.init_radius", FIELD(sampler.init_radius), "of init = \"uniform\""), 0, 1e12),
      [] {
        Key made = key("sampler.init_values", FIELD(sampler.init_values),
                       "of init = \"given\": one start for all chains, or a row for each start; unconstrained");
        made.type = Type::matrix;
        return made;
      }(),
      key("sampler.init_run", FIELD(sampler.init_run),
          "of init = \"run\": a run of fits of the same model, relative to the spec; of its Gaussian fits and modes the best"),
      at_least(key("sampler.chains_per_start", FIELD(sampler.chains_per_start),
                   "consecutive chains that share a start: superchains, for nested R-hat"),
               1, (1 << 24) - 1),
      above(key("sampler.metric_variances", FIELD(sampler.metric_variances),
                "variances, one for each unconstrained coordinate, that metrics (inverse masses) and proposals begin with; left out: 1"),
            0, 1e300),
      key("sampler.save", FIELD(sampler.save), "variables whose draws are stored; left out: all"),
      key("sampler.save_warmup", FIELD(sampler.save_warmup), "store the warm-up's draws too (its statistics always are)"),
      key("sampler.save_data", FIELD(sampler.save_data), "observed_data and constant_data in the trace file, up to 64 MiB"),
      key("sampler.unconstrained", FIELD(sampler.unconstrained), "store positions on the unconstrained scale too"),
      key("sampler.single_precision", FIELD(sampler.single_precision), "store draws in single precision"),
      with_data(
          one_of(key("combine.names", FIELD(combine.names),
                     "combiners that put posteriors of shards of the rows together, each shard with chains of its own; see 'variscope "
                     "list combiners'. Left out: none"),
                 names_of(combiners::catalogue()))),
      with_data(at_least(key("combine.shards", FIELD(combine.shards), "shards of consecutive rows"), 2, 1e6)),
      with_data(at_least(key("combine.draws", FIELD(combine.draws),
                             "of each shard that combiners are given, at the most: those stored are thinned to so many"),
                         100, 1e9)),
      with_data(at_least(key("combine.chains", FIELD(combine.chains), "of combiners that are Markov chains"), 1, 255)),
      with_data(at_least(key("combine.bandwidth", FIELD(combine.bandwidth),
                             "of kernel combiners, in units of the shards' spread; 0: i^(-1 / (4 + dim)) at iteration i"),
                         0, 1e6)),
      one_of(key("stopping.rule", FIELD(stopping.rule), "when a fit ends before its steps do; see 'variscope list stopping'"),
             [] {
               std::vector<std::string> rules = names_of(optimizers::stopping_catalogue());
               rules.insert(rules.begin(), "none");
               return rules;
             }()),
      of_study(key("output.directory", FIELD(output.directory), "run directory; empty: runs/<study.name>")),
      of_study(at_least(
          key("limits.memory_gib", FIELD(limits.memory_gib), "memory per rank in GiB that the plan may use; 0: what the machine has"), 0,
          1e9)),
  };
  const auto insert_after = [&](const char* name, std::vector<Key> more) {
    const auto after = std::find_if(all.begin(), all.end(), [&](const Key& k) { return k.name == name; });
    all.insert(after + 1, std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  insert_after("fit.optimizer", parameter_keys(
                                    "fit.", optimizers::catalogue(), [](Settings & s) -> auto& { return s.fit.numbers; }));
  insert_after("sampler.names", sampler_parameter_keys());
  insert_after("stopping.rule",
               parameter_keys(
                   "stopping.", optimizers::stopping_catalogue(), [](Settings & s) -> auto& { return s.stopping.numbers; }));
  return all;
}

#undef FIELD

std::string number_text(double value) { return fmt::format("{}", value); }

/// What a list of this type holds, or the scalar itself.
std::string type_text(Type type) {
  switch (type) {
    case Type::boolean:
      return "true or false";
    case Type::integer:
      return "a whole number";
    case Type::rows:
      return "\"all\" or a whole number";
    case Type::real:
      return "a number";
    case Type::text:
      return "a text";
    case Type::reals:
      return "a list of numbers";
    case Type::names:
      return "a list of texts";
    case Type::matrix:
      return "a list of numbers, or of rows of numbers";
  }
  return "";
}

/// A list given to a scalar is a sweep. The catalogue tells scalars by the number of values in the smoke configuration and in the default.
bool is_scalar(const models::Entry& entry, const models::Parameter& parameter) {
  const auto smoke = entry.smoke.numbers.find(parameter.name);
  if (smoke != entry.smoke.numbers.end()) return smoke->second.size() == 1 && parameter.default_value.size() <= 1;
  return parameter.default_value.size() == 1;
}

}  // namespace

std::string Key::describe_type() const {
  if (!choices.empty()) return (type == Type::names ? "a list of: " : "one of: ") + join(choices);
  std::string text = type_text(type);
  const bool bounded_above = maximum < 1e6;  // larger bounds only keep arithmetic safe
  if (power_of_two) return fmt::format("a power of two from {} to {}", number_text(minimum), number_text(maximum));
  if (maximum == 0x1p63) return text + " from 0 to 2^63 - 1";
  if (above_minimum) {
    text += " above " + number_text(minimum);
  } else if (minimum > -1e12) {
    text += (bounded_above ? " from " : " of at least ") + number_text(minimum);
  }
  if (bounded_above) text += (above_minimum ? ", at most " : " to ") + number_text(maximum);
  return text;
}

const std::vector<Key>& keys() {
  static const std::vector<Key> all = make_keys();
  return all;
}

const Key* find_key(const std::string& name) {
  for (const Key& candidate : keys()) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

bool of_kind(const std::string& key, const std::string& kind) {
  const auto below = [&](const char* prefix) { return key.rfind(prefix, 0) == 0; };
  const bool of_chains = below("sampler.") || below("combine.");
  const bool of_fits = below("fit.") || below("stopping.") || key == "family.point";
  const bool of_predictions = below("predictive.");
  const bool of_moments = below("reference.") && key != "reference.method" && key != "reference.samples";
  const bool of_gradients = below("family.") || below("estimators.") || key == "objective" || key == "reference.method";
  const bool of_variances = below("path.") || below("replicates.") || below("components.") || key == "reference.samples";
  if (kind == "sample") return !of_fits && !of_gradients && !of_variances;
  return !of_chains && (kind == "fit" ? !of_variances : !of_fits && !of_moments && !of_predictions);
}

std::vector<Key> model_keys(const models::Entry& entry) {
  std::vector<Key> made;
  for (const models::Parameter& parameter : entry.parameters) {
    Key added;
    added.name = "model." + parameter.name;
    const bool scalar = is_scalar(entry, parameter);
    added.type = scalar ? Type::real : parameter.matrix ? Type::matrix : Type::reals;
    added.meaning = parameter.description;
    if (parameter.default_value.size() == 1)
      added.default_text = number_text(parameter.default_value[0]);
    else if (!parameter.default_value.empty())
      added.default_text = value_text(parameter.default_value, Type::reals);
    added.set = [name = parameter.name, scalar](Settings& settings, const Value& value) {
      if (scalar)
        settings.model.numbers[name] = {std::get<double>(value)};
      else
        settings.model.numbers[name] = std::get<std::vector<double>>(value);
    };
    made.push_back(std::move(added));
  }
  for (const models::Word& word : entry.words) {
    Key added;
    added.name = "model." + word.name;
    added.type = word.list ? Type::names : Type::text;
    added.meaning = word.description;
    added.choices = word.choices;
    added.default_text = word.default_value.value_or("");
    added.set = [name = word.name, list = word.list](Settings& settings, const Value& value) {
      if (list)
        settings.model.lists[name] = std::get<std::vector<std::string>>(value);
      else
        settings.model.words[name] = std::get<std::string>(value);
    };
    made.push_back(std::move(added));
  }
  return made;
}

std::string value_text(const Value& value, Type type) {
  if (type == Type::rows && std::get<std::int64_t>(value) == 0) return "all";
  return std::visit(
      [](const auto& held) -> std::string {
        using T = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return held;
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          return fmt::format("[{}]", fmt::join(held, ", "));
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return fmt::format("[{}]", join(held));
        } else {
          return fmt::format("{}", held);
        }
      },
      value);
}

}  // namespace variscope::experiments::detail
