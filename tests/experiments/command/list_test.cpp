/// `variscope list`: every topic, the page of an estimator, and what is told of names that do not exist.
#include "engine/estimators/estimator.hpp"
#include "engine/samplers/catalogue.hpp"
#include "experiments/command/text_table.hpp"
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

TEST_F(ListTest, FitsTheTerminal) {
  const std::vector<std::vector<std::string>> rows = {{"a", "one two three four five six seven", "x"},
                                                      {"b", "", "\u00e4\u00f6 y z w v u t s r q p o n m"}};
  EXPECT_EQ(experiments::text_table({"n", "what", "why"}, rows, 0),
            "n  what                               why\n"
            "-  ---------------------------------  ----------------------------\n"
            "a  one two three four five six seven  x\n"
            "b                                     \u00e4\u00f6 y z w v u t s r q p o n m\n");
  EXPECT_EQ(experiments::text_table({"n", "what", "why"}, rows, 33),
            "n  what            why\n"
            "-  --------------  --------------\n"
            "a  one two three   x\n"
            "   four five six\n"
            "   seven\n"
            "b                  \u00e4\u00f6 y z w v u t\n"
            "                   s r q p o n m\n");
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

TEST_F(ListTest, AReferenceWithAPageOfEveryEntry) {
  const Outcome outcome = variscope({"list", "--markdown", "reference"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  const std::string index = read_text(work() / "reference" / "README.md");
  std::size_t pages = 0;
  for (const std::string& file : files()) {
    if (!file.ends_with(".md") || file.ends_with("README.md")) continue;
    ++pages;
    EXPECT_NE(index.find("](" + file.substr(std::string("reference/").size()) + ")"), std::string::npos) << file;
    const std::string text = read_text(work() / file);
    EXPECT_NE(text.find("**source**"), std::string::npos) << file;
  }
  for (const estimators::Entry& entry : estimators::catalogue()) {
    const std::string text = read_text(work() / "reference" / "estimators" / (entry.name + ".md"));
    for (const char* heading : {"**estimate**", "**cost per sample**", "**families**", "**truths**"})
      EXPECT_NE(text.find(heading), std::string::npos) << entry.name;
  }
  EXPECT_GT(pages, 60U);
}

TEST_F(ListTest, UnknownNames) {
  expect_refused({"list", "estimator"}, {"unknown topic 'estimator'", "Did you mean 'estimators'?"});
  expect_refused({"list", "estimators", "pw_cfee"}, {"unknown estimator 'pw_cfee'", "Did you mean 'pw_cfe'?"});
  expect_refused({"list", "samplers", "nutz"}, {"unknown sampler 'nutz'", "Did you mean 'nuts'?"});
  expect_refused({"list", "models", "glmm"}, {"unknown model 'glmm'", "Did you mean 'glm'?"});
  expect_refused({"list", "keys", "fit.steps"}, {"'keys' has no pages of single entries"});
}

}  // namespace
}  // namespace variscope::testing
