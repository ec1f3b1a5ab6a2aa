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
  check(R"("pw_kl", "pw_rqmc", "stl")", "replicas = 4\nnoise_policy = \"shared\"\nrow_policy = \"shards\"\nbatch_rows = 100\n",
        "[components]\ndesigns = 8\nrow_sets = 4\nnoise_sets = 2\n");
}

TEST_F(SlowReplicaLayoutsTest, EpochsAndEstimatorsWithStates) {
  check(R"("sf_mean", "sf_rb", "pw_local", "taylor_hessian", "taylor_hvp", "pw_quadratic", "mix_stl_cfe", "mvd", "svrg", "saga",
            "joint_cv")",
        "replicas = 2\nrow_policy = \"epoch\"\nbatch_rows = 64\n");
}

TEST_F(SlowReplicaLayoutsTest, EveryGaussianFamily) {
  check(R"("sf_loo", "pw_cfe", "stl", "bonnet_price", "pw_rqmc", "pw_local", "joint_cv")", "replicas = 2\nbatch_rows = 64\n",
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
  const auto more = four(R"(["independent", "shared"])", R"("disjoint")", R"([32, "all"])");
  const auto text = odd_study(R"("pw_cfe", "stl", "pw_rqmc")", more);
  check(write("study.toml", text + "[components]\ndesigns = 24\nrow_sets = 8\nnoise_sets = 4\n"), true);
}

/// Conjugate normal mean: y_n ~ N(z, 1), z ~ N(0, 1).
class ComponentsTest : public ReplicasTest {};

TEST_F(ComponentsTest, AllRowsBesideMinibatchesHaveMonteCarloNoiseAlone) {
  constexpr int rows = 12;
  std::string data = "y\n";
  for (int n = 0; n < rows; ++n) data += fmt::format("{}\n", n % 5 - 1.5);
  write("y.csv", data);
  const store::RunRecord run = run_spec(R"([study]
name = "components"
[data]
file = "y.csv"
response = "y"
row_tile = 16
[model]
name = "normal_mean"
[path]
steps = 0
points = []
optimum = true
[replicates]
count = 64
batches = 32
[estimators]
names = ["pw_cfe"]
samples = 1
batch_rows = [4, "all"]
[components]
designs = 4096
row_sets = 3
noise_sets = 4
)");
  ASSERT_EQ(run.cells.size(), 2u);
  const ComponentMoments& crossed = run.cells[0].points.at(0).estimators.at(0).components;
  const ComponentMoments& whole = run.cells[1].points.at(0).estimators.at(0).components;
  EXPECT_EQ(crossed.row_sets, 3);
  EXPECT_EQ(whole.row_sets, 1);
  const auto mean_square = [](const ComponentMoments& m, const std::vector<double>& sums, std::size_t p) {
    double all = 0;
    double designs = 0;
    for (std::size_t b = 0; b < m.count.size(); ++b) {
      all += sums[b * 2 + p];
      designs += m.count[b];
    }
    return all / designs;
  };
  // At the posterior the pathwise gradient is (N + 1) s eps with s^2 = 1 / (N + 1), and 1 - eps^2: variances N + 1 and 2. 4096 x 3 degrees
  // of freedom; Var s^2 = 2 / df and 14 / df of its square (kurtosis 3 and 15). Five standard errors: chance of a false alarm 1e-6.
  constexpr double freedom = 4096 * 3;
  EXPECT_NEAR(mean_square(whole, whole.mean_square_noise, 0) / (rows + 1), 1, 5 * std::sqrt(2 / freedom));
  EXPECT_NEAR(mean_square(whole, whole.mean_square_noise, 1) / 2, 1, 5 * std::sqrt(14 / freedom));
  EXPECT_EQ(mean_square(whole, whole.mean_square_rows, 0), 0);
  EXPECT_EQ(mean_square(whole, whole.mean_square_interaction, 0), 0);
  EXPECT_GT(mean_square(crossed, crossed.mean_square_rows, 0), 10 * mean_square(crossed, crossed.mean_square_interaction, 0));
  const std::string table = read_text(work() / "run" / "report" / "t2.txt");
  EXPECT_NE(table.find("all rows, one minibatch in each design (K = 1): Monte Carlo noise alone"), std::string::npos) << table;
}

TEST_F(ComponentsTest, ReplicasOfAnEpochAreItsSteps) {
  constexpr int rows = 12;
  std::string data = "y\n";
  double sum = 0;
  double square = 0;
  for (int n = 0; n < rows; ++n) {
    const double y = n % 5 - 1.5;
    data += fmt::format("{}\n", y);
    sum += y;
    square += y * y;
  }
  const double v = square / rows - sum * sum / rows / rows;
  write("y.csv", data);
  const store::RunRecord run = run_spec(R"([study]
name = "epochs"
[data]
file = "y.csv"
response = "y"
row_tile = 16
[model]
name = "normal_mean"
[path]
steps = 0
points = []
optimum = true
[replicates]
count = 16384
batches = 32
[estimators]
names = ["pw_cfe"]
samples = 1
batch_rows = 4
replicas = [1, 2, 3]
row_policy = "epoch"
)");
  ASSERT_EQ(run.cells.size(), 3u);
  std::vector<double> measured;
  for (int r = 1; r <= 3; ++r) {
    // Mean of the first r of three steps of four rows: s2_e = N + 1, s2_d = N^2 v, s2_ed = 0, and (N - 4 r) / (N - 1) of the data noise.
    const double n = rows;
    const double exact = (n + 1) / r + n * n * v * (n - 4 * r) / (n - 1) / (4 * r);
    measured.push_back(variances(run.cells[static_cast<std::size_t>(r - 1)].points.at(0).estimators.at(0)).at(0));
    // Kurtosis of at most 3 (normal noise, bounded rows): five standard errors, chance of a false alarm 1e-6.
    EXPECT_NEAR(measured.back() / exact, 1, 5 * std::sqrt(2.0 / 16384)) << r;
  }
  // Independent steps would have a third of the first one's variance.
  EXPECT_LT(measured[2], 0.5 * measured[0] / 3);
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
