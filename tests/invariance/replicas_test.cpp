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
  check(R"("sf_mean", "sf_rb", "pw_local", "taylor_hessian", "taylor_hvp", "pw_quadratic", "mix_stl_cfe", "mvd", "svrg",
            "joint_cv")",
        "replicas = 2\nrow_policy = \"epoch\"\nbatch_rows = 64\n");
}

TEST_F(SlowReplicaLayoutsTest, EveryGaussianFamily) {
  check(R"("sf_loo", "pw_cfe", "stl", "bonnet_price", "pw_rqmc")", "replicas = 2\nbatch_rows = 64\n",
        "[family]\nname = [\"full_rank_gaussian\", \"low_rank_gaussian\", \"gaussian_mixture\"]\n");
}

/// Studies whose replicas themselves lie on several ranks.
class ReplicaAxisTest : public LayoutsTest {
 protected:
  /// One hash on layouts with 1, 2 and 4 ranks along the replicas, with samples, shards, replicates and threads beside them. Without
  /// data there are no shards.
  void check(const std::string& spec, bool data) {
    std::string hash;
    Words layouts = {"replicates=1", "replicas=2", "replicas=4", "replicates=2,replicas=2", "replicas=2,samples=2"};
    if (data) layouts.insert(layouts.end(), {"samples=2,shards=2", "replicas=2,shards=2"});
    for (const std::string& layout : layouts) {
      int ranks = 1;
      for (const char digit : layout) ranks *= digit >= '1' && digit <= '9' ? digit - '0' : 1;
      EXPECT_TRUE(run_one(spec, ranks, layout, ranks <= 2 ? std::vector<int>{1, 3} : std::vector<int>{1}, hash)) << layout;
    }
  }

  /// The end of [estimators]: four replicas under these policies (TOML values).
  static std::string four(const std::string& noise, const std::string& rows, const std::string& batch_rows) {
    return fmt::format("replicas = 4\nnoise_policy = {}\nrow_policy = {}\nbatch_rows = {}\n", noise, rows, batch_rows);
  }
  std::string odd_study(const std::string& estimators, const std::string& more) {
    EXPECT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "5", "--seed", "5"}).status, 0);
    return replaced(logistic_spec("odd.h5", estimators, "16", more), "response = \"y\"\n", "");
  }
};
using SlowReplicaAxisTest = ReplicaAxisTest;

constexpr const char* kNoisePolicies = R"(["independent", "shared", "split_net"])";

TEST_F(ReplicaAxisTest, WithoutData) {
  const auto text = replica_spec(R"("pw_cfe", "pw_rqmc", "sf_loo")", 16, fmt::format("replicas = 4\nnoise_policy = {}\n", kNoisePolicies));
  check(write("study.toml", replaced(text, "count = 2048", "count = 64")), false);
}

TEST_F(SlowReplicaAxisTest, AllRowsAndMinibatches) {
  const auto more = four(kNoisePolicies, R"("without_replacement")", R"([64, "all"])");
  check(write("study.toml", odd_study(R"("pw_cfe", "pw_rqmc", "pw_antithetic")", more)), true);
}

TEST_F(SlowReplicaAxisTest, RowPolicies) {
  const auto more = four(R"("split_net")", R"(["with_replacement", "disjoint", "epoch", "shards"])", "64");
  check(write("study.toml", odd_study(R"("pw_cfe", "pw_rqmc")", more)), true);
}

TEST_F(SlowReplicaAxisTest, EstimatorsWithStatesAndRequestsOfTheirOwn) {
  const auto more = four(R"("independent")", R"("epoch")", "64");
  check(write("study.toml",
              odd_study(R"("sf_mean", "sf_rb", "pw_local", "taylor_hessian", "taylor_hvp", "pw_quadratic", "mix_stl_cfe", "mvd")", more)),
        true);
}

TEST_F(SlowReplicaAxisTest, CrossedDesigns) {
  const auto more = four(R"(["independent", "shared"])", R"("disjoint")", "32");
  const auto text = odd_study(R"("pw_cfe", "stl", "pw_rqmc")", more);
  check(write("study.toml", text + "[components]\ndesigns = 24\nrow_sets = 8\nnoise_sets = 3\n"), true);
}

TEST_F(ReplicaAxisTest, RefusesWhatDoesNotDivide) {
  const auto spec = write("study.toml", replica_spec(R"("pw_cfe")", 8, "replicas = 4\n"));
  expect_refused({"run", spec, "--ranks", "3", "--layout", "replicas=3"},
                 {"the replicas of an estimate do not divide evenly by 3", "Use --"});
  expect_refused({"run", spec, "--ranks", "8", "--layout", "replicas=8"},
                 {"the replicas of an estimate do not divide evenly by 8", "Use --layout replicates=8,samples=1,shards=1."});
  const Outcome with = variscope({"plan", spec, "--ranks", "4", "--layout", "replicas=2"});
  EXPECT_NE(with.out.find("2 along replicates, 2 along replicas, 1 along sample blocks"), std::string::npos) << with.all();
  const Outcome without = variscope({"plan", spec, "--ranks", "4"});
  EXPECT_EQ(without.out.find("along replicas"), std::string::npos) << without.all();
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
