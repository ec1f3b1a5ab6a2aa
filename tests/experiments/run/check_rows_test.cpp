/// `variscope plan` finds in the rows what a run would refuse.
#include "experiments/run/check_rows.hpp"

#include <fmt/format.h>

#include "engine/error.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

class CheckRowsTest : public testing::ProgramTest {
 protected:
  void write_rows(const std::string& bad, int rows = 300) {
    std::string text = "x,y,t\n";
    for (int row = 0; row < rows; ++row)
      text += fmt::format("{},{},{}\n", row * 0.25, row == 257 ? bad : std::to_string(row % 2), 1 + row % 3);
    write("d.csv", text);
  }
  std::string study(const std::string& model) {
    return write("s.toml", "[study]\nname = \"s\"\n[model]\n" + model +
                               "[data]\nfile = \"d.csv\"\nresponse = \"y\"\ncolumns = [\"x\"]\nside_columns = [\"t\"]\n[estimators]\n"
                               "names = [\"pw_cfe\"]\n");
  }
};

TEST_F(CheckRowsTest, ResponsesOfTheWrongKindAreRefusedByPlan) {
  write_rows("2");
  expect_refused({"plan", study("name = \"logistic_regression\"\n")}, {"d.csv", "2"});
  expect_refused({"plan", study("name = \"glm\"\nlikelihood = \"bernoulli\"\n")}, {"2"});
  EXPECT_EQ(variscope({"plan", study("name = \"glm\"\nlikelihood = \"poisson\"\n")}).status, 0);
  write_rows("-1");
  expect_refused({"plan", study("name = \"glm\"\nlikelihood = \"poisson\"\n")}, {"-1"});
  EXPECT_EQ(variscope({"plan", study("name = \"glm\"\nlikelihood = \"gaussian\"\n")}).status, 0);
  write_rows("4");
  expect_refused({"plan", study("name = \"glm\"\nlikelihood = \"binomial\"\ntrials = \"t\"\n")},
                 {"4", "data row 258", "successes of 3 trials"});
}

TEST_F(CheckRowsTest, LooksAtNoMoreThanItIsTold) {
  write_rows("2");
  const Plan plan = make_plan(path(study("name = \"logistic_regression\"\n")), 1, 1, {}, "");
  const CheckedRows few = check_rows(plan, 100 * 32.0);  // x, intercept, response and its sign
  EXPECT_EQ(few.rows, 100);
  EXPECT_EQ(few.all, 300);
  EXPECT_THROW((void)check_rows(plan, 300 * 32.0), UserError);
}

TEST_F(CheckRowsTest, PriorsOfColumnsThatAreNotThereAreRefused) {
  write_rows("1");
  const std::string text =
      "[study]\nname = \"s\"\n[model]\nname = \"glm\"\nlikelihood = \"bernoulli\"\nprior_intercept = \"normal(0, 1)\"\n"
      "[data]\nfile = \"d.csv\"\nresponse = \"y\"\nintercept = false\n[estimators]\nnames = [\"pw_cfe\"]\n";
  write("s.toml", text);
  expect_refused({"plan", "s.toml"}, {"s.toml:6:", "model.prior_intercept has no meaning here", "set data.intercept = true"});
}

}  // namespace
}  // namespace variscope::experiments
