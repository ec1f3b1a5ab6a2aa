/// The Survey's study as it is shipped, with fewer replicates: the variances printed for score function and pathwise against exact ones.
#include <fmt/format.h>

#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <cstdlib>

#include "engine/oracles/survey.hpp"
#include "experiments/report/render.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

/// One number of the CSV. Fields in quotes hold no quotes.
struct Printed {
  std::string function;
  double k = 0;
  std::string estimator;
  std::string quantity;
  diagnostics::Estimate estimate;
  std::string flag;
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::string after(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  if (at == std::string::npos) return "";
  const std::size_t first = at + label.size();
  return text.substr(first, text.find(',', first) - first);
}

std::vector<Printed> printed_in(const std::string& csv) {
  std::vector<Printed> all;
  for (const std::string& line : testing::lines_of(csv)) {
    const auto fields = fields_of(line);
    Printed p;
    p.function = after(fields.at(1), "model.function = ");
    if (p.function.empty()) continue;  // the header
    p.k = std::stod(after(fields[1], "model.k = "));
    p.estimator = fields.at(3);
    p.quantity = fields.at(4);
    p.estimate.value = std::strtod(fields.at(6).c_str(), nullptr);
    p.estimate.lower = std::strtod(fields.at(7).c_str(), nullptr);
    p.estimate.upper = std::strtod(fields.at(8).c_str(), nullptr);
    p.estimate.log_error = std::strtod(fields.at(9).c_str(), nullptr);
    p.estimate.reliability = diagnostics::Reliability::reliable;
    p.flag = fields.at(11);
    all.push_back(p);
  }
  return all;
}

/// How often the interval of a printed number misses the exact one.
struct Coverage {
  int compared = 0;
  int missed = 0;
  int zero = 0;       ///< exactly no variance, and printed so
  double most_z = 0;  ///< of log(printed / exact)

  void add(const Printed& p, double exact) {
    if (exact == 0) {
      zero += p.flag == "zero" ? 1 : 0;
      return;
    }
    if (p.flag != "reliable") return;
    ++compared;
    missed += exact < p.estimate.lower || exact > p.estimate.upper ? 1 : 0;
    most_z = std::max(most_z, std::abs(std::log(p.estimate.value / exact)) / p.estimate.log_error);
  }
};

class SurveyStudyTest : public testing::ProgramTest {};

TEST_F(SurveyStudyTest, PrintsTheExactVariancesWithinItsOwnIntervals) {
  std::string spec = testing::read_text(std::string(VARISCOPE_SOURCE_DIR) + "/experiments/specs/survey_functions.toml");
  spec = testing::with_value(spec, "replicates", "count", "8192");
  write("survey.toml", testing::with_value(spec, "estimators", "names", R"(["sf_raw", "pw_cfe"])"));
  const auto outcome = variscope({"run", "survey.toml", "--output", "run", "--quiet"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  const std::string text = testing::read_text(work() / "run" / "report" / "t1.txt");
  Coverage correct;
  Coverage twin;  // the two columns exchanged
  for (const Printed& p : printed_in(testing::read_text(work() / "run" / "report" / "t1.csv"))) {
    if (p.quantity != "trace_mean" && p.quantity != "trace_log_scale") continue;
    // At sigma = 1 the gradients in sigma and in log sigma are the same.
    for (const oracles::SurveyRow& row : oracles::survey_rows(p.function, p.k, 1, 1)) {
      if ((row.parameter == "mu") != (p.quantity == "trace_mean")) continue;
      const bool pathwise = p.estimator == "pw_cfe";
      const double exact = pathwise ? row.pathwise : row.score_function;
      correct.add(p, exact);
      twin.add(p, pathwise ? row.score_function : row.pathwise);
      if (p.flag == "reliable") {
        EXPECT_NE(text.find(format_estimate(p.estimate)), std::string::npos) << p.function << p.k << p.estimator;
      }
    }
  }
  // 3 functions x 7 parameters k x 2 estimators x 2 blocks. Pathwise has no variance where the function is constant, k = 0, two of three.
  EXPECT_EQ(correct.zero, 4);
  EXPECT_GE(correct.compared, 60);
  // Intervals of 92 % coverage at least miss more often than this once in a thousand studies, |z| is beyond 6 once in 1e4 (t, 10 degrees).
  const boost::math::binomial misses(correct.compared, 0.08);
  EXPECT_LE(correct.missed, boost::math::quantile(boost::math::complement(misses, 1e-3))) << "of " << correct.compared;
  EXPECT_LT(correct.most_z, 6);
  EXPECT_GT(twin.missed, correct.compared / 2);
}

}  // namespace
}  // namespace variscope::experiments
