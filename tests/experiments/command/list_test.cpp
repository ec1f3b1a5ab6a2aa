/// `variscope list`: every topic, the page of an estimator, and what is told of names that do not exist.
#include "engine/estimators/estimator.hpp"
#include "engine/samplers/catalogue.hpp"
#include "tests/invariance/program.hpp"

namespace variscope::testing {
namespace {

class ListTest : public ProgramTest {};

TEST_F(ListTest, EveryTopicAlone) {
  for (const std::string topic : {"models", "estimators", "families", "transforms", "optimizers", "methods", "stopping", "samplers", "keys",
                                  "schedulers", "launchers", "sites"}) {
    const Outcome outcome = variscope({"list", topic});
    EXPECT_EQ(outcome.status, 0) << topic;
    EXPECT_NE(outcome.out.find("---"), std::string::npos) << topic;
  }
}

TEST_F(ListTest, APageOfEveryEstimator) {
  for (const estimators::Entry& entry : estimators::catalogue()) {
    const Outcome outcome = variscope({"list", "estimators", entry.name});
    EXPECT_EQ(outcome.status, 0) << entry.name << outcome.err;
    EXPECT_NE(outcome.out.find(entry.summary.substr(0, 20)), std::string::npos) << outcome.out;
  }
}

TEST_F(ListTest, APageOfEverySampler) {
  for (const samplers::Entry& entry : samplers::catalogue()) {
    const Outcome outcome = variscope({"list", "samplers", entry.name});
    EXPECT_EQ(outcome.status, 0) << entry.name << outcome.err;
    EXPECT_NE(outcome.out.find(entry.summary.substr(0, 20)), std::string::npos) << outcome.out;
  }
}

TEST_F(ListTest, UnknownNames) {
  expect_refused({"list", "estimator"}, {"unknown topic 'estimator'", "Did you mean 'estimators'?"});
  expect_refused({"list", "estimators", "pw_cfee"}, {"unknown estimator 'pw_cfee'", "Did you mean 'pw_cfe'?"});
  expect_refused({"list", "samplers", "nutz"}, {"unknown sampler 'nutz'", "Did you mean 'nuts'?"});
  expect_refused({"list", "models", "glm"}, {"'models' has no pages of single entries"});
}

}  // namespace
}  // namespace variscope::testing
