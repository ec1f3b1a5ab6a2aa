/// The integrand of a sample block.
#include "engine/estimators/integrand.hpp"

namespace variscope::estimators {

BlockValues integrand(const Context& context, const SampleBlock& block, std::size_t request) {
  BlockValues f;
  f.count = static_cast<std::size_t>(block.last - block.first);
  for (std::size_t i = 0; i < f.count; ++i) f[i] = block.densities[request](0, block.origins[request] + static_cast<Index>(i));
  if (context.objective != Objective::elbo) return f;
  const Index first_block = block.first / tiles::kLanes;
  const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
  thread_local tiles::Batch log_q;
  const auto noise = block.noise.slice(first_block, last_block);
  log_q.resize(1, noise.count);
  context.family->log_density(noise, block.position.slice(first_block, last_block), log_q.view());
  for (std::size_t i = 0; i < f.count; ++i) f[i] -= log_q(0, block.first - first_block * tiles::kLanes + static_cast<Index>(i));
  return f;
}

}  // namespace variscope::estimators
