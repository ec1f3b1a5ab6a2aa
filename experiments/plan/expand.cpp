/// From a spec's cells to data sets, shared paths and cells with their predicted work.
#include "experiments/plan/expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

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

std::string data_key(const Settings::Data& d) {
  return fmt::format("{}\n{}\n{}\n{}\n{}", d.file, d.response, d.standardize, d.intercept, d.row_tile);
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

void check_rows(const Spec& spec, const std::string& key, Index batch_rows, Index rows, bool replacement) {
  if (batch_rows == 0) return;
  if (rows == 0)
    throw UserError(fmt::format("{}: {} = {} has no meaning (the model takes no data). Remove it.", spec.where(key), key, batch_rows));
  if (batch_rows > rows && !replacement) {
    throw UserError(fmt::format("{}: {} = {} exceeds the data's {} rows (rows are drawn without replacement). Use at most {}, or \"all\".",
                                spec.where(key), key, batch_rows, rows, rows));
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

/// Work of `calls` estimates of `samples` columns over `rows_per_call` rows.
models::Counts work(double calls, Index samples, Index rows_per_call, bool gradient, bool prior) {
  const auto columns = static_cast<Index>(calls) * samples;
  models::Counts counts;
  (gradient ? counts.gradient_rows : counts.value_rows) = columns * rows_per_call;
  if (prior) (gradient ? counts.gradient_evaluations : counts.value_evaluations) = columns;
  return counts;
}

class Expander {
 public:
  explicit Expander(Plan& plan) : plan_(plan), directory_(spec_directory(plan.spec.file)) {}

  void add(const SpecCell& from) {
    CellPlan cell;
    cell.id = fmt::format("cell_{:03}", plan_.cells.size());
    cell.settings = from.settings;
    cell.swept = from.swept;
    cell.path = path_of(from.settings);
    const PathPlan& path = plan_.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const Index rows = data == nullptr ? 0 : data->rows;
    const Settings& s = cell.settings;
    check_rows(plan_.spec, "estimators.batch_rows", s.estimators.batch_rows, rows, s.estimators.replacement);
    if (s.estimators.batch_rows > 0) {
      cell.coarser = coarser_tiles(rows, data->row_tile, s.estimators.batch_rows);
      auto& unit = plan_.data[static_cast<std::size_t>(path.data)].shard_unit;
      unit = std::max(unit, Index{1} << cell.coarser);
    }
    const auto model = shape_model(s, data);
    const auto objective = s.objective == "elbo" ? estimators::Objective::elbo : estimators::Objective::expectation;
    const double calls = static_cast<double>(path.labels.size()) * static_cast<double>(s.replicates.count);
    for (const std::string& name : s.estimators.names) {
      const estimators::Entry& entry = *estimators::find(name);
      if (const auto reason = entry.incompatible(*model, objective)) {
        cell.exclusions.push_back({name, *reason});
        continue;
      }
      const auto estimator = entry.make();
      cell.estimators.push_back(name);
      cell.counts += work(calls, s.estimators.samples, s.estimators.batch_rows > 0 ? s.estimators.batch_rows : rows,
                          estimator->wanted().gradient, estimator->sampled_prior());
      plan_.replicate_calls += calls;
    }
    if (cell.estimators.empty()) {
      throw UserError(fmt::format("{}: no estimator of this list can serve {} ({}: {}). Add one that can, such as pw_cfe.",
                                  plan_.spec.where("estimators.names"), s.model.name, cell.exclusions.front().estimator,
                                  cell.exclusions.front().reason));
    }
    plan_.counts += cell.counts;
    plan_.cells.push_back(std::move(cell));
  }

 private:
  int data_of(const Settings& settings, models::ResponseKind response) {
    const auto [found, fresh] =
        data_.try_emplace(data_key(settings.data) + fmt::format("\n{}", static_cast<int>(response)), static_cast<int>(plan_.data.size()));
    if (fresh) {
      DataPlan data;
      data.settings = settings.data;
      data.response = response;
      data.dataset = open_dataset(settings.data, directory_, response);
      data.rows = data.dataset.rows;
      data.width = data.dataset.width(settings.data);
      data.row_tile = settings.data.row_tile;
      data.shape.rows = data.rows;
      data.shape.columns = data.dataset.columns;
      if (settings.data.intercept) data.shape.columns.emplace_back("intercept");
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
    const models::Entry& entry = *models::find(settings.model.name);
    if (entry.response != models::ResponseKind::none) path.data = data_of(settings, entry.response);
    const DataPlan* data = path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
    const auto model = shape_model(settings, data);
    path.dim = model->dim();
    check_sizes(plan_.spec, settings, path.dim);
    const Index rows = model->rows();
    check_rows(plan_.spec, "path.batch_rows", settings.path.batch_rows, rows, false);
    for (const double percent : settings.path.points) {
      path.stops.push_back(static_cast<Index>(std::llround(percent / 100 * static_cast<double>(settings.path.steps))));
      path.labels.push_back(fmt::format("{:g} %", percent));
    }
    if (settings.path.optimum) path.labels.emplace_back("optimum");
    const Index steps = path.stops.empty() ? 0 : *std::max_element(path.stops.begin(), path.stops.end());
    path.counts =
        work(static_cast<double>(steps), settings.path.samples, settings.path.batch_rows > 0 ? settings.path.batch_rows : rows, true, true);
    if (needs_monte_carlo(settings, *model)) {
      path.counts += work(static_cast<double>(path.labels.size()) * static_cast<double>(reference_replicates(settings)), kReferenceSamples,
                          rows, true, true);
      if (settings.path.optimum) path.counts += work(static_cast<double>(optimum_steps(settings)), kOptimumSamples, rows, true, true);
    }
    plan_.counts += path.counts;
    plan_.paths.push_back(std::move(path));
    return found->second;
  }

  Plan& plan_;
  std::string directory_;
  std::map<std::string, int> data_;
  std::map<std::string, int> paths_;
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

bool needs_monte_carlo(const Settings& settings, const models::Model& model) {
  if (settings.reference.method == "monte_carlo") return true;
  if (model.has_gaussian_expectation()) return false;
  if (settings.reference.method == "exact") {
    throw UserError(
        fmt::format("reference.method = \"exact\" is not to be had (model {} declares no Gaussian expectation). Use \"monte_carlo\".",
                    settings.model.name));
  }
  return true;
}

std::unique_ptr<models::Model> shape_model(const Settings& settings, const DataPlan* data) {
  return make_model(settings, data == nullptr ? nullptr : &data->shape);
}

std::unique_ptr<models::Model> make_model(const Settings& settings, const data::Table* table) {
  models::Arguments arguments;
  arguments.numbers = settings.model.numbers;
  arguments.words = settings.model.words;
  arguments.table = table;
  return models::find(settings.model.name)->make(arguments);
}

void expand_cells(Plan& plan) {
  Expander expander(plan);
  for (const SpecCell& cell : plan.spec.cells) expander.add(cell);
}

}  // namespace variscope::experiments
