/// Annealed importance sampling against evidences and moments that are known.
#include "engine/samplers/annealed_importance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/diagnostics/pareto.hpp"
#include "tests/conformance/sampler_invariance.hpp"

namespace variscope {
namespace {

using samplers::Flaw;

struct Judged {
  double z = 0;         ///< of the mean weight over the evidence
  double error = 0;     ///< its standard error
  double moment_z = 0;  ///< the largest of weighted means and squares of whitened coordinates
};

/// 3200 independent weights. |z| > 6: 2e-9 for a normal mean; relative variances below 10 keep it one.
Judged judge(const samplers::Sampler& sampler, const test::ExactTarget& target, double evidence) {
  constexpr Index kWarmup = 100;
  const test::Chains run(sampler, *target.model, {17, kWarmup}, {0, 32}, kWarmup + 100);
  const std::size_t place = test::place_of(sampler, "log_weight");
  const auto dim = static_cast<std::size_t>(target.model->dim());
  std::vector<double> weights;
  std::vector<std::vector<double>> values(2 * dim);
  for (std::size_t c = 0; c < 32; ++c) {
    for (std::size_t k = kWarmup; k < kWarmup + 100; ++k) {
      weights.push_back(std::exp(run.trace.records[c][k][place]) / evidence);
      std::vector<double> w(dim);
      target.whiten(run.trace.draws[c][k].data(), w.data());
      for (std::size_t d = 0; d < dim; ++d) {
        values[d].push_back(w[d]);
        values[dim + d].push_back(w[d] * w[d] - 1);
      }
    }
  }
  const auto n = static_cast<double>(weights.size());
  double mean = 0;
  double square = 0;
  for (const double w : weights) {
    mean += w / n;
    square += w * w / n;
  }
  Judged judged;
  judged.error = std::sqrt((square - mean * mean) / n);
  judged.z = (mean - 1) / judged.error;
  for (const auto& x : values) {
    double top = 0;
    double spread = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) top += weights[i] * x[i] / (n * mean);
    for (std::size_t i = 0; i < weights.size(); ++i) spread += std::pow(weights[i] * (x[i] - top) / (n * mean), 2);
    judged.moment_z = std::max(judged.moment_z, std::abs(top) / std::sqrt(spread));
  }
  return judged;
}

/// Of exp(-1/2 (x - a)^T H (x - a)).
double evidence_of(double determinant, int dim) { return std::pow(2 * std::numbers::pi, 0.5 * dim) / std::sqrt(determinant); }

TEST(AnnealedImportance, FindsEvidencesAndMoments) {
  const auto targets = test::exact_targets();
  const double determinant = 1.5 * (1.2 * 0.8 - 0.3 * 0.3) + 0.9 * (-0.9 * 0.8 - 0.3 * 0.2) + 0.2 * (-0.9 * 0.3 - 1.2 * 0.2);
  const std::vector<double> evidences = {evidence_of(0.8, 1), evidence_of(determinant, 3), 1.0};
  for (const Index temperatures : {1, 3, 20}) {
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const samplers::AnnealedImportance sampler(*targets[t].model->gaussian_prior(), {.temperatures = temperatures, .power = 2});
      const Judged judged = judge(sampler, targets[t], evidences[t]);
      EXPECT_LT(std::abs(judged.z), 6) << targets[t].name << temperatures;
      EXPECT_LT(judged.moment_z, 6) << targets[t].name << temperatures;
      EXPECT_LT(judged.error, temperatures == 1 ? 0.06 : 0.03) << targets[t].name << temperatures;
    }
  }
}

TEST(AnnealedImportance, TwinsAreCaught) {
  const auto target = test::exact_targets()[0];
  for (const Flaw flaw : {Flaw::no_correction, Flaw::never_rejects}) {
    const samplers::AnnealedImportance sampler(
        *target.model->gaussian_prior(),
        {.temperatures = 5, .power = 2, .steps = 1, .step_size = 0.8, .target_acceptance = 0, .flaw = flaw});
    const Judged judged = judge(sampler, target, evidence_of(0.8, 1));
    EXPECT_GT(std::max(std::abs(judged.z), judged.moment_z), 6) << static_cast<int>(flaw);
  }
}

TEST(AnnealedImportance, GivesNoWeightWhereThereIsNoDensity) {
  const auto target = test::exact_targets()[0];
  auto density = approximations::density_of(*target.model);
  const auto right = density.evaluate;
  density.evaluate = [&](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction, tiles::BatchView out) {
    right(theta, wanted, direction, out);
    for (Index s = 0; s < theta.count; ++s) {
      if (theta(0, s) > 0.5) out(0, s) = -std::numeric_limits<double>::infinity();
    }
  };
  const samplers::AnnealedImportance sampler(*target.model->gaussian_prior(), {.temperatures = 4});
  const samplers::Run run{3, 50};
  auto chains = samplers::start_chains(sampler, density, *target.model, run, {}, {0, 16});
  test::Trace trace(chains.size());
  samplers::Schedule(sampler, density, run).run(chains, 250, {}, trace.observer());
  // Half of the target's mass is left: the mean of its normal is 0.5.
  double mean = 0;
  double square = 0;
  int none = 0;
  for (std::size_t c = 0; c < chains.size(); ++c) {
    EXPECT_EQ(chains[c].status, samplers::ChainStatus::running);
    for (std::size_t k = 50; k < 250; ++k) {
      const double log_weight = trace.records[c][k][4];
      none += std::isinf(log_weight) ? 1 : 0;
      const double w = std::exp(log_weight) / (0.5 * evidence_of(0.8, 1));
      mean += w / 3200;
      square += w * w / 3200;
    }
  }
  EXPECT_GT(none, 800);
  EXPECT_LT(std::abs(mean - 1), 6 * std::sqrt((square - mean * mean) / 3200));
}

}  // namespace
}  // namespace variscope
