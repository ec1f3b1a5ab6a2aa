/// Adam along the path, L-BFGS (or averaged Adam) to the optimum, references at the points.
#include "experiments/run/path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "engine/optimizers/adam.hpp"
#include "engine/optimizers/lbfgs.hpp"
#include "experiments/plan/expand.hpp"
#include "experiments/run/expectation.hpp"
#include "experiments/run/rows.hpp"

namespace variscope::experiments {

namespace {

class Runner {
 public:
  Runner(const PathPlan& plan, const models::Model& model, const DataPlan* data, const cluster::Communicator& world,
         const cluster::Team& whole, cluster::Reduce reduce, int threads, Work& work)
      : plan_(plan),
        settings_(plan.settings),
        model_(model),
        data_(data),
        world_(world),
        whole_(whole),
        threads_(threads),
        work_(work),
        estimates_(model, data, whole, reduce, threads, work),
        monte_carlo_(needs_monte_carlo(settings_, model, *make_family(settings_, plan.dim, initial_lambda(settings_, plan.dim)))),
        objective_(objective_of(settings_)),
        stop_({&world}) {
    call_.seed = settings_.study.seed;
    call_.objective = objective_;
  }

  Path run(const std::vector<Index>& history_rows, const PathSaving& saving) {
    saving_ = &saving;
    for (const Index batch_rows : history_rows) replay(batch_rows);
    begin();
    if (saving.begun) restore(*saving.begun);
    if (at_.phase == Phase::path) follow();
    if (at_.phase == Phase::optimum) {
      if (settings_.path.optimum) at_.path.points.back().lambda = monte_carlo_ ? averaged_optimum() : exact_optimum(at_.lambda);
      at_.phase = Phase::references;
      at_.step = 0;
    }
    for (; at_.step < static_cast<Index>(at_.path.points.size()); ++at_.step) {
      save_if_due();
      const auto i = static_cast<std::size_t>(at_.step);
      at_.path.points[i].label = plan_.labels[i];
      refer(at_.path.points[i], static_cast<std::uint32_t>(i));
    }
    for (const auto& [batch_rows, drawn] : drawn_) {
      for (const std::vector<Index>& steps_of : drawn) at_.path.histories[batch_rows].push_back(history_of(steps_of));
    }
    return std::move(at_.path);
  }

 private:
  /// Where the work stands: steps of the path, steps to the optimum, or points that have their references.
  enum class Phase : int { path, optimum, references };
  struct Progress {
    Phase phase = Phase::path;
    Index step = 0;
    std::vector<double> lambda;
    std::vector<double> state;  ///< of the optimizer
    std::vector<double> mean;   ///< of the optimum's iterates
    Path path;
  };

  void begin() {
    at_.path.record.id = plan_.id;
    at_.path.record.parameters = plan_.parameters;
    at_.path.record.stride = std::max<Index>(1, (path_steps() + kStoredSteps - 1) / kStoredSteps);
    at_.path.points.resize(plan_.labels.size());
    at_.lambda = initial_lambda(settings_, plan_.dim);
    at_.state = state_of(path_optimizer(), at_.lambda.size());
  }

  void save_if_due() {
    if (!stop_.check(saving_->keep ? saving_->every_s : 1e300)) return;
    store::BundleWriter out;
    out.add(static_cast<double>(static_cast<int>(at_.phase)));
    out.add(static_cast<double>(at_.step));
    for (const auto* values : {&at_.lambda, &at_.state, &at_.mean}) out.add(*values);
    out.add(static_cast<double>(means_.size()));
    for (const auto& [step, mean] : means_) {
      out.add(static_cast<double>(step));
      out.add(mean);
    }
    put(out, at_.path);
    saving_->keep(out.take());
  }
  void restore(const store::Bundle& bundle) {
    store::BundleReader in(bundle);
    at_.phase = static_cast<Phase>(in.integer());
    at_.step = in.integer();
    for (auto* values : {&at_.lambda, &at_.state, &at_.mean}) *values = in.numbers();
    const Index steps = in.integer();
    for (Index k = 0; k < steps; ++k) {
      const Index step = in.integer();
      means_[step] = in.numbers();
    }
    at_.path = take_path(in);
  }

  [[nodiscard]] Index path_steps() const { return plan_.stops.empty() ? 0 : *std::max_element(plan_.stops.begin(), plan_.stops.end()); }
  [[nodiscard]] optimizers::Adam path_optimizer() const { return optimizers::Adam({settings_.path.step_size}); }

  /// Adam's steps, and the points on the way.
  void follow() {
    const Index steps = path_steps();
    CallSettings call = call_;
    call.noise = random::Purpose::path_noise;
    call.rows = random::Purpose::path_rows;
    call.samples = settings_.path.samples;
    call.batch_rows = settings_.path.batch_rows;
    const auto estimator = make_estimator(path_estimator);
    const optimizers::Adam adam = path_optimizer();
    std::vector<double>& lambda = at_.lambda;
    std::vector<PointRecord>& points = at_.path.points;
    for (;; ++at_.step) {
      save_if_due();
      const Index step = at_.step;
      if (step % at_.path.record.stride == 0) {
        at_.path.record.lambda.insert(at_.path.record.lambda.end(), lambda.begin(), lambda.end());
        ++at_.path.record.steps;
      }
      if (const auto wanted = means_.find(step); wanted != means_.end()) wanted->second = mean_of(*member(lambda));
      for (std::size_t i = 0; i < plan_.stops.size(); ++i) {
        if (plan_.stops[i] == step) points[i].lambda = lambda;
        if (std::max<Index>(0, plan_.stops[i] - settings_.path.snapshot_age) == step) points[i].snapshot = lambda;
      }
      if (step == steps) break;
      move(adam, {step, gradient(lambda, call, step, *estimator)}, at_.state, lambda);
    }
    if (settings_.path.optimum) points.back().snapshot = lambda;
    at_.phase = Phase::optimum;
    at_.step = 0;
    at_.state.clear();
  }

  /// When every row was last drawn before each point. Notes the steps whose means are needed.
  void replay(Index batch_rows) {
    std::vector<Index> points = plan_.stops;
    if (settings_.path.optimum) points.push_back(plan_.stops.empty() ? 0 : *std::max_element(plan_.stops.begin(), plan_.stops.end()));
    for (const Index point : points) {
      drawn_[batch_rows].push_back(last_drawn(call_.seed, model_.rows(), batch_rows, point));
      for (const Index step : drawn_[batch_rows].back()) means_[step];
    }
  }

  [[nodiscard]] estimators::RowHistory history_of(const std::vector<Index>& steps) const {
    estimators::RowHistory history;
    std::map<Index, std::uint32_t> ages;
    for (const Index step : steps) {
      const auto [age, fresh] = ages.emplace(step, static_cast<std::uint32_t>(history.ages));
      if (fresh) {
        const std::vector<double>& mean = means_.at(step);
        history.mean.insert(history.mean.end(), mean.begin(), mean.end());
        ++history.ages;
      }
      history.age_of.push_back(age->second);
    }
    return history;
  }

  [[nodiscard]] std::unique_ptr<families::Family> member(std::span<const double> lambda) const {
    return make_family(settings_, plan_.dim, lambda);
  }

  /// Of a normal member, exactly.
  static std::vector<double> mean_of(const families::Family& q) {
    std::vector<double> mean(static_cast<std::size_t>(q.dim()));
    std::vector<double> sd(mean.size());
    q.moments(mean, sd);
    return mean;
  }

  /// The estimator that `choose` names for this path's setting.
  [[nodiscard]] std::unique_ptr<estimators::Estimator> make_estimator(std::string (*choose)(const estimators::Context&)) const {
    const auto family = member(initial_lambda(settings_, plan_.dim));
    return estimators::find(choose({family.get(), &model_, objective_, settings_.path.samples, settings_.path.batch_rows, {}}))->make();
  }

  /// One gradient, the same on all ranks.
  const std::vector<double>& gradient(const std::vector<double>& lambda, const CallSettings& call, Index step,
                                      const estimators::Estimator& estimator) {
    estimates_.run(*member(lambda), call, {step, step + 1}, {{&estimator}}, gradients_, counts_, seconds_);
    gradients_[0].resize(lambda.size());
    Stopwatch watch;
    world_.broadcast(std::span<double>(gradients_[0]));
    work_.communication_s += watch.lap();
    return gradients_[0];
  }

  static std::vector<double> state_of(const optimizers::Optimizer& optimizer, std::size_t parameters) {
    std::vector<double> state(static_cast<std::size_t>(optimizer.state_size(static_cast<Index>(parameters))));
    optimizer.start(state);
    return state;
  }

  /// A path that has left the finite numbers must show it: everything measured on it is then NaN.
  static void move(const optimizers::Optimizer& optimizer, const optimizers::StepInput& input, std::vector<double>& state,
                   std::vector<double>& lambda) {
    if (!optimizer.step(input, state, lambda)) std::fill(lambda.begin(), lambda.end(), std::numeric_limits<double>::quiet_NaN());
  }

  std::vector<double> exact_optimum(const std::vector<double>& from) {
    const optimizers::Objective objective = [&](std::span<const double> lambda, std::span<double> gradient) {
      stop_.check();
      const auto e = exact_expectation(model_, data_, objective_, *member(lambda), whole_, threads_, work_);
      std::copy(e.gradient.begin(), e.gradient.end(), gradient.begin());
      return e.value;
    };
    return optimizers::maximise(objective, from).lambda;
  }

  /// Without exact expectations: twice the path's steps of Adam with its step size decaying as 1 / sqrt, many antithetic samples on all
  /// rows, and the mean of the iterates of the last half (Polyak and Juditsky 1992).
  std::vector<double> averaged_optimum() {
    CallSettings call = call_;
    call.noise = random::Purpose::optimum_noise;
    call.samples = optimum_samples(settings_);
    const auto estimator = make_estimator(reference_estimator);
    const Index steps = optimum_steps(settings_);
    const Index half = steps / 2;
    optimizers::Schedule schedule{settings_.path.step_size};
    schedule.power = 0.5;
    const optimizers::Adam adam(schedule);
    // What a session left: the iterate, the optimizer's state, the mean so far.
    if (at_.state.empty()) at_.state = state_of(adam, at_.lambda.size());
    at_.mean.resize(at_.lambda.size(), 0.0);
    std::vector<double>& lambda = at_.lambda;
    std::vector<double>& mean = at_.mean;
    for (; at_.step < steps; ++at_.step) {
      save_if_due();
      const Index step = at_.step;
      move(adam, {step, gradient(lambda, call, step, *estimator)}, at_.state, lambda);
      if (step < half) continue;
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += (lambda[i] - mean[i]) / static_cast<double>(step - half + 1);
    }
    return mean;
  }

  void refer(PointRecord& point, std::uint32_t task) {
    if (monte_carlo_) {
      refer_by_samples(point, task);
      return;
    }
    const auto e = exact_expectation(model_, data_, objective_, *member(point.lambda), whole_, threads_, work_);
    point.reference = e.gradient;
    point.reference_error = e.error;
    point.objective = e.value;
    point.objective_error = e.value_error;
    const bool states = member(point.lambda)->states() > 0;
    point.reference_method = states ? "all states" : data_ == nullptr ? "closed form" : "quadrature";
  }

  /// Mean and standard error over replicates of an antithetic estimate. The objective is left unknown (NaN).
  void refer_by_samples(PointRecord& point, std::uint32_t task) {
    CallSettings call = call_;
    call.noise = random::Purpose::reference_noise;
    call.task = task;
    call.samples = reference_samples(settings_);
    const auto estimator = make_estimator(reference_estimator);
    const auto family = member(point.lambda);
    const Index replicates = reference_replicates(settings_);
    const std::size_t parameters = point.lambda.size();
    std::vector<double> mean(parameters, 0.0);
    std::vector<double> square(parameters, 0.0);
    Index done = 0;
    for (Index first = 0; first < replicates; first += estimates_.group(reference_samples(settings_), call.design)) {
      const Range group{first, std::min(first + estimates_.group(reference_samples(settings_), call.design), replicates)};
      stop_.check();
      estimates_.run(*family, call, group, {{estimator.get()}}, gradients_, counts_, seconds_);
      gradients_[0].resize(static_cast<std::size_t>(group.size()) * parameters);
      world_.broadcast(std::span<double>(gradients_[0]));
      for (Index j = 0; j < group.size(); ++j) {
        ++done;
        for (std::size_t i = 0; i < parameters; ++i) {
          const double delta = gradients_[0][static_cast<std::size_t>(j) * parameters + i] - mean[i];
          mean[i] += delta / static_cast<double>(done);
          square[i] += delta * (gradients_[0][static_cast<std::size_t>(j) * parameters + i] - mean[i]);
        }
      }
    }
    point.reference = mean;
    point.reference_error.resize(parameters);
    for (std::size_t i = 0; i < parameters; ++i) {
      point.reference_error[i] = std::sqrt(square[i] / static_cast<double>(done - 1) / static_cast<double>(done));
    }
    point.objective = std::nan("");
    point.objective_error = std::nan("");
    point.reference_method = "monte carlo";
  }

  const PathPlan& plan_;
  const Settings& settings_;
  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Communicator& world_;
  const cluster::Team& whole_;
  int threads_;
  Work& work_;
  Estimates estimates_;
  bool monte_carlo_;
  estimators::Objective objective_;
  StopAgreement stop_;
  const PathSaving* saving_ = nullptr;
  Progress at_;
  CallSettings call_;
  std::vector<std::vector<double>> gradients_{1};
  std::vector<models::Counts> counts_{1};
  std::vector<double> seconds_{0.0};
  std::map<Index, std::vector<std::vector<Index>>> drawn_;  ///< [point][row] last step, by rows of a minibatch
  std::map<Index, std::vector<double>> means_;              ///< of q at the steps that some row was last drawn at
};

}  // namespace

std::vector<Index> last_drawn(std::uint64_t seed, Index rows, Index batch_rows, Index point) {
  std::vector<Index> last(static_cast<std::size_t>(rows), -1);
  Index missing = rows;
  RowScratch scratch;
  std::vector<std::vector<Index>> sets;
  for (Index step = point - 1; step >= 0 && missing > 0; --step) {
    const random::Stream stream{seed, random::Purpose::path_rows, 0, static_cast<std::uint32_t>(step), 0};
    draw_row_sets(stream, rows, batch_rows, Design{}, scratch, sets);
    for (const Index row : sets[0]) {
      Index& seen = last[static_cast<std::size_t>(row)];
      missing -= seen < 0 ? 1 : 0;
      seen = std::max(seen, step);
    }
  }
  for (Index& step : last) step = std::max<Index>(step, 0);
  return last;
}

Index history_rows(const Settings& path, const Settings& cell) {
  return path.path.batch_rows > 0 ? path.path.batch_rows : cell.estimators.batch_rows;
}

Path run_path(const PathPlan& plan, const std::vector<Index>& history_rows, const models::Model& model, const DataPlan* data,
              const cluster::Communicator& world, const cluster::Team& whole, cluster::Reduce reduce, int threads, Work& work,
              const PathSaving& saving) {
  return Runner(plan, model, data, world, whole, reduce, threads, work).run(history_rows, saving);
}

}  // namespace variscope::experiments
