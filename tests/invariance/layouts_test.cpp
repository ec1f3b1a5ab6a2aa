/// The bits promise: one results hash on any number of ranks, threads, and on every layout that divides.
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

using SlowLayoutsTest = LayoutsTest;

TEST_F(LayoutsTest, QuickstartOnOneAndTwoRanks) {
  std::string hash;
  const Counted counted = run_all(write("study.toml", quickstart_spec()), {1, 2}, {1, 2}, hash);
  EXPECT_EQ(counted.accepted, 4);
  EXPECT_EQ(counted.refused, 0);
}

TEST_F(SlowLayoutsTest, QuickstartOnThreeAndFourRanks) {
  const auto spec = write("study.toml", quickstart_spec());
  std::string hash;
  ASSERT_TRUE(run_one(spec, 1, "replicates=1", {1}, hash));
  const Counted counted = run_all(spec, {3, 4}, {1, 2}, hash);
  EXPECT_EQ(counted.accepted, 8);
  EXPECT_EQ(counted.refused, 1);  // four blocks of samples do not divide by three
}

TEST_F(SlowLayoutsTest, Hdf5TableWithMinibatchesDrawnWithReplacement) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "7", "--seed", "5"}).status, 0);
  auto text = replaced(logistic_spec("odd.h5", R"("sf_loo", "pw_cfe", "stl", "pw_antithetic")", "32",
                                     "batch_rows = [100, 1500]\nrow_policy = \"with_replacement\"\n"),
                       "response = \"y\"\n", "");
  text = replaced(text, "count = 16\nbatches = 8", "count = 59\nbatches = 12");  // batches of 5 and of 4
  text = replaced(text, "steps = 5", "steps = 20\nbatch_rows = 200");
  std::string hash;
  const Counted counted = run_all(write("study.toml", text), {1, 2, 3, 4}, {2}, hash);
  EXPECT_EQ(counted.accepted, 12);
  EXPECT_EQ(counted.refused, 1);
}

TEST_F(SlowLayoutsTest, MonteCarloReferenceAndOptimum) {
  auto text = with_value(quickstart_spec(), "path", "steps", "10");
  text = with_value(text, "estimators", "names", R"(["sf_loo", "pw_cfe"])");
  text = with_value(text, "estimators", "batch_rows", "64");
  text += "[reference]\nmethod = \"monte_carlo\"\nsamples = 1024\n";
  std::string hash;
  const Counted counted = run_all(write("study.toml", text), {1, 2, 3, 4}, {1}, hash);
  EXPECT_EQ(counted.accepted, 12);
  EXPECT_EQ(counted.refused, 1);
}

TEST_F(SlowLayoutsTest, SweepOverModelsWithoutData) {
  const auto spec = write("study.toml", R"([study]
name = "models"
seed = [1, 2]
[model]
name = ["gaussian", "banana", "univariate"]
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
k = 1.5
function = "cosine"
[path]
steps = 20
points = [0, 50]
optimum = false
[estimators]
names = ["sf_raw", "sf_loo", "pw_cfe", "stl", "pw_antithetic"]
samples = 30
[replicates]
count = 107
batches = 12
)");
  std::string hash;
  const Counted counted = run_all(spec, {1, 2, 3, 4}, {2}, hash);
  EXPECT_EQ(counted.accepted, 7);
  EXPECT_EQ(counted.refused, 6);  // nothing to shard
}

/// The toy of three coordinates, 30 samples (four lane blocks, the last not full), 47 replicates in 12 batches of 4 and of 3.
std::string discrete_toy(const std::string& family, const std::string& names) {
  return "objective = [\"expectation\", \"elbo\"]\n[study]\nname = \"discrete\"\n[model]\nname = \"bernoulli_toy\"\ndim = 3\np0 = "
         "0.3\n[family]\n" +
         family + "[path]\nsteps = 12\nstep_size = 0.1\nsamples = 16\npoints = [0, 100]\noptimum = false\n[estimators]\nnames = [" + names +
         "]\nsamples = 30\n[replicates]\ncount = 47\nbatches = 12\n";
}

TEST_F(SlowLayoutsTest, BernoulliVariablesWithEveryDiscreteEstimator) {
  const auto spec = write("study.toml", discrete_toy("name = \"bernoulli\"\ninitial_mean = 0.4\n",
                                                     R"("sf_raw", "sf_mean", "sf_loo", "arm", "disarm", "rebar", "gumbel_softmax",
"straight_through", "mvd")"));
  std::string hash;
  const Counted counted = run_all(spec, {1, 2, 3, 4}, {2}, hash);
  EXPECT_EQ(counted.accepted, 7);
  EXPECT_EQ(counted.refused, 6);  // nothing to shard
}

TEST_F(SlowLayoutsTest, CategoricalVariables) {
  const auto spec =
      write("study.toml", discrete_toy("name = \"categorical\"\ncategories = 3\ninitial_mean = 0.4\n", R"("sf_raw", "sf_mean", "sf_loo")"));
  std::string hash;
  const Counted counted = run_all(spec, {1, 2, 3, 4}, {2}, hash);
  EXPECT_EQ(counted.accepted, 7);
  EXPECT_EQ(counted.refused, 6);
}

TEST_F(SlowLayoutsTest, CoefficientsOfTheSameSamples) {
  auto text = gaussian_spec("count = 47\nbatches = 12\n", R"("sf_rb", "sf_rb_same")");
  text = replaced(text, "samples = 8", "samples = 30");
  std::string hash;
  const Counted counted = run_all(write("study.toml", text), {1, 2, 3, 4}, {2}, hash);
  EXPECT_EQ(counted.accepted, 7);
  EXPECT_EQ(counted.refused, 6);
}

}  // namespace
}  // namespace variscope::testing
