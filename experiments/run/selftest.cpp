/// `variscope selftest`: measured variances of every estimator against closed forms and quadrature, and broken twins that must be caught.
#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <memory>

#include "engine/families/mean_field_gaussian.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/oracles/truth.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/run/selftest.hpp"

namespace variscope::experiments {

namespace {

constexpr Index kBatches = 200;

std::vector<double> lambda_of(std::vector<double> mean, const std::vector<double>& scale) {
  for (const double s : scale) mean.push_back(std::log(s));
  return mean;
}

models::Arguments arguments(const std::string& model, const std::map<std::string, std::vector<double>>& numbers,
                            const std::string& function = "") {
  models::Arguments a;
  for (const auto& p : models::find(model)->parameters) a.numbers[p.name] = p.default_value;
  for (const auto& [name, value] : numbers) a.numbers[name] = value;
  if (!function.empty()) a.words["function"] = function;
  return a;
}

/// Largest |z| over coordinates of a vector of batch means about its truth.
double largest_z(const std::vector<std::vector<double>>& batches, const std::vector<double>& truth, double truth_error) {
  double worst = 0;
  const auto n = static_cast<double>(batches.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    double mean = 0;
    for (const auto& b : batches) mean += b[i] / n;
    double square = 0;
    for (const auto& b : batches) square += (b[i] - mean) * (b[i] - mean);
    const double se = std::sqrt(square / (n - 1) / n);
    const double difference = std::fabs(mean - truth[i]);
    // Where the estimator has no variance, rounding is all that may differ.
    const double rounding = 1e-11 * (1 + std::fabs(truth[i])) + truth_error;
    worst = std::max(worst, difference <= rounding ? 0.0 : difference / std::hypot(se, rounding));
  }
  return worst;
}

}  // namespace

std::vector<SelftestCase> selftest_cases() {
  const auto elbo = estimators::Objective::elbo;
  const auto expectation = estimators::Objective::expectation;
  const auto gaussian = arguments("gaussian", {{"precision", {2, .6, -.3, .6, 1.5, .4, -.3, .4, 1}}, {"mean", {0, 0, 0}}});
  const auto banana = arguments("banana", {});
  std::vector<SelftestCase> cases = {
      {"gaussian, m = (1, -.5, .3), s = 1", "gaussian", gaussian, lambda_of({1, -.5, .3}, {1, 1, 1}), elbo, {}},
      {"gaussian, mean-field optimum", "gaussian", gaussian, lambda_of({0, 0, 0}, {1 / std::sqrt(2.0), 1 / std::sqrt(1.5), 1}), elbo, {}},
      {"gaussian, m = 0, s = 0.1", "gaussian", gaussian, lambda_of({0, 0, 0}, {.1, .1, .1}), elbo, {}},
      {"banana, m = 0, s = 2.5", "banana", banana, lambda_of({0, 0}, {2.5, 2.5}), elbo, {}},
      {"banana, m = (.032, .36), s = (1.925, 1.017)", "banana", banana, lambda_of({.032, .36}, {1.925, 1.017}), elbo, {}},
  };
  const auto survey = [&](const char* function, double k) {
    cases.push_back({fmt::format("survey {} k = {:g}", function, k),
                     "univariate",
                     arguments("univariate", {{"k", {k}}}, function),
                     lambda_of({1}, {1}),
                     expectation,
                     {"sf_raw", "pw_cfe"}});
  };
  survey("square", 0);
  survey("square", 3);
  survey("exponential", 10);
  survey("cosine", 1);
  survey("cosine", 5);
  return cases;
}

std::vector<SelftestRow> run_selftest_case(const SelftestCase& at, Index replicates, int threads) {
  constexpr Index kSamples = 4;
  const auto model = models::find(at.model)->make(at.arguments);
  const cluster::Team team;
  Work work;
  const families::MeanFieldGaussian family(at.lambda);
  Estimates estimates(*model, nullptr, team, cluster::Reduce::exact, threads, work);
  std::vector<SelftestRow> rows;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (!at.estimators.empty() && std::find(at.estimators.begin(), at.estimators.end(), entry.name) == at.estimators.end()) continue;
    const auto truth = oracles::truth(entry.name, *model, at.lambda, at.objective, kSamples);
    if (!truth) continue;
    const auto estimator = entry.make();
    // The twin is the production estimator with the entropy's terms removed: biased for the ELBO.
    for (const bool broken : {false, true}) {
      if (broken && (at.objective != estimators::Objective::elbo || entry.name == "stl")) continue;
      CallSettings call;
      call.seed = 20260101;
      call.noise = random::Purpose::testing;
      call.samples = kSamples;
      call.objective = broken ? estimators::Objective::expectation : at.objective;
      std::vector<std::vector<double>> gradients(1);
      std::vector<models::Counts> counts(1);
      std::vector<double> seconds(1);
      std::vector<std::vector<double>> means(kBatches, std::vector<double>(truth->mean.size(), 0.0));
      std::vector<std::vector<double>> variances = means;
      const Index each = replicates / kBatches;
      for (Index b = 0; b < kBatches; ++b) {
        for (Index first = b * each; first < (b + 1) * each; first += estimates.group(kSamples, call.design)) {
          const Range group{first, std::min(first + estimates.group(kSamples, call.design), (b + 1) * each)};
          estimates.run(family, call, group, {{estimator.get()}}, gradients, counts, seconds);
          for (std::size_t i = 0; i < static_cast<std::size_t>(group.size()) * truth->mean.size(); ++i) {
            const std::size_t p = i % truth->mean.size();
            const double deviation = gradients[0][i] - truth->mean[p];
            means[static_cast<std::size_t>(b)][p] += gradients[0][i] / static_cast<double>(each);
            variances[static_cast<std::size_t>(b)][p] += deviation * deviation / static_cast<double>(each);
          }
        }
      }
      SelftestRow row;
      row.target = at.name;
      row.estimator = entry.name + (broken ? " without entropy" : "");
      row.broken = broken;
      for (std::size_t p = 0; p < truth->mean.size(); ++p) {
        row.exact_trace += truth->variance[p];
        for (const auto& v : variances) row.measured_trace += v[p] / kBatches;
      }
      row.mean_z = largest_z(means, truth->mean, truth->error);
      row.variance_z = largest_z(variances, truth->variance, truth->error);
      // Two-sided, Bonferroni over coordinates and the two checks: false alarm 1e-6 a row.
      row.threshold =
          boost::math::quantile(boost::math::complement(boost::math::normal(), 1e-6 / (4.0 * static_cast<double>(truth->mean.size()))));
      const bool off = row.mean_z > row.threshold || (!broken && row.variance_z > row.threshold);
      row.passed = broken ? row.mean_z > row.threshold : !off;
      rows.push_back(row);
    }
  }
  return rows;
}

int selftest(const SelftestOptions& options) {
  constexpr Index kReplicates = 200000;
  fmt::print(
      "Measured against exact: {} replicates of M = 4 samples each; z is the largest over coordinates, in standard errors over {} "
      "batches.\n",
      kReplicates, kBatches);
  fmt::print("False alarms: 1e-6 a row. Broken twins are the production estimators with a term removed: their mean must be caught.\n\n");
  fmt::print("{:<46} {:<30} {:>12} {:>12} {:>8} {:>8} {:>6}  {}\n", "target", "estimator", "tr Var exact", "measured", "z mean", "z var",
             "limit", "verdict");
  int rows = 0;
  int failed = 0;
  for (const SelftestCase& at : selftest_cases()) {
    if (at.name.find(options.only) == std::string::npos) continue;
    for (const SelftestRow& row : run_selftest_case(at, kReplicates, std::max(1, options.threads))) {
      ++rows;
      failed += row.passed ? 0 : 1;
      const std::string verdict = row.broken ? (row.passed ? "caught" : "NOT CAUGHT") : (row.passed ? "ok" : "FAILED");
      fmt::print("{:<46} {:<30} {:>12.6g} {:>12.6g} {:>8.2f} {:>8} {:>6.2f}  {}\n", row.target, row.estimator, row.exact_trace,
                 row.measured_trace, row.mean_z, row.broken ? "-" : fmt::format("{:.2f}", row.variance_z), row.threshold, verdict);
    }
  }
  if (rows == 0) fmt::print("no target's name contains '{}'\n", options.only);
  fmt::print("\n{} of {} rows as they must be\n", rows - failed, rows);
  return failed == 0 && rows > 0 ? 0 : 1;
}

}  // namespace variscope::experiments
