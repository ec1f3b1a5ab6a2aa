/// Replicas, policies, crossed designs and every family in whole studies: the variance they must have, on any ranks and threads.
#include <cmath>

#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

/// Without data. `more` goes to the end of [estimators].
std::string replica_spec(const std::string& names, int samples, const std::string& more) {
  return fmt::format(R"([study]
name = "replicas"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[path]
steps = 10
points = [0, 100]
[replicates]
count = 2048
batches = 16
[estimators]
names = [{}]
samples = {}
{})",
                     names, samples, more);
}

class ReplicasTest : public ProgramTest {
 protected:
  store::RunRecord run_spec(const std::string& text) {
    write("s.toml", text);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--overwrite", "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / "run" / "run.h5");
  }

  static const EstimatorRecord& estimator(const store::RunRecord& run, std::size_t point, const std::string& name) {
    for (const EstimatorRecord& e : run.cells.at(0).points.at(point).estimators) {
      if (e.name == name) return e;
    }
    throw std::runtime_error("no estimator " + name);
  }

  /// Variance of each parameter from the stored sums.
  static std::vector<double> variances(const EstimatorRecord& e) {
    const auto parameters = static_cast<std::size_t>(e.moments.parameters);
    std::vector<double> sum(parameters, 0.0);
    std::vector<double> square(parameters, 0.0);
    double n = 0;
    for (std::size_t b = 0; b < e.moments.count.size(); ++b) {
      n += e.moments.count[b];
      for (std::size_t p = 0; p < parameters; ++p) {
        sum[p] += e.moments.sum[b * parameters + p];
        square[p] += e.moments.square[b * parameters + p];
      }
    }
    for (std::size_t p = 0; p < parameters; ++p) square[p] = (square[p] - sum[p] * sum[p] / n) / (n - 1);
    return square;
  }
};

TEST_F(ReplicasTest, WithNoiseOfTheirOwnHaveTheVarianceOfAllTheirSamples) {
  // The draws of 4 replicas of 4 samples are those of one estimate of 16: the very same numbers, up to the order of sums.
  const auto replicas = run_spec(replica_spec("\"pw_cfe\", \"stl\"", 4, "replicas = 4\n"));
  const auto one = run_spec(replica_spec("\"pw_cfe\", \"stl\"", 16, ""));
  const auto few = run_spec(replica_spec("\"pw_cfe\", \"stl\"", 4, ""));
  for (const std::string name : {"pw_cfe", "stl"}) {
    for (std::size_t point = 0; point < 2; ++point) {
      const auto got = variances(estimator(replicas, point, name));
      const auto want = variances(estimator(one, point, name));
      const auto single = variances(estimator(few, point, name));
      for (std::size_t p = 0; p < got.size(); ++p) {
        EXPECT_NEAR(got[p], want[p], 1e-10 * (1 + want[p])) << name << ", parameter " << p;
        // A quarter of one replica's. Sample variances of 2048 replicates: relative errors below 0.05 each, tails of squares included.
        if (single[p] > 1e-20) {
          EXPECT_NEAR(got[p] / single[p], 0.25, 0.25 * 5 * 0.07) << name << ", parameter " << p;
        }
      }
    }
  }
  // Work is that of all replicas.
  EXPECT_EQ(estimator(replicas, 0, "pw_cfe").counts, estimator(one, 0, "pw_cfe").counts);
}

TEST_F(ReplicasTest, WithSharedNoiseHaveTheVarianceOfOne) {
  const auto shared = run_spec(replica_spec("\"pw_cfe\", \"sf_loo\"", 4, "replicas = 4\nnoise_policy = \"shared\"\n"));
  const auto one = run_spec(replica_spec("\"pw_cfe\", \"sf_loo\"", 4, ""));
  for (const std::string name : {"pw_cfe", "sf_loo"}) {
    for (std::size_t point = 0; point < 2; ++point) {
      // A mean of four equal numbers is that number.
      EXPECT_EQ(estimator(shared, point, name).moments.square, estimator(one, point, name).moments.square) << name;
      EXPECT_EQ(estimator(shared, point, name).counts.gradient_evaluations, 4 * estimator(one, point, name).counts.gradient_evaluations);
    }
  }
}

TEST_F(ReplicasTest, ThatSplitANetHaveLessVarianceThanNetsOfTheirOwn) {
  const auto split = run_spec(replica_spec("\"pw_rqmc\", \"pw_cfe\"", 4, "replicas = 8\nnoise_policy = \"split_net\"\n"));
  const auto own = run_spec(replica_spec("\"pw_rqmc\", \"pw_cfe\"", 4, "replicas = 8\n"));
  for (std::size_t p = 0; p < 3; ++p)
    EXPECT_LT(variances(estimator(split, 0, "pw_rqmc"))[p], 0.5 * variances(estimator(own, 0, "pw_rqmc"))[p]) << p;
  // To others the policy means noise of their own.
  EXPECT_EQ(estimator(split, 0, "pw_cfe").moments.square, estimator(own, 0, "pw_cfe").moments.square);
}

class ReplicaLayoutsTest : public LayoutsTest {
 protected:
  /// A study with rows on every layout of 1 to 4 ranks, 1 and 3 threads.
  void check(const std::string& estimators, const std::string& more, const std::string& sections = "") {
    ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "5", "--seed", "5"}).status, 0);
    auto text = replaced(logistic_spec("odd.h5", estimators, "16", more), "response = \"y\"\n", "") + sections;
    std::string hash;
    const Counted counted = run_all(write("study.toml", text), {1, 2, 3, 4}, {1, 3}, hash);
    EXPECT_GE(counted.accepted, 9);
  }
};
using SlowReplicaLayoutsTest = ReplicaLayoutsTest;

TEST_F(SlowReplicaLayoutsTest, DisjointRowsAndSplitNets) {
  check(R"("sf_loo", "pw_cfe", "pw_rqmc", "pw_antithetic")",
        "replicas = 3\nnoise_policy = \"split_net\"\nrow_policy = \"disjoint\"\nbatch_rows = 100\n");
}

TEST_F(SlowReplicaLayoutsTest, FixedShardsAndSharedNoise) {
  check(R"("pw_kl", "pw_rqmc", "stl")", "replicas = 4\nnoise_policy = \"shared\"\nrow_policy = \"shards\"\nbatch_rows = 100\n");
}

TEST_F(SlowReplicaLayoutsTest, EpochsAndEstimatorsWithStates) {
  check(R"("sf_mean", "sf_rb", "pw_local", "taylor_hessian", "taylor_hvp", "pw_quadratic", "mix_stl_cfe", "mvd")",
        "replicas = 2\nrow_policy = \"epoch\"\nbatch_rows = [64, \"all\"]\n");
}

TEST_F(SlowReplicaLayoutsTest, EveryGaussianFamily) {
  check(R"("sf_loo", "pw_cfe", "stl", "bonnet_price", "pw_rqmc")", "replicas = 2\nbatch_rows = 64\n",
        "[family]\nname = [\"full_rank_gaussian\", \"low_rank_gaussian\", \"gaussian_mixture\"]\n");
}

TEST_F(SlowReplicaLayoutsTest, ImportanceWeightedBounds) {
  // objective stands above all sections.
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "5", "--seed", "5"}).status, 0);
  auto text = replaced(logistic_spec("odd.h5", R"("iwae", "dreg", "stl_iw")", "16", "replicas = 2\n"), "response = \"y\"\n", "");
  text = "objective = \"importance_bound\"\n" + replaced(text, "steps = 5", "steps = 5\nsamples = 16");
  std::string hash;
  const Counted counted = run_all(write("study.toml", text + "[reference]\nsamples = 640\n"), {1, 2, 3, 4}, {2}, hash);
  EXPECT_GE(counted.accepted, 9);
}

}  // namespace
}  // namespace variscope::testing
