/// Every registered sampler: documented, refuses nonsense, exact invariance in one step, the same bits in any company and in parts, known
/// moments.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <set>

#include "engine/error.hpp"
#include "engine/models/banana.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/conformance/sampler_invariance.hpp"

namespace variscope {
namespace {

using samplers::Chain;
using samplers::Entry;

using samplers::Variant;

struct Configuration {
  std::string sampler;
  Variant variant;
};

std::ostream& operator<<(std::ostream& out, const Configuration& at) { return out << at.sampler << "_" << at.variant.name; }

std::vector<Configuration> configurations() {
  std::vector<Configuration> all;
  for (const Entry& entry : samplers::catalogue()) {
    for (const Variant& variant : entry.smoke) all.push_back({entry.name, variant});
  }
  return all;
}

/// NaN, which stands where there is nothing to record, equals itself here.
std::vector<std::uint64_t> bits(const std::vector<std::vector<double>>& records) {
  std::vector<std::uint64_t> all;
  for (const auto& record : records) {
    for (const double x : record) all.push_back(std::bit_cast<std::uint64_t>(x));
  }
  return all;
}

class SamplerConformance : public testing::TestWithParam<Configuration> {
 protected:
  [[nodiscard]] static const Entry& entry() { return *samplers::find(GetParam().sampler); }
  [[nodiscard]] static std::unique_ptr<samplers::Sampler> make(const models::Model& model) {
    return test::make_sampler(GetParam().sampler, model, GetParam().variant.numbers, GetParam().variant.words);
  }
  [[nodiscard]] static bool serves(const models::Model& model) { return !entry().reason_against || entry().reason_against(model).empty(); }
};

TEST_P(SamplerConformance, IsDocumented) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  std::set<std::string> names;
  for (const auto& parameter : entry().parameters) {
    EXPECT_FALSE(parameter.description.empty()) << parameter.name;
    names.insert(parameter.name);
  }
  for (const auto& word : entry().words) {
    EXPECT_FALSE(word.description.empty()) << word.name;
    names.insert(word.name);
  }
  EXPECT_EQ(names.size(), entry().parameters.size() + entry().words.size());
  const auto target = test::exact_targets().front();
  const auto sampler = make(*target.model);
  std::set<std::string> statistics;
  for (const auto& statistic : samplers::recorded_statistics(*sampler)) {
    EXPECT_FALSE(statistic.description.empty()) << statistic.name;
    statistics.insert(statistic.name);
  }
  EXPECT_EQ(statistics.size(), samplers::recorded_statistics(*sampler).size());
  EXPECT_EQ(entry().capabilities.gradient, sampler->uses_gradient());
  EXPECT_EQ(entry().capabilities.cross_chain, sampler->shared_size() > 0);
}

TEST_P(SamplerConformance, RefusesArgumentsThatMakeNoSense) {
  const auto target = test::exact_targets().front();
  for (const auto& parameter : entry().parameters) {
    for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
      EXPECT_THROW((void)test::make_sampler(entry().name, *target.model, {{parameter.name, bad}}), UserError) << parameter.name << bad;
  }
  for (const auto& word : entry().words)
    EXPECT_THROW((void)test::make_sampler(entry().name, *target.model, {}, {{word.name, "nonsense"}}), UserError) << word.name;
  EXPECT_THROW((void)test::make_sampler(entry().name, *target.model, {{"nonsense", 1.0}}), UserError);
}

// False alarms: 1e-6 a target and variant. Power: a step that is wrong by 0.025 in any distribution function fails for certain; the broken
// twins below show what that means.
TEST_P(SamplerConformance, LeavesExactDrawsExactInOneStep) {
  if (!entry().capabilities.exact) GTEST_SKIP() << "not exact";
  for (const test::ExactTarget& target : test::exact_targets()) {
    if (!serves(*target.model)) continue;
    const auto sampler = make(*target.model);
    const auto result = test::one_step(*sampler, target);
    EXPECT_LT(result.bound, 0.025);
    EXPECT_LT(result.statistic, result.bound) << target.name;
    EXPECT_GT(result.moved, 0.3) << target.name;
    EXPECT_GT(result.distance, 0.1 * static_cast<double>(target.model->dim())) << target.name;
  }
}

// With what a warm-up of 250 iterations has adapted, frozen: step sizes and metrics that are not 1.
TEST_P(SamplerConformance, LeavesExactDrawsExactOnceItHasAdapted) {
  if (!entry().capabilities.exact || !entry().capabilities.adapts) GTEST_SKIP() << "not exact, or nothing to adapt";
  const test::ExactTarget target = test::exact_targets()[1];
  if (!serves(*target.model)) GTEST_SKIP();
  const auto sampler = make(*target.model);
  const test::Chains warm(*sampler, *target.model, {14, 250}, {0, 16}, 250);
  // What adapts across chains stands in `shared`; their states may hold momenta, each chain's own.
  const auto state = entry().capabilities.cross_chain ? std::vector<double>{} : warm.chains[0].state;
  const test::Adapted adapted{state, warm.shared};
  const auto result = test::one_step(*sampler, target, approximations::density_of(*target.model), 25000, &adapted);
  EXPECT_LT(result.bound, 0.025);
  EXPECT_LT(result.statistic, result.bound);
  EXPECT_GT(result.moved, 0.15);
  EXPECT_GT(result.distance, 0.02);  // of 6 for independent draws; a step of one leapfrog goes 0.07
}

// Warm-up included, on data: alone, in a batch, on two threads, and continued from numbers.
TEST_P(SamplerConformance, GivesAChainTheSameBitsInAnyCompany) {
  const test::Subject subject(test::configuration("logistic_regression"));
  const models::Model& model = *subject.model;
  if (!serves(model)) GTEST_SKIP() << entry().reason_against(model);
  const auto sampler = make(model);
  const samplers::Run run{5, 40};
  const test::Chains together(*sampler, model, run, {0, 11}, 55);
  const test::Chains threaded(*sampler, model, run, {0, 11}, 55, 2);
  EXPECT_EQ(threaded.chains, together.chains);
  EXPECT_EQ(threaded.trace.draws, together.trace.draws);
  if (!entry().capabilities.cross_chain) {
    for (const Index index : {Index{3}, Index{8}, Index{10}}) {
      const auto i = static_cast<std::size_t>(index);
      const test::Chains alone(*sampler, model, run, {index, index + 1}, 55);
      EXPECT_EQ(alone.chains[0], together.chains[i]);
      EXPECT_EQ(alone.trace.draws[0], together.trace.draws[i]);
      EXPECT_EQ(bits(alone.trace.records[0]), bits(together.trace.records[i]));
    }
  }
  // In parts, each from numbers, by a sampler of its own.
  const auto density = approximations::density_of(model);
  std::vector<double> shared(static_cast<std::size_t>(sampler->shared_size()));
  sampler->start_shared(shared);
  auto chains = samplers::start_chains(*sampler, density, model, run, {}, {0, 11});
  test::Trace trace(chains.size());
  for (const Index last : {1, 17, 40, 43, 55}) {
    const auto again = make(model);
    for (Chain& chain : chains) {
      std::vector<double> numbers(static_cast<std::size_t>(samplers::packed_size(chain)));
      samplers::pack(chain, numbers);
      Chain copy;
      copy.position.resize(chain.position.size());
      copy.gradient.resize(chain.gradient.size());
      copy.state.resize(chain.state.size());
      samplers::unpack(numbers, copy);
      chain = copy;
    }
    samplers::Schedule schedule(*again, density, run);
    samplers::run_chains(*again, run, schedule, chains, last, shared, trace.observer(), samplers::fold_here(11));
  }
  EXPECT_EQ(chains, together.chains);
  EXPECT_EQ(trace.draws, together.trace.draws);
  // The twin: another seed is another run.
  const test::Chains other(*sampler, model, {6, 40}, {0, 1}, 1);
  EXPECT_NE(other.chains[0].position, together.trace.draws[0][0]);
}

// 64 independent chains: their means are independent, so that Student's t with 63 degrees of freedom judges them. |t| > 6.3: probability
// 3e-8 of each of the 6 figures.
TEST_P(SamplerConformance, FindsTheMomentsOfACorrelatedGaussian) {
  if (!entry().capabilities.exact) GTEST_SKIP() << "not exact";
  const auto target = test::exact_targets()[1];
  const models::Model& model = *target.model;
  if (!serves(model)) GTEST_SKIP();
  const auto sampler = make(model);
  constexpr Index kChains = 64;
  constexpr Index kWarmup = 200;
  const test::Chains run(*sampler, model, {12, kWarmup}, {0, kChains}, kWarmup + 300);
  for (std::size_t f = 0; f < 6; ++f) {
    double mean = 0;
    double square = 0;
    for (const auto& draws : run.trace.draws) {
      double own = 0;
      for (std::size_t k = kWarmup; k < draws.size(); ++k) {
        double w[3];
        target.whiten(draws[k].data(), w);
        own += f < 3 ? w[f] : w[f - 3] * w[f - 3] - 1;
      }
      own /= static_cast<double>(draws.size() - kWarmup);
      mean += own / kChains;
      square += own * own / kChains;
    }
    const double error = std::sqrt((square - mean * mean) / (kChains - 1));
    EXPECT_LT(std::abs(mean), 6.3 * error) << f;
    EXPECT_LT(error, 0.1) << f;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, SamplerConformance, testing::ValuesIn(configurations()),
                         [](const auto& at) { return at.param.sampler + "_" + at.param.variant.name; });

}  // namespace
}  // namespace variscope
