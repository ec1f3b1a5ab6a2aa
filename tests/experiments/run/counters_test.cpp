/// Figures of every rank in run.h5: work adds up to the plan's numbers, is divided evenly, and no rank holds more than its share of data.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/data/standardize.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/plan/plan.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::Words;

class CountersTest : public testing::ProgramTest {
 protected:
  /// One column of the execution table, by rank.
  static std::vector<double> figure(const store::RunRecord& run, const std::string& name) {
    const auto& table = run.execution;
    const auto found = std::find(table.names.begin(), table.names.end(), name);
    EXPECT_NE(found, table.names.end()) << name;
    std::vector<double> values;
    for (std::size_t r = 0; r < static_cast<std::size_t>(table.ranks); ++r)
      values.push_back(table.values[r * table.names.size() + static_cast<std::size_t>(found - table.names.begin())]);
    return values;
  }
  static double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }
  static double most(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

  /// Runs study.toml on a layout and checks all that must hold on any.
  store::RunRecord check(const LayoutRequest& layout) {
    const cluster::Layout asked{layout.replicates, layout.samples, layout.shards, std::max<Index>(layout.replicas, 1)};
    const auto ranks = asked.ranks();
    SCOPED_TRACE(asked.text());
    const auto outcome = variscope({"run", "study.toml", "--ranks", std::to_string(ranks), "--threads", "1", "--layout", asked.text(),
                                    "--output", "run", "--overwrite", "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    store::RunRecord run = store::read_run_file(work() / "run" / "run.h5");
    const Plan plan = make_plan(path("study.toml"), ranks, 1, layout, "");
    EXPECT_EQ(run.execution.ranks, ranks);
    EXPECT_EQ(run.results_hash, outcome.hash());

    for (const auto& kind : models::Counts::kinds()) {
      SCOPED_TRACE(kind.name);
      const auto done = figure(run, kind.name);
      EXPECT_EQ(sum(done), static_cast<double>(plan.counts.*kind.count));
      if (std::string(kind.name).ends_with("_rows")) {
        EXPECT_LE(most(done) * static_cast<double>(ranks), 1.1 * sum(done));
      }
    }

    const DataPlan& data = plan.data.at(0);
    const Index share = (data.rows + layout.shards - 1) / layout.shards + data.row_tile * data.shard_unit;
    const auto held = figure(run, "data_rows_held");
    EXPECT_LE(most(held), static_cast<double>(share));
    // Every replicate, replica and sample coordinate holds the table once.
    EXPECT_EQ(sum(held), static_cast<double>(data.rows * asked.replicates * asked.replicas * asked.samples));
    // Response and its sign beside the design.
    EXPECT_LE(most(figure(run, "data_bytes_held")), static_cast<double>(share * (data.width + data::row_padding(data.width) + 2) * 8));
    // Teams of one send nothing of their own, but the path's team takes in all ranks.
    const double sent = sum(figure(run, "bytes_sent"));
    EXPECT_TRUE(ranks == 1 ? sent == 0 : sent > 0) << sent;

    check_records(run, plan);
    return run;
  }

  /// Counts in the results are the plan's too, estimator by estimator.
  static void check_records(const store::RunRecord& run, const Plan& plan) {
    for (std::size_t c = 0; c < plan.cells.size(); ++c) {
      models::Counts counts;
      for (const PointRecord& point : run.cells.at(c).points) {
        for (const EstimatorRecord& e : point.estimators) {
          counts += e.counts;
          counts += e.preparation;
          counts += e.component_counts;
        }
      }
      EXPECT_EQ(counts, plan.cells[c].counts);
    }
  }
};

TEST_F(CountersTest, OfTheQuickstartStudy) {
  write("study.toml", testing::quickstart_spec());
  const std::string hash = check({1, 1, 1}).results_hash;
  for (const LayoutRequest& layout : std::vector<LayoutRequest>{{2, 1, 1}, {1, 2, 1}, {1, 1, 2}, {1, 1, 4}, {1, 2, 2}, {2, 1, 2}}) {
    EXPECT_EQ(check(layout).results_hash, hash);
  }
}

TEST_F(CountersTest, WithAMonteCarloReferenceAndCoarserTiles) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "3"}).status, 0);
  auto text =
      testing::replaced(testing::logistic_spec("odd.h5", R"("sf_loo", "stl")", "16", "batch_rows = 64\n"), "response = \"y\"\n", "");
  write("study.toml", text + "[reference]\nmethod = \"monte_carlo\"\nsamples = 640\n");
  const Plan plan = make_plan(path("study.toml"), 1, 1, {}, "");
  EXPECT_GT(plan.cells.at(0).coarser, 0);
  EXPECT_GT(plan.data.at(0).shard_unit, 1);
  check({1, 1, 3});
  check({1, 2, 1});
}

TEST_F(CountersTest, OfReplicasAndEstimatorsThatAskForMore) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "3"}).status, 0);
  // Every replica is counted; Hessian-vector products for each sample and once a call.
  write("study.toml", testing::replaced(testing::logistic_spec("odd.h5", R"("sf_loo", "bonnet_price", "taylor_hvp", "pw_local")", "16",
                                                               "batch_rows = 256\nreplicas = 3\nrow_policy = \"disjoint\"\n"),
                                        "response = \"y\"\n", ""));
  const std::string hash = check({1, 1, 1}).results_hash;
  EXPECT_EQ(check({2, 1, 1}).results_hash, hash);
  EXPECT_EQ(check({1, 1, 2}).results_hash, hash);
}

TEST_F(CountersTest, OfReplicasOnRanksOfTheirOwn) {
  write("study.toml", testing::with_value(testing::quickstart_spec(), "estimators", "samples", "16\nreplicas = 4"));
  const std::string hash = check({1, 1, 1}).results_hash;
  for (const LayoutRequest& layout :
       std::vector<LayoutRequest>{{1, 1, 1, 2}, {1, 1, 1, 4}, {2, 1, 1, 2}, {1, 2, 1, 2}, {1, 1, 2, 2}, {1, 2, 2, 2}, {1, 1, 2, 4}}) {
    EXPECT_EQ(check(layout).results_hash, hash);
  }
}

TEST_F(CountersTest, OfCrossedDesignsOnRanksOfTheirOwn) {
  auto text = testing::with_value(testing::quickstart_spec(), "estimators", "samples", "16\nreplicas = 2\nrow_policy = \"disjoint\"");
  text = testing::with_value(text, "estimators", "batch_rows", "32");
  write("study.toml", text + "[components]\ndesigns = 24\nrow_sets = 4\nnoise_sets = 3\n");
  const std::string hash = check({1, 1, 1}).results_hash;
  for (const LayoutRequest& layout : std::vector<LayoutRequest>{{1, 1, 1, 2}, {1, 2, 1, 2}, {2, 1, 2, 2}}) {
    EXPECT_EQ(check(layout).results_hash, hash);
  }
}

TEST_F(CountersTest, PreparationsAreTimedWhereCallsAreChargedAndCountedOnce) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "3"}).status, 0);
  // On minibatches taylor_hessian learns nothing beforehand; on all rows the other two do not serve.
  const std::string names = R"("pw_cfe", "sf_rb", "taylor_hessian", "svrg", "saga", "joint_cv")";
  const std::map<std::string, std::set<std::string>> charged = {{"64", {"svrg", "saga", "joint_cv"}}, {"\"all\"", {"taylor_hessian"}}};
  for (const auto& [batch_rows, expected] : charged) {
    SCOPED_TRACE(batch_rows);
    write("study.toml",
          testing::replaced(testing::logistic_spec("odd.h5", names, "16", "batch_rows = " + batch_rows + "\n"), "response = \"y\"\n", ""));
    const Plan plan = make_plan(path("study.toml"), 1, 1, {}, "");
    std::string hash;
    for (const std::string ranks : {"1", "2"}) {
      const auto outcome =
          variscope({"run", "study.toml", "--ranks", ranks, "--threads", "2", "--output", "run", "--overwrite", "--quiet"});
      ASSERT_EQ(outcome.status, 0) << outcome.all();
      EXPECT_TRUE(hash.empty() || outcome.hash() == hash);
      hash = outcome.hash();
      const store::RunRecord run = store::read_run_file(work() / "run" / "run.h5");
      check_records(run, plan);
      for (const auto& kind : models::Counts::kinds()) EXPECT_EQ(sum(figure(run, kind.name)), static_cast<double>(plan.counts.*kind.count));
      std::set<std::string> found;
      for (const EstimatorRecord& e : run.cells.at(0).points.at(0).estimators) {
        EXPECT_GT(e.seconds_per_call, 0) << e.name;
        EXPECT_EQ(e.preparation_seconds > 0, e.preparation_share > 0) << e.name;
        if (e.preparation_seconds > 0) found.insert(e.name);
      }
      EXPECT_EQ(found, expected);
    }
  }
}

TEST_F(CountersTest, AreNoPartOfTheResults) {
  write("study.toml", testing::gaussian_spec());
  const auto cell = [&](const std::string& ranks) {
    EXPECT_EQ(variscope({"run", "study.toml", "--ranks", ranks, "--output", "run" + ranks, "--quiet"}).status, 0);
    return store::read_run_file(work() / ("run" + ranks) / "run.h5");
  };
  const auto one = cell("1");
  const auto two = cell("2");
  EXPECT_EQ(one.results_hash, two.results_hash);
  EXPECT_NE(one.execution.values, two.execution.values);
}

}  // namespace
}  // namespace variscope::experiments
