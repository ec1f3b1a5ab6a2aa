/// Wasserstein barycentres of the shards' posteriors: of their atoms, of each marginal, of their means and covariances.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/combiners/combiner.hpp"
#include "engine/combiners/shard_moments.hpp"

namespace variscope::combiners {

namespace {

/// Atoms of a shard that are coupled: a pass of swaps is quadratic in them.
constexpr Index kMostAtoms = 2000;
constexpr int kMostPasses = 100;

Index smallest(std::span<const dense::Matrix> shards) {
  Index count = shards.front().rows;
  for (const dense::Matrix& shard : shards) count = std::min(count, shard.rows);
  return count;
}

/// Row i of every shard belongs together; rows are swapped within a shard until no swap brings those that belong together closer.
class Coupling {
 public:
  explicit Coupling(std::vector<dense::Matrix> shards) : shards_(std::move(shards)), sum_(shards_.front().rows, shards_.front().columns) {
    for (const dense::Matrix& shard : shards_) {
      for (std::size_t k = 0; k < sum_.values.size(); ++k) sum_.values[k] += shard.values[k];
    }
  }

  /// Whether anything was swapped. O(shards atoms^2 dim).
  bool pass() {
    bool any = false;
    for (dense::Matrix& shard : shards_) {
      for (Index i = 0; i < shard.rows; ++i) {
        for (Index j = 0; j < i; ++j) any = swapped(shard, i, j) || any;
      }
    }
    return any;
  }
  [[nodiscard]] dense::Matrix means() const {
    dense::Matrix result(sum_.rows, sum_.columns);
    // Anew, for the running sums hold the rounding of every swap.
    for (const dense::Matrix& shard : shards_) {
      for (std::size_t k = 0; k < result.values.size(); ++k) result.values[k] += shard.values[k];
    }
    for (double& value : result.values) value /= static_cast<double>(shards_.size());
    return result;
  }

 private:
  /// Swaps rows i and j of the shard if <x_i - x_j, y_i - y_j> < 0, y the sums of the other shards' rows.
  bool swapped(dense::Matrix& shard, Index i, Index j) {
    double* xi = shard.row(i);
    double* xj = shard.row(j);
    double* si = sum_.row(i);
    double* sj = sum_.row(j);
    double gain = 0;
    double size = 0;
    for (Index d = 0; d < shard.columns; ++d) {
      const double apart = xi[d] - xj[d];
      gain += apart * (si[d] - sj[d] - apart);
      size += apart * apart;
    }
    // Rounding must not swap the same pair for ever.
    if (gain >= -1e-12 * size) return false;
    for (Index d = 0; d < shard.columns; ++d) {
      const double apart = xi[d] - xj[d];
      si[d] -= apart;
      sj[d] += apart;
      std::swap(xi[d], xj[d]);
    }
    return true;
  }

  std::vector<dense::Matrix> shards_;
  dense::Matrix sum_;
};

/// Rows in the order of their projections on `axis`.
dense::Matrix ordered_along(const dense::Matrix& draws, std::span<const double> axis) {
  std::vector<double> position(static_cast<std::size_t>(draws.rows));
  for (Index i = 0; i < draws.rows; ++i) {
    position[static_cast<std::size_t>(i)] = dense::dot({draws.row(i), static_cast<std::size_t>(draws.columns)}, axis);
  }
  std::vector<Index> order(position.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return position[static_cast<std::size_t>(a)] < position[static_cast<std::size_t>(b)]; });
  dense::Matrix result(draws.rows, draws.columns);
  for (Index i = 0; i < draws.rows; ++i) {
    const double* from = draws.row(order[static_cast<std::size_t>(i)]);
    std::copy(from, from + draws.columns, result.row(i));
  }
  return result;
}

Combination couple(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  Index count = std::min(smallest(shards), kMostAtoms);
  if (arguments.draws > 0) count = std::min(count, arguments.draws);
  const Eigensystem eigen = symmetric_eigen(shard_moments(shards.front()).covariance);
  std::vector<double> axis;
  for (Index d = 0; d < eigen.vectors.rows; ++d) axis.push_back(eigen.vectors(d, eigen.vectors.columns - 1));
  std::vector<dense::Matrix> atoms;
  for (const dense::Matrix& shard : shards) atoms.push_back(ordered_along(thinned(shard, count), axis));
  Coupling coupling(std::move(atoms));
  for (int pass = 0; pass < kMostPasses && coupling.pass(); ++pass) {
  }
  Combination result;
  result.draws = coupling.means();
  return result;
}

Combination average_quantiles(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  Index count = smallest(shards);
  if (arguments.draws > 0) count = arguments.draws;
  const Index dim = shards.front().columns;
  Combination result;
  result.joint = false;
  result.draws = dense::Matrix(count, dim);
  for (const dense::Matrix& shard : shards) {
    for (Index d = 0; d < dim; ++d) {
      std::vector<double> sorted;
      for (Index i = 0; i < shard.rows; ++i) sorted.push_back(shard(i, d));
      std::sort(sorted.begin(), sorted.end());
      for (Index i = 0; i < count; ++i) {
        // The quantile at (i + 1/2) / count, linear between draws at (k + 1/2) / n.
        const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(shard.rows) / static_cast<double>(count) - 0.5;
        const double inside = std::clamp(at, 0.0, static_cast<double>(shard.rows - 1));
        const auto below = std::min(static_cast<std::size_t>(inside), sorted.size() - 2);
        const double share = inside - static_cast<double>(below);
        result.draws(i, d) += (sorted[below] * (1 - share) + sorted[below + 1] * share) / static_cast<double>(shards.size());
      }
    }
  }
  return result;
}

/// S with S = mean of (S^1/2 S_k S^1/2)^1/2, by the fixed point of Alvarez-Esteban et al. 2016.
dense::Matrix barycentre(std::span<const ShardMoments> shards) {
  const auto root = [](double x) { return std::sqrt(x); };
  const auto inverse_root = [](double x) { return 1 / std::sqrt(x); };
  dense::Matrix s = shards.front().covariance;
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const dense::Matrix s_root = symmetric_function(s, root);
    const dense::Matrix s_inverse_root = symmetric_function(s, inverse_root);
    dense::Matrix mean(s.rows, s.columns);
    for (const ShardMoments& shard : shards) {
      const dense::Matrix term = symmetric_function(dense::product(dense::product(s_root, shard.covariance), s_root), root);
      for (std::size_t k = 0; k < mean.values.size(); ++k) mean.values[k] += term.values[k] / static_cast<double>(shards.size());
    }
    const dense::Matrix next = dense::product(dense::product(s_inverse_root, dense::product(mean, mean)), s_inverse_root);
    double change = 0;
    double size = 0;
    for (std::size_t k = 0; k < s.values.size(); ++k) {
      change = std::max(change, std::abs(next.values[k] - s.values[k]));
      size = std::max(size, std::abs(s.values[k]));
    }
    s = next;
    if (change <= 1e-13 * size) break;
  }
  return s;
}

Combination move_to_barycentre(std::span<const dense::Matrix> shards, const Arguments& arguments) {
  const Index dim = shards.front().columns;
  const auto count = static_cast<Index>(shards.size());
  const std::vector<ShardMoments> moments = shard_moments(shards);
  const dense::Matrix s = barycentre(moments);
  std::vector<double> centre(static_cast<std::size_t>(dim), 0.0);
  for (const ShardMoments& m : moments) {
    for (std::size_t d = 0; d < centre.size(); ++d) centre[d] += m.mean[d] / static_cast<double>(count);
  }
  const Index wanted = arguments.draws > 0 ? arguments.draws : smallest(shards);
  const Index each = std::min(smallest(shards), (wanted + count - 1) / count);
  Combination result;
  result.draws = dense::Matrix(each * count, dim);
  for (Index m = 0; m < count; ++m) {
    const ShardMoments& own = moments[static_cast<std::size_t>(m)];
    // The optimal map between normal distributions: S_m^-1/2 (S_m^1/2 S S_m^1/2)^1/2 S_m^-1/2.
    const dense::Matrix root = symmetric_function(own.covariance, [](double x) { return std::sqrt(x); });
    const dense::Matrix inverse_root = symmetric_function(own.covariance, [](double x) { return 1 / std::sqrt(x); });
    const dense::Matrix middle = symmetric_function(dense::product(dense::product(root, s), root), [](double x) { return std::sqrt(x); });
    const dense::Matrix map = dense::product(dense::product(inverse_root, middle), inverse_root);
    const dense::Matrix some = thinned(shards[static_cast<std::size_t>(m)], each);
    for (Index i = 0; i < each; ++i) {
      std::vector<double> x(some.row(i), some.row(i) + dim);
      for (std::size_t d = 0; d < x.size(); ++d) x[d] -= own.mean[d];
      const std::vector<double> moved = dense::product(map, x);
      double* out = result.draws.row(i * count + m);
      for (std::size_t d = 0; d < moved.size(); ++d) out[d] = centre[d] + moved[d];
    }
  }
  return result;
}

Entry entry_of(const std::string& name, const std::string& summary, const std::string& source,
               Combination (*combine)(std::span<const dense::Matrix>, const Arguments&)) {
  Entry entry;
  entry.name = name;
  entry.summary = summary;
  entry.source = source;
  entry.subposterior = Subposterior::likelihood_power;
  entry.combine = combine;
  return entry;
}

}  // namespace

Entry wasp_entry() {
  return entry_of("wasp", "Wasserstein barycentre of at most 2000 atoms a shard, coupled by swaps",
                  "Srivastava, Li, Dunson 2018, JMLR 19(8) (arXiv 1508.05880); swaps: Puccetti, Rueschendorf, Vanduffel 2020, JMVA 176",
                  couple);
}

Entry wasp_marginals_entry() {
  return entry_of("wasp_marginals", "averaged quantiles of each coordinate; marginals only, no joint draws",
                  "Li, Srivastava, Dunson 2017, Biometrika 104(3) (PIE)", average_quantiles);
}

Entry wasp_location_scatter_entry() {
  return entry_of("wasp_location_scatter",
                  "barycentre of means and covariances, draws moved to it; exact where shards differ by affine maps",
                  "Alvarez-Esteban, del Barrio, Cuesta-Albertos, Matran 2016, JMAA 441(2), equation 7", move_to_barycentre);
}

}  // namespace variscope::combiners
