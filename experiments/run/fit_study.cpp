/// Fits are work items: each team of ranks takes those that the plan placed with it, its threads one each where it is one rank.
#include "experiments/run/fit_study.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <tuple>

#include "engine/store/fit_segments.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/report/report.hpp"
#include "experiments/run/execution.hpp"
#include "experiments/run/failures.hpp"
#include "experiments/run/first_error.hpp"
#include "experiments/run/fit.hpp"
#include "experiments/run/fit_target.hpp"
#include "experiments/run/fits_before.hpp"
#include "experiments/run/load.hpp"
#include "experiments/run/predictive.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/study_run.hpp"

namespace variscope::experiments {

namespace {

/// Rounds of fits between which ranks wait for each other and save: what a kill can lose.
constexpr Index kRounds = 16;

class FitStudy : public StudyRun {
 public:
  FitStudy(const SessionOptions& options, const cluster::Communicator& world, Plan plan)
      : StudyRun(options, world, std::move(plan), "steps") {
    if (!options.continued.empty()) before_ = FitsBefore(options.continued);
    before_.check(plan_);
    // Which rows are predicted is the same in all cells that have draws.
    const Settings& first = predictive_settings(plan_.cells);
    open(options, [&](const DataPlan& data) {
      std::vector<double> moments;
      data::Table table = load_share(data, whole_.shards, first.predictive.rows.empty() ? nullptr : &moments);
      predictive_tables_.push_back(load_predictive(data, first, whole_.shards, std::move(moments)));
      return table;
    });
    // An extension of complete fits: their run.h5 stays until the longer ones replace it.
    std::vector<double> extends = {manifest_.state.count(store::extended_hash_key) > 0 ? 1.0 : 0.0};
    world_.broadcast(std::span<double>(extends));
    if (extends[0] > 0) before_ = FitsBefore(plan_.directory);
  }

 private:
  void work() override {
    progress_.start(planned_calls(), find_done());
    Stopwatch watch;
    std::vector<FitTarget> targets;
    for (std::size_t p = 0; p < plan_.paths.size(); ++p) {
      const PathPlan& path = plan_.paths[p];
      models_.push_back(model_of(path));
      predictive_.emplace_back();
      if (const DataPlan* data = data_of(path)) {
        const auto d = static_cast<std::size_t>(path.data);
        predictive_[p] = predictive_problem(path.settings, *data, *models_[p], tables_[d], predictive_tables_[d], plan_.layout.shards);
      }
      if (!works_on_path(p)) {
        targets.emplace_back();
        continue;
      }
      const bool exact = std::any_of(plan_.cells.begin(), plan_.cells.end(),
                                     [&](const CellPlan& c) { return c.path == static_cast<int>(p) && c.fit.exact; });
      targets.push_back(find_target(path, *models_[p], data_of(path), exact, whole_, reduce_, plan_.threads, work_));
    }
    target_s_ = watch.lap();
    for (const CellPlan& cell : plan_.cells) {
      const auto p = static_cast<std::size_t>(cell.path);
      cells_.push_back(shape_of(cell, plan_.paths[p], *models_[p], data_of(plan_.paths[p])));
      FitTarget& target = cells_.back().target;
      target = targets[p];
      if (!cell.fit.exact) target.method.clear();
    }
    run_fits();
  }

  /// The fits that are left to do. Returns the steps of those that are committed. Ranks share the reading. Collective.
  double find_done() {
    std::string lines;
    for (auto i = static_cast<std::size_t>(world_.rank()); i < manifest_.segments.size(); i += static_cast<std::size_t>(world_.size())) {
      store::visit_fit_segment(plan_.directory, manifest_.segments[i], [&](store::FitChunk&& chunk) {
        lines += fmt::format("{} {} {}\n", chunk.cell, chunk.estimator, chunk.repeat);
      });
    }
    std::set<std::tuple<std::string, Index, Index>> done;
    for (const std::string& part : world_.all_gather(lines)) {
      std::istringstream in(part);
      std::tuple<std::string, Index, Index> fit;
      while (in >> std::get<0>(fit) >> std::get<1>(fit) >> std::get<2>(fit)) done.insert(fit);
    }
    double steps = 0;
    for (const FitItem& item : plan_.fits) {
      const CellPlan& cell = plan_.cells[static_cast<std::size_t>(item.cell)];
      if (!works_on(cell)) continue;
      if (done.count({cell.id, item.estimator, item.repeat}) == 0)
        left_.push_back(item);
      else
        steps += static_cast<double>(cell.fit.steps[static_cast<std::size_t>(item.estimator)]);
    }
    return steps;
  }

  void run_fits() {
    const Index parts = plan_.layout.replicates;
    const std::vector<Index> placed = place_fits(left_, parts);
    std::vector<std::vector<std::size_t>> of_part(static_cast<std::size_t>(parts));
    for (std::size_t i = 0; i < placed.size(); ++i) of_part[static_cast<std::size_t>(placed[i])].push_back(i);
    Index most = 0;
    for (auto& items : of_part) {
      // The heaviest first: ranks then end their rounds at about the same time, and threads their round.
      std::stable_sort(items.begin(), items.end(), [&](std::size_t a, std::size_t b) { return left_[a].work > left_[b].work; });
      most = std::max(most, static_cast<Index>(items.size()));
    }
    const auto& mine = of_part[static_cast<std::size_t>(plan_.layout.replicate_of(world_.rank()))];
    // A team of one needs no messages, which only the main thread may send: its threads take fits of their own, if there are enough.
    const bool alone = team_.ranks() == 1 && most >= plan_.threads;
    const Index lanes = alone ? plan_.threads : 1;
    const Index size = std::max(lanes, (most + kRounds - 1) / kRounds);
    for (Index first = 0; first < most; first += size) {
      const auto count = static_cast<Index>(mine.size());
      run_round(mine, {std::min(first, count), std::min(first + size, count)}, static_cast<int>(lanes));
      checkpoint();
      (void)pace();
    }
  }

  void run_round(const std::vector<std::size_t>& items, Range range, int lanes) {
    const cluster::Team nobody;
    const cluster::Team& team = team_.ranks() == 1 ? nobody : team_;
    std::vector<store::FitChunk> chunks(static_cast<std::size_t>(range.size()));
    std::vector<Work> works(static_cast<std::size_t>(lanes));
    FirstError error;
#pragma omp parallel for num_threads(lanes) if (lanes > 1) schedule(dynamic, 1)
    for (Index i = range.first; i < range.last; ++i) {
      error.catch_from([&] {
        const FitItem& item = left_[items[static_cast<std::size_t>(i)]];
        const CellPlan& cell = plan_.cells[static_cast<std::size_t>(item.cell)];
        const auto p = static_cast<std::size_t>(cell.path);
        StopAgreement stop({&team.shards, &team.samples, &team.replicas});
        FitRunner runner(
            cell, plan_.paths[p], *models_[p], data_of(plan_.paths[p]), team, reduce_, lanes > 1 ? 1 : plan_.threads,
            works[static_cast<std::size_t>(lanes > 1 ? omp_get_thread_num() : 0)],
            [&](double steps) {
              advance(steps);
              stop.check();
            },
            predictive_[p].parts.empty() ? nullptr : &predictive_[p]);
        try {
          stop.check();
          const auto estimator = static_cast<std::size_t>(item.estimator);
          chunks[static_cast<std::size_t>(i - range.first)] = {
              cell.id, item.estimator, item.repeat, runner.run(estimator, item.repeat, before_.find(cell, estimator, item.repeat))};
          if (runner.resumed()) {
#pragma omp atomic
            ++resumed_;
          }
        } catch (const Abandoned&) {
          // Its team alone knows: all ranks hear of it after the round.
        }
      });
    }
    error.rethrow();
    for (const Work& work : works) work_.add(work, lanes);
    if (!team_.is_root()) return;
    for (store::FitChunk& chunk : chunks) {
      if (!chunk.cell.empty()) pending_.push_back(std::move(chunk));
    }
  }

  /// Rank 0 speaks for all: other teams are about as far.
  void advance(double steps) {
#pragma omp critical(variscope_progress)
    progress_.advance(steps * static_cast<double>(plan_.layout.replicates));
  }

  std::string save(Index number) override {
    std::string entry;
    if (!pending_.empty()) entry = store::encode(store::write_fit_segment(plan_.directory, number, world_.rank(), pending_));
    pending_.clear();
    return entry;
  }

  void finish() override {
    Failures failed;
    for (const auto& model : models_) failed.add(*model);
    const store::ExecutionTable table = execution_table(
        world_, tables_, work_,
        {{"failed_evaluations", static_cast<double>(failed.count)}, {"optimum_seconds", target_s_}, {"total_seconds", total_watch_.lap()}});
    const std::string failures = failed.describe(world_);
    // Each team's fits are counted once, by its root.
    std::vector<double> resumed = {team_.is_root() ? static_cast<double>(resumed_) : 0.0};
    world_.sum_in_any_order(resumed);
    if (world_.rank() != 0) return;
    store::merge_fit_segments(plan_.directory, manifest_, cells_);
    auto origin = provenance(plan_, world_, reduce_ == cluster::Reduce::fast ? "fast" : "exact");
    origin["finished_at"] = utc_now();
    origin["sessions"] = sessions();
    if (!failures.empty()) origin["failed_evaluations"] = failures;
    if (before_.given()) origin["continued_from"] = fmt::format("{}: {} of {} fits", before_.name(), resumed[0], plan_.fits.size());
    const auto file = directory_->run_file();
    const std::string hash = store::write_run_file(file, cells_, table, origin);
    directory_->remove_segments();
    const ReportContext context = report_context(origin, hash);
    conclude(write_fit_report(cells_, context, (directory_->path() / "report").string()), hash);
  }

  FitsBefore before_;
  Index resumed_ = 0;  ///< fits that this rank took part in
  double target_s_ = 0;
  std::vector<FitItem> left_;                           ///< to do in this session
  std::vector<std::unique_ptr<models::Model>> models_;  ///< of each path
  std::vector<PredictiveTables> predictive_tables_;     ///< of each data set
  std::vector<PredictiveProblem> predictive_;           ///< of each path
  std::vector<FitCellRecord> cells_;
  std::vector<store::FitChunk> pending_;
};

}  // namespace

int run_fit_study(const SessionOptions& options, const cluster::Communicator& world, Plan plan) {
  return FitStudy(options, world, std::move(plan)).run();
}

}  // namespace variscope::experiments
