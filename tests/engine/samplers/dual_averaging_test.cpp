/// Dual averaging: the paper's recursion, and where it settles.
#include "engine/samplers/dual_averaging.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace variscope {
namespace {

using samplers::DualAveraging;

TEST(DualAveraging, FollowsThePapersRecursion) {
  std::vector<double> state(DualAveraging::kSize);
  DualAveraging dual(state.data());
  dual.restart(0.3);
  const double mu = std::log(3.0);
  const std::vector<double> rates = {0.1, 1.7, 0.9, std::nan(""), 0.5};
  double error = 0;
  double log_bar = 0;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const auto t = static_cast<double>(i + 1);
    const double rate = std::isnan(rates[i]) ? 0.0 : std::min(rates[i], 1.0);
    error = (1 - 1 / (t + 10)) * error + (0.8 - rate) / (t + 10);
    const double log_step = mu - std::sqrt(t) / 0.05 * error;
    log_bar = std::pow(t, -0.75) * log_step + (1 - std::pow(t, -0.75)) * log_bar;
    dual.learn(rates[i], 0.8);
    EXPECT_NEAR(dual.step_size(), std::exp(log_step), 1e-12 * std::exp(log_step));
  }
  dual.finish();
  EXPECT_NEAR(dual.step_size(), std::exp(log_bar), 1e-12);
  dual.restart(0.7);
  dual.finish();
  EXPECT_EQ(dual.step_size(), 0.7);
}

TEST(DualAveraging, SettlesWhereTheTargetIsMet) {
  std::vector<double> state(DualAveraging::kSize);
  for (const double target : {0.6, 0.8, 0.95}) {
    DualAveraging dual(state.data());
    dual.restart(0.01);
    for (int t = 0; t < 4000; ++t) dual.learn(std::exp(-dual.step_size()), target);
    dual.finish();
    EXPECT_NEAR(dual.step_size(), -std::log(target), 0.01 * -std::log(target));
  }
}

}  // namespace
}  // namespace variscope
