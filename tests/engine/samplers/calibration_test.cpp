/// Simulation-based calibration: right samplers are calibrated, wrong samplers and wrong models are not.
#include "engine/samplers/calibration.hpp"

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/samplers/hmc.hpp"
#include "engine/samplers/random_walk_metropolis.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::CalibrationSettings;
using samplers::CalibrationTarget;
using samplers::Flaw;
using samplers::MetricKind;

data::Table covariates() {
  data::Table table;
  table.rows = 12;
  table.held = {0, table.rows};
  table.columns = {"intercept", "a"};
  table.response_name = "y";
  for (std::uint32_t n = 0; n < 12; ++n) {
    table.design.push_back(1);
    table.design.push_back(random::normal({5, random::Purpose::testing, 7, 0, n}, 0));
    table.response.push_back(0);
  }
  return table;
}

CalibrationTarget regression(const data::Table& table) {
  CalibrationTarget target;
  target.table = &table;
  target.model = [](const data::Table& data) { return std::make_unique<models::LinearRegression>(data, 1.0, 0.0, 1.0); };
  target.sampler = [](const models::Model& model) {
    return std::make_unique<samplers::Hmc>(model.dim(), samplers::GradientSettings{MetricKind::diagonal, 0.3, 0, 0.1},
                                           samplers::TrajectorySettings{5, 0, 10});
  };
  return target;
}

constexpr CalibrationSettings brief() {
  CalibrationSettings settings;
  settings.replications = 300;
  settings.thin = 3;
  settings.warmup = 30;
  settings.false_alarm = 1e-6;
  return settings;
}

// False alarms: 1e-6.
TEST(Calibration, FindsRightSamplersCalibrated) {
  const data::Table table = covariates();
  const auto found = simulation_based_calibration(regression(table), brief());
  EXPECT_TRUE(found.calibrated()) << found.names[found.worst()] << ' ' << found.p_values[found.worst()];
  EXPECT_EQ(found.failed, 0);
  EXPECT_GT(found.effective_share, 0.7);
  EXPECT_EQ(found.names.size(), 3U);
  EXPECT_EQ(found.ranks[0].size(), 300U);
  // Another likelihood, all of Stan's warm-up.
  CalibrationTarget logistic = regression(table);
  logistic.model = [](const data::Table& data) { return std::make_unique<models::LogisticRegression>(data, 0.0, 1.5); };
  logistic.sampler = [](const models::Model& model) { return test::make_sampler("nuts", model); };
  auto settings = brief();
  settings.warmup = 150;
  const auto other = simulation_based_calibration(logistic, settings);
  EXPECT_TRUE(other.calibrated()) << other.names[other.worst()] << ' ' << other.p_values[other.worst()];
}

TEST(Calibration, CatchesSamplersThatAreBroken) {
  const data::Table table = covariates();
  for (const Flaw flaw : {Flaw::never_rejects, Flaw::no_correction, Flaw::half_step_missing}) {
    CalibrationTarget target = regression(table);
    target.sampler = [flaw](const models::Model& model) {
      return std::make_unique<samplers::Hmc>(model.dim(), samplers::GradientSettings{MetricKind::unit, 0.4, 0, 0.1, flaw},
                                             samplers::TrajectorySettings{3, 0, 10});
    };
    // A missing half step takes more of them to be seen.
    auto settings = brief();
    settings.replications = 800;
    const auto found = simulation_based_calibration(target, settings);
    EXPECT_FALSE(found.calibrated()) << static_cast<int>(flaw) << ' ' << found.p_values[found.worst()];
  }
}

// The rule's own bias is below what 300 replications see, where it asks for effective sizes that mean something. False alarms: 1e-6.
TEST(Calibration, FindsChainsThatARuleStopsCalibrated) {
  const data::Table table = covariates();
  auto settings = brief();
  settings.thin = 1;
  settings.stop = {400, 1.02, 50};
  settings.longest = 2000;
  const auto found = simulation_based_calibration(regression(table), settings);
  EXPECT_TRUE(found.calibrated()) << found.names[found.worst()] << ' ' << found.p_values[found.worst()];
  EXPECT_GT(found.stopped_share, 0.95);
  EXPECT_GT(found.iterations, 100);
  EXPECT_LT(found.iterations, 1000);
  settings.threads = 2;
  EXPECT_EQ(simulation_based_calibration(regression(table), settings).ranks, found.ranks);
}

// Short steps away from a start that all chains share: they agree with each other long before they have seen the posterior, and a rule
// that is content with little stops them there.
TEST(Calibration, CatchesARuleThatStopsTooEarly) {
  const data::Table table = covariates();
  CalibrationTarget target = regression(table);
  target.sampler = [](const models::Model& model) {
    return std::make_unique<samplers::Hmc>(model.dim(), samplers::GradientSettings{MetricKind::unit, 0.02, 0, 0.1},
                                           samplers::TrajectorySettings{5, 0, 10});
  };
  auto settings = brief();
  settings.thin = 1;
  settings.warmup = 0;
  settings.start = {.kind = samplers::StartKind::given, .given = {3.0, 3.0}};
  settings.start.chains_per_start = settings.chains;
  settings.longest = 2000;
  settings.stop = {2, 0, 25};
  const auto hasty = simulation_based_calibration(target, settings);
  EXPECT_LT(hasty.iterations, 200);
  EXPECT_FALSE(hasty.calibrated()) << hasty.p_values[hasty.worst()];
}

/// The prior alone, whatever the data.
class Blind final : public models::LinearRegression {
 public:
  using LinearRegression::LinearRegression;
  void log_likelihood(const models::RowList&, models::ConstBatchView, models::Evaluation&) const override {}
};

// Ranks of the parameters are uniform under a posterior that looks away from the data; those of the log likelihood are not.
TEST(Calibration, TheLogLikelihoodCatchesWhatParametersDoNot) {
  const data::Table table = covariates();
  CalibrationTarget target = regression(table);
  target.posterior = [](const data::Table& data) { return std::make_unique<Blind>(data, 1.0, 0.0, 1.0); };
  const auto found = simulation_based_calibration(target, brief());
  EXPECT_GT(found.p_values[0], found.bound);
  EXPECT_GT(found.p_values[1], found.bound);
  EXPECT_LT(found.p_values[2], found.bound);
  EXPECT_FALSE(found.calibrated());
}

TEST(Calibration, CatchesAWrongModel) {
  const data::Table table = covariates();
  CalibrationTarget target = regression(table);
  target.posterior = [](const data::Table& data) { return std::make_unique<models::LinearRegression>(data, 0.6, 0.0, 1.0); };
  EXPECT_FALSE(simulation_based_calibration(target, brief()).calibrated());
}

samplers::OneStepSettings one_step() {
  samplers::OneStepSettings settings;
  settings.replications = 1500;
  settings.warmup = 20;
  settings.false_alarm = 1e-6;
  return settings;
}

// False alarms: 1e-6.
TEST(OneStepInvariance, HoldsForRightSamplers) {
  const data::Table table = covariates();
  const auto found = one_step_invariance(regression(table), one_step());
  EXPECT_TRUE(found.calibrated()) << found.names[found.worst()] << ' ' << found.p_values[found.worst()];
  EXPECT_GT(found.moved, 0.8);
}

TEST(OneStepInvariance, CatchesSamplersThatAreBroken) {
  const data::Table table = covariates();
  for (const Flaw flaw : {Flaw::never_rejects, Flaw::accept_sign}) {
    CalibrationTarget target = regression(table);
    target.sampler = [flaw](const models::Model& model) {
      return std::make_unique<samplers::RandomWalkMetropolis>(model.dim(), samplers::RandomWalkSettings{MetricKind::unit, 0.5, 0, flaw});
    };
    const auto found = one_step_invariance(target, one_step());
    EXPECT_FALSE(found.calibrated()) << static_cast<int>(flaw) << ' ' << found.p_values[found.worst()];
  }
  CalibrationTarget target = regression(table);
  target.posterior = [](const data::Table& data) { return std::make_unique<models::LinearRegression>(data, 0.4, 0.0, 1.0); };
  // A step that fits the wrong density: one that does not moves nowhere, and the exact draw stays exact.
  target.sampler = [](const models::Model& model) {
    return std::make_unique<samplers::Hmc>(model.dim(), samplers::GradientSettings{MetricKind::diagonal, 0.1, 0.8, 0.1},
                                           samplers::TrajectorySettings{5, 0, 10});
  };
  auto settings = one_step();
  settings.warmup = 60;
  const auto found = one_step_invariance(target, settings);
  EXPECT_GT(found.moved, 0.7);
  EXPECT_FALSE(found.calibrated()) << found.p_values[found.worst()];
}

TEST(Calibration, IsTheSameOnThreads) {
  const data::Table table = covariates();
  auto settings = brief();
  settings.replications = 20;
  const auto one = simulation_based_calibration(regression(table), settings);
  settings.threads = 2;
  const auto two = simulation_based_calibration(regression(table), settings);
  EXPECT_EQ(one.ranks, two.ranks);
  EXPECT_EQ(one.p_values, two.p_values);
  settings.seed = 2;
  EXPECT_NE(simulation_based_calibration(regression(table), settings).ranks, one.ranks);
}

TEST(Calibration, RefusesWhatCannotBeSimulated) {
  const data::Table table = covariates();
  auto settings = brief();
  settings.draws = 0;
  EXPECT_THROW((void)simulation_based_calibration(regression(table), settings), UserError);
}

}  // namespace
}  // namespace variscope
