/// What a fit follows: estimated gradients, exact ones, particles' directions; then posterior draws.
#include "experiments/run/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/approximations/divergence.hpp"
#include "engine/approximations/svgd.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/plan/reference.hpp"
#include "experiments/run/expectation.hpp"
#include "experiments/run/first_error.hpp"
#include "experiments/run/posterior.hpp"
#include "experiments/run/team_share.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

FitCellRecord shape_of(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data) {
  const Settings& s = cell.settings;
  const FitMethod& method = fit_method(s.fit.method);
  FitCellRecord record;
  record.id = cell.id;
  record.settings = to_pairs(s);
  if (method.has_density()) {
    record.parameter_names = make_family(s, path.dim, initial_lambda(s, path.dim))->parameter_names(model.parameter_names());
  } else if (!method.particles) {
    record.parameter_names = model.parameter_names();
  } else {
    for (Index i = 0; i < s.fit.particles; ++i) {
      for (const std::string& name : model.parameter_names()) record.parameter_names.push_back(fmt::format("{} of particle {}", name, i));
    }
  }
  record.variable_names = element_names(model);
  record.family = method.has_density() ? s.family.name : method.particles ? "particles" : "point";
  record.model = s.model.name;
  record.method = method.name;
  record.optimizer = method.optimizer ? s.fit.optimizer : method.quadrature ? "simplex" : method.particles ? "none" : "lbfgs";
  record.samples = step_columns(s);
  record.batch_rows = s.estimators.batch_rows;
  record.rows = model.rows();
  record.repeats = s.fit.repeats;
  record.posterior_draws = method.has_density() ? s.fit.posterior_draws : method.particles ? s.fit.particles : 0;
  record.objective = method.has_density() ? s.objective : method.particles ? "none" : "log_density";
  record.estimators = cell.estimators;
  record.trace = cell.fit.trace;
  record.exclusions = cell.exclusions;
  record.predicted = predicted_parts(s, data);
  record.covariate = record.predicted.empty() ? "" : s.predictive.covariate;
  record.predictive_draws = record.predicted.empty() ? 0 : drawn_by_fits(s);
  const bool grid = std::any_of(record.predicted.begin(), record.predicted.end(), [](const PredictedPart& p) { return p.name == "grid"; });
  record.functions = grid ? std::min(s.predictive.functions, record.predictive_draws) : 0;
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
      team_density_(model, data, team_, reduce, threads, work),
      density_(team_density_.density()) {}

std::unique_ptr<families::Family> FitRunner::member(std::span<const double> lambda) const {
  return make_family(settings_, path_.dim, lambda);
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
  share(team_, mean_, work_);
  return mean_;
}

std::array<double, 2> FitRunner::objective(const families::Family& family, Index repeat, Index step) {
  if (fit_method(settings_.fit.method).quadrature) return {approximations::divergence(density_, family).elbo, 0.0};
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
  share(team_, value, work_);
  return value;
}

models::GaussianExpectation FitRunner::expectation(const families::Family& family) {
  auto e = exact_expectation(model_, data_, objective_of(settings_), family, team_, threads_, work_);
  if (!first_row()) return e;
  const models::Wanted gradient{true, true};
  if (data_ != nullptr) work_.counts.add_rows(gradient, data_->share(team_.shards.size(), team_.shards.rank()).size());
  if (team_.is_root()) work_.counts.add_evaluations(gradient, 1);
  return e;
}

FitRecord FitRunner::run(std::size_t estimator, Index repeat, const FitBefore& before) {
  before_ = before;
  resumed_ = false;
  const FitMethod& method = fit_method(settings_.fit.method);
  FitCourse::Value value;
  if (method.has_density())
    value = [this, repeat](std::span<const double> answer, Index step) { return objective(*member(answer), repeat, step); };
  else if (!method.particles)
    value = [this](std::span<const double>, Index) { return std::array<double, 2>{best_value_, 0.0}; };
  FitExtents extents{static_cast<Index>(cell_.fit.trace.size()), cell_.fit.parameters, model_.constrained_dim()};
  for (const PredictedPart& part : predicted_parts(settings_, data_)) {
    ++extents.parts;
    extents.predicted += part.kept;
    if (part.name == "grid") extents.functions = std::min(settings_.predictive.functions, drawn_by_fits(settings_)) * part.rows;
  }
  FitCourse course(cell_.fit.trace, extents, work_, value);
  std::vector<double> answer;
  if (method.estimators)
    answer = run_estimator(course, estimator, repeat);
  else if (method.particles && method.optimizer)
    answer = run_particles(course, repeat);
  else if (method.particles)
    answer = draw_prior(course, repeat);
  else if (method.optimizer)
    answer = run_exact(course);
  else
    answer = search(course, repeat);
  FitRecord& record = course.record;
  if (record.status == FitStatus::finished) {
    course.apart([&] {
      if (method.has_density()) {
        draw_posterior(*member(answer), repeat, record);
      } else {
        take_moments(answer, record);
        predict_from(answer, repeat, record);
      }
    });
  }
  course.finish();
  add_up(record);
  return std::move(record);
}

void FitRunner::add_up(FitRecord& record) const {
  std::vector<models::Counts> counts = record.counts;
  counts.insert(counts.end(), {record.evaluation, record.state.own, record.state.evaluation});
  add_up(counts);
  const auto own = counts.end() - 3;
  record.evaluation = own[0];
  record.state.own = own[1];
  record.state.evaluation = own[2];
  counts.erase(own, counts.end());
  record.counts = std::move(counts);
}

std::vector<double> FitRunner::run_estimator(FitCourse& course, std::size_t estimator_index, Index repeat) {
  const auto estimator = estimators::find(cell_.estimators[estimator_index])->make();
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
  const Gradient along = [&](std::span<const double> lambda, Index step) -> const std::vector<double>& {
    return gradient(*member(lambda), call, *estimator, step);
  };
  return climb(course, {along, initial_lambda(settings_, path_.dim), cell_.fit.steps[estimator_index], true, repeat});
}

std::vector<double> FitRunner::run_exact(FitCourse& course) {
  const Gradient along = [&](std::span<const double> lambda, Index) -> const std::vector<double>& {
    mean_ = expectation(*member(lambda)).gradient;
    return mean_;
  };
  return climb(course, {along, initial_lambda(settings_, path_.dim), cell_.fit.steps[0], true, 0});
}

std::vector<double> FitRunner::run_particles(FitCourse& course, Index repeat) {
  const Index count = settings_.fit.particles;
  const Index dim = path_.dim;
  std::vector<random::Stream> streams;
  for (Index i = 0; i < count; ++i) {
    streams.push_back(
        {settings_.study.seed, random::Purpose::particle_start, static_cast<std::uint32_t>(repeat), 0, static_cast<std::uint32_t>(i)});
  }
  tiles::Batch position(dim, count);
  random::fill_normal(streams.data(), position.view());
  std::vector<double> lambda(static_cast<std::size_t>(count * dim));
  for (Index i = 0; i < count; ++i) {
    for (Index d = 0; d < dim; ++d) {
      lambda[static_cast<std::size_t>(i * dim + d)] =
          spread(settings_.family.initial_mean, d) + spread(settings_.family.initial_sd, d) * position(d, i);
    }
  }
  const models::Wanted wanted{true, true};
  tiles::Batch out(wanted.rows(dim), count);
  const Range own_blocks = team_density_.blocks(count);
  const Range own{own_blocks.first * tiles::kLanes, std::min(own_blocks.last * tiles::kLanes, count)};
  const Gradient along = [&](std::span<const double> at, Index) -> const std::vector<double>& {
    for (Index i = 0; i < count; ++i) {
      for (Index d = 0; d < dim; ++d) position(d, i) = at[static_cast<std::size_t>(i * dim + d)];
    }
    density_.evaluate(position.view(), wanted, {}, out.view());
    const dense::Matrix x(count, dim, at);
    dense::Matrix slope(count, dim);
    for (Index i = 0; i < count; ++i) {
      for (Index d = 0; d < dim; ++d) slope(i, d) = out(1 + d, i);
    }
    Stopwatch watch;
    mean_.assign(at.size(), 0.0);
    const double h = approximations::median_bandwidth(x);
    if (first_of_sample() && own.size() > 0) {
      FirstError error;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
      for (int part = 0; part < threads_; ++part) {
        error.catch_from([&] {
          const Range piece = balanced_range(own.size(), threads_, part);
          if (piece.size() == 0) return;
          dense::Matrix direction;
          approximations::svgd_direction(x, slope, h, {own.first + piece.first, own.first + piece.last}, direction);
          std::copy(direction.values.begin(), direction.values.end(), mean_.begin() + (own.first + piece.first) * dim);
        });
      }
      error.rethrow();
    }
    work_.estimator_s += watch.lap();
    gather(team_, mean_, work_);
    return mean_;
  };
  return climb(course, {along, std::move(lambda), cell_.fit.steps[0], false, repeat});
}

std::vector<double> FitRunner::draw_prior(FitCourse& course, Index repeat) {
  const auto dim = static_cast<std::size_t>(path_.dim);
  std::vector<double> draws(dim * static_cast<std::size_t>(settings_.fit.particles));
  for (Index i = 0; i < settings_.fit.particles; ++i) {
    model_.simulate_prior(
        {settings_.study.seed, random::Purpose::prior_draw, static_cast<std::uint32_t>(repeat), 0, static_cast<std::uint32_t>(i)},
        std::span<double>(draws).subspan(static_cast<std::size_t>(i) * dim, dim));
  }
  course.record.steps = cell_.fit.steps[0];
  (void)course.settle(draws);
  advance_(static_cast<double>(cell_.fit.steps[0]));
  return draws;
}

void FitRunner::predict_from(std::span<const double> particles, Index repeat, FitRecord& record) {
  if (!first_row() || predictive_ == nullptr || record.predictive.empty()) return;
  tiles::Batch theta(path_.dim, drawn_by_fits(settings_));
  for (Index i = 0; i < theta.count(); ++i) {
    for (Index d = 0; d < path_.dim; ++d) theta(d, i) = particles[static_cast<std::size_t>(i * path_.dim + d)];
  }
  predict_rows(*predictive_, theta.view(), settings_.study.seed, repeat, team_.shards, threads_, work_, record);
}

void FitRunner::take_moments(std::span<const double> particles, FitRecord& record) const {
  const auto count = static_cast<Index>(particles.size()) / path_.dim;
  tiles::Batch theta(path_.dim, count);
  for (Index i = 0; i < count; ++i) {
    for (Index d = 0; d < path_.dim; ++d) theta(d, i) = particles[static_cast<std::size_t>(i * path_.dim + d)];
  }
  tiles::Batch variables(model_.constrained_dim(), count);
  model_.constrain(theta.view(), variables.view());
  const auto n = static_cast<double>(count);
  for (Index v = 0; v < variables.dim(); ++v) {
    double mean = 0;
    for (Index i = 0; i < count; ++i) mean += variables(v, i) / n;
    double square = 0;
    for (Index i = 0; i < count; ++i) square += (variables(v, i) - mean) * (variables(v, i) - mean);
    record.mean[static_cast<std::size_t>(v)] = mean;
    if (count > 1) record.sd[static_cast<std::size_t>(v)] = std::sqrt(square / (n - 1));
  }
  if (count > 1) record.correlation = correlations(variables.view(), record.mean, record.correlation.size());
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
