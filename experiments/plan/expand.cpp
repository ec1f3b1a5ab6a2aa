/// From a spec's cells to data sets, shared paths and cells with their predicted work.
#include "experiments/plan/expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <queue>
#include <set>

#include "engine/approximations/divergence.hpp"
#include "engine/approximations/pathfinder.hpp"
#include "engine/data/columns.hpp"
#include "engine/data/standardize.hpp"
#include "engine/diagnostics/work.hpp"
#include "engine/error.hpp"
#include "engine/families/with_points.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "experiments/plan/chains.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/plan/reference.hpp"
#include "experiments/plan/unused.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/model_arguments.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

/// Coordinates beyond which no dense covariance is made.
constexpr Index kMostDenseDim = 512;

/// Settings below these prefixes decide a path; all others only what is measured along it.
bool shapes_path(const std::string& key) {
  for (const char* prefix : {"study.seed", "data.", "model.", "family.", "objective", "path.", "reference."}) {
    if (key.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

std::string path_key(const Settings& settings) {
  std::string key;
  for (const auto& [name, value] : to_pairs(settings)) {
    if (shapes_path(name)) key += name + "=" + value + "\n";
  }
  return key;
}

/// All that decides the posterior: of fits whose families differ too.
std::string posterior_key(const Settings& settings) {
  std::string key;
  for (const auto& [name, value] : to_pairs(settings)) {
    if (name == "study.seed" || name.starts_with("data.") || name.starts_with("model.")) key += name + "=" + value + "\n";
  }
  return key;
}

/// All that decides what a table holds; the seed splits the rows.
std::string data_key(const Settings& settings) {
  std::string key = settings.data.test_fraction > 0 ? std::to_string(settings.study.seed) : std::string();
  for (const auto& [name, value] : to_pairs(settings)) {
    if (name.starts_with("data.")) key += "\n" + value;
  }
  return key;
}

/// Whether 2, 3 and 4 shards of whole tiles hold rows evenly enough for a layout not to be refused.
bool divides_by_few(Index rows, Index row_tile) {
  constexpr double kMostImbalance = 1.1;
  for (const Index shards : {2, 3, 4}) {
    const cluster::Ownership tiles{data::row_tiles(rows, row_tile), 1, shards};
    const Index most = std::min(tiles.range(0).size() * row_tile, rows);  // the first shard is the largest
    if (static_cast<double>(most * shards) > kMostImbalance * static_cast<double>(rows)) return false;
  }
  return true;
}

/// Rows that minibatches can be drawn from and shards cut of.
Index divisible_rows(const Settings& settings, const DataPlan* data) {
  return data == nullptr || !models::find(settings.model.name)->divisible ? 0 : data->rows;
}

void check_rows(const Spec& spec, const Settings& settings, const std::string& key, Index batch_rows, Index rows) {
  if (batch_rows == 0) return;
  if (!models::find(settings.model.name)->divisible) {
    throw UserError(
        fmt::format("{}: {} = {} is not to be had (the likelihood of model {} is no sum over rows, of which a minibatch would be a part). "
                    "Remove it, or set it to \"all\".",
                    spec.where(key), key, batch_rows, settings.model.name));
  }
  if (rows == 0)
    throw UserError(fmt::format("{}: {} = {} has no meaning (the model takes no data). Remove it.", spec.where(key), key, batch_rows));
  if (batch_rows > rows) {
    throw UserError(fmt::format("{}: {} = {} exceeds the data's {} rows (rows are drawn without replacement). Use at most {}, or \"all\".",
                                spec.where(key), key, batch_rows, rows, rows));
  }
}

/// Keys that this family does not know are mistakes.
void check_family(const Spec& spec, const Settings& settings) {
  const families::Entry& entry = *families::find(settings.family.name);
  for (const char* key : {"rank", "components", "categories"}) {
    const std::string full = std::string("family.") + key;
    const bool given = std::any_of(spec.places.begin(), spec.places.end(), [&](const Place& place) { return place.key == full; });
    const bool known =
        std::any_of(entry.parameters.begin(), entry.parameters.end(), [&](const families::Parameter& p) { return p.name == key; });
    if (!given || known) continue;
    // A sweep over families may give keys that only some of them take.
    const bool taken = std::any_of(spec.cells.begin(), spec.cells.end(), [&](const SpecCell& cell) {
      const auto& other = families::find(cell.settings.family.name)->parameters;
      return std::any_of(other.begin(), other.end(), [&](const families::Parameter& p) { return p.name == key; });
    });
    if (!taken) throw UserError(fmt::format("{}: {} has no meaning for family {}. Remove it.", spec.where(full), full, entry.name));
  }
}

void check_sizes(const Spec& spec, const Settings& settings, Index dim) {
  const auto check = [&](const char* key, const std::vector<double>& values) {
    if (values.size() != 1 && static_cast<Index>(values.size()) != dim) {
      throw UserError(fmt::format("{}: {} has {} values (the model has {} coordinates). Give one value for all, or {}.", spec.where(key),
                                  key, values.size(), dim, dim));
    }
  };
  check("family.initial_mean", settings.family.initial_mean);
  check("family.initial_sd", settings.family.initial_sd);
}

/// What a model refuses, "model.prior_sd: ...", with its place in the spec.
std::unique_ptr<models::Model> accepted_model(const Spec& spec, const Settings& settings, const DataPlan* data) {
  try {
    return shape_model(settings, data);
  } catch (const UserError& error) {
    const std::string text = error.what();
    if (!text.starts_with("model.")) throw;
    const std::string key = text.substr(0, text.find(':'));
    const std::string place = spec.where(key);
    throw UserError(fmt::format("{}: {}", place == spec.file ? spec.where("model.name") : place, text));
  }
}

/// Columns that one estimate's requests take at most. Local gradients under a covariance are dim / 2 times as tall as all else, and count
/// as so many more.
Index most_columns(const std::vector<estimators::Request>& requests, Index samples, Index dim) {
  Index most = 0;
  for (const estimators::Request& request : requests) {
    const Index height = request.wanted.local && request.wanted.covariance ? 1 + dim / 2 : 1;
    most = std::max(most, request.columns * (request.per_sample ? samples : 1) * height);
  }
  return most;
}

/// Work of `calls` estimates of `samples` samples over `rows_per_call` rows, of a model in `dim` coordinates.
models::Counts work(const std::vector<estimators::Request>& requests, Index calls, Index samples, Index rows_per_call, Index dim) {
  models::Counts counts;
  for (const estimators::Request& request : requests) {
    if (request.stored) continue;
    const Index columns = calls * request.columns * (request.per_sample ? samples : 1);
    counts.add_rows(request.wanted, columns * rows_per_call);
    counts.add_products(request.wanted, columns * rows_per_call, dim);
    if (request.prior && !request.wanted.local) counts.add_evaluations(request.wanted, columns);
  }
  return counts;
}

/// Stands in for the evaluations of a preparation: counts them, and answers with zeros. What an estimator asks for does not depend on the
/// answers.
class CountingPreparation final : public estimators::Preparation {
 public:
  CountingPreparation(const estimators::Estimator& estimator, const estimators::Context& context, Index rows, Index rows_per_call)
      : estimator_(estimator), context_(context), rows_(rows), rows_per_call_(rows_per_call) {}

  void evaluate(const models::Wanted& wanted, tiles::ConstBatchView theta, tiles::ConstBatchView, tiles::Batch& out) override {
    counts_.add_rows(wanted, theta.count * rows_);
    counts_.add_evaluations(wanted, theta.count);
    out.resize(wanted.rows(theta.dim), theta.count);
    out.set_zero();
  }

  void row_gradients(tiles::ConstBatchView, std::span<const std::uint32_t>, std::span<double>) override {
    counts_.add_rows({false, true}, rows_);
  }

  void train(Index, const std::vector<estimators::Request>& requests,
             const std::function<void(const estimators::SampleBlock&)>& use) override {
    counts_ += work(requests, 1, context_.samples, rows_per_call_, context_.model->dim());
    const Index dim = context_.model->dim();
    const tiles::Batch noise(context_.family->noise().rows() + estimator_.extra_uniforms(context_), context_.samples);
    const tiles::Batch position(dim, context_.samples);
    std::vector<tiles::Batch> results;
    std::vector<tiles::ConstBatchView> densities;
    for (const auto& request : requests) results.emplace_back(request.wanted.rows(dim), context_.samples);
    for (const auto& result : results) densities.push_back(result.view());
    const std::vector<Index> origins(requests.size(), 0);
    use({noise.view(), position.view(), densities, origins, 0, context_.samples});
  }

  [[nodiscard]] const models::Counts& counts() const { return counts_; }

 private:
  const estimators::Estimator& estimator_;
  const estimators::Context& context_;
  Index rows_;
  Index rows_per_call_;
  models::Counts counts_;
};

/// Beside such cells others may use all rows: they have Monte Carlo noise alone.
bool crosses_minibatches(const SpecCell& cell) { return cell.settings.components.designs > 0 && cell.settings.estimators.batch_rows > 0; }

/// Replicas and their policies, checked against the data.
Design design_of(const Spec& spec, const Settings& settings, Index rows) {
  const auto& s = settings.estimators;
  const std::map<std::string, RowPolicy> row_policies = {{"without_replacement", RowPolicy::without_replacement},
                                                         {"with_replacement", RowPolicy::with_replacement},
                                                         {"disjoint", RowPolicy::disjoint},
                                                         {"shards", RowPolicy::shards},
                                                         {"epoch", RowPolicy::epoch}};
  const std::map<std::string, NoisePolicy> noise_policies = {
      {"independent", NoisePolicy::independent}, {"shared", NoisePolicy::shared}, {"split_net", NoisePolicy::split_net}};
  const RowPolicy policy = row_policies.at(s.row_policy);
  if (policy != RowPolicy::with_replacement) check_rows(spec, settings, "estimators.batch_rows", s.batch_rows, rows);
  if (s.batch_rows > 0) {
    if (rows == 0) check_rows(spec, settings, "estimators.batch_rows", s.batch_rows, rows);
    const bool dealt = policy == RowPolicy::disjoint || policy == RowPolicy::epoch;
    if (dealt && s.batch_rows * s.replicas > rows) {
      throw UserError(fmt::format(
          "{}: {} replicas of {} rows exceed the data's {} rows (row_policy \"{}\" gives every row to one replica at most). Use at most {} "
          "replicas.",
          spec.where("estimators.replicas"), s.replicas, s.batch_rows, rows, s.row_policy, rows / s.batch_rows));
    }
    if (policy == RowPolicy::shards && s.replicas > rows) {
      throw UserError(fmt::format("{}: {} fixed shards of {} rows (every shard needs a row at least). Use at most {} replicas.",
                                  spec.where("estimators.replicas"), s.replicas, rows, rows));
    }
    if (policy == RowPolicy::shards && s.batch_rows * s.replicas > rows) {
      throw UserError(fmt::format("{}: {} rows exceed a shard of {} rows (the data's {} rows in {} fixed shards). Use at most {}.",
                                  spec.where("estimators.batch_rows"), s.batch_rows, rows / s.replicas, rows, s.replicas,
                                  rows / s.replicas));
    }
  } else if (settings.components.designs > 0 && std::none_of(spec.cells.begin(), spec.cells.end(), crosses_minibatches)) {
    throw UserError(
        fmt::format("{}: no cell has minibatches to cross (with all rows there is no data noise to tell apart). Set "
                    "estimators.batch_rows, or components.designs = 0.",
                    spec.where("components.designs")));
  }
  const NoisePolicy noise = noise_policies.at(s.noise_policy);
  const bool has_net = std::any_of(s.names.begin(), s.names.end(), [](const std::string& name) {
    return estimators::find(name)->make()->coupling() == estimators::Coupling::scrambled_net;
  });
  if (noise == NoisePolicy::split_net && s.replicas > 1 && !s.names.empty() && !has_net) {
    throw UserError(
        fmt::format("{}: \"split_net\" finds no net to split (no estimator of this list draws one). Add pw_rqmc, or use \"independent\".",
                    spec.where("estimators.noise_policy")));
  }
  return Design::replicas(s.replicas, noise, policy);
}

/// The importance-weighted bound has estimators for few settings only; its path needs one.
void check_bound(const Spec& spec, const estimators::Context& path) {
  if (path.objective != estimators::Objective::importance_bound) return;
  if (path.batch_rows > 0) {
    throw UserError(fmt::format("{}: path.batch_rows = {} (the importance-weighted bound of a minibatch is another bound). Use \"all\".",
                                spec.where("path.batch_rows"), path.batch_rows));
  }
  std::string reasons;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (!entry.importance_bound || entry.leads_path == 0) continue;
    const auto reason = estimators::reason_against(entry, path);
    if (!reason) return;
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : "; ", entry.name, *reason);
  }
  throw UserError(fmt::format("{}: no estimator of the importance-weighted bound can lead along the path ({}). Use \"elbo\".",
                              spec.where("objective"), reasons));
}

class Expander {
 public:
  explicit Expander(Plan& plan) : plan_(plan), directory_(spec_directory(plan.spec.file)) {}

  void add(const SpecCell& given) {
    SpecCell from = given;
    find_points(from.settings);
    if (from.settings.study.kind == "fit") return add_fits(from);
    if (from.settings.study.kind == "sample") return add_chains(from);
    CellPlan cell;
    cell.id = fmt::format("cell_{:03}", plan_.cells.size());
    cell.settings = from.settings;
    cell.swept = from.swept;
    cell.path = path_of(from.settings);
    const PathPlan& path = plan_.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const Settings& s = cell.settings;
    const Index rows = divisible_rows(s, data);
    cell.design = design_of(plan_.spec, s, rows);
    if (objective_of(s) == estimators::Objective::importance_bound && s.estimators.samples != s.path.samples) {
      throw UserError(
          fmt::format("{}: {} samples where path.samples is {} (the number of samples is part of the importance-weighted bound, and "
                      "path and estimators must share it). Make them equal.",
                      plan_.spec.where("estimators.samples"), s.estimators.samples, s.path.samples));
    }
    if (s.components.designs > 0) {
      if (s.components.designs < s.replicates.batches) {
        throw UserError(
            fmt::format("{}: {} designs for {} batches (each batch of replicates takes designs, at least one). Use at least {}, or "
                        "fewer replicates.batches.",
                        plan_.spec.where("components.designs"), s.components.designs, s.replicates.batches, s.replicates.batches));
      }
    }
    if (s.estimators.batch_rows > 0) {
      cell.coarser = coarser_tiles(rows, data->row_tile, s.estimators.batch_rows);
      auto& unit = plan_.data[static_cast<std::size_t>(path.data)].shard_unit;
      unit = std::max(unit, Index{1} << cell.coarser);
    }
    const auto model = shape_model(s, data);
    const auto family = make_family(s, path.dim, initial_lambda(s, path.dim));
    const auto initial = initial_lambda(s, path.dim);
    const estimators::Context context{family.get(), model.get(), objective_of(s), s.estimators.samples, s.estimators.batch_rows,
                                      {},           initial};
    const auto points = static_cast<double>(path.labels.size());
    const double calls = points * static_cast<double>(s.replicates.count);
    const std::optional<Design> within_shards = shard_design(s);
    const Index units_of_designs = component_design(s).units() + (within_shards ? within_shards->units() : 0);
    const double crossed = points * static_cast<double>(s.components.designs * units_of_designs);
    const Index rows_per_call = s.estimators.batch_rows > 0 ? s.estimators.batch_rows : rows;
    for (const std::string& name : s.estimators.names) {
      const estimators::Entry& entry = *estimators::find(name);
      if (const auto reason = estimators::reason_against(entry, context)) {
        cell.exclusions.push_back({name, *reason});
        continue;
      }
      const auto estimator = entry.make();
      cell.estimators.push_back(name);
      const auto requests = estimator->requests(context);
      cell.columns = std::max(cell.columns, most_columns(requests, s.estimators.samples, path.dim));
      const auto units = static_cast<Index>(calls) * cell.design.units() + static_cast<Index>(crossed);
      cell.counts += work(requests, units, s.estimators.samples, rows_per_call, path.dim);
      CountingPreparation preparation(*estimator, context, rows, rows_per_call);
      std::vector<double> state(static_cast<std::size_t>(estimator->state_size(context)), 0.0);
      cell.state_bytes += 8 * static_cast<double>(state.size());
      if (!state.empty()) estimator->prepare(context, preparation, state);
      for (std::size_t point = 0; point < path.labels.size(); ++point) cell.counts += preparation.counts();
      plan_.replicate_calls += calls + points * static_cast<double>(s.components.designs);
    }
    if (cell.estimators.empty()) {
      throw UserError(fmt::format("{}: no estimator of this list can serve {} ({}: {}). Add one that can, such as pw_cfe.",
                                  plan_.spec.where("estimators.names"), s.model.name, cell.exclusions.front().estimator,
                                  cell.exclusions.front().reason));
    }
    plan_.counts += cell.counts;
    plan_.cells.push_back(std::move(cell));
  }

  /// Methods that could not serve are said beside those that could.
  void finish() {
    for (const Skipped& skipped : skipped_) {
      const auto cell = std::find_if(plan_.cells.begin(), plan_.cells.end(),
                                     [&](const CellPlan& c) { return posterior_key(c.settings) == skipped.posterior; });
      if (cell == plan_.cells.end()) {
        throw UserError(fmt::format("{}: no method of this spec can serve this model ({}: {}). Add one that can, such as vi.",
                                    plan_.spec.where("fit.method"), skipped.exclusion.estimator, skipped.exclusion.reason));
      }
      cell->exclusions.push_back(skipped.exclusion);
    }
  }

 private:
  struct Skipped {
    std::string posterior;
    Exclusion exclusion;
  };

  /// A cell whose samplers each run chains.
  void add_chains(const SpecCell& from) {
    CellPlan cell;
    cell.id = fmt::format("cell_{:03}", plan_.cells.size());
    cell.settings = from.settings;
    cell.swept = from.swept;
    cell.path = path_of(from.settings);
    const PathPlan& path = plan_.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const auto model = shape_model(cell.settings, data);
    plan_chains(plan_.spec, *model, data, plan_.only, cell);
    for (const ChainsPlan& chains : cell.chains)
      plan_.replicate_calls += static_cast<double>(chains.settings.count()) * static_cast<double>(chains.settings.iterations());
    for (const ChainsPlan& chains : cell.shard_chains)
      plan_.replicate_calls += static_cast<double>(chains.settings.count()) * static_cast<double>(chains.settings.iterations());
    plan_.cells.push_back(std::move(cell));
  }

  /// A cell whose estimators each lead to an optimum, or whose method does.
  void add_fits(const SpecCell& from) {
    CellPlan cell;
    cell.id = fmt::format("cell_{:03}", plan_.cells.size());
    cell.settings = from.settings;
    cell.swept = from.swept;
    const FitMethod& method = fit_method(from.settings.fit.method);
    const int path_index = path_of(from.settings);
    cell.path = path_index;
    const PathPlan& path = plan_.paths[static_cast<std::size_t>(path_index)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const Settings& s = cell.settings;
    const Index rows = divisible_rows(s, data);
    if (objective_of(s) == estimators::Objective::importance_bound) {
      throw UserError(
          fmt::format("{}: fits of the importance-weighted bound are not offered (its optimum depends on the number of samples). "
                      "Use \"elbo\".",
                      plan_.spec.where("objective")));
    }
    cell.design = design_of(plan_.spec, s, rows);
    if (s.estimators.batch_rows > 0) {
      cell.coarser = coarser_tiles(rows, data->row_tile, s.estimators.batch_rows);
      auto& unit = plan_.data[static_cast<std::size_t>(path.data)].shard_unit;
      unit = std::max(unit, Index{1} << cell.coarser);
    }
    const auto model = shape_model(s, data);
    check_predictive(plan_.spec, s, *model, data);
    const auto initial = initial_lambda(s, path.dim);
    const auto family = make_family(s, path.dim, initial);
    const estimators::Context context{family.get(), model.get(), objective_of(s), s.estimators.samples, s.estimators.batch_rows, {}, {}};
    FitPlan& fit = cell.fit;
    fit.parameters = method.has_density() ? path.parameters : method.particles ? path.dim * s.fit.particles : path.dim;
    fit.exact = method.has_density() && !needs_monte_carlo(s, *model, *family);
    fit.may_end_early = (!method.optimizer && !method.particles) || s.stopping.rule != "none";
    if (method.has_density()) {
      if (!fit.exact && !method.quadrature && family->parameters() < 2) {
        throw UserError(fmt::format("{}: family {} has one parameter and no exact objective here, which fits do not serve. Use another.",
                                    plan_.spec.where("family.name"), s.family.name));
      }
      const bool little_noise = method.quadrature && family->noise().rows() <= approximations::kMostNoiseRows;
      if (little_noise)
        fit.evaluation = work({{.wanted = {true, false}}}, 1, approximations::divergence_points(family->noise().rows()), rows, path.dim);
      else if (!fit.exact)
        fit.evaluation = work({{.wanted = {true, false}}}, 1, s.fit.evaluation_samples, rows, path.dim);
      fit.draws = work({{.wanted = {true, false}}}, 1, s.fit.posterior_draws, rows, path.dim);
    }
    std::set<Index> traced;
    if (method.estimators) {
      add_estimators(cell, context, rows, traced);
    } else if (const std::string reason = add_method(cell, method, *model, *family, rows, traced); !reason.empty()) {
      skipped_.push_back({posterior_key(s), {method.name, reason}});
      return;
    }
    if (cell.estimators.empty()) {
      throw UserError(fmt::format("{}: no estimator of this list can serve {} ({}: {}). Add one that can, such as pw_cfe.",
                                  plan_.spec.where("estimators.names"), s.model.name, cell.exclusions.front().estimator,
                                  cell.exclusions.front().reason));
    }
    // Estimators whose budgets allow different numbers of steps share one grid.
    fit.trace.assign(traced.begin(), traced.end());
    for (std::size_t e = 0; e < fit.steps.size(); ++e) {
      const Index repeats = s.fit.repeats;
      const Index recorded = fit.recorded(e);
      for (const auto& kind : models::Counts::kinds()) {
        const Index of_steps = fit.steps[e] * fit.step_counts[e].*kind.count + fit.once[e].*kind.count;
        cell.counts.*kind.count += repeats * (of_steps + recorded * fit.evaluation.*kind.count + fit.draws.*kind.count);
      }
      plan_.replicate_calls += static_cast<double>(repeats * fit.steps[e]);
    }
    plan_.counts += cell.counts;
    plan_.cells.push_back(std::move(cell));
  }

  /// The estimators of a cell that can lead.
  void add_estimators(CellPlan& cell, const estimators::Context& context, Index rows, std::set<Index>& traced) {
    const Settings& s = cell.settings;
    const Index rows_per_call = s.estimators.batch_rows > 0 ? s.estimators.batch_rows : rows;
    for (const std::string& name : s.estimators.names) {
      const estimators::Entry& entry = *estimators::find(name);
      if (const auto reason = estimators::reason_against(entry, context)) {
        cell.exclusions.push_back({name, *reason});
        continue;
      }
      const auto estimator = entry.make();
      if (estimator->state_size(context) > 0) {
        cell.exclusions.push_back({name, "has to be prepared anew at every step, which fits do not do"});
        continue;
      }
      const auto requests = estimator->requests(context);
      const Index dim = context.model->dim();
      cell.columns = std::max(cell.columns, most_columns(requests, s.estimators.samples, dim));
      const models::Counts step = work(requests, cell.design.units(), s.estimators.samples, rows_per_call, dim);
      if (const std::string reason = add_items(cell, name, step, {}, rows, traced); !reason.empty())
        cell.exclusions.push_back({name, reason});
    }
  }

  /// Positions of the coordinates that family.point names.
  void find_points(Settings& s) {
    if (s.family.point.empty()) return;
    const auto fail = [&](const std::string& text) { throw UserError(fmt::format("{}: {}", plan_.spec.where("family.point"), text)); };
    const models::ResponseKind response = response_kind(s);
    const DataPlan* data = response == models::ResponseKind::none ? nullptr : &plan_.data[static_cast<std::size_t>(data_of(s, response))];
    const auto names = shape_model(s, data)->parameter_names();
    for (const std::string& name : s.family.point) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end())
        fail(fmt::format("no coordinate '{}' (model {} has: {}). Name one of them.", name, s.model.name, data::list_names(names)));
      s.family.point_places.push_back(found - names.begin());
    }
    std::sort(s.family.point_places.begin(), s.family.point_places.end());
    if (std::adjacent_find(s.family.point_places.begin(), s.family.point_places.end()) != s.family.point_places.end())
      fail("a coordinate is named twice. Name it once.");
    if (s.family.point_places.size() == names.size())
      fail(fmt::format("all {} coordinates are points (nothing is left for q). Leave one out.", names.size()));
    Settings plain = s;
    plain.family.point_places.clear();
    plain.family.initial_mean = {0.0};  // those given have not been checked yet
    plain.family.initial_sd = {1.0};
    const auto dim = static_cast<Index>(names.size());
    if (!make_family(plain, dim, initial_lambda(plain, dim))->reparameterisable()) {
      fail(
          fmt::format("family {} is not reparameterisable (points go with pathwise gradients). Use mean_field_gaussian, "
                      "full_rank_gaussian or low_rank_gaussian.",
                      s.family.name));
    }
    if (s.study.kind == "fit" && optimizers::find(s.fit.optimizer)->reason_against) {
      fail(fmt::format("optimizer {} is made for families without points (it uses their Fisher information). Use adam.", s.fit.optimizer));
    }
  }

  /// A method that needs no estimator. Why it cannot serve; empty: it can.
  std::string add_method(CellPlan& cell, const FitMethod& method, const models::Model& model, const families::Family& family, Index rows,
                         std::set<Index>& traced) {
    const Settings& s = cell.settings;
    const Index dim = model.dim();
    if (method.name == "prior" && !model.has_prior_simulation())
      return fmt::format("model {} cannot be drawn from its prior", s.model.name);
    if (method.name.starts_with("exact") && !has_exact_objective(s, model, family))
      return fmt::format("model {} has no exact expectation under family {}", s.model.name, s.family.name);
    if (method.family == "full_rank_gaussian" && dim > kMostDenseDim)
      return fmt::format("its covariance is a dense matrix, which stops at {} coordinates (the model has {})", kMostDenseDim, dim);
    if (method.quadrature && (family.states() > 0 || family.noise().rows() > approximations::kMostNoiseRows)) {
      return fmt::format("it integrates over the base noise, which stops at {} rows (family {} has {} here)",
                         approximations::kMostNoiseRows, s.family.name, family.noise().rows());
    }
    models::Counts step = method.quadrature ? cell.fit.evaluation : work({{.wanted = {true, true}}}, 1, step_columns(s), rows, dim);
    models::Counts once;
    cell.columns = method.quadrature ? approximations::divergence_points(family.noise().rows()) : step_columns(s);
    if (method.name == "laplace") {
      cell.columns = model.has_hessian_vector() ? dim : 2 * dim;
      const models::Wanted wanted = model.has_hessian_vector() ? models::Wanted{false, false, true} : models::Wanted{false, true};
      once = work({{.wanted = wanted}}, 1, cell.columns, rows, dim);
      once += step;
    }
    if (method.name == "prior") step = {};
    if (method.name == "pathfinder")
      step += work({{.wanted = {true, false}}}, 1, approximations::PathfinderSettings{}.elbo_draws, rows, dim);
    return add_items(cell, method.name, step, once, rows, traced);
  }

  /// One estimator's or method's fits, as many steps as their budget allows. Why there are none; empty: there are.
  /// step, once: work of a step, and of all that comes beside them.
  std::string add_items(CellPlan& cell, const std::string& name, const models::Counts& step, models::Counts once, Index rows,
                        std::set<Index>& traced) {
    const Settings& s = cell.settings;
    if (s.fit.search_steps > 0) {
      for (std::size_t trial = 0; trial < optimizers::find(s.fit.optimizer)->step_sizes.size(); ++trial) {
        for (Index k = 0; k < s.fit.search_steps; ++k) once += step;
        once += cell.fit.evaluation;
      }
    }
    const double step_work = diagnostics::gradient_equivalents(step, rows);
    double budget = s.fit.budget_evaluations;
    if (budget > 0) budget = std::max(budget - diagnostics::gradient_equivalents(once, rows), step_work / 2);
    const Index steps = name == "prior" ? 1
                        : budget > 0    ? static_cast<Index>(std::min(static_cast<double>(s.fit.steps), std::floor(budget / step_work)))
                                        : s.fit.steps;
    if (steps < 1) return fmt::format("one step takes {:g} evaluations, more than fit.budget_evaluations", step_work);
    for (Index repeat = 0; repeat < s.fit.repeats; ++repeat) {
      plan_.fits.push_back({static_cast<int>(plan_.cells.size()), static_cast<int>(cell.estimators.size()), repeat,
                            static_cast<double>(steps) * step_work * static_cast<double>(std::max<Index>(rows, 1))});
    }
    cell.estimators.push_back(name);
    const std::vector<Index> trace = trace_steps(steps, s.fit.trace_every);
    cell.fit.steps.push_back(steps);
    cell.fit.step_counts.push_back(step);
    cell.fit.once.push_back(once);
    traced.merge(std::set<Index>(trace.begin(), trace.end()));
    return "";
  }

  int data_of(const Settings& settings, models::ResponseKind response) {
    const auto [found, fresh] =
        data_.try_emplace(data_key(settings) + fmt::format("\n{}", static_cast<int>(response)), static_cast<int>(plan_.data.size()));
    if (fresh) {
      DataPlan data;
      data.settings = settings.data;
      data.response = response;
      data.dataset = open_dataset(settings.data, directory_, response, settings.study.seed);
      data.rows = data.dataset.rows;
      data.width = data.dataset.width(settings.data);
      data.row_tile = settings.data.row_tile;
      data.shape = data.dataset.shape(settings.data);
      plan_.data.push_back(std::move(data));
    }
    return found->second;
  }

  int path_of(const Settings& settings) {
    const auto [found, fresh] = paths_.try_emplace(path_key(settings), static_cast<int>(plan_.paths.size()));
    if (!fresh) return found->second;
    PathPlan path;
    path.id = fmt::format("path_{:03}", plan_.paths.size());
    path.settings = settings;
    if (const models::ResponseKind response = response_kind(settings); response != models::ResponseKind::none)
      path.data = data_of(settings, response);
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const auto model = accepted_model(plan_.spec, settings, data);
    path.dim = model->dim();
    check_sizes(plan_.spec, settings, path.dim);
    check_family(plan_.spec, settings);
    path.parameters = static_cast<Index>(initial_lambda(settings, path.dim).size());
    const auto family = make_family(settings, path.dim, initial_lambda(settings, path.dim));
    if (settings.study.kind != "variance") {
      // What the fits or chains of some cells have in common; nothing is run along it.
      path.moments = known_moments(plan_.spec, settings, *model);
      plan_.paths.push_back(std::move(path));
      return found->second;
    }
    const Index rows = model->rows();
    check_rows(plan_.spec, settings, "path.batch_rows", settings.path.batch_rows, rows);
    for (const double percent : settings.path.points) {
      path.stops.push_back(static_cast<Index>(std::llround(percent / 100 * static_cast<double>(settings.path.steps))));
      path.labels.push_back(fmt::format("{:g} %", percent));
    }
    if (settings.path.optimum) path.labels.emplace_back("optimum");
    if (static_cast<Index>(path.labels.size()) > kMostPoints) {
      throw UserError(fmt::format("{}: {} points (random numbers are kept apart for {}). Use fewer.", plan_.spec.where("path.points"),
                                  path.labels.size(), kMostPoints));
    }
    const Index steps = path.stops.empty() ? 0 : *std::max_element(path.stops.begin(), path.stops.end());
    const estimators::Context context{
        family.get(), model.get(), objective_of(settings), settings.path.samples, settings.path.batch_rows, {}};
    check_bound(plan_.spec, context);
    const auto requests = estimators::find(path_estimator(context))->make()->requests(context);
    path.counts = work(requests, steps, settings.path.samples, settings.path.batch_rows > 0 ? settings.path.batch_rows : rows, path.dim);
    if (needs_monte_carlo(settings, *model, *family)) {
      path.counts += work(requests, static_cast<Index>(path.labels.size()) * reference_replicates(settings), reference_samples(settings),
                          rows, path.dim);
      if (settings.path.optimum) path.counts += work(requests, optimum_steps(settings), optimum_samples(settings), rows, path.dim);
    }
    plan_.counts += path.counts;
    plan_.paths.push_back(std::move(path));
    return found->second;
  }

  Plan& plan_;
  std::string directory_;
  std::map<std::string, int> data_;
  std::map<std::string, int> paths_;
  std::vector<Skipped> skipped_;
};

}  // namespace

int coarser_tiles(Index rows, Index row_tile, Index batch_rows) {
  constexpr Index kFewestTiles = 16;
  constexpr Index kSelectedRowsWorthALeaf = 128;
  constexpr Index kMostRowsOfALeaf = 65536;
  int coarsest = 0;
  for (int c = 1;; ++c) {
    const Index tile = row_tile << c;
    if (tile > kMostRowsOfALeaf || data::row_tiles(rows, tile) < kFewestTiles || batch_rows * tile > kSelectedRowsWorthALeaf * rows)
      return coarsest;
    if (divides_by_few(rows, tile)) coarsest = c;
  }
}

bool has_exact_objective(const Settings& settings, const models::Model& model, const families::Family& family) {
  if (objective_of(settings) == estimators::Objective::importance_bound) return false;
  return (family.mean_field_gaussian() != nullptr && model.has_gaussian_expectation()) ||
         (family.gaussian() && model.has_covariance_expectation()) || family.states() > 0;
}

Index step_columns(const Settings& settings) {
  const FitMethod& method = fit_method(settings.fit.method);
  return method.particles ? settings.fit.particles : method.samples ? settings.estimators.samples : 1;
}

bool needs_monte_carlo(const Settings& settings, const models::Model& model, const families::Family& family) {
  if (settings.reference.method == "monte_carlo") return true;
  if (has_exact_objective(settings, model, family)) return false;
  if (settings.reference.method == "exact") {
    throw UserError(
        fmt::format("reference.method = \"exact\" is not to be had (model {} and family {} have no exact expectation). Use "
                    "\"monte_carlo\".",
                    settings.model.name, settings.family.name));
  }
  return true;
}

std::string path_estimator(const estimators::Context& context) {
  const estimators::Entry* first = nullptr;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    const bool sooner = entry.leads_path > 0 && (first == nullptr || entry.leads_path < first->leads_path);
    if (sooner && !estimators::reason_against(entry, context)) first = &entry;
  }
  if (first != nullptr) return first->name;
  throw UserError(
      "no estimator leads along a path of this family with this objective (importance_bound needs a reparameterisable family). Use "
      "objective = "
      "\"elbo\", or family.name = \"mean_field_gaussian\".");
}

std::string reference_estimator(const estimators::Context& context) {
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (entry.makes_reference && !estimators::reason_against(entry, context)) return entry.name;
  }
  return path_estimator(context);
}

Design component_design(const Settings& settings) {
  const auto& crossed = settings.components;
  const RowPolicy rows =
      settings.estimators.row_policy == "with_replacement" ? RowPolicy::with_replacement : RowPolicy::without_replacement;
  if (settings.estimators.batch_rows == 0) return Design::replicas(crossed.noise_sets, NoisePolicy::independent, rows);
  return Design::cross(crossed.row_sets, crossed.noise_sets, rows);
}

std::optional<Design> shard_design(const Settings& settings) {
  const auto& s = settings.estimators;
  const bool sharded = s.row_policy == "shards" && s.replicas > 1 && s.batch_rows > 0;
  if (!sharded || settings.components.designs == 0) return std::nullopt;
  const Index each = (settings.components.row_sets + s.replicas - 1) / s.replicas;
  return Design::cross_shards(s.replicas, std::max<Index>(2, each), settings.components.noise_sets);
}

families::Arguments family_arguments(const Settings& settings, Index dim) {
  families::Arguments arguments;
  arguments.dim = dim;
  arguments.numbers = {{"rank", static_cast<double>(settings.family.rank)},
                       {"components", static_cast<double>(settings.family.components)},
                       {"categories", static_cast<double>(settings.family.categories)}};
  return arguments;
}

std::vector<double> initial_lambda(const Settings& settings, Index dim) {
  const auto spread = [&](const std::vector<double>& given) {
    return given.size() == 1 ? std::vector<double>(static_cast<std::size_t>(dim), given[0]) : given;
  };
  const auto mean = spread(settings.family.initial_mean);
  const auto sd = spread(settings.family.initial_sd);
  const families::Entry& entry = *families::find(settings.family.name);
  const auto& points = settings.family.point_places;
  if (points.empty()) return entry.initial(family_arguments(settings, dim), mean, sd);
  return families::with_points(entry, points).initial(family_arguments(settings, dim), mean, sd);
}

std::unique_ptr<families::Family> make_family(const Settings& settings, Index dim, std::span<const double> lambda) {
  const families::Entry& entry = *families::find(settings.family.name);
  const auto& points = settings.family.point_places;
  if (points.empty()) return entry.make(family_arguments(settings, dim), lambda);
  return families::with_points(entry, points).make(family_arguments(settings, dim), lambda);
}

std::unique_ptr<models::Model> shape_model(const Settings& settings, const DataPlan* data) {
  return make_model(settings, data == nullptr ? nullptr : &data->shape);
}

std::unique_ptr<models::Model> make_model(const Settings& settings, const data::Table* table) {
  return models::find(settings.model.name)->make(model_arguments(settings, table));
}

std::vector<Index> trace_steps(Index steps, Index every) {
  std::vector<Index> trace{0};
  if (every > 0) {
    for (Index step = every; step < steps; step += every) trace.push_back(step);
  } else {
    constexpr double kPerDecade = 10;
    for (int k = 0;; ++k) {
      const auto step = static_cast<Index>(std::llround(std::pow(10.0, k / kPerDecade)));
      if (step >= steps) break;
      if (step > trace.back()) trace.push_back(step);
    }
  }
  if (steps > 0) trace.push_back(steps);
  return trace;
}

std::vector<Index> place_fits(const std::vector<FitItem>& fits, Index parts) {
  std::vector<std::size_t> order(fits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return fits[a].work > fits[b].work; });
  std::vector<Index> part(fits.size(), 0);
  // Least work first; of equals the first part.
  using Load = std::pair<double, Index>;
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (Index p = 0; p < parts; ++p) loads.emplace(0.0, p);
  for (const std::size_t i : order) {
    const Load least = loads.top();
    loads.pop();
    part[i] = least.second;
    loads.emplace(least.first + fits[i].work, least.second);
  }
  return part;
}

void expand_cells(Plan& plan) {
  Expander expander(plan);
  for (const SpecCell& cell : plan.spec.cells) expander.add(cell);
  expander.finish();
  check_model_keys(plan);
}

}  // namespace variscope::experiments
