/// `variscope run SPEC...`: each study as if it were run alone, on as many ranks as divide it; all are planned first.
#include <filesystem>

#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

class RunEachTest : public ProgramTest {
 protected:
  /// A small study of this name.
  std::string study(const std::string& name, const std::string& estimator) {
    return write(name + ".toml", replaced(gaussian_spec("count = 64\nbatches = 8\n", "\"" + estimator + "\""), "name = \"cheap\"",
                                          "name = \"" + name + "\""));
  }
};

TEST_F(RunEachTest, EachIsTheStudyAlone) {
  study("a", "pw_cfe");
  study("b", "stl");
  const std::string alone = variscope({"run", "b.toml", "--output", "alone", "--quiet"}).hash();
  const Outcome outcome = variscope({"run", "a.toml", "b.toml", "--quiet", "--ranks", "2"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.hash(), alone);  // the last one printed
  EXPECT_TRUE(std::filesystem::exists(work() / "runs" / "a" / "run.h5"));
  EXPECT_NE(outcome.out.find("[2 of 2] b.toml: status 0"), std::string::npos) << outcome.out;
}

TEST_F(RunEachTest, OneFitTakesOneRankAndOthersTheirTwo) {
  study("a", "pw_cfe");
  write("f.toml", "[study]\nname = \"f\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[fit]\nmethod = \"exact_mean_field\"\n");
  const Outcome outcome = variscope({"run", "f.toml", "a.toml", "--quiet", "--ranks", "2"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_NE(outcome.out.find("f.toml on 1 rank\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("a.toml on 2 ranks\n"), std::string::npos) << outcome.out;
}

TEST_F(RunEachTest, NothingRunsWhereOneCannot) {
  study("a", "pw_cfe");
  study("wrong", "pw_cfee");
  expect_refused({"run", "a.toml", "wrong.toml"}, {"wrong.toml", "pw_cfee"});
  expect_refused({"run", "a.toml", "a.toml", "--output", "x"}, {"--output", "belong to one study"});
}

TEST_F(RunEachTest, OneThatFailsDoesNotKeepTheOthers) {
  study("a", "pw_cfe");
  study("b", "stl");
  ASSERT_EQ(variscope({"run", "a.toml", "--quiet"}).status, 0);
  const Outcome outcome = variscope({"run", "a.toml", "b.toml", "--quiet"});  // a is there already
  EXPECT_EQ(outcome.status, 2) << outcome.all();
  EXPECT_TRUE(std::filesystem::exists(work() / "runs" / "b" / "run.h5"));
}

}  // namespace
}  // namespace variscope::testing
