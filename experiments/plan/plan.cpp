/// Making a plan: cells, layout, predicted memory and file size.
#include "experiments/plan/plan.hpp"

#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/workspace.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "experiments/plan/chains.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/plan/expand.hpp"
#include "experiments/plan/layout.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

double machine_memory() { return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)); }

/// Doubles stored for one estimator at one point of a cell.
double moment_doubles(const CellPlan& cell, Index parameters) {
  const auto own = static_cast<double>(parameters);
  const double crossed = cell.settings.components.designs > 0 ? 1 + 3 * own + 9 : 0;
  const std::optional<Design> within_shards = shard_design(cell.settings);
  const double sharded = within_shards ? 1 + 18 * static_cast<double>(within_shards->shards()) : 0;
  return static_cast<double>(cell.settings.replicates.batches) * (1 + 2 * own + 6 + crossed + sharded);
}

/// Of one fit: per recorded step lambda, objective and error, seconds and counts; then its answer and what follows from it.
double fit_doubles(const CellPlan& cell, Index parameters, Index variables) {
  const double per_step = static_cast<double>(parameters) + 3 + static_cast<double>(models::Counts::kinds().size());
  return static_cast<double>(cell.fit.trace.size()) * per_step + static_cast<double>(parameters) + 4 * static_cast<double>(variables) + 8;
}

/// Of one fit: the state that it can be continued from.
double state_doubles(const CellPlan& cell, Index parameters) {
  const Settings& s = cell.settings;
  if (!fit_method(s.fit.method).optimizer) return 0;
  Index doubles = parameters + optimizers::find(s.fit.optimizer)->make({s.fit.numbers})->state_size(parameters);
  if (const auto* rule = optimizers::find_stopping(s.stopping.rule); rule != nullptr)
    doubles += rule->make({s.stopping.numbers})->state_size(parameters);
  return static_cast<double>(doubles);
}

/// Of one fit: what it predicts.
double predictive_doubles(const Plan& plan, const CellPlan& cell) {
  const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
  if (path.data < 0) return 0;
  double doubles = 0;
  for (const PredictedPart& part : predicted_parts(cell.settings, &plan.data[static_cast<std::size_t>(path.data)]))
    doubles +=
        static_cast<double>(predictive_figures.size()) + static_cast<double>(part.kept) * static_cast<double>(prediction_columns.size());
  return doubles;
}

double cell_record_bytes(const Plan& plan, const CellPlan& cell) {
  const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
  if (plan.of_chains()) return 0;  // beside its trace files, which no rank holds
  if (plan.of_fits()) {
    return 8.0 * static_cast<double>(cell.estimators.size() * static_cast<std::size_t>(cell.settings.fit.repeats)) *
           (fit_doubles(cell, cell.fit.parameters, path.dim) + state_doubles(cell, cell.fit.parameters) + predictive_doubles(plan, cell));
  }
  return 8.0 * static_cast<double>(path.labels.size()) *
         (static_cast<double>(cell.estimators.size()) * moment_doubles(cell, path.parameters) + 3.0 * static_cast<double>(path.parameters));
}

/// What every thread that evaluates takes beside its batches, where rows are not divided: elsewhere a thread sees a tile at a time, and
/// nothing is worth counting.
double evaluation_bytes(const Plan& plan, const PathPlan& path) {
  if (path.data < 0 || models::find(path.settings.model.name)->divisible) return 0;
  const auto model = make_model(path.settings, &plan.data[static_cast<std::size_t>(path.data)].shape);
  const auto* of = dynamic_cast<const models::Workspace*>(model.get());
  return of == nullptr ? 0 : of->work_bytes();
}

double file_bytes(const Plan& plan) {
  double bytes = 0;
  for (const PathPlan& path : plan.paths) {
    if (plan.of_fits() || plan.of_chains()) break;
    const auto stored = static_cast<double>(std::min<Index>(path.settings.path.steps, kStoredSteps) + 1);
    bytes += stored * static_cast<double>(path.parameters) * 8;
  }
  for (const CellPlan& cell : plan.cells) bytes += plan.of_chains() ? chain_file_bytes(cell) : cell_record_bytes(plan, cell);
  return bytes;
}

double given_memory_gib(const Plan& plan) {
  double given = 0;
  for (const CellPlan& cell : plan.cells) given = std::max(given, cell.settings.limits.memory_gib);
  return given;
}

void check_memory(const Plan& plan) {
  const double limit = memory_limit(plan, plan.layout);
  const double need = plan.prediction.memory_bytes();
  if (need <= limit) return;
  throw UserError(fmt::format(
      "{}: needs {:.3g} GiB per rank (data {:.3g}, work space {:.3g}, record {:.3g}, program {:.3g}), and {:.3g} GiB are {}. Use more data "
      "shards, fewer batches or cells, or "
      "raise limits.memory_gib.",
      plan.spec.file, need / kGiB, plan.prediction.data_bytes / kGiB, plan.prediction.work_bytes / kGiB,
      plan.prediction.record_bytes / kGiB, kProgramBytes / kGiB, limit / kGiB,
      given_memory_gib(plan) > 0 ? "allowed by limits.memory_gib" : "there on this machine for each of its ranks"));
}

}  // namespace

Prediction predict(const Plan& plan, const cluster::Layout& layout) {
  Prediction p;
  for (const DataPlan& data : plan.data) {
    const double rows = static_cast<double>(data.share(layout.shards, 0).size());
    const auto side = static_cast<double>(data.dataset.side_columns.size());
    const Index stride = data.width + data::row_padding(data.width);
    p.data_bytes += rows * (static_cast<double>(stride) + side + 2) * 8;  // response and its sign
    if (plan.of_fits() || plan.of_chains())
      p.data_bytes += predictive_bytes(predictive_settings(plan.cells), data, layout.shards, plan.threads);
  }
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    p.record_bytes += cell_record_bytes(plan, cell);  // rank 0 puts the whole record together in the end
    const auto rows = path.data < 0 ? Index{0} : plan.data[static_cast<std::size_t>(path.data)].rows;
    const Index tiles = path.data < 0 ? 1 : data::row_tiles(rows, plan.data[static_cast<std::size_t>(path.data)].row_tile);
    // Threads share the lane blocks of a batch.
    const auto busy = [&](Index columns) {
      return static_cast<double>(std::min<Index>(plan.threads, (columns + tiles::kLanes - 1) / tiles::kLanes));
    };
    const double evaluation = evaluation_bytes(plan, path);
    if (plan.of_chains()) {
      const Index most = balanced_range(cell.chains.front().settings.count(), layout.replicates, 0).size();
      p.work_bytes = std::max(p.work_bytes, density_work_bytes(path.dim, most, tiles, plan.threads) +
                                                chain_work_bytes(cell, layout, plan.threads) + busy(most) * evaluation);
      continue;
    }
    // What a rank evaluates of a replicate is evaluated whole, even if it is wider than a group.
    const auto owned = [&](const Design& design) {
      return balanced_range(design.row_sets, layout.replicas, 0).size() * design.units_per_row_set();
    };  // the first part is the largest
    const bool crossed = cell.settings.components.designs > 0;
    const std::optional<Design> within_shards = shard_design(cell.settings);
    const Index of_designs =
        std::max(crossed ? owned(component_design(cell.settings)) : Index{1}, within_shards ? owned(*within_shards) : Index{1});
    const Index units = std::max(owned(cell.design), of_designs);
    const Index replicate = (cell.columns + layout.samples - 1) / layout.samples * units;
    Index columns = std::max(group_columns(path.dim, plan.threads), replicate);
    if (plan.of_fits()) {
      columns = cell.columns;
      if (cell.fit.evaluation != models::Counts{}) columns = std::max(columns, cell.settings.fit.evaluation_samples);
      columns = (columns + layout.samples - 1) / layout.samples * units;
      if (cell.fit.draws != models::Counts{}) columns = std::max(columns, cell.settings.fit.posterior_draws);
      // Every thread may run a fit of its own.
      const bool alone = layout.ranks() == layout.replicates;
      columns *= alone ? plan.threads : 1;
    }
    p.work_bytes =
        std::max(p.work_bytes, density_work_bytes(path.dim, columns, tiles, plan.threads) + cell.state_bytes + busy(columns) * evaluation);
  }
  return p;
}

double memory_limit(const Plan& plan, const cluster::Layout& layout) {
  const double given = given_memory_gib(plan);
  if (given > 0) return given * kGiB;
  const auto cores = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return machine_memory() / std::min(static_cast<double>(layout.ranks()), cores);
}

cluster::Ownership DataPlan::tiles(Index shards, int coarser) const {
  return {data::row_tiles(rows, row_tile << coarser), shard_unit >> coarser, shards};
}

Range DataPlan::share(Index shards, Index shard) const {
  const Range owned = tiles(shards, 0).range(shard);
  return {std::min(owned.first * row_tile, rows), std::min(owned.last * row_tile, rows)};
}

Plan make_plan(const std::string& spec_file, Index ranks, int threads, const LayoutRequest& layout, const std::string& output, Range only) {
  return make_plan(read_spec(spec_file), ranks, threads, layout, output, only);
}

Plan make_plan(Spec spec, Index ranks, int threads, const LayoutRequest& layout, const std::string& output, Range only) {
  Plan plan;
  plan.spec = std::move(spec);
  if (plan.spec.cells.empty())
    throw UserError(fmt::format("{}: no cell is left (every combination is excluded). Remove an [[exclude]].", plan.spec.file));
  const Settings& first = plan.spec.cells.front().settings;
  plan.name = first.study.name;
  plan.directory = output.empty() ? output_directory(first) : output;
  plan.threads = threads > 0 ? threads : omp_get_max_threads();
  plan.only = only;
  if (only.size() > 0) {
    if (first.study.kind != "sample")
      throw UserError(fmt::format("--chains: a study of kind '{}' has no chains. Leave it out.", first.study.kind));
    // A replay must not lie where the run lies.
    if (output.empty())
      plan.directory += only.size() == 1 ? fmt::format("_chain_{}", only.first) : fmt::format("_chains_{}-{}", only.first, only.last - 1);
  }
  expand_cells(plan);
  plan.layout = choose_layout(plan, ranks, layout);
  plan.prediction = predict(plan, plan.layout);
  plan.file_bytes = file_bytes(plan);
  check_memory(plan);
  return plan;
}

}  // namespace variscope::experiments
