/// Cells dealt out to parts: every cell once, no part without one, and no part with more than the rule's bound.
#include "experiments/plan/parts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/error.hpp"
#include "experiments/run/parts.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::with_value;

Plan plan_of(const std::string& samples) {
  return make_plan(parse_spec(with_value(gaussian_spec(), "estimators", "samples", samples), "s.toml"), 1, 1, {}, "out");
}

std::vector<double> loads(const Plan& plan, const std::vector<Index>& part_of, Index parts) {
  std::vector<double> loads(static_cast<std::size_t>(parts), 0.0);
  for (std::size_t c = 0; c < part_of.size(); ++c) loads.at(static_cast<std::size_t>(part_of[c])) += cell_work(plan, plan.cells[c]);
  return loads;
}

TEST(Parts, EveryCellIsInOnePartAndNoPartIsEmpty) {
  const Plan plan = plan_of("[8, 16, 24, 32, 40, 48, 56]");
  ASSERT_EQ(plan.cells.size(), 7u);
  for (Index parts = 1; parts <= 7; ++parts) {
    const auto part_of = deal_cells(plan, parts);
    ASSERT_EQ(part_of.size(), 7u);
    EXPECT_EQ(std::set<Index>(part_of.begin(), part_of.end()).size(), static_cast<std::size_t>(parts));
    EXPECT_GE(*std::min_element(part_of.begin(), part_of.end()), 0);
    EXPECT_LT(*std::max_element(part_of.begin(), part_of.end()), parts);
  }
  EXPECT_THROW(deal_cells(plan, 8), UserError);
}

TEST(Parts, AreAsEvenAsTheRulePromises) {
  // Graham 1969: at most 4/3 - 1/(3m) of the best; the best is at least the mean and at least the heaviest cell. Paths are of next to
  // nothing here, and the same for all.
  const Plan plan = plan_of("[8, 16, 24, 32, 40, 48, 56]");
  for (Index parts = 2; parts <= 4; ++parts) {
    const auto of_part = loads(plan, deal_cells(plan, parts), parts);
    double total = 0;
    double heaviest = 0;
    for (const CellPlan& cell : plan.cells) {
      total += cell_work(plan, cell);
      heaviest = std::max(heaviest, cell_work(plan, cell));
    }
    const double best = std::max(total / static_cast<double>(parts), heaviest);
    const double bound = 4.0 / 3.0 - 1.0 / (3.0 * static_cast<double>(parts));
    EXPECT_LE(*std::max_element(of_part.begin(), of_part.end()), bound * best * 1.02) << parts;
  }
  // Work is by samples: a cell of twice as many costs twice as much.
  EXPECT_NEAR(cell_work(plan, plan.cells[3]) / cell_work(plan, plan.cells[1]), 2, 0.05);
}

TEST(Parts, AreNamedByNumberAndCount) {
  EXPECT_EQ(parse_part("--part", "3/8"), (Part{3, 8}));
  EXPECT_EQ(text_of(Part{3, 8}), "3/8");
  for (const char* wrong : {"", "3", "8/8", "-1/8", "3/", "/8", "3/8/1", "1/1e3", "x/8", "3/9999999"})
    EXPECT_THROW((void)parse_part("--part", wrong), UserError) << wrong;
}

}  // namespace
}  // namespace variscope::experiments
