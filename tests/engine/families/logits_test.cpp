/// Probabilities from logits: known values, both ends, and how (0, 1) is shared out.
#include "engine/families/logits.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace variscope::families {
namespace {

TEST(Logits, SigmoidKeepsItsDigitsAtBothEnds) {
  EXPECT_EQ(sigmoid(0), 0.5);
  EXPECT_DOUBLE_EQ(sigmoid(std::log(3.0)), 0.75);
  EXPECT_DOUBLE_EQ(sigmoid(-700), std::exp(-700.0));
  EXPECT_EQ(sigmoid(700), 1.0);
  EXPECT_DOUBLE_EQ(log_sigmoid(-700), -700);
  EXPECT_DOUBLE_EQ(log_sigmoid(700), -std::exp(-700.0));
  EXPECT_DOUBLE_EQ(log_sigmoid(std::log(3.0)), std::log(0.75));
}

TEST(Logits, LogSoftmaxKeepsItsDigitsAtBothEnds) {
  const auto even = log_softmax(std::vector<double>{5, 5, 5, 5});
  for (const double x : even) EXPECT_DOUBLE_EQ(x, -std::log(4.0));
  const auto far = log_softmax(std::vector<double>{-700, 0, -50});
  EXPECT_DOUBLE_EQ(far[0], -700);
  EXPECT_DOUBLE_EQ(far[1], -std::exp(-50.0));
  EXPECT_DOUBLE_EQ(far[2], -50);
  EXPECT_EQ(log_softmax(std::vector<double>{700, -700})[1], -1400);
  EXPECT_EQ(log_softmax(std::vector<double>{3})[0], 0);
}

TEST(Logits, InverseCdfSharesTheIntervalInOrder) {
  const std::vector<double> p = {0.25, 0.0, 0.5, 0.25};
  EXPECT_EQ(inverse_cdf(p, 0x1p-53), 0U);
  EXPECT_EQ(inverse_cdf(p, 0.2499), 0U);
  EXPECT_EQ(inverse_cdf(p, 0.25), 2U);  // never a class of probability 0
  EXPECT_EQ(inverse_cdf(p, 0.7499), 2U);
  EXPECT_EQ(inverse_cdf(p, 1 - 0x1p-53), 3U);
}

}  // namespace
}  // namespace variscope::families
