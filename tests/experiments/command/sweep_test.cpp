/// Sweeps and exclusions through the whole program: each cell once, each omission with its reason.
#include "engine/store/run_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::replaced;

class SweepTest : public testing::ProgramTest {};

TEST_F(SweepTest, TwoByTwoLessOneCell) {
  auto text = replaced(gaussian_spec("count = 16\nbatches = 4\n", R"("pw_cfe", "pw_kl")"), "samples = 8", "samples = [4, 8]");
  text = replaced(text, "steps = 10", "steps = 10\nstep_size = [0.1, 0.01]");
  text += "[[exclude]]\nwhen = { \"path.step_size\" = 0.01, \"estimators.samples\" = 4 }\nreason = \"too slow to be of interest\"\n";
  write("s.toml", text);
  const auto plan = variscope({"plan", "s.toml"});
  ASSERT_EQ(plan.status, 0) << plan.all();
  for (const std::string part :
       {"3 cells, 2 paths", "cell_002", "path.step_size = 0.01, estimators.samples = 8",
        "excluded  path.step_size = 0.01, estimators.samples = 4: too slow to be of interest", "without pw_kl: "}) {
    EXPECT_NE(plan.out.find(part), std::string::npos) << part << "\n" << plan.out;
  }
  EXPECT_EQ(plan.out.find("cell_003"), std::string::npos);

  const auto run = variscope({"run", "s.toml", "--quiet"});
  ASSERT_EQ(run.status, 0) << run.all();
  const auto record = store::read_run_file(work() / "runs/cheap/run.h5");
  ASSERT_EQ(record.cells.size(), 3u);
  ASSERT_EQ(record.paths.size(), 2u);
  EXPECT_EQ(record.cells[0].samples, 4);
  EXPECT_EQ(record.cells[1].samples, 8);
  EXPECT_EQ(record.cells[2].samples, 8);
  for (const CellRecord& cell : record.cells) {
    ASSERT_EQ(cell.exclusions.size(), 1u);
    EXPECT_EQ(cell.exclusions[0].estimator, "pw_kl");
    EXPECT_FALSE(cell.exclusions[0].reason.empty());
  }
  EXPECT_EQ(record.provenance.at("excluded_cells"), "path.step_size = 0.01, estimators.samples = 4: too slow to be of interest\n");
  // Cells of one path share its points, cells of another do not.
  EXPECT_EQ(record.cells[0].points.back().lambda, record.cells[1].points.back().lambda);
  EXPECT_NE(record.cells[0].points.back().lambda, record.cells[2].points.back().lambda);

  const auto report = variscope({"report", "runs/cheap"});
  ASSERT_EQ(report.status, 0) << report.all();
  for (const std::string part : {"cell_000", "cell_001", "cell_002", "not run: pw_kl ("})
    EXPECT_NE(report.out.find(part), std::string::npos) << part << "\n" << report.out;
}

TEST_F(SweepTest, ASpecThatExcludesEverythingIsRefused) {
  auto text = replaced(gaussian_spec(), "samples = 8", "samples = [4, 8]");
  write("s.toml", text + "[[exclude]]\nwhen = { \"estimators.samples\" = [4, 8] }\nreason = \"why not\"\n");
  expect_refused({"plan", "s.toml"}, {"s.toml:", "the exclusions remove every cell"});
  write("s.toml", text + "[[exclude]]\nwhen = { \"estimators.samples\" = 5 }\nreason = \"why not\"\n");
  expect_refused({"run", "s.toml"}, {"s.toml:", "estimators.samples is never 5"});
}

TEST_F(SweepTest, AnEstimatorListThatNothingServesIsRefused) {
  write("s.toml", gaussian_spec("count = 16\nbatches = 4\n", "\"pw_kl\""));
  expect_refused({"run", "s.toml"}, {"s.toml:", "no estimator of this list can serve gaussian (pw_kl: "});
}

}  // namespace
}  // namespace variscope::experiments
