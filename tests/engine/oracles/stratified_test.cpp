/// Stratified pathwise gradients: the exact mean is the ELBO's gradient, the exact variance is that of the estimator, twins are caught.
#include "engine/oracles/stratified.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "engine/families/gaussian_mixture.hpp"
#include "engine/models/banana.hpp"
#include "engine/models/student_t.hpp"
#include "engine/oracles/further_families.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

const std::vector<double> kFlat = {0.4, -1.5, 0.7, std::log(0.8), std::log(0.5)};  // two components in one dimension
const std::vector<double> kWide = {.4, -.2,          -.5,          .3,           .6,           -.2,          1.1,
                                   .4, std::log(.7), std::log(.5), std::log(.6), std::log(.8), std::log(.9), std::log(.4)};  // three in two

TEST(StratifiedTruth, HasTheMeanOfTheScoreFunctions) {
  // The same gradient from another estimator, over another grid, with another density.
  const models::Banana banana(1.5, 0.3);
  const models::StudentT heavy(1, 0.2, 1.1, 3.0);
  for (const Objective objective : {Objective::elbo, Objective::expectation}) {
    for (const bool two : {false, true}) {
      const models::Model& model = two ? static_cast<const models::Model&>(banana) : heavy;
      const std::vector<double>& lambda = two ? kWide : kFlat;
      const auto truth = stratified_truth(model, lambda, objective, 3);
      const auto score = further_family_truth("sf_raw", model, "gaussian_mixture", lambda, objective, 3);
      ASSERT_TRUE(truth && score);
      for (std::size_t p = 0; p < lambda.size(); ++p) {
        EXPECT_NEAR(truth->mean[p], score->mean[p], truth->error + score->error + 1e-12) << p;
        if (objective == Objective::elbo) {
          EXPECT_LT(truth->variance[p], 0.7 * score->variance[p]) << p;
        }
      }
    }
  }
}

TEST(StratifiedTruth, IsTheVarianceOfTheEstimator) {
  const models::Banana model(1.5, 0.3);
  families::Arguments arguments;
  arguments.dim = 2;
  arguments.numbers["components"] = 3;
  const auto family = families::gaussian_mixture_entry().make(arguments, kWide);
  constexpr Index kSamples = 2;
  constexpr int kReplicates = 40000;
  const auto truth = stratified_truth(model, kWide, Objective::elbo, kSamples);
  const auto estimator = estimators::find("pw_stratified")->make();
  const estimators::Context context{family.get(), &model, Objective::elbo, kSamples, 0, {}, {}};
  std::vector<double> sum(kWide.size(), 0.0);
  std::vector<double> square(kWide.size(), 0.0);
  std::vector<double> fourth(kWide.size(), 0.0);
  const test::Call calls(*estimator, context, kReplicates, 17);
  for (const std::vector<double>& gradient : test::estimates(*estimator, calls)) {
    for (std::size_t p = 0; p < sum.size(); ++p) {
      const double x = gradient[p] - truth->mean[p];
      sum[p] += x / kReplicates;
      square[p] += x * x / kReplicates;
      fourth[p] += x * x * x * x / kReplicates;
    }
  }
  // 28 tests at 5 standard errors: a false alarm once in 60 000 seeds.
  bool twin = false;
  for (std::size_t p = 0; p < sum.size(); ++p) {
    EXPECT_LT(std::abs(sum[p]), 5 * std::sqrt(truth->variance[p] / kReplicates)) << p;
    const double error = std::sqrt((fourth[p] - square[p] * square[p]) / kReplicates);
    EXPECT_LT(std::abs(square[p] - truth->variance[p]), 5 * error) << p;
    twin = twin || std::abs(square[p] - 1.1 * truth->variance[p]) > 5 * error;  // a tenth too much must be seen
  }
  EXPECT_TRUE(twin);
}

TEST(StratifiedTruth, OfAMixtureThatIsTheTargetIsZero) {
  // log p = log q: every path gradient vanishes, and so does the variance (sticking the landing).
  const std::vector<double> lambda = {0.0, 0.4, std::log(0.7)};  // K = 2 would need a mixture model; K = 1 is a normal
  const std::vector<double> one = {0.4, std::log(0.7)};
  const models::StudentT nearly(1, 0.4, 0.7, 1e8);
  const auto truth = stratified_truth(nearly, one, Objective::elbo, 1);
  for (const double v : truth->variance) EXPECT_LT(v, 1e-12);
  EXPECT_THROW((void)stratified_truth(nearly, lambda, Objective::elbo, 1), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
