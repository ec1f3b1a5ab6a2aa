/// Notes on nets that are none and on entropies that some estimators sample.
#include "experiments/report/sampling_notes.hpp"

#include <gtest/gtest.h>

namespace variscope::experiments {
namespace {

CellRecord cell_of(const std::vector<std::string>& names, Index samples, Index replicas = 1, const std::string& policy = "independent") {
  CellRecord cell;
  cell.samples = samples;
  cell.replicas = replicas;
  cell.noise_policy = policy;
  cell.objective = "elbo";
  PointRecord& point = cell.points.emplace_back();
  for (const std::string& name : names) point.estimators.emplace_back().name = name;
  return cell;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(NetNote, IsSilentAboutWholeNetsAndOtherEstimators) {
  for (const Index samples : {1, 2, 8, 1024}) EXPECT_EQ(net_note(cell_of({"pw_rqmc", "pw_cfe"}, samples)), "");
  EXPECT_EQ(net_note(cell_of({"pw_cfe"}, 5)), "");
  EXPECT_EQ(net_note(cell_of({"pw_rqmc"}, 4, 3)), "");  // nets of their own
  EXPECT_EQ(net_note(cell_of({"pw_rqmc"}, 4, 4, "split_net")), "");
}

TEST(NetNote, SaysWhatANumberThatIsNoPowerOfTwoMeans) {
  const std::string odd = net_note(cell_of({"pw_rqmc", "pw_cfe"}, 5));
  EXPECT_TRUE(has(odd, "pw_rqmc: M = 5 is no power of two")) << odd;
  EXPECT_TRUE(has(odd, "take 4 or 8")) << odd;
  const std::string pieces = net_note(cell_of({"pw_rqmc"}, 4, 3, "split_net"));
  EXPECT_TRUE(has(pieces, "R M = 3 x 4 = 12")) << pieces;
  EXPECT_TRUE(has(pieces, "every replica has a whole smaller net")) << pieces;
  EXPECT_TRUE(has(net_note(cell_of({"pw_rqmc"}, 5, 3, "split_net")), "no replica has a whole net")) << pieces;
}

CellSummary summary_of(const CellRecord& cell) {
  CellSummary summary;
  summary.cell = &cell;
  auto& point = summary.points.emplace_back();
  for (const EstimatorRecord& e : cell.points.front().estimators) point.estimators.emplace_back().name = e.name;
  return summary;
}

TEST(EntropyNote, NamesBothKindsWhereACellHasBoth) {
  CellRecord both = cell_of({"sf_raw", "sf_loo", "arm", "disarm"}, 4);
  const std::string text = entropy_note({summary_of(both)});
  EXPECT_TRUE(has(text, "sf_loo, sf_raw sample")) << text;
  EXPECT_TRUE(has(text, "arm, disarm add it in closed form")) << text;
  both.objective = "expectation";
  EXPECT_EQ(entropy_note({summary_of(both)}), "");
  const CellRecord scores = cell_of({"sf_raw", "sf_loo"}, 4);
  EXPECT_EQ(entropy_note({summary_of(scores)}), "");
  const CellRecord closed = cell_of({"pw_cfe", "mvd"}, 4);
  EXPECT_EQ(entropy_note({summary_of(closed)}), "");
}

}  // namespace
}  // namespace variscope::experiments
