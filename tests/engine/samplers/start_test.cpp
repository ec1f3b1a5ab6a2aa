/// Where chains start, and what the user hears if they cannot.
#include "engine/samplers/start.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/error.hpp"
#include "engine/models/funnel.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::Start;
using samplers::StartKind;

/// The funnel where `alive` says so; value and gradient as given elsewhere.
approximations::Density cut(const models::Model& model, const std::function<bool(const std::vector<double>&)>& alive, double value,
                            double gradient = 0) {
  auto density = approximations::density_of(model);
  const auto right = density.evaluate;
  density.evaluate = [=](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction, tiles::BatchView out) {
    right(theta, wanted, direction, out);
    for (Index s = 0; s < theta.count; ++s) {
      std::vector<double> at;
      for (Index d = 0; d < theta.dim; ++d) at.push_back(theta(d, s));
      if (alive(at)) continue;
      out(0, s) = value;
      if (wanted.gradient) out(2, s) += gradient;
    }
  };
  return density;
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Starts : public testing::Test {
 protected:
  models::Funnel model{3, 1.0};
  approximations::Density density = approximations::density_of(model);
  std::unique_ptr<samplers::Sampler> sampler = test::make_sampler("nuts", model);
  samplers::Run run{9, 0};
};

TEST_F(Starts, AreUniformWithinTheRadiusAndAFunctionOfTheChain) {
  const auto chains = samplers::start_chains(*sampler, density, model, run, {.radius = 0.5}, {0, 200});
  double most = 0;
  for (const auto& chain : chains) {
    for (const double x : chain.position) most = std::max(most, std::abs(x));
    std::vector<double> g(3);
    EXPECT_EQ(chain.log_density, approximations::value_and_gradient(density, chain.position, g));
    EXPECT_EQ(chain.gradient, g);
  }
  EXPECT_LT(most, 0.5);
  EXPECT_GT(most, 0.49);
  const auto some = samplers::start_chains(*sampler, density, model, run, {.radius = 0.5}, {37, 40});
  EXPECT_EQ(some[0], chains[37]);
  EXPECT_EQ(some[2], chains[39]);
}

TEST_F(Starts, AreSharedBySuperchains) {
  const auto chains = samplers::start_chains(*sampler, density, model, run, {.chains_per_start = 4}, {0, 12});
  for (std::size_t c = 0; c < chains.size(); ++c) {
    EXPECT_EQ(chains[c].position, chains[c / 4 * 4].position);
    if (c < 4) continue;
    EXPECT_NE(chains[c].position, chains[c - 4].position);
  }
}

TEST_F(Starts, AreGivenOrDrawnFromThePrior) {
  const auto common = samplers::start_chains(*sampler, density, model, run, {.kind = StartKind::given, .given = {1, 2, 3}}, {0, 2});
  EXPECT_EQ(common[1].position, (std::vector<double>{1, 2, 3}));
  const Start each{.kind = StartKind::given, .given = {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(samplers::start_chains(*sampler, density, model, run, each, {1, 2})[0].position, (std::vector<double>{4, 5, 6}));
  EXPECT_NE(error_of([&] {
              (void)samplers::start_chains(*sampler, density, model, run, each, {0, 3});
            }).find("3 starts"),
            std::string::npos);
  const auto prior = samplers::start_chains(*sampler, density, model, run, {.kind = StartKind::prior}, {0, 2000});
  double square = 0;
  for (const auto& chain : prior) square += chain.position[0] * chain.position[0] / 2000;
  EXPECT_NEAR(square, 1.0, 5 * std::sqrt(2.0 / 2000));  // 5 standard errors: 6e-7
}

TEST_F(Starts, TryAgainWhereTheDensityIsNotFinite) {
  const auto picky = cut(
      model, [](const auto& x) { return x[1] > 1; }, -kInfinity);
  const auto chains = samplers::start_chains(*sampler, picky, model, run, {}, {0, 100});
  for (const auto& chain : chains) {
    EXPECT_GT(chain.position[1], 1);
    EXPECT_TRUE(std::isfinite(chain.log_density));
  }
  EXPECT_EQ(samplers::start_chains(*sampler, picky, model, run, {}, {57, 58})[0], chains[57]);
}

TEST_F(Starts, NameTheParameterThatIsToBlame) {
  const auto act = [&](const approximations::Density& broken, const Start& start = {}) {
    return error_of([&] { (void)samplers::start_chains(*sampler, broken, model, run, start, {0, 3}); });
  };
  const std::string far = act(cut(
      model, [](const auto& x) { return std::abs(x[2]) < 1e-9; }, std::nan("")));
  EXPECT_NE(far.find("chain 0"), std::string::npos) << far;
  EXPECT_NE(far.find("100 draws"), std::string::npos) << far;
  EXPECT_NE(far.find("'x[1]' is 0 instead"), std::string::npos) << far;
  const std::string steep = act(cut(
      model, [](const auto&) { return false; }, -1.0, kInfinity));
  EXPECT_NE(steep.find("the gradient in 'x[0]' is inf"), std::string::npos) << steep;
  const std::string given = act(density, {.kind = StartKind::given, .given = {0, std::nan(""), 0}});
  EXPECT_NE(given.find("'x[0]' is nan"), std::string::npos) << given;
  const std::string nowhere = act(cut(
      model, [](const auto&) { return false; }, kInfinity));
  EXPECT_NE(nowhere.find("no parameter alone"), std::string::npos) << nowhere;
  EXPECT_NE(act(density, {.radius = -1}).find("radius"), std::string::npos);
}

}  // namespace
}  // namespace variscope
