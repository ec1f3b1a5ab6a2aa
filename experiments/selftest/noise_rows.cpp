/// Rows of the second half of the self-test. Each draws from a seed of its own, made of its name, so that no two rows share numbers.
#include "experiments/selftest/noise_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "engine/diagnostics/strata.hpp"
#include "engine/diagnostics/variance.hpp"
#include "engine/oracles/linear_snapshot.hpp"
#include "engine/oracles/local_truth.hpp"
#include "experiments/selftest/twins.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Agreement;

constexpr Index kBatchRows = 3;  // does not divide the seven rows
constexpr Index kReplicas = 2;
constexpr std::array<NoisePolicy, 2> kNoises = {NoisePolicy::independent, NoisePolicy::shared};
constexpr Index kRowSets = 4;
constexpr Index kNoiseSets = 4;

/// Comparisons that bring the rate of one comparison to kFalseAlarm over `parts`.
Index comparisons(double parts) { return static_cast<Index>(std::ceil(diagnostics::comparison_false_alarm_rate / kFalseAlarm * parts)); }

/// What each batch alone makes of a statistic that is a mean over batches of one size.
std::vector<double> batches_of(const diagnostics::LeaveOneOut& statistic) {
  const auto count = static_cast<double>(statistic.without.size());
  std::vector<double> values;
  for (const double without : statistic.without) values.push_back(count * statistic.value - (count - 1) * without);
  return values;
}

/// What controls lean on, as the oracle wants it: the snapshot, or the mean at which every row was last seen.
std::vector<double> past_of(const SelftestCase& at) {
  if (at.history == nullptr) return at.snapshot;
  const auto dim = static_cast<std::ptrdiff_t>(at.lambda.size() / 2);
  std::vector<double> past;
  for (const std::uint32_t age : at.history->age_of) {
    const auto mean = at.history->mean.begin() + static_cast<std::ptrdiff_t>(age) * dim;
    past.insert(past.end(), mean, mean + dim);
  }
  return past;
}

/// Own noise per row: monte_carlo is s2_e + s2_ed, and the interaction 0.
oracles::NoiseComponents exact_components(const NoiseCase& at) {
  if (at.at.model == "normal_mean")
    return oracles::normal_mean_components(at.at.table->response, 1, at.at.arguments.number("prior_mean"),
                                           at.at.arguments.number("prior_sd"), at.at.lambda);
  if (at.at.model == "linear_regression") {
    return at.at.family == "mean_field_gaussian"
               ? oracles::linear_components(at.estimator, linear_problem(at.at), at.at.lambda, past_of(at.at))
               : oracles::linear_components_under(at.estimator, linear_problem(at.at), at.at.family, at.at.lambda, at.at.snapshot);
  }
  const oracles::LogisticProblem problem = logistic_problem(at.at);
  return at.own_noise_per_row ? oracles::logistic_local_components(problem, at.at.family, at.at.lambda)
                              : oracles::logistic_components(problem, at.at.lambda);
}

/// The case with the rows of one shard alone, the prior counted 1 / R times.
NoiseCase shard_of(const NoiseCase& at, Range rows, Index replicas) {
  const data::Table& whole = *at.at.table;
  auto table = std::make_shared<data::Table>(whole);
  table->rows = rows.size();
  table->held = {0, rows.size()};
  table->response.assign(whole.response.begin() + rows.first, whole.response.begin() + rows.last);
  table->design.assign(whole.design.begin() + rows.first * whole.width(), whole.design.begin() + rows.last * whole.width());
  NoiseCase shard = at;
  shard.at.table = table;
  if (at.at.history != nullptr) {
    auto history = std::make_shared<estimators::RowHistory>(*at.at.history);
    history->age_of.assign(at.at.history->age_of.begin() + rows.first, at.at.history->age_of.begin() + rows.last);
    shard.at.history = history;
  }
  shard.at.arguments.numbers.at("prior_sd").at(0) *= std::sqrt(static_cast<double>(replicas));
  return shard;
}

class Rows {
 public:
  Rows(const NoiseCase& at, std::uint64_t seed, Index replicates, int threads)
      : at_(at),
        seed_(seed),
        exact_(exact_components(at)),
        scene_(at.at),
        estimator_(estimators::find(at.estimator)->make()),
        state_(prepared_state(scene_.subject(at.at, row_seed(seed, at.name)), *estimator_)),
        replicates_(replicates),
        threads_(threads) {}

  std::vector<SelftestRow> all() {
    for (const Index batch_rows : {Index{1}, kBatchRows, scene_.data->rows - 1})
      against_truth(fmt::format("B = {}", batch_rows), setting(batch_rows, 1), {}, exact_variance(setting(batch_rows, 1), {}));
    for (const NoisePolicy noise : kNoises) {
      for (const RowPolicy rows : {RowPolicy::with_replacement, RowPolicy::without_replacement, RowPolicy::disjoint, RowPolicy::epoch})
        replicas({noise, rows}, exact_variance(setting(kBatchRows, kReplicas), {noise, rows}));
    }
    components();
    prediction({NoisePolicy::independent, RowPolicy::disjoint}, NoisePolicy::independent);
    prediction({NoisePolicy::shared, RowPolicy::disjoint}, NoisePolicy::shared);
    if (at_.at.model == "normal_mean") twins();
    if (at_.at.history != nullptr)
      table_twins();
    else if (!state_.empty())
      control_twins();
    for (const NoisePolicy noise : kNoises) replicas({noise, RowPolicy::shards}, exact_variance_of_shards(noise));
    shard_components();
    return std::move(rows_);
  }

 private:
  [[nodiscard]] diagnostics::Setting setting(Index batch_rows, Index replicas) const {
    return {scene_.data->rows, at_.at.samples, batch_rows, replicas, at_.own_noise_per_row};
  }
  [[nodiscard]] Judged judged() const { return {at_.at.lambda, exact_.gradient, exact_.error, at_.at.family == "mean_field_gaussian"}; }
  [[nodiscard]] SelftestRow row_of(const std::string& what) const {
    SelftestRow row;
    row.target = at_.name;
    row.estimator = at_.estimator + ", " + what;
    return row;
  }

  /// The case's subject on minibatches, with random numbers of its own.
  [[nodiscard]] Subject subject(const SelftestRow& row, Index batch_rows, const Design& design) const {
    Subject subject = scene_.subject(at_.at, row_seed(seed_, at_.name + ": " + row.estimator));
    subject.call.batch_rows = batch_rows;
    subject.call.design = design;
    return subject;
  }
  [[nodiscard]] Measured measured() const { return {estimator_.get(), state_, at_.at.snapshot}; }
  BatchMoments moments(const Subject& subject, const Measured& what) const {
    return measure(subject, {what}, {exact_.gradient}, replicates_, threads_)[0];
  }
  BatchMoments moments(const Subject& subject) const { return moments(subject, measured()); }

  [[nodiscard]] std::vector<double> exact_variance(const diagnostics::Setting& at, const diagnostics::Policy& policy) const {
    const diagnostics::Components factor = *diagnostics::coefficients(at, policy);
    std::vector<double> variance;
    for (std::size_t p = 0; p < exact_.gradient.size(); ++p)
      variance.push_back(dot(factor, {exact_.monte_carlo[p], exact_.data[p], exact_.interaction[p]}));
    return variance;
  }

  /// Of shard r's rows as terms of the whole gradient, N / N_r times those of a gradient of its own rows: the replica's likelihood is
  /// scaled by R N_r / B, its prior counts once, so that to terms of weight N_r / N the prior counts N / (R N_r) times.
  [[nodiscard]] std::vector<double> exact_variance_of_shards(NoisePolicy noise) const {
    const Index all = scene_.data->rows;
    std::vector<std::vector<diagnostics::Shard>> shards(exact_.gradient.size());
    for (Index r = 0; r < kReplicas; ++r) {
      const Range rows = balanced_range(all, kReplicas, r);
      const oracles::NoiseComponents own = exact_components(shard_of(at_, rows, kReplicas));
      const double scale = static_cast<double>(all) / static_cast<double>(rows.size());
      const double square = scale * scale;
      for (std::size_t p = 0; p < shards.size(); ++p)
        shards[p].push_back({rows.size(), {square * own.monte_carlo[p], square * own.data[p], square * own.interaction[p]}});
    }
    std::vector<double> variance;
    for (std::size_t p = 0; p < shards.size(); ++p)
      variance.push_back(*diagnostics::predicted_variance(exact_.monte_carlo[p], shards[p], setting(kBatchRows, kReplicas), noise));
    return variance;
  }

  void replicas(const diagnostics::Policy& policy, const std::vector<double>& variance) {
    against_truth(fmt::format("R = {}, {}, {}", kReplicas, to_text(policy.noise), to_text(policy.rows)), setting(kBatchRows, kReplicas),
                  policy, variance);
  }

  /// Mean and variance of the mean over replicas, parameter by parameter.
  void against_truth(const std::string& what, const diagnostics::Setting& at, const diagnostics::Policy& policy,
                     const std::vector<double>& variance) {
    SelftestRow row = row_of(what);
    const auto m = moments(subject(row, at.batch_rows, Design::replicas(at.replicas, policy.noise, policy.rows)));
    bool off = judge_mean(m, judged(), row);
    off = judge_variance(m, judged(), variance, row) || off;
    row.passed = !off;
    rows_.push_back(row);
  }

  /// T2: each component's trace against the exact one. A component is linear in the designs' mean squares, so that each batch of designs
  /// has an unbiased one of its own, and these are what is judged; that an interval can be trusted is for its own tests to say.
  void components() {
    SelftestRow crossed = row_of("T2");
    const auto m = measure_components(subject(crossed, kBatchRows, Design::cross(kRowSets, kNoiseSets, RowPolicy::without_replacement)),
                                      measured(), std::max(replicates_ / (kRowSets * kNoiseSets), kSelftestBatches), threads_);
    const std::vector<double> floor(exact_.gradient.size(), 1e-12);
    total_ =
        diagnostics::component_statistics(m, scene_.family->blocks(), setting(kBatchRows, 1), RowPolicy::without_replacement, floor).back();
    const auto add = [&](const std::string& what, const diagnostics::LeaveOneOut& statistic, const std::vector<double>& exact) {
      SelftestRow row = row_of(what);
      row.exact = 0;
      for (const double v : exact) row.exact += v;
      row.measured = statistic.value;
      row.passed = !judge_batches(batches_of(statistic), row.exact, static_cast<double>(exact.size()) * exact_.error, row);
      row.remark = "T2";
      rows_.push_back(row);
    };
    add(at_.own_noise_per_row ? "s2_e + s2_ed" : "s2_e", total_.monte_carlo, exact_.monte_carlo);
    add("s2_d", total_.data, exact_.data);
    if (!at_.own_noise_per_row) add("s2_ed", total_.interaction, exact_.interaction);
  }

  /// T3 of fixed shards: predictions from designs within them against the exact variance of the mean over replicas; and replicas with noise
  /// of their own declared, of which all have the same.
  void shard_components() {
    SelftestRow crossed = row_of("T3 shards");
    const Subject designs = subject(crossed, kBatchRows, Design::cross_shards(kReplicas, 2, kNoiseSets));
    const auto m = measure_shards(designs, measured(), std::max(replicates_ / (2 * kReplicas * kNoiseSets), kSelftestBatches), threads_);
    const diagnostics::Setting there = setting(kBatchRows, kReplicas);
    const diagnostics::Strata strata{total_, diagnostics::shard_statistics(m, there, std::vector<double>(exact_.gradient.size(), 1e-12))};
    for (const NoisePolicy noise : kNoises) {
      SelftestRow row = row_of(fmt::format("R = {}, {}, by shards", kReplicas, to_text(noise)));
      row.exact = 0;
      for (const double v : exact_variance_of_shards(noise)) row.exact += v;
      const diagnostics::LeaveOneOut predicted = diagnostics::predicted_statistic(strata, there, noise);
      row.measured = predicted.value;
      row.passed = !judge_batches(batches_of(predicted), row.exact, static_cast<double>(exact_.gradient.size()) * exact_.error, row);
      row.remark = "T3";
      rows_.push_back(row);
    }
    if (at_.at.model != "normal_mean") return;
    SelftestRow row = row_of(fmt::format("R = {}, by shards, one stream", kReplicas));
    row.broken = true;
    row.remark = "T3";
    const auto one = moments(subject(row, kBatchRows, Design::replicas(kReplicas, NoisePolicy::shared, RowPolicy::shards)));
    const bool biased = judge_mean(one, judged(), row);
    const auto variance = diagnostics::variance_statistics(one, scene_.family->blocks(), floor_of(one, judged()), {});
    const diagnostics::Check check = diagnostics::check_prediction(strata, there, {NoisePolicy::independent, RowPolicy::shards},
                                                                   diagnostics::jackknife(variance.total, variance.count), comparisons(2));
    row.exact = check.comparison.predicted.value;
    row.measured = check.comparison.measured.value;
    // Both sides are linear in what a batch adds up, so that differences of batches are judged, as in prediction(). The check that reports
    // print must name the direction wherever its intervals can be trusted.
    std::vector<double> differences = batches_of(diagnostics::predicted_statistic(strata, there, NoisePolicy::independent));
    for (std::size_t b = 0; b < differences.size(); ++b) {
      double trace = 0;
      for (std::size_t p = 0; p < exact_.gradient.size(); ++p) trace += one.square[b * exact_.gradient.size() + p] / one.count[b];
      differences[b] = trace - differences[b];
    }
    const bool off = judge_batches(differences, 0, 0, row);
    const Agreement said = check.comparison.agreement;
    row.passed = !biased && off && (said == Agreement::above || (said == Agreement::undecided && row.measured > row.exact));
    rows_.push_back(row);
  }

  /// T3's check: the declared policy's prediction, from measured components, against replicas that were run under `noise`. Both sides are
  /// linear in what a batch adds up, so that the differences of batches are judged. A mismatch is what a stream shared in silence looks
  /// like: the check that reports print must name its direction.
  void prediction(const diagnostics::Policy& declared, NoisePolicy noise) {
    const bool broken = declared.noise != noise;
    SelftestRow row = row_of(fmt::format("R = {}, {} noise{}", kReplicas, to_text(declared.noise), broken ? " declared, one stream" : ""));
    row.broken = broken;
    const auto m = moments(subject(row, kBatchRows, Design::replicas(kReplicas, noise, declared.rows)));
    const bool biased = judge_mean(m, judged(), row);
    const diagnostics::Setting there = setting(kBatchRows, kReplicas);
    const diagnostics::LeaveOneOut predicted = diagnostics::predicted_statistic(total_, *diagnostics::coefficients(there, declared));
    std::vector<double> differences = batches_of(predicted);
    for (std::size_t b = 0; b < differences.size(); ++b) {
      double trace = 0;
      for (std::size_t p = 0; p < exact_.gradient.size(); ++p) trace += m.square[b * exact_.gradient.size() + p] / m.count[b];
      differences[b] = trace - differences[b];
    }
    const bool off = judge_batches(differences, 0, 0, row);
    row.exact = predicted.value;
    row.remark = "T3";
    if (broken) {
      const auto variance = diagnostics::variance_statistics(m, scene_.family->blocks(), floor_of(m, judged()), {});
      const diagnostics::Estimate measured = diagnostics::jackknife(variance.total, variance.count);
      const diagnostics::Check check = diagnostics::check_prediction(total_, there, declared, measured, comparisons(2));
      // Shared noise is unbiased: it is for the variance to give it away.
      row.passed = !biased && off && check.comparison.agreement == Agreement::above;
    } else {
      row.passed = !biased && !off;
    }
    rows_.push_back(row);
  }

  void twins() {
    prediction({NoisePolicy::independent, RowPolicy::disjoint}, NoisePolicy::shared);
    const double right = static_cast<double>(scene_.data->rows) / static_cast<double>(kBatchRows);
    const auto scaled_by = [&](const std::string& what, double factor) {
      SelftestRow row = row_of(what);
      row.broken = true;
      const WronglyScaled wrong(*scene_.model, factor);
      Subject at = subject(row, kBatchRows, Design{});
      at.model = &wrong;
      row.passed = judge_mean(moments(at), judged(), row);
      rows_.push_back(row);
    };
    scaled_by(fmt::format("B = {}, without N/B", kBatchRows), 1 / right);
    scaled_by(fmt::format("B = {}, N/B in whole numbers", kBatchRows), std::floor(right) / right);
  }

  /// Of estimators that keep a table: the state is the table and its sum.
  void table_twins() {
    const std::size_t dim = exact_.gradient.size() / 2;
    const auto end = state_.end() - static_cast<std::ptrdiff_t>(dim);
    std::vector<double> without = state_;
    std::fill(without.end() - static_cast<std::ptrdiff_t>(dim), without.end(), 0.0);
    SelftestRow biased = row_of(fmt::format("B = {}, without the table's sum", kBatchRows));
    biased.broken = true;
    biased.passed = judge_mean(moments(subject(biased, kBatchRows, Design{}), {estimator_.get(), without, {}}), judged(), biased);
    rows_.push_back(biased);

    // Unbiased, the sum being the same: it is for the variance to give it away.
    std::vector<double> shifted(state_.begin() + static_cast<std::ptrdiff_t>(dim), end);
    shifted.insert(shifted.end(), state_.begin(), state_.begin() + static_cast<std::ptrdiff_t>(dim));
    shifted.insert(shifted.end(), end, state_.end());
    SelftestRow noisy = row_of(fmt::format("B = {}, each row's entry its neighbour's", kBatchRows));
    noisy.broken = true;
    const auto m = moments(subject(noisy, kBatchRows, Design{}), {estimator_.get(), shifted, {}});
    const bool off = judge_mean(m, judged(), noisy);
    noisy.passed = judge_variance(m, judged(), exact_variance(setting(kBatchRows, 1), {}), noisy) && !off;
    rows_.push_back(noisy);
  }

  void control_twins() {
    const std::vector<double> nothing(state_.size(), 0.0);
    SelftestRow biased = row_of(fmt::format("B = {}, without all rows' share", kBatchRows));
    biased.broken = true;
    biased.passed =
        judge_mean(moments(subject(biased, kBatchRows, Design{}), {estimator_.get(), nothing, at_.at.snapshot}), judged(), biased);
    rows_.push_back(biased);

    constexpr double kWeight = 0.5;
    const WeightedControl twin(*estimator_, kWeight);
    std::vector<double> weighted = state_;
    for (double& v : weighted) v *= kWeight;
    SelftestRow noisy = row_of(fmt::format("B = {}, control at half its weight", kBatchRows));
    noisy.broken = true;
    const auto m = moments(subject(noisy, kBatchRows, Design{}), {&twin, weighted, at_.at.snapshot});
    // Unbiased: it is for the variance to give it away.
    const bool off = judge_mean(m, judged(), noisy);
    noisy.passed = judge_variance(m, judged(), exact_variance(setting(kBatchRows, 1), {}), noisy) && !off;
    rows_.push_back(noisy);
  }

  const NoiseCase& at_;
  std::uint64_t seed_;
  oracles::NoiseComponents exact_;
  Scene scene_;
  std::unique_ptr<estimators::Estimator> estimator_;
  std::vector<double> state_;
  Index replicates_;
  int threads_;
  diagnostics::ComponentStatistics total_;
  std::vector<SelftestRow> rows_;
};

}  // namespace

std::vector<NoiseCase> noise_cases() {
  return {{"noise: normal mean, 7 rows", normal_mean_case(), "pw_cfe", false},
          {"noise: logistic regression, 7 rows", logistic_case(), "pw_cfe", false},
          {"noise: logistic regression, own noise", logistic_case(), "pw_local", true},
          {"noise: logistic regression, own noise, full rank", full_rank_logistic_case(), "pw_local", true},
          {"noise: linear regression, SVRG", linear_case(), "svrg", false},
          {"noise: linear regression, SAGA", linear_history_case(), "saga", false},
          {"noise: linear regression, joint control", linear_case(), "joint_cv", false},
          {"noise: linear regression, joint control, full rank", full_rank_linear_case(), "joint_cv", false}};
}

std::vector<SelftestRow> noise_rows(const NoiseCase& at, std::uint64_t seed, Index replicates, int threads) {
  return Rows(at, seed, replicates, threads).all();
}

}  // namespace variscope::experiments
