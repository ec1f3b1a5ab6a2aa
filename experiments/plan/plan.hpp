/// The plan: every cell, tile, replicate and its cost, fixed before any rank does anything. It decides every bit of the results.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cluster/topology/layout.hpp"
#include "cluster/topology/ownership.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/fit_record.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/record.hpp"
#include "engine/store/trace.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/dataset/dataset.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/plan/design.hpp"
#include "experiments/run/sample_settings.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {

/// Samples per leaf of the sample fold: one lane block.
inline constexpr Index kSampleBlock = tiles::kLanes;

/// One data set as the study uses it: file, columns, tiles.
struct DataPlan {
  Settings::Data settings;
  models::ResponseKind response = models::ResponseKind::none;
  Dataset dataset;       ///< shape only; rows are read later
  data::Table shape;     ///< a table of the right names and sizes that holds no rows
  Index row_tile = 1;    ///< rows per leaf of full-data folds
  Index shard_unit = 1;  ///< row tiles that shards never split
  Index rows = 0;
  Index width = 0;  ///< columns with the intercept

  /// Leaves and owners of a fold over all rows in tiles of row_tile << coarser rows.
  [[nodiscard]] cluster::Ownership tiles(Index shards, int coarser) const;
  /// Rows that shard `shard` holds.
  [[nodiscard]] Range share(Index shards, Index shard) const;
};

/// One reference path: all cells that differ only in estimators and replicates share it.
struct PathPlan {
  std::string id;  ///< "path_000"
  Settings settings;
  int data = -1;  ///< index into Plan::data; -1: none
  Index dim = 0;
  Index parameters = 0;             ///< of the family
  std::vector<Index> stops;         ///< steps at which points are taken, ascending
  std::vector<std::string> labels;  ///< of the points, the optimum last where asked for
  models::Counts counts;            ///< of the optimisation
  FitTarget moments;                ///< of studies of kinds "fit" and "sample": reference moments that are known before the run
};

/// What the fits of a cell have in common; per estimator where said so.
struct FitPlan {
  std::vector<Index> trace;                 ///< steps that are recorded, ascending: 0 first, the last step last
  std::vector<Index> steps;                 ///< [estimator] that its budget allows, at most fit.steps
  std::vector<models::Counts> step_counts;  ///< [estimator] of one step
  models::Counts evaluation;                ///< of one estimate of the objective; none where it is exact
  models::Counts draws;                     ///< of the posterior draws
  std::vector<models::Counts> once;         ///< [estimator] at most, beside the steps: Hessians, trials of step sizes
  Index parameters = 0;                     ///< of what a fit answers with: a family's lambda, a point, particles
  bool may_end_early = false;               ///< the counts of its steps are then the most that they can be
  bool exact = false;                       ///< objective and optimum need no samples

  /// Recorded steps of an estimator's fits.
  [[nodiscard]] Index recorded(std::size_t estimator) const {
    return std::upper_bound(trace.begin(), trace.end(), steps[estimator]) - trace.begin();
  }
};

/// One sampler of a cell of a study of chains.
struct ChainsPlan {
  std::string sampler;
  SampleSettings settings;    ///< starts that have to be found are not there yet
  store::TraceLayout layout;  ///< without data
  Index state = 0;            ///< numbers of a chain between two iterations
  double data_bytes = 0;      ///< of the data that go into the trace file
  bool counted = false;       ///< whether an iteration's evaluations do not depend on the target
};

struct CellPlan {
  std::string id;  ///< "cell_000"
  Settings settings;
  std::vector<std::pair<std::string, std::string>> swept;
  int path = 0;
  std::vector<std::string> estimators;
  std::vector<Exclusion> exclusions;
  int coarser = 0;                         ///< minibatch tiles are data.row_tile << coarser rows
  Design design;                           ///< of one replicate
  Index columns = 1;                       ///< most that one unit takes in any request of its estimators
  double state_bytes = 0;                  ///< of what its estimators hold at a point, on every rank
  models::Counts counts;                   ///< of all replicates, preparation included; of all fits, their evaluation included
  FitPlan fit;                             ///< of studies of kind "fit" alone
  std::vector<ChainsPlan> chains;          ///< of studies of kind "sample" alone, one for each of `estimators`, which are samplers there
  std::vector<ChainsPlan> shard_chains{};  ///< of shards of the rows, for combiners: sampler by sampler, kind by kind, shard by shard
};

/// One fit: a work item of a study of kind "fit".
struct FitItem {
  int cell = 0;
  int estimator = 0;  ///< into CellPlan::estimators
  Index repeat = 0;
  double work = 0;  ///< predicted: whole-data gradient evaluations times rows
};

/// Predicted figures of the rank that has most to do.
struct Prediction {
  double data_bytes = 0;
  double work_bytes = 0;
  double record_bytes = 0;
  [[nodiscard]] double memory_bytes() const { return kProgramBytes + data_bytes + work_bytes + record_bytes; }
};

struct Plan {
  Spec spec;
  std::string name;
  std::string directory;
  std::vector<DataPlan> data;
  std::vector<PathPlan> paths;
  std::vector<CellPlan> cells;
  cluster::Layout layout;
  int threads = 1;
  models::Counts counts;  ///< of everything, all ranks together
  Prediction prediction;
  double file_bytes = 0;       ///< of run.h5 and, while running, as much again in segments
  double replicate_calls = 0;  ///< estimator calls of all cells, steps of all fits, iterations of all chains: the unit of progress
  std::vector<FitItem> fits;   ///< of a study of kind "fit", cell by cell, repeat by repeat
  Range only{};                ///< chains to run, of a study of kind "sample"; empty: all

  [[nodiscard]] bool of_fits() const { return !cells.empty() && cells.front().settings.study.kind == "fit"; }
  [[nodiscard]] bool of_chains() const { return !cells.empty() && cells.front().settings.study.kind == "sample"; }
};

/// Replicates of batch `batch` of `batches`.
inline Range batch_replicates(Index count, Index batches, Index batch) { return balanced_range(count, batches, batch); }
/// Batches that the replicate coordinate `part` owns.
inline Range owned_batches(Index batches, Index parts, Index part) { return balanced_range(batches, parts, part); }
/// Row sets of one replicate that the replica coordinates own, each with all its units.
inline cluster::Ownership replica_ownership(const Design& design, Index parts) { return {design.row_sets, 1, parts}; }
/// Leaves of the sample fold of M samples.
inline cluster::Ownership sample_ownership(Index samples, Index parts) { return {(samples + kSampleBlock - 1) / kSampleBlock, 1, parts}; }

/// Reads the spec and the data's shape, expands the cells, chooses or checks the layout for `ranks`, predicts cost.
/// threads 0: what OpenMP offers. Throws UserError for everything that is wrong before a single evaluation: B > N, more ranks than
/// work, too much memory, ... only: of a study of chains, those to run; empty: all.
Plan make_plan(const std::string& spec_file, Index ranks, int threads, const LayoutRequest& layout, const std::string& output,
               Range only = {});
/// The same for a spec that was read elsewhere.
Plan make_plan(Spec spec, Index ranks, int threads, const LayoutRequest& layout, const std::string& output, Range only = {});

/// The units of one crossed design. With all rows there is one minibatch (K = 1): the sample sets are then replicas, which ranks can
/// divide.
Design component_design(const Settings& settings);
/// Beside it, the crossed design within every fixed shard, where replicas own one each: components.row_sets minibatches are divided among
/// the shards, at least two for each. Nothing without designs, minibatches, shards, or with a single replica.
std::optional<Design> shard_design(const Settings& settings);

/// Memory of the busiest rank on a layout, and what it may use: limits.memory_gib, or the machine's memory shared by its ranks.
Prediction predict(const Plan& plan, const cluster::Layout& layout);
double memory_limit(const Plan& plan, const cluster::Layout& layout);

/// The model of a path on this rank's table (nullptr if it takes no data).
std::unique_ptr<models::Model> make_model(const Settings& settings, const data::Table* table);

/// The family a path's settings name, over `dim` coordinates: what fixes its shape, where it starts, its member at lambda.
families::Arguments family_arguments(const Settings& settings, Index dim);
std::vector<double> initial_lambda(const Settings& settings, Index dim);
std::unique_ptr<families::Family> make_family(const Settings& settings, Index dim, std::span<const double> lambda);

inline estimators::Objective objective_of(const Settings& settings) {
  if (settings.objective == "importance_bound") return estimators::Objective::importance_bound;
  return settings.objective == "elbo" ? estimators::Objective::elbo : estimators::Objective::expectation;
}

/// Columns that one step of a cell's work divides over ranks: M, particles, or 1.
Index step_columns(const Settings& settings);

/// Whether the objective has an exact value and gradient at members of this family.
bool has_exact_objective(const Settings& settings, const models::Model& model, const families::Family& family);

/// Steps of a fit that are recorded. A longer fit records the same and more, but for its last step. every 0: 0 and 10^(k/10) rounded.
std::vector<Index> trace_steps(Index steps, Index every);
/// Which replicate coordinate of `parts` runs each fit: heaviest first, each to the one with least to do. Decides no bit.
std::vector<Index> place_fits(const std::vector<FitItem>& fits, Index parts);

/// What `variscope plan` prints.
std::string describe(const Plan& plan);

}  // namespace variscope::experiments
