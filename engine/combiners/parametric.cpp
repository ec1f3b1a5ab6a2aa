/// The product of the shards' normal approximations.
#include "engine/combiners/combiner.hpp"
#include "engine/combiners/shard_moments.hpp"
#include "engine/error.hpp"
#include "engine/random/stream.hpp"

namespace variscope::combiners {

namespace {

Combination combine(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  const std::vector<ShardMoments> moments = shard_moments(shards);
  const NormalProduct product = normal_product(moments);
  const auto lower = dense::cholesky(product.covariance);
  if (!lower) throw UserError("combiner: the product of the shards is too flat to be drawn from. Scale the parameters alike.");
  const Index dim = product.covariance.rows;
  Index count = arguments.draws;
  if (count == 0) {
    count = shards.front().rows;
    for (const dense::Matrix& shard : shards) count = std::min(count, shard.rows);
  }
  Combination result;
  result.draws = dense::Matrix(count, dim);
  for (Index i = 0; i < count; ++i) {
    const random::Stream stream{arguments.seed, random::Purpose::combiner, arguments.task, static_cast<std::uint32_t>(i), 0};
    std::vector<double> noise(static_cast<std::size_t>(dim));
    for (std::size_t d = 0; d < noise.size(); ++d) noise[d] = random::normal(stream, static_cast<std::uint32_t>(d));
    const std::vector<double> step = dense::product(*lower, noise);
    for (Index d = 0; d < dim; ++d) result.draws(i, d) = product.mean[static_cast<std::size_t>(d)] + step[static_cast<std::size_t>(d)];
  }
  return result;
}

}  // namespace

Entry parametric_entry() {
  Entry entry;
  entry.name = "parametric";
  entry.summary = "draws from the product of the shards' normal approximations";
  entry.source = "Neiswanger, Wang, Xing 2014, UAI (arXiv 1311.4780), section 3.1; precisions unbiased as Hartlap et al. 2007";
  entry.subposterior = Subposterior::prior_fraction;
  entry.combine = combine;
  return entry;
}

}  // namespace variscope::combiners
