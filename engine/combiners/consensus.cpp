/// Consensus Monte Carlo: draws averaged with the shards' precisions as weights.
#include <algorithm>

#include "engine/combiners/combiner.hpp"
#include "engine/combiners/shard_moments.hpp"

namespace variscope::combiners {

namespace {

Combination combine(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  Index count = shards.front().rows;
  for (const dense::Matrix& shard : shards) count = std::min(count, shard.rows);
  if (arguments.draws > 0) count = std::min(count, arguments.draws);
  const Index dim = shards.front().columns;
  const std::vector<ShardMoments> moments = shard_moments(shards);
  const NormalProduct product = normal_product(moments);
  Combination result;
  result.draws = dense::Matrix(count, dim);
  for (std::size_t m = 0; m < shards.size(); ++m) {
    // draws x dim times the transposed of covariance x precision_m.
    const dense::Matrix weight = dense::product(moments[m].precision, product.covariance);
    const dense::Matrix pulled = dense::product(thinned(shards[m], count), weight);
    for (std::size_t k = 0; k < pulled.values.size(); ++k) result.draws.values[k] += pulled.values[k];
  }
  return result;
}

}  // namespace

Entry consensus_entry() {
  Entry entry;
  entry.name = "consensus";
  entry.summary = "draws averaged with precisions as weights; exact for normal posteriors";
  entry.source = "Scott et al. 2016, IJMSEM 11(2), equation 4";
  entry.subposterior = Subposterior::prior_fraction;
  entry.combine = combine;
  return entry;
}

}  // namespace variscope::combiners
