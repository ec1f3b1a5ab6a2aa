/// Fits in the plan: which steps are recorded, who runs what, what is counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/diagnostics/work.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {
namespace {

TEST(TraceSteps, OfALongerFitBeginWithThoseOfAShorter) {
  for (const Index every : {0, 1, 7}) {
    const auto longer = trace_steps(5000, every);
    for (const Index steps : {1, 2, 10, 100, 999}) {
      const auto brief = trace_steps(steps, every);
      EXPECT_EQ(brief.front(), 0);
      EXPECT_EQ(brief.back(), steps);
      EXPECT_TRUE(std::is_sorted(brief.begin(), brief.end()));
      EXPECT_EQ(std::adjacent_find(brief.begin(), brief.end()), brief.end());
      EXPECT_TRUE(std::equal(brief.begin(), brief.end() - 1, longer.begin())) << steps;
    }
  }
  EXPECT_EQ(trace_steps(12, 0), (std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 8, 10, 12}));
  EXPECT_EQ(trace_steps(10, 4), (std::vector<Index>{0, 4, 8, 10}));
}

TEST(PlaceFits, GivesTheHeaviestToWhoeverHasLeast) {
  std::vector<FitItem> fits;
  for (const double work : {1.0, 7.0, 3.0, 5.0, 2.0, 6.0}) fits.push_back({0, 0, static_cast<Index>(fits.size()), work});
  // By hand: 7 to part 0, 6 to 1, 5 to 1, 3 to 0, 2 to 0, 1 to 1: both have 12.
  EXPECT_EQ(place_fits(fits, 2), (std::vector<Index>{1, 0, 0, 1, 0, 1}));
  EXPECT_EQ(place_fits(fits, 1), std::vector<Index>(6, 0));
  const auto each = place_fits(fits, 6);
  EXPECT_EQ(std::set<Index>(each.begin(), each.end()).size(), 6U);
}

TEST(GradientEquivalents, CountAValueHalf) {
  models::Counts counts;
  counts.value_rows = 1000;
  counts.gradient_rows = 500;
  counts.hessian_rows = 200;
  counts.value_evaluations = 7;
  EXPECT_DOUBLE_EQ(diagnostics::gradient_equivalents(counts, 100), (1000 / 2.0 + 500 + 200 * 1.5) / 100);
  EXPECT_DOUBLE_EQ(diagnostics::gradient_equivalents(counts, 0), 3.5);
}

}  // namespace
}  // namespace variscope::experiments
