/// Parallel tempering: every temperature's law in one step from exact draws, weights of separated modes, evidences, schedules.
#include "engine/samplers/parallel_tempering.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>

#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/evidence_setting.hpp"

namespace variscope {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using samplers::Flaw;
using samplers::ParallelTempering;
using samplers::Reference;
using samplers::TemperingSettings;

Reference wide(std::size_t dim, double sd) { return {std::vector<double>(dim, 0.0), std::vector<double>(dim, sd)}; }

// 64 independent ladders. Student's t with 63 degrees of freedom beyond 6.3: 3e-8 each of 3 moments and the evidence (which is skewed by
// its error, 1 %, and so nearly normal).
TEST(ParallelTempering, FindsTheWeightsOfModesEightDeviationsApart) {
  const auto model = test::bimodal();
  const ParallelTempering sampler(wide(1, 1.0), {.temperatures = 8});
  const auto found = test::distances(sampler, model, 64, 400, 1500, 0.0, test::bimodal_moments);
  EXPECT_LT(found.moments, 6.3);
  EXPECT_LT(found.evidence, 6.3);
  EXPECT_LT(found.moments_error, 0.01);
  EXPECT_LT(found.evidence_error, 0.02);
}

TEST(ParallelTempering, FindsTheEvidenceOfARegression) {
  const test::KnownRegression known;
  const auto model = known.model();
  const ParallelTempering sampler({model.gaussian_prior()->mean, model.gaussian_prior()->sd}, {.temperatures = 10});
  const auto found = test::distances(sampler, model, 64, 300, 600, known.log_evidence, test::whitened_moments(known));
  EXPECT_LT(found.moments, 6.3);
  EXPECT_LT(found.evidence, 6.3);
  EXPECT_LT(found.moments_error, 0.03);
  EXPECT_LT(found.evidence_error, 0.03);
}

/// Largest distance of any temperature's distribution functions, behind two iterations (even and odd swaps) from exact draws of all
/// temperatures, over the bound that it exceeds with probability 1e-6 (Dvoretzky, Kiefer, Wolfowitz; Massart).
double steps_distance(Flaw flaw) {
  const models::Gaussian model({3.0, -1.8, -1.8, 2.0}, {1.0, -1.0});
  const MatrixXd target{{3.0, -1.8}, {-1.8, 2.0}};
  const VectorXd centre{{1.0, -1.0}};
  constexpr Index kTemperatures = 4;
  constexpr double kSd = 1.5;
  constexpr Index kChains = 20000;
  TemperingSettings settings{.temperatures = kTemperatures, .steps = 2, .step_size = 0.45};
  settings.flaw = flaw;
  const ParallelTempering sampler(wide(2, kSd), settings);
  const auto density = approximations::density_of(model);
  const samplers::Run run{9, 0};
  std::vector<samplers::Chain> chains(kChains);
  for (std::size_t c = 0; c < chains.size(); ++c) {
    chains[c].index = static_cast<Index>(c);
    chains[c].position = {0.0, 0.0};
  }
  samplers::evaluate_chains(sampler, density, chains);
  // Law at beta: precision and mean of the product of two normals.
  std::vector<MatrixXd> factor;
  std::vector<VectorXd> mean;
  for (samplers::Chain& chain : chains) {
    chain.state.resize(static_cast<std::size_t>(sampler.state_size()));
    sampler.start(run, chain);
    auto ladder = sampler.ladder(chain);
    const auto replicas = ladder.replicas();
    for (Index k = 0; k < kTemperatures; ++k) {
      const double beta = ladder.beta(k);
      if (mean.size() <= static_cast<std::size_t>(k)) {
        const MatrixXd precision = beta * target + (1 - beta) / (kSd * kSd) * MatrixXd::Identity(2, 2);
        factor.push_back(test::upper_factor(precision));
        mean.emplace_back(precision.ldlt().solve(beta * target * centre));
      }
      const random::Stream stream{4, random::Purpose::testing, 5, static_cast<std::uint32_t>(chain.index), static_cast<std::uint32_t>(k)};
      const VectorXd z{{random::normal(stream, 0), random::normal(stream, 1)}};
      const auto place = static_cast<std::size_t>(k);
      const double second = z[1] / factor[place](1, 1);
      const VectorXd x = mean[place] + VectorXd{{(z[0] - factor[place](0, 1) * second) / factor[place](0, 0), second}};
      const VectorXd slope = -target * (x - centre);
      std::copy_n(x.data(), 2, replicas.position(k));
      std::copy_n(slope.data(), 2, replicas.gradient(k));
      replicas.value(k) = 0.5 * slope.dot(x - centre);
      const double reference = -0.5 * x.squaredNorm() / (kSd * kSd) - std::log(2 * std::numbers::pi) - 2 * std::log(kSd);
      replicas.log_reference(k) = reference;
    }
  }
  samplers::Schedule(sampler, density, run).run(chains, 2, {}, [](Index, const samplers::Chain&, std::span<const double>) {});
  const boost::math::chi_squared squares(2);
  const auto normal_cdf = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  std::vector<std::vector<double>> values(3 * kTemperatures);
  for (samplers::Chain& chain : chains) {
    auto ladder = sampler.ladder(chain);
    for (Index k = 0; k < kTemperatures; ++k) {
      const auto place = static_cast<std::size_t>(k);
      const Eigen::Map<const VectorXd> x(ladder.replicas().position(ladder.replica_at(k)), 2);
      const VectorXd w = factor[place] * (x - mean[place]);
      values[3 * place].push_back(normal_cdf(w[0]));
      values[3 * place + 1].push_back(normal_cdf(w[1]));
      values[3 * place + 2].push_back(boost::math::cdf(squares, w.squaredNorm()));
    }
    const Eigen::Map<const VectorXd> cold(ladder.replicas().position(ladder.replica_at(kTemperatures - 1)), 2);
    EXPECT_EQ(cold[0], chain.position[0]);
  }
  double largest = 0;
  for (auto& u : values) {
    std::sort(u.begin(), u.end());
    const auto n = static_cast<double>(u.size());
    for (std::size_t i = 0; i < u.size(); ++i)
      largest = std::max({largest, static_cast<double>(i + 1) / n - u[i], u[i] - static_cast<double>(i) / n});
  }
  return largest / std::sqrt(std::log(2 * static_cast<double>(values.size()) / 1e-6) / (2 * static_cast<double>(kChains)));
}

TEST(ParallelTempering, LeavesEveryTemperatureAsItIs) { EXPECT_LT(steps_distance(Flaw::none), 1); }

TEST(ParallelTempering, TwinsAreCaught) {
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction})
    EXPECT_GT(steps_distance(flaw), 1.2) << static_cast<int>(flaw);
}

// Equal rejections, as far as 400 iterations tell them; replicas travel.
TEST(ParallelTempering, LearnsASchedule) {
  const auto model = test::bimodal();
  const ParallelTempering sampler(wide(1, 5.0), {.temperatures = 12});
  test::Chains run(sampler, model, {3, 800}, {0, 4}, 2000);
  for (samplers::Chain& chain : run.chains) {
    auto ladder = sampler.ladder(chain);
    double least = 1;
    double most = 0;
    for (Index k = 0; k + 1 < ladder.count(); ++k) {
      EXPECT_GT(ladder.beta(k + 1), ladder.beta(k));
      const double rejection = ladder.rejections(k) / ladder.swaps(k);
      least = std::min(least, rejection);
      most = std::max(most, rejection);
    }
    EXPECT_EQ(ladder.beta(0), 0);
    EXPECT_EQ(ladder.beta(ladder.count() - 1), 1);
    EXPECT_LT(most, 3 * least);
    // Non-reversible: of 1200 iterations at least one round trip of each replica in 100.
    EXPECT_GT(ladder.round_trips(), 60);
  }
}

TEST(ParallelTempering, CostsWhatItSays) {
  const auto model = test::bimodal();
  const ParallelTempering sampler(wide(1, 5.0), {.temperatures = 6, .steps = 3});
  const test::Chains run(sampler, model, {3, 5}, {0, 3}, 20);
  for (const auto& records : run.trace.records) {
    for (const auto& record : records) EXPECT_EQ(record[1], 1 + 5 * 3);
  }
}

TEST(ParallelTempering, BitsDoNotDependOnCompanyOrThreads) {
  const auto model = test::bimodal();
  const ParallelTempering sampler(wide(1, 5.0), {.temperatures = 6});
  const test::Chains together(sampler, model, {3, 20}, {0, 9}, 30);
  const test::Chains threaded(sampler, model, {3, 20}, {0, 9}, 30, 2);
  const test::Chains alone(sampler, model, {3, 20}, {7, 8}, 30);
  EXPECT_EQ(threaded.chains, together.chains);
  EXPECT_EQ(alone.trace.draws[0], together.trace.draws[7]);
}

}  // namespace
}  // namespace variscope
