/// When rows were last drawn along a path, replayed from its keys: against the draws in their own order.
#include "experiments/run/path.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/data/minibatch.hpp"

namespace variscope::experiments {
namespace {

TEST(PathHistory, IsWhatThePathDrew) {
  constexpr Index kRows = 41;
  constexpr Index kBatchRows = 7;
  constexpr std::uint64_t kSeed = 12;
  std::vector<Index> last(kRows, 0);
  data::MinibatchScratch scratch;
  std::vector<Index> rows;
  for (Index step = 0; step <= 60; ++step) {
    EXPECT_EQ(last_drawn(kSeed, kRows, kBatchRows, step), last) << step;
    data::draw_minibatch({kSeed, random::Purpose::path_rows, 0, static_cast<std::uint32_t>(step), 0}, kRows, kBatchRows,
                         data::Replacement::without, scratch, rows);
    for (const Index row : rows) last[static_cast<std::size_t>(row)] = step;
  }
  EXPECT_NE(last_drawn(kSeed + 1, kRows, kBatchRows, 60), last_drawn(kSeed, kRows, kBatchRows, 60));
}

TEST(PathHistory, AgesAreGeometric) {
  // A row is drawn with probability B / N at every step: its age has the mean N / B and the variance (1 - B / N) (N / B)^2. Ages of rows
  // hang together, but negatively: 5 standard errors of independent ones.
  constexpr Index kRows = 5000;
  constexpr Index kBatchRows = 250;
  const auto last = last_drawn(3, kRows, kBatchRows, 4000);
  double mean = 0;
  for (const Index step : last) mean += static_cast<double>(4000 - step) / kRows;
  EXPECT_NEAR(mean, 20, 5 * std::sqrt(0.95 * 400 / kRows));
}

}  // namespace
}  // namespace variscope::experiments
