/// MixingOfAll on chains whose diagnostics are known by other functions, which the R package posterior has been held against.
#include "engine/diagnostics/stopping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/rhat.hpp"
#include "engine/random/stream.hpp"

namespace variscope {
namespace {

using diagnostics::ChainDraws;
using diagnostics::judge;
using diagnostics::Mixing;

constexpr Index kChains = 4;
constexpr Index kDraws = 200;

/// Independent draws; chain c is shifted by c shifts.
std::vector<double> chains(double shift) {
  std::vector<double> values;
  for (Index c = 0; c < kChains; ++c) {
    for (Index i = 0; i < kDraws; ++i) {
      const random::Stream stream{3, random::Purpose::testing, 5, static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(i)};
      values.push_back(random::normal(stream, 0) + shift * static_cast<double>(c));
    }
  }
  return values;
}

ChainDraws view(const std::vector<double>& values) { return {values, static_cast<Index>(values.size()) / kDraws, kDraws}; }

TEST(StoppingRule, HoldsWhereTheDiagnosticsDo) {
  const std::vector<double> values = chains(0);
  const double size = std::min(diagnostics::bulk_effective_size(view(values)), diagnostics::tail_effective_size(view(values)));
  const double rhat = diagnostics::rank_rhat(view(values)).value();
  EXPECT_EQ(judge({size, 0, 1}, view(values)), Mixing::met);
  EXPECT_EQ(judge({size * 1.000001, 0, 1}, view(values)), Mixing::unmet);
  EXPECT_EQ(judge({0, rhat, 1}, view(values)), Mixing::met);
  EXPECT_EQ(judge({0, rhat - 1e-9, 1}, view(values)), Mixing::unmet);
  EXPECT_EQ(judge({size, rhat, 1}, view(values)), Mixing::met);
  EXPECT_EQ(judge({size, rhat - 1e-9, 1}, view(values)), Mixing::unmet);
  EXPECT_EQ(judge({size * 1.000001, rhat, 1}, view(values)), Mixing::unmet);
}

TEST(StoppingRule, SeesChainsThatDiffer) {
  EXPECT_EQ(judge({0, 1.01, 1}, view(chains(1))), Mixing::unmet);
  EXPECT_EQ(judge({400, 0, 1}, view(chains(1))), Mixing::unmet);
}

TEST(StoppingRule, LeavesOutChainsThatFailed) {
  std::vector<double> values = chains(0);
  const std::vector<double> others(values.begin() + kDraws, values.end());
  const double rhat = diagnostics::rank_rhat(view(others)).value();
  for (Index i = 50; i < kDraws; ++i) values[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(judge({0, rhat, 1}, view(values)), Mixing::met);
  EXPECT_EQ(judge({0, rhat - 1e-9, 1}, view(values)), Mixing::unmet);
  for (Index i = 1; i <= kChains; ++i) values[static_cast<std::size_t>(i * kDraws - 1)] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(judge({0, 2, 1}, view(values)), Mixing::unmet);
}

// A fixed element of a matrix must not keep chains running, chains that never moved must not stop.
TEST(StoppingRule, PassesOverConstantsAlone) {
  const std::vector<double> same(kChains * kDraws, 1.0);
  EXPECT_EQ(judge({400, 1.01, 1}, view(same)), Mixing::constant);
  diagnostics::MixingOfAll verdicts;
  verdicts.add(Mixing::constant);
  EXPECT_FALSE(verdicts.hold());
  verdicts.add(Mixing::met);
  EXPECT_TRUE(verdicts.hold());
  verdicts.add(Mixing::unmet);
  EXPECT_FALSE(verdicts.hold());
  // Chains that stand still in different places.
  std::vector<double> apart = same;
  for (Index i = 0; i < kDraws; ++i) apart[static_cast<std::size_t>(i)] = 2;
  EXPECT_EQ(judge({0, 1.01, 1}, view(apart)), Mixing::unmet);
}

TEST(StoppingRule, TooFewDrawsMeetNothing) {
  const std::vector<double> two = {1, 2};
  EXPECT_EQ(judge({1, 0, 1}, {two, 1, 2}), Mixing::unmet);
  EXPECT_EQ(judge({0, 2, 1}, {two, 2, 1}), Mixing::unmet);
  EXPECT_EQ(judge({1, 2, 1}, {{}, 2, 0}), Mixing::unmet);
}

}  // namespace
}  // namespace variscope
