/// `variscope run`: plan -> data -> paths -> replicates batch by batch -> segments -> run.h5 -> report.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <sstream>

#include "engine/diagnostics/strata.hpp"
#include "engine/diagnostics/work.hpp"
#include "engine/error.hpp"
#include "engine/store/merge.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/segments.hpp"
#include "experiments/report/report.hpp"
#include "experiments/run/cell_shape.hpp"
#include "experiments/run/estimates.hpp"
#include "experiments/run/execution.hpp"
#include "experiments/run/extension.hpp"
#include "experiments/run/failures.hpp"
#include "experiments/run/first_error.hpp"
#include "experiments/run/fit_study.hpp"
#include "experiments/run/load.hpp"
#include "experiments/run/parts.hpp"
#include "experiments/run/path.hpp"
#include "experiments/run/preparation.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/sample_study.hpp"
#include "experiments/run/study_run.hpp"

namespace variscope::experiments {

namespace {

/// Seconds of work between two looks at the clock, about: long enough that threads seldom wait for each other.
constexpr double kWaveSeconds = 0.5;
/// A point has at most so many (replicates.batches).
constexpr Index kMostBatches = 256;

class Study : public StudyRun {
 public:
  Study(const SessionOptions& options, const cluster::Communicator& world, Plan plan)
      : StudyRun(options, world, std::move(plan), "estimates") {
    open(options, [&](const DataPlan& data) { return load_share(data, whole_.shards); });
  }

 private:
  void work() override {
    if (const auto failed = manifest_.state.find("failed_evaluations"); failed != manifest_.state.end())
      failed_before_ = std::stoll(failed->second);
    progress_.start(planned_calls(), find_done());
    for (std::size_t p = 0; p < plan_.paths.size(); ++p) {
      if (!works_on_path(p)) continue;
      const PathPlan& path = plan_.paths[p];
      const DataPlan* data = data_of(path);
      model_ = model_of(path);
      const models::Model& model = *model_;
      Stopwatch watch;
      if (const auto bundle = kept(path.id)) {
        store::BundleReader in(*bundle);
        paths_.push_back(take_path(in));
      } else {
        const std::string under_way = path.id + " under way";
        const PathSaving saving{kept(under_way), [&](const store::Bundle& now) { keep(under_way, now); }, checkpoint_seconds()};
        paths_.push_back(
            run_path(path, histories_for(static_cast<int>(p)), model, data, world_, whole_, reduce_, plan_.threads, work_, saving));
        store::BundleWriter out;
        put(out, paths_.back());
        manifest_.bundles.erase(under_way);
        keep(path.id, out.take());
      }
      path_s_ += watch.lap();
      for (const CellPlan& cell : plan_.cells) {
        if (cell.path == static_cast<int>(p) && works_on(cell)) run_cell(cell, path, paths_.back(), model, data);
      }
      failures_.add(model);
      model_.reset();
    }
  }

  /// What is committed of every point. Ranks share the reading. Returns the calls that are done. Collective.
  double find_done() {
    std::string lines;
    for (auto i = static_cast<std::size_t>(world_.rank()); i < manifest_.segments.size(); i += static_cast<std::size_t>(world_.size())) {
      for (const store::ChunkKey& key : store::segment_keys(plan_.directory, manifest_.segments[i]))
        lines += fmt::format("{} {} {} {}\n", key.cell, key.point, key.batches.first, key.batches.last);
    }
    double calls = 0;
    for (const std::string& part : world_.all_gather(lines)) {
      std::istringstream in(part);
      std::string id;
      Index point = 0;
      Range batches;
      while (in >> id >> point >> batches.first >> batches.last) {
        const auto cell = std::find_if(plan_.cells.begin(), plan_.cells.end(), [&](const CellPlan& c) { return c.id == id; });
        if (cell == plan_.cells.end()) throw SystemError(fmt::format("{}: holds a cell '{}' that is not planned.", plan_.directory, id));
        const auto& replicates = cell->settings.replicates;
        auto& done = done_[{id, point}];
        done.resize(static_cast<std::size_t>(replicates.batches), false);
        for (Index b = batches.first; b < batches.last; ++b) {
          done.at(static_cast<std::size_t>(b)) = true;
          calls += static_cast<double>(batch_replicates(replicates.count, replicates.batches, b).size()) *
                   static_cast<double>(cell->estimators.size());
        }
      }
    }
    return calls;
  }

  [[nodiscard]] std::vector<Index> missing_batches(const CellPlan& cell, std::size_t point) const {
    const auto found = done_.find({cell.id, static_cast<Index>(point)});
    std::vector<Index> missing;
    for (Index b = 0; b < cell.settings.replicates.batches; ++b) {
      if (found == done_.end() || !found->second[static_cast<std::size_t>(b)]) missing.push_back(b);
    }
    return missing;
  }

  /// Rows of the minibatches whose histories the cells of a path lean on.
  [[nodiscard]] std::vector<Index> histories_for(int path) const {
    std::set<Index> rows;
    for (const CellPlan& cell : plan_.cells) {
      for (const std::string& name : cell.estimators) {
        if (cell.path == path && estimators::find(name)->history)
          rows.insert(history_rows(plan_.paths[static_cast<std::size_t>(path)].settings, cell.settings));
      }
    }
    return {rows.begin(), rows.end()};
  }

  /// One worker with its own estimates. Batches are the unit of work: where a rank makes whole estimates alone, each of its threads
  /// takes whole batches and never waits for another; where ranks share an estimate, one lane's threads share it too.
  struct Lane {
    Work work;
    Estimates estimates;
    StopAgreement stop;
    std::vector<std::vector<double>> gradients;
    std::vector<double> seconds;

    Lane(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads, std::size_t list)
        : estimates(model, data, team, reduce, threads, work),
          stop({&team.shards, &team.samples, &team.replicas}),
          gradients(list),
          seconds(list, 0.0) {}
  };

  void run_cell(const CellPlan& cell, const PathPlan& path, const Path& done, const models::Model& model, const DataPlan* data) {
    std::vector<std::unique_ptr<estimators::Estimator>> owned;
    std::vector<const estimators::Estimator*> list;
    for (const std::string& name : cell.estimators) list.push_back(owned.emplace_back(estimators::find(name)->make()).get());
    cells_.push_back(shape_of(cell, path, done.points, model));
    CellRecord& record = cells_.back();
    const Settings& s = cell.settings;
    CallSettings call;
    call.seed = s.study.seed;
    call.samples = s.estimators.samples;
    call.batch_rows = s.estimators.batch_rows;
    call.coarser = cell.coarser;
    call.objective = objective_of(s);
    call.design = cell.design;
    const Index part = plan_.layout.replicate_of(world_.rank());
    // A team of one needs no messages, which only the main thread may send.
    const bool alone = team_.ranks() == 1;
    const cluster::Team nobody;
    const int lanes_wanted = alone ? plan_.threads : 1;
    std::vector<std::unique_ptr<Lane>> lanes;
    for (int i = 0; i < lanes_wanted; ++i)
      lanes.push_back(std::make_unique<Lane>(model, data, alone ? nobody : team_, reduce_, alone ? 1 : plan_.threads, list.size()));
    for (std::size_t point = 0; point < record.points.size(); ++point) {
      call.task = static_cast<std::uint32_t>(point);
      const std::vector<Index> missing = missing_batches(cell, point);
      const std::string prepared = fmt::format("prepared {} {}", cell.id, point);
      // What an earlier session finished, preparation included, needs nothing more.
      if (missing.empty() && restore_preparation(prepared, record.points[point])) continue;
      const auto family = make_family(s, path.dim, record.points[point].lambda);
      const estimators::RowHistory* history = done.history(history_rows(path.settings, s), point);
      const std::vector<std::vector<double>> states = prepare(*family, model, data, list, call, record.points[point], history);
      std::vector<Measured> measured;
      for (std::size_t e = 0; e < list.size(); ++e) measured.push_back({list[e], states[e], record.points[point].snapshot});
      const auto count = static_cast<Index>(missing.size());
      const Range batches = owned_batches(count, plan_.layout.replicates, part);
      const Index most = owned_batches(count, plan_.layout.replicates, 0).size();
      for (Index round = 0; round < most;) {
        const Range wave{batches.first + std::min(round, batches.size()), batches.first + std::min(round + wave_, batches.size())};
        const std::span<const Index> mine(missing);
        run_wave(lanes, record, point, call, *family,
                 mine.subspan(static_cast<std::size_t>(wave.first), static_cast<std::size_t>(wave.size())), measured);
        round += wave_;
        set_wave(pace(), wave_);
      }
      std::vector<double> seconds(list.size(), 0.0);
      for (const auto& lane : lanes) {
        // Each team's root has timed its own calls.
        for (std::size_t e = 0; e < list.size() && team_.is_root(); ++e) seconds[e] += lane->seconds[e];
        std::fill(lane->seconds.begin(), lane->seconds.end(), 0.0);
      }
      world_.sum_in_any_order(seconds);
      for (std::size_t e = 0; e < list.size(); ++e) {
        EstimatorRecord& measured_at = record.points[point].estimators[e];
        if (measured_at.preparation_share > 0)
          measured_at.preparation_seconds =
              time_preparation(*family, model, data, *list[e], call, record.points[point], history, seconds[e]);
      }
      keep_preparation(prepared, record.points[point]);
    }
    for (const auto& lane : lanes) work_.add(lane->work, lanes_wanted);
  }

  /// The figures of a point's preparations, for a session that does not repeat them. Committed with the next checkpoint.
  void keep_preparation(const std::string& key, const PointRecord& point) {
    std::string text;
    for (const EstimatorRecord& e : point.estimators) {
      for (const auto& kind : models::Counts::kinds()) text += fmt::format("{} ", e.preparation.*kind.count);
      text += fmt::format("{} {} ", e.preparation_share, e.preparation_seconds);
    }
    manifest_.state[key] = text;
  }
  bool restore_preparation(const std::string& key, PointRecord& point) const {
    const auto found = manifest_.state.find(key);
    if (found == manifest_.state.end()) return false;
    std::istringstream in(found->second);
    for (EstimatorRecord& e : point.estimators) {
      for (const auto& kind : models::Counts::kinds()) in >> e.preparation.*kind.count;
      in >> e.preparation_share >> e.preparation_seconds;
    }
    return static_cast<bool>(in);
  }

  /// The state that each estimator is measured at, the same on all ranks; the work it took goes into the record.
  std::vector<std::vector<double>> prepare(const families::Family& family, const models::Model& model, const DataPlan* data,
                                           const std::vector<const estimators::Estimator*>& list, const CallSettings& call,
                                           PointRecord& point, const estimators::RowHistory* history) {
    std::vector<std::vector<double>> states;
    for (std::size_t e = 0; e < list.size(); ++e) {
      const estimators::Context context{&family, &model, call.objective, call.samples, call.batch_rows, {}, point.snapshot, history};
      auto& state = states.emplace_back(static_cast<std::size_t>(list[e]->state_size(context)), 0.0);
      if (state.empty()) continue;
      PreparationRun run(model, data, whole_, plan_.threads, family, *list[e], call, work_);
      list[e]->prepare(context, run, state);
      std::vector<models::Counts> counts{run.counts()};
      std::vector<double> flat;
      for (const auto& kind : models::Counts::kinds()) flat.push_back(static_cast<double>(counts[0].*kind.count));
      world_.sum_in_any_order(flat);
      std::size_t next = 0;
      for (const auto& kind : models::Counts::kinds()) point.estimators[e].preparation.*kind.count = static_cast<Index>(flat[next++]);
      // One call is the mean over all replicas: it takes their rows together through the epoch.
      estimators::Context together = context;
      together.batch_rows = std::min(model.rows(), call.batch_rows * call.design.row_sets);
      point.estimators[e].preparation_share = list[e]->preparation_share(together);
    }
    return states;
  }

  /// Seconds of one preparation by as many threads as make a call, which is charged with a share of it. As often as it takes to be compared
  /// by time, if the calls (seconds in all) can be; the repetitions are no part of the study's work. Collective over the world.
  double time_preparation(const families::Family& family, const models::Model& model, const DataPlan* data,
                          const estimators::Estimator& estimator, const CallSettings& call, const PointRecord& point,
                          const estimators::RowHistory* history, double of_calls) {
    const estimators::Context context{&family, &model, call.objective, call.samples, call.batch_rows, {}, point.snapshot, history};
    std::vector<double> state(static_cast<std::size_t>(estimator.state_size(context)));
    Work apart;
    PreparationRun run(model, data, whole_, team_.ranks() == 1 ? 1 : plan_.threads, family, estimator, call, apart);
    const double least = diagnostics::well_timed(of_calls, 1) ? diagnostics::least_timed_seconds : 0;
    std::array<double, 1> seconds{};
    Index times = 0;
    for (Stopwatch watch; times == 0 || seconds[0] < least; ++times) {
      std::fill(state.begin(), state.end(), 0.0);
      estimator.prepare(context, run, state);
      seconds[0] += watch.lap();
      // Rank 0's clock decides for all.
      world_.broadcast(std::span<double>(seconds));
    }
    return seconds[0] / static_cast<double>(times);
  }

  /// Batches of one point, spread over the lanes; their chunks are kept in the order of batches.
  void run_wave(std::vector<std::unique_ptr<Lane>>& lanes, const CellRecord& record, std::size_t point, const CallSettings& call,
                const families::Family& family, std::span<const Index> wave, const std::vector<Measured>& list) {
    std::vector<store::Chunk> chunks(wave.size());
    const auto threads = static_cast<int>(lanes.size());
    FirstError error;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic, 1)
    for (std::size_t i = 0; i < wave.size(); ++i) {
      error.catch_from([&] {
        Lane& lane = *lanes[static_cast<std::size_t>(omp_get_thread_num())];
        try {
          chunks[i] = run_batch(lane, record, point, call, family, wave[i], list);
        } catch (const Abandoned&) {
          // Its team alone knows: all ranks hear of it after the wave.
        }
      });
    }
    error.rethrow();
    for (std::size_t i = 0; i < wave.size(); ++i) {
      if (chunks[i].counts.empty()) continue;
      progress_.advance(static_cast<double>(batch_replicates(record.replicates, batches_of(record), wave[i]).size()) *
                        static_cast<double>(list.size()) * static_cast<double>(plan_.layout.replicates));
      if (team_.is_root()) pending_.push_back(std::move(chunks[i]));
    }
  }

  store::Chunk run_batch(Lane& lane, const CellRecord& record, std::size_t point, const CallSettings& call, const families::Family& family,
                         Index batch, const std::vector<Measured>& list) {
    const PointRecord& at = record.points[point];
    const Range replicates = batch_replicates(record.replicates, batches_of(record), batch);
    std::vector<models::Counts> counts(list.size());
    store::Chunk chunk;
    chunk.cell = record.id;
    chunk.point = static_cast<Index>(point);
    chunk.first_batch = batch;
    for (const EstimatorRecord& e : at.estimators) {
      chunk.estimators.push_back(e.name);
      chunk.moments.emplace_back().resize(1, static_cast<Index>(at.reference.size()), static_cast<Index>(record.blocks.size()));
    }
    const Index step = lane.estimates.group(plan_of(record).columns, call.design);
    const auto parameters = static_cast<Index>(at.reference.size());
    const std::vector<double> before = lane.seconds;
    std::vector<double> mean;
    Stopwatch watch;
    for (Index first = replicates.first; first < replicates.last; first += step) {
      const Range group{first, std::min(first + step, replicates.last)};
      lane.stop.check();
      lane.estimates.run(family, call, group, list, lane.gradients, counts, lane.seconds);
      for (std::size_t e = 0; e < list.size(); ++e) {
        watch.lap();
        lane.estimates.average_units(call, lane.gradients[e], group.size(), parameters, mean);
        lane.seconds[e] += watch.lap();
        if (team_.is_root()) add_moments(mean, at.reference, record.blocks, 0, chunk.moments[e]);
      }
    }
    for (std::size_t e = 0; e < list.size(); ++e) chunk.seconds.push_back(lane.seconds[e] - before[e]);
    chunk.counts = team_counts(counts);
    if (record.designs > 0) add_designs(lane, record, chunk, call, family, batch, list);
    return chunk;
  }

  /// The crossed designs that belong to a batch. Their work is kept apart: it is no part of what a call costs.
  void add_designs(Lane& lane, const CellRecord& record, store::Chunk& chunk, const CallSettings& call, const families::Family& family,
                   Index batch, const std::vector<Measured>& list) {
    CallSettings crossed = call;
    crossed.noise = random::Purpose::component_noise;
    crossed.rows = random::Purpose::component_rows;
    const auto parameters = static_cast<Index>(record.parameter_names.size());
    const auto blocks = static_cast<Index>(record.blocks.size());
    std::vector<models::Counts> counts(list.size());
    for (std::size_t e = 0; e < list.size(); ++e) {
      chunk.components.emplace_back().resize(1, parameters, blocks, record.row_sets, record.noise_sets);
      const Index traces = record.shards * blocks;
      if (record.shards > 0) chunk.shard_components.emplace_back().resize(1, traces, traces, record.shard_row_sets, record.noise_sets);
    }
    const Range designs = batch_replicates(record.designs, batches_of(record), batch);
    crossed.design = component_design(plan_of(record).settings);
    run_designs(lane, record, crossed, family, designs, list, counts, [&](std::size_t e, std::span<const double> gradients) {
      diagnostics::add_design(chunk.components[e], 0, record.blocks, gradients);
    });
    if (const auto within_shards = shard_design(plan_of(record).settings)) {
      crossed.design = *within_shards;
      run_designs(lane, record, crossed, family, designs, list, counts, [&](std::size_t e, std::span<const double> gradients) {
        diagnostics::add_shard_designs(chunk.shard_components[e], 0, record.blocks, gradients);
      });
    }
    chunk.component_counts = team_counts(counts);
  }

  /// add(e, gradients of all units of one design) on the team's root, design by design.
  void run_designs(Lane& lane, const CellRecord& record, const CallSettings& crossed, const families::Family& family, Range designs,
                   const std::vector<Measured>& list, std::vector<models::Counts>& counts,
                   const std::function<void(std::size_t, std::span<const double>)>& add) {
    const auto parameters = static_cast<Index>(record.parameter_names.size());
    const auto size = static_cast<std::size_t>(parameters * crossed.design.units());
    std::vector<double> all;
    std::vector<double> seconds(list.size(), 0.0);
    const Index step = lane.estimates.group(plan_of(record).columns, crossed.design);
    for (Index first = designs.first; first < designs.last; first += step) {
      const Range group{first, std::min(first + step, designs.last)};
      lane.stop.check();
      lane.estimates.run(family, crossed, group, list, lane.gradients, counts, seconds);
      for (std::size_t e = 0; e < list.size(); ++e) {
        lane.estimates.gather_units(crossed, lane.gradients[e], group.size(), parameters, all);
        if (!team_.is_root()) continue;
        for (std::size_t j = 0; j < static_cast<std::size_t>(group.size()); ++j)
          add(e, std::span<const double>(all).subspan(j * size, size));
      }
    }
  }

  [[nodiscard]] const CellPlan& plan_of(const CellRecord& record) const {
    return *std::find_if(plan_.cells.begin(), plan_.cells.end(), [&](const CellPlan& c) { return c.id == record.id; });
  }
  [[nodiscard]] Index batches_of(const CellRecord& record) const { return plan_of(record).settings.replicates.batches; }

  /// Work of the whole team. Whole numbers below 2^53: their sum is exact in any order.
  std::vector<models::Counts> team_counts(const std::vector<models::Counts>& counts) const {
    if (team_.ranks() == 1) return counts;
    std::vector<double> flat;
    for (const auto& c : counts) {
      for (const auto& kind : models::Counts::kinds()) flat.push_back(static_cast<double>(c.*kind.count));
    }
    team_.shards.sum_in_any_order(flat);
    team_.samples.sum_in_any_order(flat);
    team_.replicas.sum_in_any_order(flat);
    std::vector<models::Counts> sums(counts.size());
    std::size_t next = 0;
    for (auto& sum : sums) {
      for (const auto& kind : models::Counts::kinds()) sum.*kind.count = static_cast<Index>(flat[next++]);
    }
    return sums;
  }

  /// How many batches the next wave takes, after one of `batches` took so many seconds.
  void set_wave(double seconds, Index batches) {
    if (saves_always()) {
      wave_ = std::min<Index>(plan_.threads, kMostBatches);
      return;
    }
    const auto wanted = static_cast<Index>(kWaveSeconds / std::max(seconds, 1e-9) * static_cast<double>(batches));
    wave_ = std::clamp<Index>(std::min(wanted, 4 * batches), std::min<Index>(plan_.threads, kMostBatches), kMostBatches);
  }

  std::string save(Index number) override {
    Failures now = failures_;
    if (model_ != nullptr) now.add(*model_);
    std::array<double, 1> failed{static_cast<double>(now.count)};
    world_.sum_in_any_order(failed);
    if (failed[0] > 0) manifest_.state["failed_evaluations"] = std::to_string(failed_before_ + static_cast<Index>(failed[0]));
    std::string entry;
    if (!pending_.empty()) entry = store::encode(store::write_segment(plan_.directory, number, world_.rank(), pending_));
    pending_.clear();
    return entry;
  }

  store::ExecutionTable execution() {
    return execution_table(
        world_, tables_, work_,
        {{"failed_evaluations", static_cast<double>(failures_.count)}, {"path_seconds", path_s_}, {"total_seconds", total_watch_.lap()}});
  }

  void finish() override {
    const store::ExecutionTable table = execution();
    std::string failures = failures_.describe(world_);
    if (failed_before_ > 0)
      failures += fmt::format("{}{} evaluations failed before the run was resumed", failures.empty() ? "" : "; ", failed_before_);
    if (world_.rank() != 0) return;
    // Cells were run path by path; they are stored in the plan's order.
    std::sort(cells_.begin(), cells_.end(), [](const CellRecord& a, const CellRecord& b) { return a.id < b.id; });
    for (CellRecord& cell : cells_) make_room(cell, batches_of(cell));
    store::merge_segments(plan_.directory, manifest_, cells_);
    for (CellRecord& cell : cells_) {
      for (PointRecord& point : cell.points) {
        for (EstimatorRecord& e : point.estimators) e.seconds_per_call /= static_cast<double>(cell.replicates);
      }
    }
    std::vector<store::PathRecord> records;
    for (const Path& path : paths_) records.push_back(path.record);
    auto origin = provenance(plan_, world_, reduce_ == cluster::Reduce::fast ? "fast" : "exact");
    origin["finished_at"] = utc_now();
    origin["sessions"] = sessions();
    if (!failures.empty()) origin["failed_evaluations"] = failures;
    const auto file = directory_->run_file();
    const std::string hash = store::write_run_file(file, cells_, records, table, origin);
    directory_->remove_segments();
    const ReportContext context = report_context(origin, hash);
    conclude(write_report(cells_, context, (directory_->path() / "report").string()), hash);
  }

  std::map<std::pair<std::string, Index>, std::vector<bool>> done_;  ///< cell and point: batches committed by earlier sessions
  std::unique_ptr<models::Model> model_;                             ///< of the path under way; a stop leaves it there to be asked
  Failures failures_;
  Index failed_before_ = 0;  ///< evaluations, in earlier sessions
  double path_s_ = 0;
  std::vector<Path> paths_;
  std::vector<CellRecord> cells_;
  std::vector<store::Chunk> pending_;
  Index wave_ = 1;  ///< batches of the next wave
};

/// Whether a run directory holds a run that is not, or no longer, in parts. Collective.
bool is_whole(const RunOptions& run, const cluster::Communicator& world) {
  std::array<double, 1> whole{};
  const std::filesystem::path directory = run.output;
  if (world.rank() == 0) {
    for (const char* name : {"run.h5", "MANIFEST", "MANIFEST.previous"}) whole[0] += std::filesystem::exists(directory / name) ? 1 : 0;
  }
  world.broadcast(std::span<double>(whole));
  return whole[0] > 0;
}

void put_parts_together(const RunOptions& run, const cluster::Communicator& world) {
  if (world.rank() == 0) gather_parts(run.output, run.take_over);
  world.barrier();
}

}  // namespace

int run_study(const RunOptions& options) { return run_study_part(options, ""); }

int run_study_part(const RunOptions& options, const std::string& part) {
  watch_for_stops(options.stop_after_s);
  const auto world = cluster::Communicator::world();
  SessionOptions run{options, part};
  const bool of_part = !run.part.empty();
  if (of_part && run.resume && !is_whole(run, world))
    run.output = part_directory(run.output, parse_part("--part", run.part).index).string();
  if (!of_part && run.resume) put_parts_together(run, world);
  if (run.extend > 0)
    begin_extension(run, world);
  else if (run.resume && conclude_complete(run, world))
    return 0;
  Spec spec = run.resume ? recorded_spec(run, world) : run.spec_text.empty() ? read_spec(run.spec) : parse_spec(run.spec_text, run.spec);
  Plan plan = make_plan(std::move(spec), world.size(), run.threads, run.layout, run.output, run.chains);
  if (of_part && !run.resume) {
    SessionOptions whole = run;
    whole.output = plan.directory;
    if (is_whole(whole, world)) {
      throw UserError(fmt::format("--part {}: {} holds a run that goes on as one. Resume it without --part, or choose another directory.",
                                  run.part, plan.directory));
    }
    plan.directory = part_directory(plan.directory, parse_part("--part", run.part).index).string();
  }
  if (!run.continued.empty() && !plan.of_fits()) {
    throw UserError(fmt::format("--continue: {} is no study of fits (only their states are kept). Leave it out.", run.spec));
  }
  if (plan.of_fits()) return run_fit_study(run, world, std::move(plan));
  if (plan.of_chains()) return run_sample_study(run, world, std::move(plan));
  return Study(run, world, std::move(plan)).run();
}

}  // namespace variscope::experiments
