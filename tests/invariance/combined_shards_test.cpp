/// Posteriors of shards, combined, as a user runs them: a conjugate posterior, any layout, what is refused.
#include <cmath>

#include "engine/store/run_file.hpp"
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

/// Two columns of signs that are orthogonal within every shard of 16 rows, noise of sd 1: with a prior of sd 0.2 coordinate d has
/// precision 25 + 64 and mean sum(x y) / 89.
constexpr int kRows = 64;
constexpr double kPrecision = 25 + kRows;

double sign(int row, int column) { return (column == 0 ? row % 2 : row / 2 % 2) == 0 ? 1.0 : -1.0; }
double response(int row) { return 0.5 * sign(row, 0) - 0.3 * sign(row, 1) + std::sin(1.0 + 37.0 * row); }

class CombineTest : public LayoutsTest {
 protected:
  void SetUp() override {
    LayoutsTest::SetUp();
    std::string table = "a,b,y\n";
    for (int row = 0; row < kRows; ++row) table += fmt::format("{},{},{}\n", sign(row, 0), sign(row, 1), response(row));
    write("d.csv", table);
  }
  [[nodiscard]] static std::string spec(const std::string& sampler, const std::string& combine) {
    return R"([study]
name = "combined"
kind = "sample"
[data]
file = "d.csv"
response = "y"
standardize = false
intercept = false
row_tile = 16
[model]
name = "linear_regression"
noise_sd = 1.0
prior_sd = 0.2
[sampler]
)" + sampler +
           "[combine]\n" + combine;
  }
  store::RunRecord run_spec(const std::string& text) {
    write("s.toml", text);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--overwrite", "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    said_ = outcome.out;
    return store::read_run_file(work() / "run" / "run.h5");
  }
  std::string said_;
};
using SlowCombineTest = CombineTest;

double exact_mean(int column) {
  double sum = 0;
  for (int row = 0; row < kRows; ++row) sum += sign(row, column) * response(row);
  return sum / kPrecision;
}

double figure(const CombinedRecord& combined, std::size_t coordinate, const char* name) {
  return combined.coordinate(coordinate, place_of(combined_figures, name));
}

TEST_F(SlowCombineTest, ComeToAConjugatePosterior) {
  const auto run = run_spec(
      spec("names = [\"nuts\"]\nchains = 4\nwarmup = 200\ndraws = 1000\n",
           "names = [\"consensus\", \"parametric\", \"semiparametric\", \"wasp_location_scatter\"]\nshards = [2, 4]\ndraws = 4000\n"));
  ASSERT_EQ(run.chains.size(), 2U);
  for (const ChainCellRecord& cell : run.chains) {
    ASSERT_EQ(cell.combined.size(), 4U);
    EXPECT_EQ(cell.coordinates.size(), 2U);
    for (const CombinedRecord& combined : cell.combined) {
      for (std::size_t d = 0; d < 2; ++d) {
        // Of Student's t with 7 degrees of freedom, 10 standard errors are passed twice in 10^5, and 16 are compared; kernels and
        // barycentres of shards that differ have a bias beside: a fifth of an sd.
        const bool exact = combined.combiner == "consensus" || combined.combiner == "parametric";
        const double slack = exact ? 0 : 0.2 / std::sqrt(kPrecision);
        EXPECT_NEAR(figure(combined, d, "mean"), exact_mean(static_cast<int>(d)), 10 * figure(combined, d, "mean_error") + slack)
            << combined.combiner;
        EXPECT_NEAR(figure(combined, d, "sd"), 1 / std::sqrt(kPrecision), 10 * figure(combined, d, "sd_error") + slack)
            << combined.combiner;
        EXPECT_LT(figure(combined, d, "mean_error"), 0.2 / std::sqrt(kPrecision));
        EXPECT_NEAR(figure(combined, d, "full_mean"), exact_mean(static_cast<int>(d)), 5 * figure(combined, d, "full_mean_error"));
        EXPECT_NEAR(figure(combined, d, "full_sd"), 1 / std::sqrt(kPrecision), 5 * figure(combined, d, "full_sd_error"));
      }
      // Shards are 1 / M of the rows: their chains' gradients together cost about what those of all rows do.
      const double gradients = combined.figures[place_of(combination_figures, "shard_gradients")];
      double full = 0;
      for (std::size_t c = 0; c < 4; ++c) {
        for (const char* name : {"gradients", "warmup_gradients"}) full += cell.samplers[0].chain(c, place_of(chain_figures, name));
      }
      EXPECT_GT(gradients, 0.4 * full);
      EXPECT_LT(gradients, 2.5 * full);
      EXPECT_EQ(combined.figures[place_of(combination_figures, "shard_failed")], 0);
    }
    // The twin: were the prior not divided, means would be sum / (64 + 25 M), which the errors above tell apart.
    const double undivided = exact_mean(0) * kPrecision / (kRows + 25.0 * static_cast<double>(cell.row_shards));
    EXPECT_GT(std::abs(undivided - exact_mean(0)), 10 * figure(cell.combined[0], 0, "mean_error"));
  }
  EXPECT_NE(said_.find("C1 combined posteriors"), std::string::npos) << said_;
  EXPECT_TRUE(std::filesystem::exists(work() / "run" / "report" / "c1.csv"));
}

TEST_F(SlowCombineTest, OnAnyLayout) {
  const auto text = spec("names = [\"nuts\", \"random_walk_metropolis\"]\nchains = 4\nwarmup = 40\ndraws = 60\n",
                         "names = [\"consensus\", \"nonparametric\", \"wasp\", \"m_posterior\"]\nshards = 3\n");
  std::string hash;
  for (const auto& [ranks, layout] :
       std::vector<std::pair<int, std::string>>{{1, "replicates=1"}, {2, "shards=2"}, {4, "replicates=2,shards=2"}})
    EXPECT_TRUE(run_one(write("study.toml", text), ranks, layout, ranks == 1 ? std::vector<int>{1, 2} : std::vector<int>{1}, hash))
        << layout;
}

TEST_F(CombineTest, RefusesWhatCannotBeCombined) {
  const auto refused = [&](const std::string& text, const std::string& words) {
    write("s.toml", text);
    const Outcome outcome = variscope({"plan", "s.toml"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.all().find(words), std::string::npos) << outcome.all();
  };
  const std::string brief = "chains = 4\nwarmup = 40\ndraws = 60\n";
  refused(spec("names = \"nuts\"\n" + brief, "names = \"consensus\"\nshards = 65\n"), "there are 64 rows");
  refused(spec("names = \"elliptical_slice\"\n" + brief, "names = \"consensus\"\n"), "a shard has a fraction");
  refused(spec("names = \"nuts\"\n" + brief, "shards = 3\n"), "combine.shards has no meaning here (nothing is combined)");
  refused(spec("names = \"nuts\"\nchains = 1\nwarmup = 4\ndraws = 4\n", "names = \"consensus\"\n"),
          "their covariances, and errors by 8 batches, need 48");
}

}  // namespace
}  // namespace variscope::testing
