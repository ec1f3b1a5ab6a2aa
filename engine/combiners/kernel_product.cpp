/// Draws from the product of kernel density estimates of the shards, plain or corrected by normal approximations.
#include <algorithm>
#include <cmath>

#include "engine/combiners/combiner.hpp"
#include "engine/combiners/shard_moments.hpp"
#include "engine/error.hpp"
#include "engine/random/stream.hpp"

namespace variscope::combiners {

namespace {

/// Iterations before the first that is kept, as a share of those kept: the first bandwidths are wide.
constexpr double kDiscarded = 0.25;

/// The shards in coordinates in which their mean covariance is 1, the normal product has mean 0 and a diagonal covariance.
struct Whitened {
  std::vector<dense::Matrix> shards;
  std::vector<std::vector<double>> log_normal;  ///< of every draw under its shard's normal approximation, less a constant
  std::vector<double> spread;                   ///< variances of the normal product
  std::vector<double> centre;
  dense::Matrix back;  ///< theta = centre + back v
};

Whitened whiten(std::span<const dense::Matrix> shards) {
  const Index dim = shards.front().columns;
  const std::vector<ShardMoments> moments = shard_moments(shards);
  const NormalProduct product = normal_product(moments);
  dense::Matrix mean_covariance(dim, dim);
  for (const ShardMoments& m : moments) {
    for (std::size_t k = 0; k < m.covariance.values.size(); ++k) {
      mean_covariance.values[k] += m.covariance.values[k] / static_cast<double>(shards.size());
    }
  }
  const auto lower = dense::cholesky(mean_covariance);
  if (!lower) throw UserError("combiner: the shards' covariances have no inverse. Draw more.");
  // L^-1 covariance L'^-1, row by row and then column by column.
  dense::Matrix turned = product.covariance;
  for (int side = 0; side < 2; ++side) {
    turned = dense::transposed(turned);
    for (Index i = 0; i < dim; ++i) dense::solve_lower(*lower, {turned.row(i), static_cast<std::size_t>(dim)});
  }
  const Eigensystem eigen = symmetric_eigen(turned);
  Whitened result;
  result.spread = eigen.values;
  result.centre = product.mean;
  result.back = dense::product(*lower, eigen.vectors);
  for (std::size_t m = 0; m < shards.size(); ++m) {
    dense::Matrix draws = shards[m];
    std::vector<double> log_normal;
    for (Index i = 0; i < draws.rows; ++i) {
      const std::span<double> row(draws.row(i), static_cast<std::size_t>(dim));
      std::vector<double> own(row.begin(), row.end());
      for (std::size_t d = 0; d < own.size(); ++d) own[d] -= moments[m].mean[d];
      dense::solve_lower(moments[m].lower, own);
      log_normal.push_back(-0.5 * dense::dot(own, own));
      for (std::size_t d = 0; d < row.size(); ++d) row[d] -= result.centre[d];
      dense::solve_lower(*lower, row);
    }
    result.shards.push_back(dense::product(draws, eigen.vectors));
    result.log_normal.push_back(std::move(log_normal));
  }
  return result;
}

/// One draw of every shard, and what their mixture component weighs.
class Choice {
 public:
  Choice(const Whitened& whitened, bool corrected) : whitened_(whitened), corrected_(corrected), chosen_(whitened.shards.size()) {}

  void choose(std::size_t shard, Index draw) { chosen_[shard] = draw; }
  [[nodiscard]] Index chosen(std::size_t shard) const { return chosen_[shard]; }

  /// After choices were made from outside: sums anew, so that rounding does not add up.
  void recount() {
    sum_.assign(whitened_.spread.size(), 0.0);
    squares_ = 0;
    locals_ = 0;
    for (std::size_t m = 0; m < chosen_.size(); ++m) add(m, chosen_[m], 1);
  }
  void exchange(std::size_t shard, Index draw) {
    add(shard, chosen_[shard], -1);
    add(shard, draw, 1);
    chosen_[shard] = draw;
  }
  /// log w at bandwidth h, less a constant of h: Neiswanger et al., equations 3.5 and 3.9.
  [[nodiscard]] double log_weight(double h) const {
    const auto count = static_cast<double>(chosen_.size());
    double mean_square = 0;
    double correction = -locals_;
    for (std::size_t d = 0; d < sum_.size(); ++d) {
      const double mean = sum_[d] / count;
      mean_square += mean * mean;
      correction -= 0.5 * mean * mean / (whitened_.spread[d] + h * h / count);
    }
    const double kernels = -(squares_ - count * mean_square) / (2 * h * h);
    return corrected_ ? kernels + correction : kernels;
  }
  [[nodiscard]] double mean(std::size_t d) const { return sum_[d] / static_cast<double>(chosen_.size()); }

 private:
  void add(std::size_t shard, Index draw, double sign) {
    const double* row = whitened_.shards[shard].row(draw);
    for (std::size_t d = 0; d < sum_.size(); ++d) {
      sum_[d] += sign * row[d];
      squares_ += sign * row[d] * row[d];
    }
    locals_ += sign * whitened_.log_normal[shard][static_cast<std::size_t>(draw)];
  }

  const Whitened& whitened_;
  bool corrected_;
  std::vector<Index> chosen_;
  std::vector<double> sum_;
  double squares_ = 0;
  double locals_ = 0;
};

Combination combine(std::span<const dense::Matrix> shards, const Arguments& arguments, bool corrected) {
  const Index dim = shards.front().columns;
  const Whitened whitened = whiten(shards);
  Index wanted = arguments.draws;
  if (wanted == 0) {
    wanted = shards.front().rows;
    for (const dense::Matrix& shard : shards) wanted = std::min(wanted, shard.rows);
  }
  Combination result;
  result.chains = std::max<Index>(1, std::min(arguments.chains, wanted));
  const Index kept = (wanted + result.chains - 1) / result.chains;
  const auto discarded = static_cast<Index>(kDiscarded * static_cast<double>(kept));
  result.draws = dense::Matrix(kept * result.chains, dim);
  const auto count = static_cast<double>(shards.size());
  Index taken = 0;
  std::vector<double> v(static_cast<std::size_t>(dim));
  for (Index chain = 0; chain < result.chains; ++chain) {
    const auto stream = [&](Index iteration, std::size_t shard) {
      return random::Stream{arguments.seed, random::Purpose::combiner, arguments.task * 256 + static_cast<std::uint32_t>(chain),
                            static_cast<std::uint32_t>(iteration), static_cast<std::uint32_t>(shard)};
    };
    Choice choice(whitened, corrected);
    for (std::size_t m = 0; m < shards.size(); ++m) {
      choice.choose(m, static_cast<Index>(random::uniform_index(stream(0, m), 0, static_cast<std::uint64_t>(shards[m].rows))));
    }
    for (Index i = 1; i <= discarded + kept; ++i) {
      const double h =
          arguments.bandwidth > 0 ? arguments.bandwidth : std::pow(static_cast<double>(i), -1.0 / static_cast<double>(4 + dim));
      choice.recount();
      double weight = choice.log_weight(h);
      for (std::size_t m = 0; m < shards.size(); ++m) {
        const Index old = choice.chosen(m);
        choice.exchange(m, static_cast<Index>(random::uniform_index(stream(i, m), 0, static_cast<std::uint64_t>(shards[m].rows))));
        const double proposed = choice.log_weight(h);
        if (std::log(random::uniform(stream(i, m), 1)) < proposed - weight) {
          weight = proposed;
          ++taken;
        } else {
          choice.exchange(m, old);
        }
      }
      if (i <= discarded) continue;
      for (std::size_t d = 0; d < v.size(); ++d) {
        const double kernel = count / (h * h);
        const double precision = corrected ? kernel + 1 / whitened.spread[d] : kernel;
        const double noise = random::normal(stream(i, shards.size()), static_cast<std::uint32_t>(d));
        v[d] = choice.mean(d) * kernel / precision + noise / std::sqrt(precision);
      }
      const std::vector<double> theta = dense::product(whitened.back, v);
      double* out = result.draws.row(chain * kept + i - discarded - 1);
      for (std::size_t d = 0; d < theta.size(); ++d) out[d] = whitened.centre[d] + theta[d];
    }
  }
  result.acceptance = static_cast<double>(taken) / (static_cast<double>((discarded + kept) * result.chains) * count);
  return result;
}

Entry entry_of(const std::string& name, const std::string& summary, const std::string& section, bool corrected) {
  Entry entry;
  entry.name = name;
  entry.summary = summary;
  entry.source = "Neiswanger, Wang, Xing 2014, UAI (arXiv 1311.4780), " + section + "; kernels in units of the shards' covariance";
  entry.subposterior = Subposterior::prior_fraction;
  entry.combine = [corrected](std::span<const dense::Matrix> shards, const Arguments& arguments) {
    return combine(shards, arguments, corrected);
  };
  return entry;
}

}  // namespace

Entry nonparametric_entry() {
  return entry_of("nonparametric", "Markov chain over the components of a product of kernel density estimates",
                  "section 3.2 and algorithm 1", false);
}

Entry semiparametric_entry() {
  return entry_of("semiparametric", "the same, each kernel density estimate times a normal approximation", "section 3.3", true);
}

}  // namespace variscope::combiners
