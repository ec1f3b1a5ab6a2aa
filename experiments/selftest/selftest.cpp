/// `variscope selftest`: every estimator against closed forms and quadrature, and broken twins that must be caught.
#include "experiments/selftest/selftest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/command/actions.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/selftest/catalogue_rows.hpp"
#include "experiments/selftest/noise_rows.hpp"

namespace variscope::experiments {

namespace {

constexpr Index kReplicates = 100000;

std::string figure(double value, const char* format) { return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "-"; }

/// z of an estimator without variance, beyond all sense as a number.
std::string score(double z) { return std::abs(z) < 1e5 ? figure(z, "{:.2f}") : std::isfinite(z) ? (z > 0 ? "> 1e5" : "< -1e5") : "-"; }

void print(const SelftestRow& row) {
  fmt::print("  {:<50} {:>12} {:>12} {:>8} {:>8} {:>6} {:>7}  {:<10} {}\n", row.estimator, figure(row.exact, "{:.6g}"),
             figure(row.measured, "{:.6g}"), score(row.mean_z), score(row.variance_z), figure(row.threshold, "{:.2f}"),
             figure(100 * row.detectable, "{:.2g} %"), row.verdict(), row.remark);
}

}  // namespace

std::vector<SelftestTarget> selftest_targets() {
  std::vector<SelftestTarget> targets;
  for (const SelftestCase& at : selftest_cases())
    targets.push_back(
        {at.name, [at](std::uint64_t seed, Index replicates, int threads) { return catalogue_rows(at, seed, replicates, threads); }});
  for (const NoiseCase& at : noise_cases())
    targets.push_back(
        {at.name, [at](std::uint64_t seed, Index replicates, int threads) { return noise_rows(at, seed, replicates, threads); }});
  return targets;
}

int selftest(const SelftestOptions& options) {
  fmt::print(
      "Estimators against oracles: exact mean and trace of the variance of a call, or a noise component, against {} replicates at most.\n"
      "z: the largest over coordinates, in standard errors; it must stay below the limit (false alarms: {:g} a row, whatever the seed).\n"
      "finds: relative error of the variance that is found in four of five runs. Rows of broken twins, production code with one thing\n"
      "wrong, must not stay below: the mean's z must find them, or that of the variance where replicas share a stream.\n"
      "T2: a component from crossed designs against the exact one. T3: a variance against what measured components predict.\n",
      kReplicates, kFalseAlarm);
  int rows = 0;
  int failed = 0;
  int twins = 0;
  int caught = 0;
  Stopwatch watch;
  for (const SelftestTarget& target : selftest_targets()) {
    if (target.name.find(options.only) == std::string::npos) continue;
    fmt::print("\n{:<52} {:>12} {:>12} {:>8} {:>8} {:>6} {:>7}  {}\n", target.name, "exact", "measured", "z mean", "z var", "limit",
               "finds", "verdict");
    for (const SelftestRow& row : target.run(options.seed, kReplicates, std::max(1, options.threads))) {
      ++(row.broken ? twins : rows);
      failed += row.passed || row.broken ? 0 : 1;
      caught += row.caught() ? 1 : 0;
      print(row);
    }
    std::fflush(stdout);
  }
  if (rows + twins == 0) {
    fmt::print("\nNo target's name contains '{}'.\n", options.only);
    return 1;
  }
  fmt::print("\n{} of {} rows as they must be, {} of {} broken twins caught, {}\n", rows - failed, rows, caught, twins,
             format_duration(watch.lap()));
  return failed == 0 && caught == twins ? 0 : 1;
}

}  // namespace variscope::experiments
