/// Question: how long does one whole mean-field pathwise gradient (draws, likelihood, prior, PW-CFE) take on one thread? For
/// peers/compare.py.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "benchmarks/limits.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/timing.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/models/logistic_regression.hpp"
#include "experiments/run/estimates.hpp"

namespace variscope::benchmarks {
namespace {

/// A plan's view of a table that is in memory already.
experiments::DataPlan plan_of(const data::Table& table) {
  experiments::DataPlan plan;
  plan.response = models::ResponseKind::binary;
  plan.rows = table.rows;
  plan.width = table.width();
  plan.row_tile = table.rows >= 10000 ? 1024 : 256;
  return plan;
}

void run(Index rows, Index dim, double budget_s, double product_rate, double exps_rate) {
  const data::Table table = logistic_table(rows, dim);
  const models::LogisticRegression model(table, 0.0, 1.0);
  const experiments::DataPlan plan = plan_of(table);
  const int streams = best_streams(table.design.data(), table.design.size());
  const cluster::Team team;
  experiments::Work work;
  experiments::Estimates estimates(model, &plan, team, cluster::Reduce::exact, 1, work);
  const auto estimator = estimators::find("pw_cfe")->make();
  std::vector<double> lambda(static_cast<std::size_t>(2 * dim), -2.0);
  tiles::Batch mean(dim, 1);
  fill_noise(5, 0, mean.view());
  for (Index d = 0; d < dim; ++d) lambda[static_cast<std::size_t>(d)] = 0.1 * mean(d, 0);
  const families::MeanFieldGaussian family(lambda);

  for (const Index samples : {1, 16, 128}) {
    experiments::CallSettings call;
    call.noise = random::Purpose::testing;
    call.samples = samples;
    std::vector<std::vector<double>> gradients(1);
    std::vector<models::Counts> counts(1);
    std::vector<double> seconds(1);
    Index replicate = 0;
    const Times times = measure(
        [&] {
          estimates.run(family, call, {replicate, replicate + 1}, {{estimator.get()}}, gradients, counts, seconds);
          ++replicate;
          keep(gradients[0].data());
        },
        budget_s, 5, 2);
    // What no implementation can beat: the products and one exp a pair, or reading X once.
    const Times read = measure([&] { read_once(table.design.data(), entries(table), streams); }, 0.1);
    const double pairs = static_cast<double>(rows) * static_cast<double>(samples);
    const double limit = std::max(read.best(), 4.0 * pairs * static_cast<double>(dim) / product_rate + pairs / exps_rate);
    std::printf("%lld,%lld,%lld,%.6e,%.6e,%zu,%.6e\n", static_cast<long long>(rows), static_cast<long long>(dim),
                static_cast<long long>(samples), times.median(), times.best(), times.seconds.size(), limit);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  using namespace variscope::benchmarks;
  const std::string core_type = use_best_core_type(VARISCOPE_LIMITS, argv);
  const double budget_s = argc > 2 && std::strcmp(argv[1], "--budget") == 0 ? std::atof(argv[2]) : 1.0;
  const double product_rate = dgemm_rate();
  const double exps_rate = exp_rate();
  std::printf(
      "# one thread; seconds: median thread time; limit: max of one pass over X and (4 N D S flop by dgemm + N S exp), best rates of this "
      "run:\n");
  std::printf("# dgemm %.1f GFLOP/s (OpenBLAS, core type %s), exp %.2f e8/s\n", product_rate / 1e9, core_type.c_str(), exps_rate / 1e8);
  std::printf("N,D,S,seconds,best,calls,limit\n");
  for (const variscope::Index rows : {1000, 10000, 100000}) {
    for (const variscope::Index dim : {10, 100, 500}) run(rows, dim, budget_s, product_rate, exps_rate);
  }
  return 0;
}
