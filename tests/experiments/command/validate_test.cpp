/// `variscope validate`: what passes, what cannot be simulated, what is no study of chains.
#include "tests/invariance/program.hpp"

namespace variscope::testing {
namespace {

class ValidateTest : public ProgramTest {
 protected:
  /// Linear regression of 12 rows: priors and responses are simulated.
  std::string study(const std::string& model, const std::string& sampler = "chains = 1\nwarmup = 200\ndraws = 50\n") {
    std::string rows = "x,y\n";
    for (int i = 0; i < 12; ++i) rows += std::to_string(i % 5 - 2) + "," + std::to_string(i % 3) + "\n";
    write("rows.csv", rows);
    return write("study.toml",
                 "[study]\nname = \"validated\"\nkind = \"sample\"\n[data]\nfile = \"rows.csv\"\nresponse = \"y\"\n[model]\n" + model +
                     "\n[sampler]\nnames = [\"nuts\"]\n" + sampler);
  }
};

TEST_F(ValidateTest, ASamplerOfASimulatedModelPasses) {
  const Outcome outcome = variscope({"validate", study("name = \"linear_regression\""), "--replications", "40", "--steps", "200"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_NE(outcome.out.find("one step       ok"), std::string::npos) << outcome.all();
  EXPECT_NE(outcome.out.find("whole chains   ok"), std::string::npos) << outcome.all();
}

// Its bias is calibrated beside: 40 replications see no bias of a rule that asks for 100 effective draws.
TEST_F(ValidateTest, ARuleThatStopsChainsIsCalibratedToo) {
  const std::string sampler = "chains = 2\nwarmup = 150\ndraws = 400\nstop = \"ess\"\nstop_ess = 100\nstop_every = 50\n";
  const Outcome outcome = variscope({"validate", study("name = \"linear_regression\"", sampler), "--replications", "40", "--steps", "200"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_NE(outcome.out.find("stopped chains ok"), std::string::npos) << outcome.all();
  EXPECT_NE(outcome.out.find("% of 40 stopped, after "), std::string::npos) << outcome.all();
  EXPECT_NE(outcome.out.find("mean rank is off by "), std::string::npos) << outcome.all();
}

TEST_F(ValidateTest, SaysWhyAModelCannotBeSimulated) {
  const auto spec =
      write("banana.toml", "[study]\nname = \"b\"\nkind = \"sample\"\n[model]\nname = \"banana\"\n[sampler]\nnames = [\"nuts\"]\n");
  const Outcome outcome = variscope({"validate", spec});
  EXPECT_EQ(outcome.status, 2) << outcome.all();
  EXPECT_NE(outcome.err.find("no data that could be simulated"), std::string::npos) << outcome.all();
}

TEST_F(ValidateTest, WantsAStudyOfChains) {
  const auto spec = write("variance.toml", "[study]\nname = \"v\"\n[model]\nname = \"banana\"\n[estimators]\nnames = [\"pw_cfe\"]\n");
  const Outcome outcome = variscope({"validate", spec});
  EXPECT_EQ(outcome.status, 2) << outcome.all();
  EXPECT_NE(outcome.err.find("sample"), std::string::npos) << outcome.all();
}

}  // namespace
}  // namespace variscope::testing
