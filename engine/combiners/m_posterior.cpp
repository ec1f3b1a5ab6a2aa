/// The geometric median of the shards' posteriors: robust against shards whose data are corrupted.
#include <algorithm>
#include <cmath>

#include "engine/combiners/combiner.hpp"
#include "engine/combiners/shard_moments.hpp"

namespace variscope::combiners {

namespace {

/// Draws of a shard that measure distances between shards.
constexpr Index kMostAtoms = 500;
constexpr int kMostPasses = 1000;

/// Every coordinate divided by the median of the shards' standard deviations, so that no unit decides.
std::vector<dense::Matrix> scaled(std::span<const dense::Matrix> shards) {
  std::vector<dense::Matrix> result;
  for (const dense::Matrix& shard : shards) result.push_back(thinned(shard, kMostAtoms));
  const std::vector<ShardMoments> moments = shard_moments(shards);
  for (Index d = 0; d < shards.front().columns; ++d) {
    std::vector<double> spreads;
    for (const ShardMoments& m : moments) spreads.push_back(std::sqrt(m.covariance(d, d)));
    const auto half = spreads.begin() + static_cast<std::ptrdiff_t>(spreads.size() / 2);
    std::nth_element(spreads.begin(), half, spreads.end());
    for (dense::Matrix& shard : result) {
      for (Index i = 0; i < shard.rows; ++i) shard(i, d) /= *half;
    }
  }
  return result;
}

double squared_distance(const double* x, const double* y, Index dim) {
  double sum = 0;
  for (Index d = 0; d < dim; ++d) sum += (x[d] - y[d]) * (x[d] - y[d]);
  return sum;
}

/// Median over pairs of draws of one shard, so that a shard far away does not widen the kernel; the median shard's.
double median_square(const std::vector<dense::Matrix>& shards) {
  std::vector<double> medians;
  for (const dense::Matrix& shard : shards) {
    std::vector<double> squares;
    for (Index i = 0; i < shard.rows; ++i) {
      for (Index j = 0; j < i; ++j) squares.push_back(squared_distance(shard.row(i), shard.row(j), shard.columns));
    }
    const auto half = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
    std::nth_element(squares.begin(), half, squares.end());
    medians.push_back(*half);
  }
  const auto half = medians.begin() + static_cast<std::ptrdiff_t>(medians.size() / 2);
  std::nth_element(medians.begin(), half, medians.end());
  return *half;
}

/// <Q_k, Q_l> of the shards' empirical distributions in the kernel's space.
dense::Matrix inner_products(const std::vector<dense::Matrix>& shards) {
  const double width = median_square(shards);
  const auto count = static_cast<Index>(shards.size());
  dense::Matrix result(count, count);
  for (Index k = 0; k < count; ++k) {
    for (Index l = 0; l <= k; ++l) {
      const dense::Matrix& a = shards[static_cast<std::size_t>(k)];
      const dense::Matrix& b = shards[static_cast<std::size_t>(l)];
      double sum = 0;
      for (Index i = 0; i < a.rows; ++i) {
        for (Index j = 0; j < b.rows; ++j) sum += std::exp(-0.5 * squared_distance(a.row(i), b.row(j), a.columns) / width);
      }
      result(k, l) = result(l, k) = sum / static_cast<double>(a.rows * b.rows);
    }
  }
  return result;
}

/// Weiszfeld's iteration: weights of the geometric median.
std::vector<double> median_weights(const dense::Matrix& inner) {
  const auto count = static_cast<std::size_t>(inner.rows);
  std::vector<double> weights(count, 1.0 / static_cast<double>(count));
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const std::vector<double> pulled = dense::product(inner, weights);
    const double own = dense::dot(pulled, weights);
    std::vector<double> next(count);
    double total = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const double square = own - 2 * pulled[k] + inner(static_cast<Index>(k), static_cast<Index>(k));
      next[k] = 1 / std::sqrt(std::max(square, 1e-24));  // a shard at the median itself takes all
      total += next[k];
    }
    double change = 0;
    for (std::size_t k = 0; k < count; ++k) {
      next[k] /= total;
      change = std::max(change, std::abs(next[k] - weights[k]));
    }
    weights = std::move(next);
    if (change < 1e-8) break;
  }
  return weights;
}

Combination combine(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  const auto count = static_cast<double>(shards.size());
  std::vector<double> weights = median_weights(inner_products(scaled(shards)));
  double total = 0;
  for (double& weight : weights) {
    if (weight < 1 / (2 * count)) weight = 0;
    total += weight;
  }
  Combination result;
  const Index dim = shards.front().columns;
  std::vector<dense::Matrix> kept;
  Index rows = 0;
  for (std::size_t k = 0; k < shards.size(); ++k) {
    const Index each = arguments.draws > 0 ? std::max<Index>(1, arguments.draws / static_cast<Index>(shards.size())) : shards[k].rows;
    kept.push_back(weights[k] > 0 ? thinned(shards[k], each) : dense::Matrix(0, dim));
    rows += kept.back().rows;
  }
  result.draws = dense::Matrix(rows, dim);
  auto out = result.draws.values.begin();
  for (std::size_t k = 0; k < shards.size(); ++k) {
    out = std::copy(kept[k].values.begin(), kept[k].values.end(), out);
    result.weights.insert(result.weights.end(), static_cast<std::size_t>(kept[k].rows),
                          kept[k].rows > 0 ? weights[k] / total / static_cast<double>(kept[k].rows) : 0.0);
  }
  return result;
}

}  // namespace

Entry m_posterior_entry() {
  Entry entry;
  entry.name = "m_posterior";
  entry.summary = "geometric median of the shards in a kernel's space: weighted draws, robust against corrupted shards";
  entry.source = "Minsker, Srivastava, Lin, Dunson 2014, ICML (arXiv 1403.2660), algorithm 1";
  entry.subposterior = Subposterior::likelihood_power;
  entry.combine = combine;
  return entry;
}

}  // namespace variscope::combiners
