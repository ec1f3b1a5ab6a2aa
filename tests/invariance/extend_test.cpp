/// `resume --extend`: a complete study made larger ends in the hash of the larger study in one run, killed on its way or not.
#include "tests/invariance/killing.hpp"

namespace variscope::testing {
namespace {

class ExtendTest : public KillingTest {
 protected:
  std::string hash_of(const std::string& name, const std::string& text) {
    const auto outcome = variscope({"run", write(name + ".toml", text), "--output", name, "--quiet", "--threads", "1"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    EXPECT_EQ(outcome.hash().size(), 64u);
    return outcome.hash();
  }
  Outcome extend(const std::string& directory, const std::string& count, const Words& more = {}) {
    Words words = {"resume", directory, "--extend", count, "--quiet", "--checkpoint-seconds", "0", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return variscope(words);
  }
  /// Killed after a few commits of the extension; then gone on with by the same command and by a plain resume.
  void expect_extends(const std::string& directory, const std::string& count, const std::string& before, const std::string& hash) {
    ASSERT_NE(before, hash);
    ::setenv("VARISCOPE_FAULT", "manifest.committed:3", 1);
    EXPECT_EQ(extend(directory, count).status, 137);
    ::unsetenv("VARISCOPE_FAULT");
    // What was complete is still there.
    EXPECT_TRUE(std::filesystem::exists(work() / directory / "run.h5"));
    const auto outcome = extend(directory, count, {"--ranks", "2"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    EXPECT_EQ(outcome.hash(), hash) << outcome.all();
    EXPECT_TRUE(store::is_complete(work() / directory));
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "segments"));
  }
};

TEST_F(ExtendTest, MoreReplicates) {
  const auto study = [](const std::string& count, const std::string& batches) {
    return with_value(gaussian_spec("count = " + count + "\nbatches = " + batches + "\n", "\"pw_cfe\", \"sf_loo\""), "estimators",
                      "samples", "[8, 16]");
  };
  const std::string before = hash_of("small", study("60", "6"));
  const std::string larger = hash_of("large", study("120", "12"));
  expect_extends("small", "120", before, larger);
  // Again, at once.
  const auto again = extend("small", "180");
  EXPECT_EQ(again.hash(), hash_of("larger", study("180", "18"))) << again.all();
}

TEST_F(ExtendTest, MoreStepsOfFits) {
  const auto study = [](int steps) {
    return fmt::format(R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[estimators]
names = ["pw_cfe", "stl"]
samples = [8, 16]
[fit]
steps = {}
repeats = 3
posterior_draws = 512
)",
                       steps);
  };
  const std::string before = hash_of("short", study(20));
  expect_extends("short", "50", before, hash_of("long", study(50)));
}

TEST_F(ExtendTest, RefusesWhatWouldNotBeTheLargerStudy) {
  (void)hash_of("small", gaussian_spec("count = 60\nbatches = 6\n"));
  expect_refused({"resume", "small", "--extend", "60"}, {"has 60 replicates already"});
  expect_refused({"resume", "small", "--extend", "65"}, {"must be a multiple of a batch's 10 replicates", "Name 70"});
}

}  // namespace
}  // namespace variscope::testing
