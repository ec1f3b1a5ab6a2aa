/// The cases by name. Points lie where no estimator's fourth moments are too wild to be measured.
#include "experiments/selftest/cases.hpp"

#include <fmt/format.h>

#include <cmath>

namespace variscope::experiments {

namespace {

using estimators::Objective;

/// (m, log s).
std::vector<double> lambda_of(std::vector<double> mean, const std::vector<double>& scale) {
  for (const double s : scale) mean.push_back(std::log(s));
  return mean;
}

models::Arguments arguments(const std::string& model, const std::map<std::string, std::vector<double>>& numbers = {},
                            const std::string& function = "") {
  models::Arguments a;
  for (const auto& p : models::find(model)->parameters) a.numbers[p.name] = p.default_value;
  for (const auto& [name, value] : numbers) a.numbers[name] = value;
  if (!function.empty()) a.words["function"] = function;
  return a;
}

constexpr Index kRows = 7;

std::shared_ptr<data::Table> rows_of(const std::vector<std::string>& columns, std::vector<double> response) {
  auto table = std::make_shared<data::Table>();
  table->rows = kRows;
  table->held = {0, kRows};
  table->columns = columns;
  table->response = std::move(response);
  return table;
}

}  // namespace

SelftestCase normal_mean_case() {
  auto table = rows_of({"intercept"}, {0.3, -1.2, 2.1, 0.8, -0.4, 1.7, 0.5});
  table->design.assign(static_cast<std::size_t>(kRows), 1.0);
  SelftestCase at{"normal mean, 7 rows", "normal_mean", arguments("normal_mean"), "mean_field_gaussian", lambda_of({0.2}, {0.5})};
  at.table = table;
  return at;
}

SelftestCase logistic_case() {
  auto table = rows_of({"intercept", "x"}, {1, 0, 0, 1, 1, 0, 1});
  for (const double x : {-1.5, 0.3, 1.1, -0.4, 2.0, -0.9, 0.7}) {
    table->design.push_back(1.0);
    table->design.push_back(x);
  }
  SelftestCase at{"logistic regression, 7 rows", "logistic_regression",
                  arguments("logistic_regression", {{"prior_mean", {0.3}}, {"prior_sd", {1.5}}}), "mean_field_gaussian",
                  lambda_of({0.4, -0.2}, {0.8, 0.6})};
  at.table = table;
  return at;
}

SelftestCase full_rank_logistic_case() {
  SelftestCase at = logistic_case();
  at.name = "logistic regression, 7 rows, full rank";
  at.family = "full_rank_gaussian";
  at.lambda.push_back(-0.5);
  return at;
}

SelftestCase linear_case() {
  auto table = rows_of({"intercept", "x"}, {0.7, -0.2, 1.9, 0.1, 2.4, -1.0, 1.2});
  for (const double x : {-1.5, 0.3, 1.1, -0.4, 2.0, -0.9, 0.7}) {
    table->design.push_back(1.0);
    table->design.push_back(x);
  }
  SelftestCase at{"linear regression, 7 rows", "linear_regression",
                  arguments("linear_regression", {{"noise_sd", {0.8}}, {"prior_mean", {0.3}}, {"prior_sd", {1.5}}}), "mean_field_gaussian",
                  lambda_of({0.4, 0.5}, {0.5, 0.4})};
  at.table = table;
  at.snapshot = lambda_of({0.1, 0.9}, {0.8, 0.3});
  return at;
}

SelftestCase full_rank_linear_case() {
  SelftestCase at = linear_case();
  at.name = "linear regression, 7 rows, full rank";
  at.family = "full_rank_gaussian";
  at.lambda.push_back(-0.3);
  at.snapshot.push_back(0.2);
  return at;
}

SelftestCase linear_history_case() {
  SelftestCase at = linear_case();
  auto history = std::make_shared<estimators::RowHistory>();
  history->ages = 3;
  history->mean = {-0.4, 0.1, 0.1, 0.9, 0.5, 0.3};
  history->age_of = {2, 1, 2, 0, 2, 2, 2};
  at.history = history;
  return at;
}

oracles::LogisticProblem logistic_problem(const SelftestCase& at) {
  const data::Table& table = *at.table;
  return {table.rows,
          table.width(),
          {table.design.begin(), table.design.end()},
          table.response,
          at.arguments.number("prior_mean"),
          at.arguments.number("prior_sd")};
}

oracles::LinearProblem linear_problem(const SelftestCase& at) {
  const data::Table& table = *at.table;
  return {table.rows,
          table.width(),
          {table.design.begin(), table.design.end()},
          table.response,
          at.arguments.number("noise_sd"),
          at.arguments.number("prior_mean"),
          at.arguments.number("prior_sd")};
}

Scene::Scene(const SelftestCase& at) : table(at.table) {
  models::Arguments arguments = at.arguments;
  arguments.table = table.get();
  model = models::find(at.model)->make(arguments);
  if (table) data = std::make_unique<DataPlan>(plan_of(*table));
  families::Arguments shape;
  shape.dim = model->dim();
  shape.numbers = at.shape;
  family = families::find(at.family)->make(shape, at.lambda);
}

Subject Scene::subject(const SelftestCase& at, std::uint64_t seed) const {
  Subject subject{model.get(), data.get(), family.get(), {}, at.snapshot, at.history.get()};
  subject.call.seed = seed;
  subject.call.noise = random::Purpose::testing;
  subject.call.samples = at.samples;
  subject.call.objective = at.objective;
  return subject;
}

std::vector<SelftestCase> selftest_cases() {
  const auto gaussian = arguments("gaussian", {{"precision", {2, .6, -.3, .6, 1.5, .4, -.3, .4, 1}}, {"mean", {0, 0, 0}}});
  const auto banana = arguments("banana");
  const std::string mean_field = "mean_field_gaussian";
  const std::string full_rank = "full_rank_gaussian";
  std::vector<SelftestCase> cases;
  const auto add = [&](const std::string& name, const std::string& model, const models::Arguments& numbers, const std::string& family,
                       std::vector<double> lambda) -> SelftestCase& {
    return cases.emplace_back(SelftestCase{name, model, numbers, family, std::move(lambda)});
  };
  SelftestCase& first = add("gaussian, m = (1, -.5, .3), s = 1", "gaussian", gaussian, mean_field, lambda_of({1, -.5, .3}, {1, 1, 1}));
  first.twins = true;
  first.same_samples = true;
  // Three lane blocks a call, so that partial sums are merged.
  SelftestCase& optimum = add("gaussian, mean-field optimum, M = 20", "gaussian", gaussian, mean_field,
                              lambda_of({0, 0, 0}, {1 / std::sqrt(2.0), 1 / std::sqrt(1.5), 1}));
  optimum.samples = 20;
  optimum.share = 0.2;
  add("gaussian, m = 0, s = 0.1", "gaussian", gaussian, mean_field, lambda_of({0, 0, 0}, {.1, .1, .1}));
  std::vector<double> lower = lambda_of({.5, -.2, .1}, {.8, .7, 1.1});
  for (const double entry : {-.3, .2, -.4}) lower.push_back(entry);
  add("gaussian, full rank", "gaussian", gaussian, full_rank, lower);
  add("banana, m = 0, s = 2.5", "banana", banana, mean_field, lambda_of({0, 0}, {2.5, 2.5})).share = 0.5;
  SelftestCase& crescent =
      add("banana, m = (.032, .36), s = (1.925, 1.017)", "banana", banana, mean_field, lambda_of({.032, .36}, {1.925, 1.017}));
  crescent.twins = true;
  crescent.share = 0.5;
  lower = lambda_of({.2, .3}, {1.2, .9});
  lower.push_back(.5);
  SelftestCase& tilted = add("banana, full rank", "banana", banana, full_rank, lower);
  tilted.twins = true;
  tilted.share = 0.5;
  // m, log d, B row by row.
  std::vector<double> low_rank = lambda_of({.5, -.2, .1}, {.6, .5, .8});
  for (const double entry : {.4, -.3, .5}) low_rank.push_back(entry);
  add("gaussian, low rank", "gaussian", gaussian, "low_rank_gaussian", low_rank).shape = {{"rank", 1}};
  low_rank = lambda_of({.2, .3}, {.7, .6});
  for (const double entry : {.5, -.4}) low_rank.push_back(entry);
  SelftestCase& ridge = add("banana, low rank", "banana", banana, "low_rank_gaussian", low_rank);
  ridge.shape = {{"rank", 1}};
  ridge.share = 0.5;
  // The logit of the first of two components, means, log scales.
  std::vector<double> mixture = {.4, -.5, .3, .6, -.2};
  for (const double s : {.7, .5, .6, .8}) mixture.push_back(std::log(s));
  SelftestCase& hills = add("banana, mixture of two", "banana", banana, "gaussian_mixture", mixture);
  hills.shape = {{"components", 2}};
  hills.twins = true;
  hills.share = 0.5;
  for (const auto& [function, k] : std::initializer_list<std::pair<const char*, double>>{
           {"square", 0}, {"square", 3}, {"exponential", 10}, {"cosine", 1}, {"cosine", 5}}) {
    SelftestCase& at = add(fmt::format("survey {} k = {:g}", function, k), "univariate", arguments("univariate", {{"k", {k}}}, function),
                           mean_field, lambda_of({1}, {1}));
    at.objective = Objective::expectation;
    at.share = 0.5;
  }
  for (const double dim : {1.0, 2.0}) {
    SelftestCase& at =
        add(fmt::format("bernoulli toy, D = {:g}", dim), "bernoulli_toy", arguments("bernoulli_toy", {{"dim", {dim}}, {"p0", {0.3}}}),
            "bernoulli", dim > 1 ? std::vector<double>{0.4, -1.1} : std::vector<double>{0.4});
    // One dimension as published, two with the entropy, so that what it does to discrete estimators is seen.
    at.objective = dim > 1 ? Objective::elbo : Objective::expectation;
    at.twins = dim > 1;
    at.share = 0.5;
  }
  // A quadratic of one-hot coordinates: every pair of classes has a value of its own. Diagonally dominant.
  std::vector<double> six;
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) six.push_back(i == j ? 3.0 : 0.15 * (i * j % 4));
  }
  SelftestCase& classes =
      add("categorical, two variables of three classes", "gaussian",
          arguments("gaussian", {{"precision", six}, {"mean", {.3, -.2, .1, .5, 0, -.4}}}), "categorical", {.4, -.7, .2, -.3, .5, .1});
  classes.shape = {{"categories", 3}};
  classes.twins = true;
  classes.share = 0.5;
  for (const Index samples : {2, 3}) {
    SelftestCase& at = add(fmt::format("importance bound, K = {}", samples), "gaussian",
                           arguments("gaussian", {{"precision", {2}}, {"mean", {.5}}}), mean_field, lambda_of({.2}, {.9}));
    at.objective = Objective::importance_bound;
    at.samples = samples;
    at.twins = true;
    at.share = 0.5;
  }
  cases.push_back(logistic_case());
  cases.back().twins = true;
  cases.back().same_samples = true;
  cases.back().share = 0.5;
  cases.push_back(full_rank_logistic_case());
  cases.back().twins = true;
  cases.back().share = 0.5;
  cases.push_back(full_rank_logistic_case());
  cases.back().name = "logistic regression, 7 rows, low rank";
  cases.back().family = "low_rank_gaussian";
  cases.back().shape = {{"rank", 1}};
  cases.back().lambda.push_back(0.4);
  cases.back().share = 0.5;
  cases.push_back(normal_mean_case());
  cases.back().share = 0.5;
  return cases;
}

}  // namespace variscope::experiments
