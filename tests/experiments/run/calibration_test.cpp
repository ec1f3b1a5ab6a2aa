/// Predicted seconds of small specs: every part there, in proportion to what the plan makes of it.
#include "experiments/run/calibration.hpp"

#include <fmt/format.h>

#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::logistic_spec;

class CalibrationTest : public testing::ProgramTest {
 protected:
  TimePrediction predicted(const std::string& text) { return predict_seconds(make_plan(path(write("s.toml", text)), 1, 1, {}, "")); }
  void write_data(int rows) {
    std::string text = "a,b,y\n";
    for (int row = 0; row < rows; ++row) text += fmt::format("{},{},{}\n", row, row * row % 17, row % 2);
    write("d.csv", text);
  }
};

TEST_F(CalibrationTest, HasItsParts) {
  write_data(300);
  const TimePrediction of_data = predicted(logistic_spec("d.csv", R"("sf_loo", "pw_kl", "svrg")", "8", "batch_rows = [\"all\", 20]\n"));
  EXPECT_GT(of_data.loading, 0);
  EXPECT_GT(of_data.paths, 0);
  EXPECT_GT(of_data.replicates, 0);
  EXPECT_LT(of_data.seconds(), 60);
  EXPECT_EQ(predicted(gaussian_spec()).loading, 0);
}

/// Two timings of the same calls differ by the machine's mood alone, not by a factor of 4; a thousand times the calls is more than that.
TEST_F(CalibrationTest, GrowsWithTheReplicates) {
  const double few = predicted(gaussian_spec("count = 64\nbatches = 8\n")).replicates;
  const double many = predicted(gaussian_spec("count = 64000\nbatches = 8\n")).replicates;
  EXPECT_GT(many / few, 250);
  EXPECT_LT(many / few, 4000);
}

/// 16 shards have 64 estimates a design beside the 4 of all rows: a factor of 14 with the replicates, which a mood of 4 does not hide.
TEST_F(CalibrationTest, CountsDesignsWithinShards) {
  write_data(300);
  const auto seconds = [&](const std::string& policy) {
    const std::string more = "batch_rows = 10\nreplicas = 16\nrow_policy = \"" + policy + "\"\n";
    const std::string designs = "[components]\ndesigns = 800\nrow_sets = 2\nnoise_sets = 2\n";
    return predicted(logistic_spec("d.csv", R"("pw_cfe")", "8", more) + designs).replicates;
  };
  EXPECT_GT(seconds("shards") / seconds("disjoint"), 3);
}

}  // namespace
}  // namespace variscope::experiments
