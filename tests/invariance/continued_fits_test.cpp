/// Fits continued from the ends of shorter ones: the hash of a study that never stopped, on any layout, with every optimizer, average and
/// rule.
#include <gtest/gtest.h>

#include "engine/optimizers/optimizer.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/flip.hpp"
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

class ContinuedFitsTest : public LayoutsTest {
 protected:
  /// The hash of a study, in `directory`.
  std::string hash_of(const std::string& text, const std::string& directory, const Words& more = {}) {
    write("s.toml", text);
    Words words = {"run", "s.toml", "--output", directory, "--overwrite", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = variscope(words);
    EXPECT_EQ(outcome.status, 0) << text << outcome.all();
    return outcome.hash();
  }
  std::string continued_from(const std::string& directory) {
    return store::read_run_file(work() / directory / "run.h5").provenance.at("continued_from");
  }
  /// spec(steps) has the same hash at once and in two parts, the first of each of `briefs` steps; `all` fits were continued.
  template <class Spec>
  void check(Spec spec, const std::vector<int>& briefs, int steps, int all, const Words& first = {}, const Words& then = {}) {
    const std::string text = spec(steps);
    SCOPED_TRACE(text);
    const std::string whole = hash_of(text, "whole");
    for (const int brief : briefs) {
      hash_of(spec(brief), "brief", first);
      Words more = {"--continue", "brief"};
      more.insert(more.end(), then.begin(), then.end());
      EXPECT_EQ(hash_of(text, "continued", more), whole) << brief;
      EXPECT_TRUE(continued_from("continued").ends_with(fmt::format(": {0} of {0} fits", all))) << continued_from("continued");
    }
  }
};
using SlowContinuedFitsTest = ContinuedFitsTest;

/// Mean-field on a Gaussian with correlations; `fit` goes to [fit], whose steps are `steps`.
std::string gaussian_fits(int steps, const std::string& fit, const std::string& more = "",
                          const std::string& names = "\"pw_cfe\", \"sf_loo\"") {
  return fmt::format(R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[estimators]
names = [{}]
samples = 16
[fit]
steps = {}
posterior_draws = 64
{}{})",
                     names, steps, fit, more);
}

TEST_F(ContinuedFitsTest, WithEveryOptimizer) {
  std::string names;
  int count = 0;
  for (const optimizers::Entry& entry : optimizers::catalogue()) {
    if (entry.reason_against && !entry.reason_against("mean_field_gaussian").empty()) continue;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", entry.name);
    ++count;
  }
  EXPECT_GE(count, 6);
  check([&](int steps) { return gaussian_fits(steps, fmt::format("optimizer = [{}]\nrepeats = 2\naverage = 0.4\n", names)); }, {37}, 90,
        4 * count);
}

TEST_F(ContinuedFitsTest, WithASearchOverStepSizes) {
  check([](int steps) { return gaussian_fits(steps, "optimizer = \"advi_adaptive\"\nsearch_steps = 20\nrepeats = 2\n"); }, {10}, 33, 4);
}

TEST_F(SlowContinuedFitsTest, WithEveryStoppingRule) {
  // Fits end before, at and after the ends of the brief studies.
  const auto spec = [](int steps) {
    return gaussian_fits(steps, "repeats = 3\n",
                         "[stopping]\nrule = [\"relative_change\", \"elbo_window\", \"iterates\"]\nevery = 10\ntolerance = 0.1\n"
                         "window = 30\nmcse = 0.2\neffective_size = 2\n");
  };
  check(spec, {20, 80, 150}, 400, 18);
  int stopped = 0;
  for (const FitCellRecord& cell : store::read_run_file(work() / "whole" / "run.h5").fits) {
    for (const FitRecord& fit : cell.fits) stopped += fit.ending == FitEnding::stopped ? 1 : 0;
  }
  EXPECT_GT(stopped, 6);
}

/// The broken twin: a state one bit of which is another.
TEST_F(ContinuedFitsTest, NeedEveryBitOfTheirState) {
  const auto spec = [](int steps) { return gaussian_fits(steps, "repeats = 2\naverage = 0.4\n"); };
  const std::string whole = hash_of(spec(40), "whole");
  hash_of(spec(20), "brief");
  auto file = store::open_file(work() / "brief" / "run.h5", store::Access::write);
  store::flip(file, "/states/cell_000/lambda");
  file.close();
  EXPECT_NE(hash_of(spec(40), "continued", {"--continue", "brief"}), whole);
}

TEST_F(ContinuedFitsTest, ThatDiverged) {
  // Plain gradient steps as long as these leave every bound.
  const auto spec = [](int steps) { return gaussian_fits(steps, "optimizer = \"sgd\"\nstep_size = 3.0\nrepeats = 2\n"); };
  check(spec, {60}, 100, 4);
  EXPECT_EQ(store::read_run_file(work() / "whole" / "run.h5").fits.at(0).fits.at(0).status, FitStatus::diverged);
}

TEST_F(ContinuedFitsTest, OfParticlesAndExactGradients) {
  const auto spec = [](int steps) {
    return fmt::format(
        "[study]\nname = \"fits\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[fit]\nmethod = [\"svgd\", \"exact\"]\n"
        "particles = 10\nsteps = {}\nrepeats = 2\nposterior_draws = 64\n",
        steps);
  };
  check(spec, {10}, 25, 3);
}

TEST_F(SlowContinuedFitsTest, WithRowsOnOtherRanks) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "5", "--seed", "5"}).status, 0);
  const auto spec = [](int steps) {
    return fmt::format(
        "[study]\nname = \"fits\"\nkind = \"fit\"\n[data]\nfile = \"odd.h5\"\nrow_tile = 16\n[model]\n"
        "name = \"logistic_regression\"\n[estimators]\nnames = [\"pw_cfe\"]\nsamples = 8\nbatch_rows = 64\nreplicas = 2\n"
        "row_policy = \"epoch\"\n[fit]\nsteps = {}\nrepeats = 2\nposterior_draws = 64\n",
        steps);
  };
  check(spec, {13}, 31, 2, {"--ranks", "2", "--threads", "1", "--layout", "replicas=2"},
        {"--ranks", "2", "--threads", "1", "--layout", "shards=2"});
}

TEST_F(ContinuedFitsTest, BeginAnewWhereTheyWereMadeOfOtherNumbers) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "100", "--columns", "2", "--seed", "5"}).status, 0);
  const auto spec = [](int steps) {
    return fmt::format(
        "[study]\nname = \"fits\"\nkind = \"fit\"\n[data]\nfile = \"odd.h5\"\nrow_tile = 16\n[model]\n"
        "name = \"logistic_regression\"\n[estimators]\nnames = [\"pw_cfe\"]\n[fit]\nsteps = {}\nrepeats = 2\n",
        steps);
  };
  hash_of(spec(10), "brief");
  std::filesystem::remove(work() / "odd.h5");
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "100", "--columns", "2", "--seed", "6"}).status, 0);
  const std::string continued = hash_of(spec(20), "continued", {"--continue", "brief"});
  EXPECT_EQ(continued, hash_of(spec(20), "whole"));
  EXPECT_TRUE(continued_from("continued").ends_with(": 0 of 2 fits")) << continued_from("continued");
}

TEST_F(ContinuedFitsTest, ByResumeInTheirOwnDirectory) {
  const auto spec = [](int steps) { return gaussian_fits(steps, "repeats = 2\naverage = 0.4\n"); };
  const std::string whole = hash_of(spec(60), "whole");
  hash_of(spec(25), "grown");
  const Outcome outcome = variscope({"resume", "grown", "--extend", "60", "--quiet"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.hash(), whole);
  EXPECT_TRUE(continued_from("grown").ends_with(": 4 of 4 fits")) << continued_from("grown");
  expect_refused({"resume", "grown", "--extend", "60"}, {"60 steps already"});
}

TEST_F(ContinuedFitsTest, RefuseRunsThatHaveNone) {
  hash_of(gaussian_fits(20, "repeats = 1\n"), "brief");
  write("s.toml", gaussian_fits(40, "repeats = 1\nstep_size = 0.5\n"));
  expect_refused({"run", "s.toml", "--output", "other", "--continue", "brief"}, {"none of the fits", "settings other than their length"});
  expect_refused({"run", "s.toml", "--output", "other", "--continue", "nowhere"}, {"nowhere", "no run file"});
  write("v.toml", "[study]\nname = \"v\"\n[model]\nname = \"banana\"\n[estimators]\nnames = [\"pw_cfe\"]\n");
  expect_refused({"run", "v.toml", "--output", "other", "--continue", "brief"}, {"--continue", "no study of fits"});
}

}  // namespace
}  // namespace variscope::testing
