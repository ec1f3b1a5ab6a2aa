/// Mean and covariance of a shard's draws, and the normal approximations that combiners build on them.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/dense.hpp"

namespace variscope::combiners {

struct ShardMoments {
  std::vector<double> mean;
  dense::Matrix covariance;  ///< divided by n - 1
  dense::Matrix lower;       ///< its Cholesky factor
  dense::Matrix precision;   ///< unbiased for normal draws: the inverse times (n - dim - 2) / (n - 1) (Hartlap, Simon, Schneider 2007)
};

/// Of draws (n x dim, n >= dim + 3). UserError where they lie in a subspace. O(n dim^2 + dim^3).
ShardMoments shard_moments(const dense::Matrix& draws);
std::vector<ShardMoments> shard_moments(std::span<const dense::Matrix> shards);

/// The product of the shards' normal approximations, itself normal.
struct NormalProduct {
  std::vector<double> mean;
  dense::Matrix precision;
  dense::Matrix covariance;
};
NormalProduct normal_product(std::span<const ShardMoments> shards);

/// Q f(eigenvalues) Q' of a symmetric matrix. Eigenvalues below 0 by rounding count as 0.
dense::Matrix symmetric_function(const dense::Matrix& a, const std::function<double(double)>& f);

struct Eigensystem {
  std::vector<double> values;  ///< increasing
  dense::Matrix vectors;       ///< columns
};
Eigensystem symmetric_eigen(const dense::Matrix& a);

/// `count` rows of `draws`, evenly spread over them; all of them where it has no more.
dense::Matrix thinned(const dense::Matrix& draws, Index count);

}  // namespace variscope::combiners
