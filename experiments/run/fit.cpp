/// Steps, trace points, posterior draws.
#include "experiments/run/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/optimizers/lbfgs.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/run/expectation.hpp"
#include "experiments/run/posterior.hpp"

namespace variscope::experiments {

namespace {

bool within_bounds(std::span<const double> lambda) {
  return std::all_of(lambda.begin(), lambda.end(), [](double value) { return std::abs(value) <= kLambdaBound; });  // false for NaN
}

/// "beta[0]", "sigma", "cov[1,0]".
std::vector<std::string> element_names(const models::Model& model) {
  std::vector<std::string> names;
  for (const models::Variable& variable : model.variables()) {
    for (Index k = 0; k < variable.size(); ++k) {
      std::string place;
      Index rest = k;
      for (std::size_t axis = variable.shape.size(); axis-- > 0;) {
        place = fmt::format("{}{}{}", rest % variable.shape[axis], place.empty() ? "" : ",", place);
        rest /= variable.shape[axis];
      }
      names.push_back(place.empty() ? variable.name : fmt::format("{}[{}]", variable.name, place));
    }
  }
  return names;
}

}  // namespace

FitTarget find_target(const PathPlan& path, const models::Model& model, const DataPlan* data, bool exact, const cluster::Team& whole,
                      int threads, Work& work) {
  const Settings& s = path.settings;
  FitTarget target;
  const auto& given = s.reference;
  target.mean = given.mean;
  target.sd = given.sd;
  target.mean_error = given.mean_error.empty() ? std::vector<double>(given.mean.size(), 0.0) : given.mean_error;
  target.sd_error = given.sd_error.empty() ? std::vector<double>(given.sd.size(), 0.0) : given.sd_error;
  if (!exact) return target;
  const auto expectation = [&](std::span<const double> lambda) {
    return exact_expectation(model, data, objective_of(s), *make_family(s, path.dim, lambda), whole, threads, work);
  };
  const optimizers::Objective objective = [&](std::span<const double> lambda, std::span<double> gradient) {
    const auto e = expectation(lambda);
    std::copy(e.gradient.begin(), e.gradient.end(), gradient.begin());
    return e.value;
  };
  const optimizers::Maximum maximum = optimizers::maximise(objective, initial_lambda(s, path.dim));
  const auto e = expectation(maximum.lambda);
  target.lambda = maximum.lambda;
  target.objective = e.value;
  target.objective_error = e.value_error;
  double square = 0;
  for (const double g : e.gradient) square += g * g;
  target.gradient_norm = std::sqrt(square);
  const bool states = make_family(s, path.dim, maximum.lambda)->states() > 0;
  target.method = states ? "all states" : data == nullptr ? "closed form" : "quadrature";
  return target;
}

FitCellRecord shape_of(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data) {
  const Settings& s = cell.settings;
  FitCellRecord record;
  record.id = cell.id;
  record.settings = to_pairs(s);
  record.parameter_names = make_family(s, path.dim, initial_lambda(s, path.dim))->parameter_names(model.parameter_names());
  record.variable_names = element_names(model);
  record.family = s.family.name;
  record.model = s.model.name;
  record.optimizer = s.fit.optimizer;
  record.samples = s.estimators.samples;
  record.batch_rows = s.estimators.batch_rows;
  record.rows = model.rows();
  record.repeats = s.fit.repeats;
  record.posterior_draws = s.fit.posterior_draws;
  record.objective = s.objective;
  record.estimators = cell.estimators;
  record.trace = cell.fit.trace;
  record.exclusions = cell.exclusions;
  record.predicted = predicted_parts(s, data);
  record.covariate = record.predicted.empty() ? "" : s.predictive.covariate;
  record.predictive_draws = record.predicted.empty() ? 0 : s.predictive.draws;
  return record;
}

FitRunner::FitRunner(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data,
                     const cluster::Team& team, cluster::Reduce reduce, int threads, Work& work, std::function<void(double)> advance,
                     const PredictiveProblem* predictive)
    : cell_(cell),
      path_(path),
      settings_(cell.settings),
      model_(model),
      data_(data),
      team_(team),
      threads_(threads),
      work_(work),
      advance_(std::move(advance)),
      predictive_(predictive),
      evaluation_team_{team.samples, team.shards},
      draw_team_{cluster::Communicator::serial(), team.shards},
      estimates_(model, data, team_, reduce, threads, work),
      evaluation_(model, data, evaluation_team_, reduce, threads, work),
      drawing_(model, data, draw_team_, reduce, threads, work),
      optimizer_(optimizers::find(settings_.fit.optimizer)->make({settings_.fit.numbers})) {}

std::unique_ptr<families::Family> FitRunner::member(std::span<const double> lambda) const {
  return make_family(settings_, path_.dim, lambda);
}

void FitRunner::share(std::span<double> values) const {
  if (team_.ranks() == 1) return;
  Stopwatch watch;
  if (team_.has_replica()) team_.replicas.broadcast(values);
  if (team_.shards.rank() == 0) team_.samples.broadcast(values);
  team_.shards.broadcast(values);
  work_.communication_s += watch.lap();
}

void FitRunner::add_up(std::vector<models::Counts>& counts) const {
  if (team_.ranks() == 1) return;
  // Whole numbers below 2^53: their sum is exact in any order.
  std::vector<double> flat;
  for (const auto& c : counts) {
    for (const auto& kind : models::Counts::kinds()) flat.push_back(static_cast<double>(c.*kind.count));
  }
  for (const cluster::Communicator* axis : {&team_.shards, &team_.samples, &team_.replicas}) axis->sum_in_any_order(flat);
  std::size_t next = 0;
  for (auto& c : counts) {
    for (const auto& kind : models::Counts::kinds()) c.*kind.count = static_cast<Index>(flat[next++]);
  }
}

const std::vector<double>& FitRunner::gradient(const families::Family& family, const CallSettings& call,
                                               const estimators::Estimator& estimator, Index step) {
  estimates_.run(family, call, {step, step + 1}, {{&estimator}}, gradients_, counts_, seconds_);
  estimates_.average_units(call, gradients_[0], 1, path_.parameters, mean_);
  mean_.resize(static_cast<std::size_t>(path_.parameters));
  share(mean_);
  return mean_;
}

std::array<double, 2> FitRunner::objective(const families::Family& family, Index repeat, Index step) {
  if (cell_.fit.exact) {
    const auto e = exact_expectation(model_, data_, objective_of(settings_), family, team_, threads_, work_);
    return {e.value, e.value_error};
  }
  std::array<double, 2> value{};
  if (team_.replicas.rank() == 0) {
    CallSettings call;
    call.seed = settings_.study.seed;
    call.noise = random::Purpose::fit_evaluation;
    call.task = static_cast<std::uint32_t>(repeat);
    call.samples = settings_.fit.evaluation_samples;
    call.objective = objective_of(settings_);
    evaluation_.run(family, call, {step, step + 1}, {{&objective_}}, gradients_, counts_, seconds_);
    if (evaluation_team_.has_replica()) std::copy_n(gradients_[0].begin(), 2, value.begin());
  }
  share(value);
  return value;
}

FitRecord FitRunner::run(std::size_t estimator_index, Index repeat) {
  const auto estimator = estimators::find(cell_.estimators[estimator_index])->make();
  const auto parameters = static_cast<std::size_t>(path_.parameters);
  const std::vector<Index>& trace = cell_.fit.trace;
  const Index steps = cell_.fit.steps[estimator_index];
  CallSettings call;
  call.seed = settings_.study.seed;
  call.noise = random::Purpose::fit_noise;
  call.rows = random::Purpose::fit_rows;
  call.task = static_cast<std::uint32_t>(repeat);
  call.samples = settings_.estimators.samples;
  call.batch_rows = settings_.estimators.batch_rows;
  call.coarser = cell_.coarser;
  call.objective = objective_of(settings_);
  call.design = cell_.design;

  FitRecord record;
  FitExtents extents{static_cast<Index>(trace.size()), path_.parameters, model_.constrained_dim()};
  for (const PredictedPart& part : predicted_parts(settings_, data_)) {
    ++extents.parts;
    extents.predicted += part.kept;
  }
  record.resize(extents);
  std::vector<double> lambda = initial_lambda(settings_, path_.dim);
  std::vector<double> answer = lambda;
  std::vector<double> state(static_cast<std::size_t>(optimizer_->state_size(path_.parameters)), 0.0);
  optimizer_->start(state);
  const models::Counts before = work_.counts;
  models::Counts evaluation;
  double seconds = 0;
  Index refused_in_a_row = 0;
  std::size_t next = 0;
  Stopwatch watch;
  const auto observe = [&] {
    optimizer_->answer(state, lambda, answer);
    if (!within_bounds(lambda) || !within_bounds(answer)) return false;
    seconds += watch.lap();
    const models::Counts so_far = work_.counts;
    std::copy(answer.begin(), answer.end(), record.lambda.begin() + static_cast<std::ptrdiff_t>(next * parameters));
    const auto value = objective(*member(answer), repeat, record.steps);
    record.objective[next] = value[0];
    record.objective_error[next] = value[1];
    record.seconds[next] = seconds;
    record.counts[next] = so_far - before - evaluation;
    evaluation += work_.counts - so_far;
    ++next;
    watch.lap();
    return std::isfinite(value[0]);
  };
  Index told = 0;
  while (true) {
    if (trace[next] == record.steps && !observe()) {
      record.status = FitStatus::diverged;
      break;
    }
    if (record.steps == steps) break;
    const auto family = member(lambda);
    const bool taken = optimizer_->step({record.steps, gradient(*family, call, *estimator, record.steps), family.get()}, state, lambda);
    ++record.steps;
    record.refused += taken ? 0 : 1;
    refused_in_a_row = taken ? 0 : refused_in_a_row + 1;
    if (!within_bounds(lambda) || refused_in_a_row == kMostRefused) {
      record.status = FitStatus::diverged;
      break;
    }
    if (record.steps - told == 64 || record.steps == steps) {
      advance_(static_cast<double>(record.steps - told));
      told = record.steps;
    }
  }
  advance_(static_cast<double>(steps - told));
  const models::Counts all_steps = work_.counts - before - evaluation;
  for (std::size_t t = next; t < trace.size(); ++t) record.counts[t] = all_steps;
  const models::Counts before_draws = work_.counts;
  if (record.status == FitStatus::finished) draw_posterior(*member(answer), repeat, record);
  evaluation += work_.counts - before_draws;
  std::vector<models::Counts> counts = record.counts;
  counts.push_back(evaluation);
  add_up(counts);
  record.evaluation = counts.back();
  counts.pop_back();
  record.counts = std::move(counts);
  return record;
}

void FitRunner::draw_posterior(const families::Family& family, Index repeat, FitRecord& record) {
  if (!first_row()) return;
  CallSettings call;
  call.seed = settings_.study.seed;
  call.noise = random::Purpose::posterior_draw;
  call.task = static_cast<std::uint32_t>(repeat);
  call.samples = settings_.fit.posterior_draws;
  call.objective = objective_of(settings_);
  std::vector<tiles::Batch> results;
  drawing_.visit(family, call, 0, estimators::Coupling::independent, 0, {{.wanted = {true, false}}}, results,
                 [&](const estimators::SampleBlock& block) {
                   if (predictive_ != nullptr) {
                     const tiles::ConstBatchView theta{block.position.data, block.position.dim, settings_.predictive.draws};
                     predict_rows(*predictive_, theta, settings_.study.seed, repeat, team_.shards, threads_, work_, record);
                   }
                   if (!team_.is_root()) return;
                   summarise_draws(model_, family, block, record);
                 });
}

}  // namespace variscope::experiments
