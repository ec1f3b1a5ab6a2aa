/// family.point in the plan: which coordinates, and what is refused.
#include "experiments/plan/plan.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using Words = std::vector<std::string>;

class PointsPlan : public testing::ProgramTest {
 protected:
  /// Five points on a line, sigma unknown; `family` goes to [family], `fit` to [fit].
  static std::string spec(const std::string& family, const std::string& fit = "", const std::string& names = "\"pw_cfe\", \"sf_loo\"") {
    return "[study]\nname = \"points\"\nkind = \"fit\"\n[data]\nfile = \"" + std::string(VARISCOPE_SOURCE_DIR) +
           "/experiments/data/line5.csv\"\nresponse = \"y\"\nrow_tile = 16\n[model]\nname = \"glm\"\nlikelihood = "
           "\"gaussian\"\n[estimators]\n"
           "names = [" +
           names + "]\n[family]\n" + family + "[fit]\nsteps = 5\nrepeats = 1\n" + fit;
  }
  void refuses(const std::string& text, const Words& said) {
    write("s.toml", text);
    expect_refused({"plan", "s.toml"}, said);
  }
};

TEST_F(PointsPlan, FindsTheCoordinatesAndKeepsPathwiseEstimatorsAlone) {
  write("s.toml", spec("point = [\"log_sigma\", \"x\"]\ninitial_mean = [1.0, 2.0, 3.0]\n"));
  const Plan plan = make_plan((work() / "s.toml").string(), 1, 1, {}, "");
  const CellPlan& cell = plan.cells.at(0);
  EXPECT_EQ(cell.settings.family.point_places, (std::vector<Index>{0, 2}));  // x, intercept, log_sigma
  EXPECT_EQ(plan.paths.at(0).dim, 3);
  EXPECT_EQ(plan.paths.at(0).parameters, 4);
  EXPECT_EQ(initial_lambda(cell.settings, 3), (std::vector<double>{2, 0, 1, 3}));
  EXPECT_EQ(cell.estimators, (Words{"pw_cfe"}));
  ASSERT_EQ(cell.exclusions.size(), 1U);
  EXPECT_EQ(cell.exclusions[0].estimator, "sf_loo");
  EXPECT_NE(cell.exclusions[0].reason.find("density of every coordinate"), std::string::npos);
  EXPECT_FALSE(cell.fit.exact);
}

TEST_F(PointsPlan, RefusesWhatMakesNoSense) {
  refuses(spec("point = [\"sigma\"]\n"), {"s.toml:", "no coordinate 'sigma'", "log_sigma"});
  refuses(spec("point = [\"x\", \"intercept\", \"log_sigma\"]\n"), {"all 3 coordinates are points"});
  refuses(spec("name = \"gaussian_mixture\"\npoint = [\"log_sigma\"]\n"), {"family gaussian_mixture is not reparameterisable"});
  refuses(spec("point = [\"log_sigma\"]\n", "optimizer = \"natural_gradient\"\n"), {"optimizer natural_gradient"});
  refuses(spec("point = [\"log_sigma\"]\n", "", "\"sf_loo\""), {"no estimator of this list can serve", "density of every coordinate"});
  refuses(testing::replaced(testing::replaced(spec("point = [\"log_sigma\"]\n"), "[fit]\nsteps = 5\nrepeats = 1\n", ""), "kind = \"fit\"\n",
                            ""),
          {"family.point is given", "'variance'"});
}

}  // namespace
}  // namespace variscope::experiments
