/// Chains as numbers.
#include "engine/samplers/chain.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace variscope {
namespace {

TEST(Chain, ComesBackFromItsNumbers) {
  samplers::Chain chain;
  chain.index = 37;
  chain.iteration = (Index{1} << 40) + 3;
  chain.log_density = -1.25;
  chain.position = {1, 2, 3};
  chain.gradient = {-1, -2, -3};
  chain.state = {0.5, 7};
  std::vector<double> numbers(static_cast<std::size_t>(samplers::packed_size(chain)));
  EXPECT_EQ(numbers.size(), 12U);
  samplers::pack(chain, numbers);
  samplers::Chain again;
  again.position.resize(3);
  again.gradient.resize(3);
  again.state.resize(2);
  samplers::unpack(numbers, again);
  EXPECT_EQ(again, chain);
  chain.status = samplers::ChainStatus::failed;
  chain.log_density = std::nan("");
  samplers::pack(chain, numbers);
  samplers::unpack(numbers, again);
  EXPECT_EQ(again.status, samplers::ChainStatus::failed);
  EXPECT_TRUE(std::isnan(again.log_density));
  numbers.pop_back();
  EXPECT_THROW(samplers::unpack(numbers, again), std::logic_error);
}

}  // namespace
}  // namespace variscope
