/// `report --partial` of chains: what is committed has the figures of a study that was planned with so many draws.
#include "engine/store/run_file.hpp"
#include "tests/invariance/killing.hpp"

namespace variscope::testing {
namespace {

using PartialChainsTest = KillingTest;

std::string chains_of(int draws) {
  return fmt::format(R"([study]
name = "chains"
kind = "sample"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[sampler]
names = ["nuts"]
chains = 4
warmup = 60
draws = {}
)",
                     draws);
}

TEST_F(PartialChainsTest, HaveTheFiguresOfAShorterStudy) {
  const auto spec = write("s.toml", chains_of(4000));
  leave_killed(spec, "killed", 12);
  const auto collected = variscope({"collect", "killed", "--output", "partial.h5"});
  ASSERT_EQ(collected.status, 0) << collected.all();
  const auto partial = store::read_run_file(work() / "partial.h5");
  ASSERT_EQ(partial.chains.size(), 1u);
  const Index draws = partial.chains[0].draws;
  ASSERT_GE(draws, 8);
  ASSERT_LT(draws, 4000);
  EXPECT_EQ(partial.chains[0].id, "cell_000 so far");
  // A study of its own, of so many draws: chains do not know how long they will be.
  const auto shorter = variscope({"run", write("d.toml", chains_of(static_cast<int>(draws))), "--output", "shorter", "--quiet"});
  ASSERT_EQ(shorter.status, 0) << shorter.all();
  const auto whole = store::read_run_file(work() / "shorter" / "run.h5");
  EXPECT_EQ(partial.chains[0].stored, whole.chains[0].stored);
  EXPECT_EQ(partial.chains[0].scalar_names, whole.chains[0].scalar_names);
  const auto& some = partial.chains[0].samplers.at(0);
  const auto& all = whole.chains[0].samplers.at(0);
  ASSERT_EQ(some.scalars.size(), all.scalars.size());
  for (std::size_t i = 0; i < all.scalars.size(); ++i)
    EXPECT_TRUE(some.scalars[i] == all.scalars[i] || (some.scalars[i] != some.scalars[i] && all.scalars[i] != all.scalars[i])) << i;
  const auto report = variscope({"report", "killed", "--partial"});
  EXPECT_EQ(report.status, 0) << report.all();
  EXPECT_NE(report.out.find("nuts"), std::string::npos) << report.out;
  // Nothing is left behind, and the run goes on.
  EXPECT_FALSE(std::filesystem::exists(work() / "killed" / "traces"));
}

}  // namespace
}  // namespace variscope::testing
