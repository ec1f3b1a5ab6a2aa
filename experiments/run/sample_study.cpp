/// Cells of chains one after the other, each sampler's on all ranks; then their traces, figures and the report.
#include "experiments/run/sample_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "engine/combiners/combiner.hpp"
#include "engine/error.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/plan/chains.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/plan/reference.hpp"
#include "experiments/report/report.hpp"
#include "experiments/run/combine.hpp"
#include "experiments/run/execution.hpp"
#include "experiments/run/failures.hpp"
#include "experiments/run/fit_target.hpp"
#include "experiments/run/load.hpp"
#include "experiments/run/predictive.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/sample_cells.hpp"
#include "experiments/run/sample_data.hpp"
#include "experiments/run/sample_record.hpp"
#include "experiments/run/sample_starts.hpp"
#include "experiments/run/study_run.hpp"
#include "experiments/run/team_density.hpp"

namespace variscope::experiments {

namespace {

/// Iterations between two looks at the clock at the most, and the seconds that they should take.
constexpr Index kMostBlock = 10000;
/// Of a run that saves whatever it has: a commit costs milliseconds, and leaves a file.
constexpr Index kLeastBlock = 20;
constexpr double kBlockSeconds = 0.5;

class SampleStudy : public StudyRun {
 public:
  SampleStudy(const SessionOptions& options, const cluster::Communicator& world, Plan plan)
      : StudyRun(options, world, std::move(plan), "iterations"), sample_team_(world, plan_.layout) {
    // Which rows are predicted is the same in all cells.
    const Settings& first = plan_.cells.front().settings;
    open(
        options,
        [&](const DataPlan& data) {
          std::vector<double> moments;
          data::Table table = load_share(data, whole_.shards, first.predictive.rows.empty() ? nullptr : &moments);
          predictive_tables_.push_back(load_predictive(data, first, whole_.shards, std::move(moments)));
          return table;
        },
        Damaged::fall_back);
  }

 private:
  /// Chains that have run.
  struct Ran {
    ChainsRecord record;
    store::TraceLayout layout;
  };

  void work() override {
    progress_.start(planned_calls(), already());
    for (std::size_t p = 0; p < plan_.paths.size(); ++p) {
      const PathPlan& path = plan_.paths[p];
      models_.push_back(model_of(path));
      predictive_.emplace_back();
      if (const DataPlan* data = data_of(path)) {
        const auto d = static_cast<std::size_t>(path.data);
        predictive_[p] = predictive_problem(path.settings, *data, *models_[p], tables_[d], predictive_tables_[d], plan_.layout.shards);
      }
      if (!works_on_path(p)) {
        targets_.emplace_back();
        continue;
      }
      Stopwatch watch;
      targets_.push_back(find_target(path, *models_[p], data_of(path), false, whole_, reduce_, plan_.threads, work_));
      target_s_ += watch.lap();
    }
    for (const CellPlan& cell : plan_.cells) {
      if (works_on(cell)) run_cell_of(cell);
    }
  }

  /// The draws since the last call, and the states to go on from.
  std::string save(Index number) override {
    if (!running_) return "";
    const auto blocks = running_->take_blocks();
    const auto states = running_->states();
    if (blocks.empty() && states.empty()) return "";
    return store::encode(store::write_trace_segment(plan_.directory, number, world_.rank(), blocks, states));
  }

  /// Iterations of all chains that earlier sessions have committed, by rank 0.
  [[nodiscard]] double already() const {
    double iterations = 0;
    if (world_.rank() != 0 || manifest_.segments.empty()) return 0;
    for (const CellPlan& cell : plan_.cells) {
      for (const auto* of_cell : {&cell.chains, &cell.shard_chains}) {
        for (const ChainsPlan& chains : *of_cell) {
          const auto states = store::committed_states(plan_.directory, manifest_, chains.layout.id);
          if (!states.empty()) iterations += static_cast<double>(states.front().iteration * chains.settings.count());
        }
      }
    }
    return iterations;
  }

  void run_cell_of(const CellPlan& cell) {
    const auto p = static_cast<std::size_t>(cell.path);
    const PathPlan& path = plan_.paths[p];
    const DataPlan* data = data_of(path);
    const models::Model& model = *models_[p];
    const RowTiles rows = data == nullptr ? RowTiles{} : RowTiles{data->tiles(plan_.layout.shards, 0), data->row_tile};
    const std::string& init = cell.settings.sampler.init;
    std::vector<double> starts;
    if (init == "map" || init == "pathfinder") {
      TeamDensity team(model, data, whole_, reduce_, plan_.threads, work_);
      starts = found_starts(cell.settings, team.density());
    }
    std::map<std::string, std::vector<store::TraceConstant>> constants;
    if (cell.chains.front().data_bytes > 0 && sample_team_.parts.rank() == 0)
      constants = data_groups(tables_[static_cast<std::size_t>(path.data)], sample_team_.shards);
    cells_.push_back(shape_of(cell, model));
    shards_.emplace_back();
    const auto run = [&](const ChainsPlan& chains, Ran& ran) {
      SampleSettings settings = chains.settings;
      if (!starts.empty()) settings.start.given = starts;
      running_ = std::make_unique<SampleCell>(chains.layout.id, settings, model, rows, sample_team_, reduce_, plan_.threads, work_);
      const auto states = store::committed_states(plan_.directory, manifest_, chains.layout.id);
      running_->resume(states, store::committed_blocks(plan_.directory, manifest_, chains.layout.id));
      ChainsRecord record = running_->done() ? timings_of(chains.layout.id) : run_chains(chains.layout.id, settings, !states.empty());
      store::TraceLayout layout = running_->layout();
      layout.constants = constants;
      record.stopped = running_->stopped() ? 1 : 0;
      ran = {std::move(record), std::move(layout)};
      running_.reset();
    };
    for (const ChainsPlan& chains : cell.chains) {
      Ran ran;
      run(chains, ran);
      layouts_.push_back(std::move(ran.layout));
      cells_.back().samplers.push_back(std::move(ran.record));
    }
    constants.clear();
    for (const ChainsPlan& chains : cell.shard_chains) run(chains, shards_.back().emplace_back());
  }

  /// The record has its timings when this returns; its figures come from the trace. Of chains that an earlier session began they are
  /// unknown.
  ChainsRecord run_chains(const std::string& id, const SampleSettings& settings, bool begun) {
    ChainsRecord record;
    const std::array<double, 2> before{static_cast<double>(world_.bytes_sent()), static_cast<double>(world_.messages_sent())};
    SamplePace pace;
    pace.block = saves_always() ? kLeastBlock : kMostBlock;
    pace.block_s = kBlockSeconds;
    pace.checkpoint_s = std::numeric_limits<double>::infinity();  // the study's clock decides
    pace.progress = [&](Index iterations) { progress_.advance(static_cast<double>(iterations * settings.count())); };
    pace.timed = [&](double seconds, bool warmup) { (warmup ? record.warmup_seconds : record.seconds) += seconds; };
    pace.between = [this] { this->pace(); };
    run_cell(world_, *running_, pace, [this] { checkpoint(); });
    progress_.advance(static_cast<double>((settings.iterations() - running_->iteration()) * settings.count()));
    std::array<double, 2> sent{static_cast<double>(world_.bytes_sent()) - before[0],
                               static_cast<double>(world_.messages_sent()) - before[1]};
    world_.sum_in_any_order(sent);
    record.bytes_sent = sent[0];
    record.messages_sent = sent[1];
    if (begun) record.seconds = record.warmup_seconds = record.bytes_sent = record.messages_sent = std::numeric_limits<double>::quiet_NaN();
    keep(id, {{record.seconds, record.warmup_seconds, record.bytes_sent, record.messages_sent}, {}});
    return record;
  }

  /// Of chains that an earlier session has finished.
  ChainsRecord timings_of(const std::string& id) {
    ChainsRecord record;
    const auto before = kept(id);
    std::vector<double> numbers = before ? before->numbers : std::vector<double>();
    numbers.resize(4, std::numeric_limits<double>::quiet_NaN());
    record.seconds = numbers[0];
    record.warmup_seconds = numbers[1];
    record.bytes_sent = numbers[2];
    record.messages_sent = numbers[3];
    return record;
  }

  /// Everything but the samplers.
  ChainCellRecord shape_of(const CellPlan& cell, const models::Model& model) const {
    const ChainsPlan& first = cell.chains.front();
    const store::TraceGroup& posterior = first.layout.groups.front();
    ChainCellRecord record;
    record.id = cell.id;
    record.settings = to_pairs(cell.settings);
    record.model = cell.settings.model.name;
    record.dim = model.dim();
    record.rows = model.rows();
    record.chains = first.layout.chains;
    record.first_chain = first.layout.first_chain;
    record.warmup = first.settings.warmup;
    record.draws = first.settings.draws;
    record.stored = posterior.draws;
    record.chains_per_start = first.settings.start.chains_per_start;
    record.processors = world_.size() * plan_.threads;
    record.exclusions = cell.exclusions;
    record.predicted = predicted_parts(cell.settings, data_of(plan_.paths[static_cast<std::size_t>(cell.path)]));
    if (!record.predicted.empty()) {
      record.covariate = cell.settings.predictive.covariate;
      record.predictive_draws = plan_.only.size() > 0 ? std::min(predictive_draws(cell.settings), record.chains * record.stored)
                                                      : predictive_draws(cell.settings);
    }
    // The reference is of all variables; stored are some.
    const FitTarget& target = targets_[static_cast<std::size_t>(cell.path)];
    record.target.moments = target.moments;
    const std::vector<std::string> names = element_names(model);
    std::size_t place = 0;
    for (const models::Variable& variable : model.variables()) {
      const bool stored = std::any_of(posterior.variables.begin(), posterior.variables.end(),
                                      [&](const store::TraceVariable& v) { return v.name == variable.name; });
      if (stored) record.variables.push_back({variable.name, variable.shape});
      for (Index e = 0; e < variable.size(); ++e, ++place) {
        if (!stored) continue;
        record.scalar_names.push_back(names[place]);
        if (target.mean.empty()) continue;
        record.target.mean.push_back(target.mean[place]);
        record.target.sd.push_back(target.sd[place]);
        record.target.mean_error.push_back(target.mean_error[place]);
        record.target.sd_error.push_back(target.sd_error[place]);
      }
    }
    return record;
  }

  /// Traces, and what run.h5 says of them: on rank 0, but for predictions.
  void summarise() {
    std::size_t next = 0;
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      for (std::size_t k = 0; k < cells_[c].samplers.size(); ++k, ++next) {
        ChainsRecord& record = cells_[c].samplers[k];
        if (world_.rank() == 0) {
          const store::TraceLayout& layout = layouts_[next];
          store::merge_trace(plan_.directory, manifest_, layout, utc_now());
          const store::TraceFile file(store::trace_path(plan_.directory, layout.id));
          ChainsRecord figures = record_of_trace(file, layout, plan_.cells[c].chains[k].settings, cells_[c].rows, plan_.threads);
          figures.seconds = record.seconds;
          figures.warmup_seconds = record.warmup_seconds;
          figures.bytes_sent = record.bytes_sent;
          figures.messages_sent = record.messages_sent;
          figures.stopped = record.stopped;
          record = std::move(figures);
        }
        if (!cells_[c].predicted.empty() && sample_team_.parts.rank() == 0) predict(plan_.cells[c], cells_[c], record);
      }
      if (world_.rank() == 0 && !shards_[c].empty()) combine(c);
    }
  }

  /// Of one cell: traces of its shards, and each combiner's answer for each sampler.
  void combine(std::size_t c) {
    const CellPlan& cell = plan_.cells[c];
    const Settings::Combine& settings = cell.settings.combine;
    ChainCellRecord& record = cells_[c];
    record.row_shards = settings.shards;
    record.coordinates = models_[static_cast<std::size_t>(cell.path)]->parameter_names();
    // Sampler by sampler and kind by kind, `shards` runs of chains.
    const auto shards = static_cast<std::size_t>(settings.shards);
    for (std::size_t first = 0; first < shards_[c].size(); first += shards) {
      const ChainsPlan& plan = cell.shard_chains[first];
      std::vector<ChainPositions> positions;
      CombinedRecord common;
      common.sampler = plan.sampler;
      double rhat = 0;
      double failed = 0;
      double gradients = 0;
      double longest = 0;
      for (std::size_t m = first; m < first + shards; ++m) {
        const Ran& ran = shards_[c][m];
        store::merge_trace(plan_.directory, manifest_, ran.layout, utc_now());
        const store::TraceFile file(store::trace_path(plan_.directory, ran.layout.id));
        const ChainsRecord figures = record_of_trace(file, ran.layout, cell.shard_chains[m].settings, record.rows, plan_.threads);
        for (std::size_t v = 0; v < figures.scalars.size() / scalar_figures.size(); ++v) {
          for (const char* name : {"rhat_bulk", "rhat_folded"}) {
            const double found = figures.scalar(v, place_of(scalar_figures, name));
            if (!(rhat >= found)) rhat = found;
          }
        }
        double own = 0;
        for (Index chain = 0; chain < ran.layout.chains; ++chain) {
          const auto figure = [&](const char* name) {
            return figures.chain(static_cast<std::size_t>(chain), place_of(chain_figures, name));
          };
          failed += figure("failed");
          own += figure("gradients") + figure("warmup_gradients") + 0.5 * (figure("values") + figure("warmup_values"));
        }
        own *= static_cast<double>(balanced_range(record.rows, settings.shards, cell.shard_chains[m].settings.rows.shard).size()) /
               static_cast<double>(record.rows);
        gradients += own;
        longest = std::max(longest, own);
        common.shard_seconds = std::max(common.shard_seconds, ran.record.seconds + ran.record.warmup_seconds);
        positions.push_back(chain_positions(file, ran.layout));
      }
      const auto full = std::find_if(record.samplers.begin(), record.samplers.end(),
                                     [&](const ChainsRecord& chains) { return chains.sampler == plan.sampler; });
      common.full_seconds = full->seconds + full->warmup_seconds;
      const auto layout = std::find_if(layouts_.begin(), layouts_.end(), [&](const auto& l) { return l.id == full->trace; });
      const ChainPositions all = chain_positions(store::TraceFile(store::trace_path(plan_.directory, full->trace)), *layout);
      for (std::size_t k = 0; k < settings.names.size(); ++k) {
        const combiners::Entry& entry = *combiners::find(settings.names[k]);
        const bool fraction = entry.subposterior == combiners::Subposterior::prior_fraction;
        if (fraction != plan.settings.rows.prior_fraction) continue;
        combiners::Arguments arguments;
        arguments.chains = settings.chains;
        arguments.bandwidth = settings.bandwidth;
        arguments.seed = cell.settings.study.seed;
        // Batches take the tasks behind it.
        arguments.task = static_cast<std::uint32_t>(((c * shards_[c].size() + first) * 16 + k) * (1 + kCombinedBatches));
        Stopwatch watch;
        CombinedRecord combined;
        try {
          combined = combine_shards(entry, positions, settings.draws, arguments);
        } catch (const UserError& error) {
          // Chains that never moved: nothing of the study is lost for it.
          record.exclusions.push_back({fmt::format("{} of {}", entry.name, plan.sampler), error.what()});
          continue;
        }
        combined.seconds = watch.lap();
        combined.sampler = common.sampler;
        combined.shard_seconds = common.shard_seconds;
        combined.full_seconds = common.full_seconds;
        add_full_posterior(all, combined);
        combined.figures[place_of(combination_figures, "shard_rhat")] = rhat;
        combined.figures[place_of(combination_figures, "shard_failed")] = failed;
        combined.figures[place_of(combination_figures, "shard_gradients")] = gradients;
        combined.figures[place_of(combination_figures, "shard_longest")] = longest;
        record.combined.push_back(std::move(combined));
      }
    }
  }

  /// By rank 0's part. Its draws are taken evenly out of all that its running chains have stored.
  void predict(const CellPlan& cell, const ChainCellRecord& shape, ChainsRecord& record) {
    const auto p = static_cast<std::size_t>(cell.path);
    const Index draws = shape.predictive_draws;
    std::vector<double> theta(static_cast<std::size_t>(draws * shape.dim));
    if (world_.rank() == 0) theta = positions(shape, record);
    sample_team_.shards.broadcast(std::span<double>(theta));
    tiles::Batch columns(shape.dim, draws);
    for (Index s = 0; s < draws; ++s) {
      for (Index d = 0; d < shape.dim; ++d) columns(d, s) = theta[static_cast<std::size_t>(s * shape.dim + d)];
    }
    FitRecord predicted;
    predicted.resize({0, 0, 0, static_cast<Index>(shape.predicted.size()), shape.predicted_rows()});
    predict_rows(predictive_[p], columns.view(), cell.settings.study.seed, 0, sample_team_.shards, plan_.threads, work_, predicted);
    record.predictive = std::move(predicted.predictive);
    record.predicted_rows = std::move(predicted.predicted_rows);
  }

  /// [draw x dim]; NaN if no chain is left.
  [[nodiscard]] std::vector<double> positions(const ChainCellRecord& shape, const ChainsRecord& record) const {
    const store::TraceFile file(store::trace_path(plan_.directory, record.trace));
    std::vector<Index> running;
    for (Index c = 0; c < shape.chains; ++c) {
      if (record.chain(static_cast<std::size_t>(c), place_of(chain_figures, "failed")) == 0) running.push_back(c);
    }
    const Index draws = shape.predictive_draws;
    std::vector<double> theta(static_cast<std::size_t>(draws * shape.dim), std::numeric_limits<double>::quiet_NaN());
    const Index all = static_cast<Index>(running.size()) * record.stored;
    for (Index d = 0; d < shape.dim && all > 0; ++d) {
      const auto values = file.element("unconstrained_posterior", "theta", d);
      for (Index s = 0; s < draws; ++s) {
        const Index place = s * all / draws;
        const Index at = running[static_cast<std::size_t>(place / record.stored)] * record.stored + place % record.stored;
        theta[static_cast<std::size_t>(s * shape.dim + d)] = values[static_cast<std::size_t>(at)];
      }
    }
    return theta;
  }

  void finish() override {
    summarise();
    Failures failed;
    for (const auto& model : models_) failed.add(*model);
    const store::ExecutionTable table = execution_table(world_, tables_, work_,
                                                        {{"failed_evaluations", static_cast<double>(failed.count)},
                                                         {"reference_seconds", target_s_},
                                                         {"total_seconds", total_watch_.lap()}});
    const std::string failures = failed.describe(world_);
    if (world_.rank() != 0) return;
    auto origin = provenance(plan_, world_, reduce_ == cluster::Reduce::fast ? "fast" : "exact");
    origin["finished_at"] = utc_now();
    origin["sessions"] = sessions();
    if (!failures.empty()) origin["failed_evaluations"] = failures;
    const auto file = directory_->run_file();
    const std::string hash = store::write_run_file(file, cells_, table, origin);
    directory_->remove_segments();
    const ReportContext context = report_context(origin, hash);
    conclude(write_chain_report(cells_, context, plan_.directory, (directory_->path() / "report").string()), hash);
  }

  SampleTeam sample_team_;
  std::unique_ptr<SampleCell> running_;  ///< the chains under way, which a stop leaves as they stand
  double target_s_ = 0;
  std::vector<std::unique_ptr<models::Model>> models_;  ///< of each path
  std::vector<FitTarget> targets_;                      ///< of each path
  std::vector<PredictiveTables> predictive_tables_;     ///< of each data set
  std::vector<PredictiveProblem> predictive_;           ///< of each path
  std::vector<ChainCellRecord> cells_;
  std::vector<store::TraceLayout> layouts_;  ///< of each cell's samplers, one after the other
  std::vector<std::vector<Ran>> shards_;     ///< of each cell, as its plan's shard_chains
};

}  // namespace

int run_sample_study(const SessionOptions& options, const cluster::Communicator& world, Plan plan) {
  return SampleStudy(options, world, std::move(plan)).run();
}

}  // namespace variscope::experiments
