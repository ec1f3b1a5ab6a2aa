/// Timing a plan's calls on few rows.
#include "experiments/run/calibration.hpp"

#include <time.h>

#include <algorithm>

#include "experiments/plan/chains.hpp"
#include "experiments/plan/expand.hpp"
#include "experiments/run/estimates.hpp"
#include "experiments/run/expectation.hpp"
#include "experiments/run/load.hpp"
#include "experiments/run/objective.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

namespace {

/// Calls are repeated until they have taken so long.
constexpr double kLeastSeconds = 0.05;
/// Evaluations of L-BFGS on its way to the optimum, about: it stops at a gradient of zero within rounding.
constexpr double kOptimumEvaluations = 40;

/// What this thread has computed so far: others on the machine do not count, as the prediction is for cores without them.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds of one call; the first warms up and is only counted if it alone takes long enough.
template <class Call>
double seconds_of(const Call& call) {
  double start = thread_seconds();
  call();
  const double first = thread_seconds() - start;
  if (first > kLeastSeconds) return first;
  int calls = 0;
  double total = 0;
  for (start = thread_seconds(); total < kLeastSeconds; ++calls) {
    call();
    total = thread_seconds() - start;
  }
  return total / calls;
}

/// The first rows of a data set as a data set of their own.
struct Sample {
  DataPlan plan;
  data::Table table;
  double share = 1;    ///< rows of the study for each of these
  double reading = 0;  ///< seconds that these took
};

Sample read_sample(const DataPlan& data, Index largest_batch) {
  Sample sample{data, {}};
  const auto fitting = static_cast<Index>(kCalibrationBytes / (8.0 * static_cast<double>(std::max<Index>(data.width, 1))));
  const Index wanted = std::max(fitting, largest_batch);
  if (wanted < data.rows) sample.plan.rows = std::min(data.rows, (wanted + data.row_tile - 1) / data.row_tile * data.row_tile);
  const double start = thread_seconds();
  sample.table = load_share(sample.plan, cluster::Communicator::serial());
  sample.reading = thread_seconds() - start;
  sample.table.rows = sample.plan.rows;
  sample.share = static_cast<double>(data.rows) / static_cast<double>(sample.plan.rows);
  return sample;
}

/// Calls of one path's model on a sample of its rows.
class Calls {
 public:
  Calls(const PathPlan& path, const models::Model& model, const Sample* sample)
      : path_(path),
        model_(model),
        sample_(sample),
        lambda_(initial_lambda(path.settings, path.dim)),
        family_(make_family(path.settings, path.dim, lambda_)) {}

  /// What follows a call.
  enum class Then { mean, moments, nothing };

  /// A call of each estimator on common draws, `most` calls at a time or as many as fit into a group of the cell's columns (0: any number
  /// fits), with all the study's rows or a minibatch of them.
  double estimate(const CallSettings& call, const std::vector<std::string>& names, Index most, Index columns, Then then) {
    Work work;
    Estimates estimates(model_, sample_ == nullptr ? nullptr : &sample_->plan, team_, cluster::Reduce::exact, 1, work);
    std::vector<std::unique_ptr<estimators::Estimator>> owned;
    std::vector<std::vector<double>> states;
    std::vector<Measured> list;
    const estimators::Context context{family_.get(), &model_, call.objective, call.samples, call.batch_rows, {}, lambda_};
    for (const std::string& name : names) {
      owned.push_back(estimators::find(name)->make());
      states.emplace_back(static_cast<std::size_t>(owned.back()->state_size(context)), 0.0);
    }
    for (std::size_t e = 0; e < names.size(); ++e) list.push_back({owned[e].get(), states[e], lambda_});
    std::vector<std::vector<double>> gradients(names.size());
    std::vector<models::Counts> counts(names.size());
    std::vector<double> seconds(names.size(), 0.0);
    const Index group = columns == 0 ? most : std::clamp<Index>(most, 1, estimates.group(columns, call.design));
    const std::vector<double> reference(lambda_.size(), 0.0);
    const std::vector<Block> blocks = family_->blocks();
    BatchMoments moments;
    moments.resize(1, static_cast<Index>(lambda_.size()), static_cast<Index>(blocks.size()));
    std::vector<double> mean;
    Index first = 0;
    const double taken = seconds_of([&] {
      estimates.run(*family_, call, {first, first + group}, list, gradients, counts, seconds);
      for (const std::vector<double>& gradient : gradients) {
        if (then == Then::nothing) break;
        estimates.average_units(call, gradient, group, static_cast<Index>(lambda_.size()), mean);
        if (then == Then::moments) add_moments(mean, reference, blocks, 0, moments);
      }
      first += group;
    });
    return taken / static_cast<double>(group) * (call.batch_rows > 0 || sample_ == nullptr ? 1.0 : sample_->share);
  }

  /// An estimate of the objective by so many samples, or as many draws from the answer with their importance ratios.
  double objective(CallSettings call, Index samples) {
    Work work;
    Estimates estimates(model_, sample_ == nullptr ? nullptr : &sample_->plan, team_, cluster::Reduce::exact, 1, work);
    const ObjectiveEstimator estimator;
    call.samples = samples;
    call.batch_rows = 0;
    call.design = Design::replicas(1, NoisePolicy::independent, RowPolicy::without_replacement);
    std::vector<std::vector<double>> gradients(1);
    std::vector<models::Counts> counts(1);
    std::vector<double> seconds(1, 0.0);
    Index step = 0;
    return seconds_of([&] {
             estimates.run(*family_, call, {step, step + 1}, {{&estimator}}, gradients, counts, seconds);
             ++step;
           }) *
           (sample_ == nullptr ? 1.0 : sample_->share);
  }

  /// Objective and gradient without samples, on all the study's rows.
  double exact(estimators::Objective objective) {
    Work work;
    const DataPlan* data = sample_ == nullptr ? nullptr : &sample_->plan;
    return seconds_of([&] { exact_expectation(model_, data, objective, *family_, team_, 1, work); }) *
           (sample_ == nullptr ? 1.0 : sample_->share);
  }

  /// All chains of a cell, in batches as wide as a rank's chains.
  double chains(const Plan& plan, const CellPlan& cell) {
    double seconds = 0;
    std::vector<const ChainsPlan*> all;
    for (const auto* of_cell : {&cell.chains, &cell.shard_chains}) {
      for (const ChainsPlan& of_sampler : *of_cell) all.push_back(&of_sampler);
    }
    for (const ChainsPlan* each : all) {
      const ChainsPlan& of_sampler = *each;
      const Index shards = std::max<Index>(of_sampler.settings.rows.shards, 1);
      const IterationWork work = iteration_work(of_sampler, model_);
      const Index count = of_sampler.settings.count();
      const Index columns = balanced_range(count, plan.layout.replicates, 0).size();
      const double evaluations =
          static_cast<double>(columns) * static_cast<double>(of_sampler.settings.iterations()) / static_cast<double>(shards);
      if (work.gradients > 0) seconds += evaluations * work.gradients * density(true, columns);
      if (work.values > 0) seconds += evaluations * work.values * density(false, columns);
    }
    return seconds / static_cast<double>(plan.layout.shards * plan.threads);
  }

  [[nodiscard]] bool has_exact() const { return !needs_monte_carlo(path_.settings, model_, *family_); }
  [[nodiscard]] std::string path_estimator_name() const {
    const Settings& s = path_.settings;
    return path_estimator({family_.get(), &model_, objective_of(s), s.path.samples, s.path.batch_rows, {}, {}});
  }

 private:
  /// One column of a batch.
  double density(bool gradient, Index columns) {
    Work work;
    Density evaluator(model_, team_.shards, cluster::Reduce::exact, 1, work);
    const tiles::Batch theta(model_.dim(), columns);
    tiles::Batch out;
    Columns what;
    what.theta = theta.view();
    const Segment segment{0, columns, true, {}, 1.0};
    const RowTiles rows = sample_ == nullptr ? RowTiles{} : RowTiles{sample_->plan.tiles(1, 0), sample_->plan.row_tile};
    const double taken = seconds_of([&] { evaluator.evaluate(what, {&segment, 1}, rows, {true, gradient}, true, out); });
    return taken / static_cast<double>(columns) * (sample_ == nullptr ? 1.0 : sample_->share);
  }

  const PathPlan& path_;
  const models::Model& model_;
  const Sample* sample_;
  cluster::Team team_;
  std::vector<double> lambda_;
  std::unique_ptr<families::Family> family_;
};

double path_seconds(const Plan& plan, const PathPlan& path, Calls& calls) {
  const Settings& s = path.settings;
  double seconds = 0;
  if (!path.stops.empty()) {
    CallSettings call;
    call.samples = s.path.samples;
    call.batch_rows = s.path.batch_rows;
    call.objective = objective_of(s);
    const auto steps = static_cast<double>(*std::max_element(path.stops.begin(), path.stops.end()));
    // All ranks share a step; where its samples do not suffice for them, some wait.
    const Index blocks = (s.path.samples + kSampleBlock - 1) / kSampleBlock;
    const Index sharers = std::min<Index>(plan.layout.ranks() / plan.layout.shards, blocks) * plan.layout.shards;
    if (steps > 0)
      seconds += steps * calls.estimate(call, {calls.path_estimator_name()}, 1, 0, Calls::Then::mean) / static_cast<double>(sharers);
  }
  if (calls.has_exact()) {
    const double evaluations = static_cast<double>(path.labels.size()) + (s.path.optimum ? kOptimumEvaluations : 0.0);
    seconds += evaluations * calls.exact(objective_of(s)) / static_cast<double>(plan.layout.shards * plan.threads);
  }
  return seconds;
}

double cell_seconds(const Plan& plan, const CellPlan& cell, const PathPlan& path, Calls& calls) {
  if (cell.estimators.empty()) return 0;
  if (plan.of_chains()) return calls.chains(plan, cell);
  const Settings& s = cell.settings;
  CallSettings call;
  call.seed = s.study.seed;
  call.samples = s.estimators.samples;
  call.batch_rows = s.estimators.batch_rows;
  call.coarser = cell.coarser;
  call.objective = objective_of(s);
  call.design = cell.design;
  const auto workers = static_cast<double>(plan.layout.ranks() * plan.threads);
  const auto points = static_cast<double>(path.labels.size());
  if (!plan.of_fits()) {
    // Groups end with their batch.
    double seconds = static_cast<double>(s.replicates.count) * points *
                     calls.estimate(call, cell.estimators, s.replicates.count / s.replicates.batches, cell.columns, Calls::Then::moments);
    if (s.components.designs > 0) {
      call.noise = random::Purpose::component_noise;
      call.rows = random::Purpose::component_rows;
      std::vector<Design> designs{component_design(s)};
      if (const auto within_shards = shard_design(s)) designs.push_back(*within_shards);
      for (const Design& design : designs) {
        call.design = design;
        seconds += static_cast<double>(s.components.designs) * points *
                   calls.estimate(call, cell.estimators, s.components.designs / s.replicates.batches, cell.columns, Calls::Then::nothing);
      }
    }
    return seconds / workers;
  }
  double seconds = 0;
  if (!cell.fit.exact && fit_method(s.fit.method).has_density()) {
    double recorded = 0;
    for (std::size_t e = 0; e < cell.estimators.size(); ++e) recorded += static_cast<double>(cell.fit.recorded(e));
    seconds += static_cast<double>(s.fit.repeats) * recorded * calls.objective(call, s.fit.evaluation_samples) / workers;
  }
  if (fit_method(s.fit.method).has_density()) {
    seconds += static_cast<double>(s.fit.repeats) * static_cast<double>(cell.estimators.size()) *
               calls.objective(call, s.fit.posterior_draws) / workers;
  }
  for (std::size_t e = 0; e < cell.estimators.size(); ++e) {
    const auto repeats = static_cast<double>(s.fit.repeats);
    seconds +=
        repeats * static_cast<double>(cell.fit.steps[e]) * calls.estimate(call, {cell.estimators[e]}, 1, 0, Calls::Then::mean) / workers;
    if (cell.fit.exact) seconds += repeats * static_cast<double>(cell.fit.recorded(e)) * calls.exact(call.objective) / workers;
  }
  return seconds;
}

}  // namespace

TimePrediction predict_seconds(const Plan& plan) {
  TimePrediction predicted;
  for (const CellPlan& cell : plan.cells) {
    const auto points = plan.of_fits() ? 1.0 : static_cast<double>(plan.paths[static_cast<std::size_t>(cell.path)].labels.size());
    predicted.writing += kCellSeconds * (1 + points);
  }
  std::vector<Sample> samples;
  for (std::size_t d = 0; d < plan.data.size(); ++d) {
    Index largest = 0;  // rows of the minibatches of one replicate
    for (const PathPlan& path : plan.paths) {
      if (path.data == static_cast<int>(d)) largest = std::max(largest, path.settings.path.batch_rows);
    }
    // Disjoint rows and shards are drawn from the sample as from the whole.
    for (const CellPlan& cell : plan.cells)
      largest = std::max(largest, cell.settings.estimators.batch_rows * cell.settings.estimators.replicas);
    samples.push_back(read_sample(plan.data[d], largest));
    const auto share = static_cast<double>(plan.data[d].share(plan.layout.shards, 0).size());
    predicted.loading += samples.back().reading * share / static_cast<double>(samples.back().plan.rows);
  }
  for (std::size_t p = 0; p < plan.paths.size(); ++p) {
    const PathPlan& path = plan.paths[p];
    const Sample* sample = path.data < 0 ? nullptr : &samples[static_cast<std::size_t>(path.data)];
    const auto model = make_model(path.settings, sample == nullptr ? nullptr : &sample->table);
    Calls calls(path, *model, sample);
    if (!plan.of_fits() && !plan.of_chains()) predicted.paths += path_seconds(plan, path, calls);
    for (const CellPlan& cell : plan.cells) {
      if (cell.path == static_cast<int>(p)) predicted.replicates += cell_seconds(plan, cell, path, calls);
    }
  }
  return predicted;
}

}  // namespace variscope::experiments
