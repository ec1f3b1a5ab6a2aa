/// `variscope report RUN...`: the numbers of the runs' own tables in one, the best where intervals separate, refusals with their reasons.
#include "experiments/report/combined.hpp"

#include <cmath>
#include <filesystem>
#include <map>

#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

/// Fields of a CSV line that holds no quoted commas behind the third.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> all(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  return all;
}

struct Number {
  double value = 0;
  double lower = 0;
  double upper = 0;
  std::string flag;
};

/// Rows of a table as CSV: by estimator, of those whose third field (point) and quantity are these.
std::map<std::string, Number> numbers(const std::string& csv, const std::string& point, const std::string& quantity) {
  std::map<std::string, Number> found;
  for (const std::string& line : lines_of(csv)) {
    const auto f = fields(line);
    if (f.size() < 12 || f[2] != point || f[4] != quantity) continue;
    found[f[3]] = {std::stod(f[6]), f[7].empty() ? NAN : std::stod(f[7]), f[8].empty() ? NAN : std::stod(f[8]), f[11]};
  }
  return found;
}

class CombinedTest : public ProgramTest {
 protected:
  void study(const std::string& name, const std::string& text) {
    write(name + ".toml", text);
    const Outcome outcome = variscope({"run", name + ".toml", "--output", name, "--quiet"});
    ASSERT_EQ(outcome.status, 0) << outcome.all();
  }
};

TEST_F(CombinedTest, HoldsTheNumbersOfTheRunsAndMarksTheBest) {
  study("a", gaussian_spec("count = 256\nbatches = 32\n", R"("sf_raw", "sf_loo")"));
  study("b", gaussian_spec("count = 256\nbatches = 32\n", R"("stl", "pw_cfe")"));
  const Outcome together = variscope({"report", "a", "b", "--format", "csv"});
  ASSERT_EQ(together.status, 0) << together.all();
  // One column: the same model, family and point.
  const std::string heading = "gaussian, mean_field_gaussian";
  const auto found = numbers(together.out, "total variance of an estimate, tr Var", heading);
  ASSERT_EQ(found.size(), 4U) << together.out;
  int best = 0;
  for (const std::string run : {"a", "b"}) {
    const auto own = numbers(read_text(work() / run / "report" / "t1.csv"), "optimum", "trace_total");
    ASSERT_EQ(own.size(), 2U);
    for (const auto& [name, number] : own) {
      EXPECT_EQ(found.at(name).value, number.value) << name;
      EXPECT_EQ(found.at(name).lower, number.lower) << name;
      if (found.at(name).flag != "best") continue;
      ++best;
      for (const auto& [other, theirs] : found) EXPECT_TRUE(other == name || theirs.lower > number.upper) << name << " " << other;
    }
  }
  // At the optimum sticking the landing has the least variance by far, or none at all, which is no number to be ranked by.
  EXPECT_LE(best, 1);
  for (const char* format : {"text", "markdown", "latex", "html"}) {
    const Outcome shown = variscope({"report", "a", "b", "--format", format});
    EXPECT_EQ(shown.status, 0) << shown.all();
    EXPECT_NE(shown.out.find("sf"), std::string::npos) << format;
  }
}

TEST_F(CombinedTest, MarksNothingThatNoiseDoesNotSeparate) {
  study("a", gaussian_spec("count = 256\nbatches = 32\n", R"("sf_loo")"));
  study("b", gaussian_spec("count = 192\nbatches = 32\n", R"("sf_loo")"));
  const Outcome together = variscope({"report", "a", "b", "--format", "csv"});
  ASSERT_EQ(together.status, 0) << together.all();
  EXPECT_NE(together.out.find("sf_loo (b)"), std::string::npos) << together.out;
  EXPECT_EQ(together.out.find(",best"), std::string::npos) << together.out;
}

TEST_F(CombinedTest, MarksTheBestOfTwoThatAreFarApart) {
  study("a", gaussian_spec("count = 512\nbatches = 64\n", R"("sf_raw")"));
  study("b", gaussian_spec("count = 512\nbatches = 64\n", R"("pw_cfe")"));
  const Outcome together = variscope({"report", "a", "b", "--format", "csv", "--quantity", "trace_total"});
  ASSERT_EQ(together.status, 0) << together.all();
  const auto found = numbers(together.out, "total variance of an estimate, tr Var", "gaussian, mean_field_gaussian");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.at("pw_cfe").flag, "best") << together.out;
  EXPECT_NE(found.at("sf_raw").flag, "best");
  EXPECT_NE(variscope({"report", "a", "b", "--format", "latex"}).out.find("\\textbf{"), std::string::npos);
  EXPECT_NE(variscope({"report", "a", "b", "--format", "markdown"}).out.find("**"), std::string::npos);
  EXPECT_NE(variscope({"report", "a", "b", "--format", "html"}).out.find("<strong>"), std::string::npos);
}

TEST_F(CombinedTest, ModelsAreColumns) {
  study("a", gaussian_spec("count = 64\nbatches = 8\n", R"("pw_cfe", "stl")"));
  study("b", replaced(gaussian_spec("count = 64\nbatches = 8\n", R"("pw_cfe", "stl")"),
                      "name = \"gaussian\"\nprecision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]\nmean = [0.5, -1, 0.25]\n",
                      "name = \"banana\"\n"));
  const Outcome together = variscope({"report", "a", "b", "--format", "csv"});
  ASSERT_EQ(together.status, 0) << together.all();
  for (const char* model : {"gaussian, mean_field_gaussian", "banana, mean_field_gaussian"})
    EXPECT_NE(together.out.find(model), std::string::npos) << together.out;
}

TEST_F(CombinedTest, RefusesWhatIsNotComparable) {
  study("a", gaussian_spec());
  study("more", with_value(gaussian_spec(), "estimators", "samples", "16"));
  expect_refused({"report", "a", "more"}, {"other budgets", "estimators.samples = 16 / 8", "--any-budget"});
  const Outcome any = variscope({"report", "a", "more", "--any-budget"});
  EXPECT_EQ(any.status, 0) << any.all();
  EXPECT_NE(any.out.find("M = 16"), std::string::npos) << any.out;
  // The optimum is one point whatever the seed; the end of a path is not.
  const std::string path = replaced(gaussian_spec(), "points = [0, 100]\n", "points = [0, 100]\noptimum = false\n");
  study("here", path);
  study("elsewhere", replaced(path, "[study]\n", "[study]\nseed = 77\n"));
  expect_refused({"report", "here", "elsewhere"}, {"other parameters", "a variance belongs to its point"});
  write("rows.csv", "x,y\n1,0\n2,1\n3,1\n-1,0\n0.5,1\n-2,0\n");
  study("data1", logistic_spec("rows.csv"));
  write("rows.csv", "x,y\n1,0\n2,1\n3,1\n-1,0\n0.5,1\n-3,0\n");
  study("data2", logistic_spec("rows.csv"));
  expect_refused({"report", "data1", "data2"}, {"other data under one name"});
  study("fits", "[study]\nname = \"f\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[fit]\nmethod = \"laplace\"\n");
  expect_refused({"report", "a", "fits"}, {"different kinds"});
  expect_refused({"report", "a", "--quantity", "gap"}, {"of several runs"});
  expect_refused({"report", "a", "a"}, {"two runs are called 'a'"});
  expect_refused({"report", "a", "more", "--table", "t1"}, {"of one run"});
}

TEST_F(CombinedTest, FitsAndChainsToo) {
  const std::string fit =
      "[study]\nname = \"f\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[family]\n[reference]\nmean = [0.0, 0.9]\nsd = [3.0, "
      "1.618641406]\n"
      "[fit]\nsteps = 100\nmethod = ";
  study("one", fit + "\"exact_mean_field\"\n");
  study("two", fit + "\"pathfinder\"\n");
  const Outcome fits = variscope({"report", "one", "two", "--format", "csv"});
  ASSERT_EQ(fits.status, 0) << fits.all();
  const auto errors = numbers(fits.out, "sd over reference sd, geometric mean", "banana");
  EXPECT_EQ(errors.size(), 2U) << fits.out;
  const std::string chains =
      "[study]\nname = \"c\"\nkind = \"sample\"\n[model]\nname = \"banana\"\n[sampler]\nwarmup = 100\ndraws = 200\nnames = ";
  study("three", chains + "[\"hmc\"]\n");
  study("four", chains + "[\"nuts\"]\n");
  const Outcome samplers = variscope({"report", "three", "four"});
  ASSERT_EQ(samplers.status, 0) << samplers.all();
  for (const char* text : {"hmc", "nuts", "effective draws per gradient", "R-hat"})
    EXPECT_NE(samplers.out.find(text), std::string::npos) << samplers.out;
}

}  // namespace
}  // namespace variscope::testing
