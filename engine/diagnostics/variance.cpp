/// Variance statistics of one estimator (traces, maxima, Fisher-weighted trace) with and without each batch.
#include "engine/diagnostics/variance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/diagnostics/moments.hpp"

namespace variscope::diagnostics {

namespace {

/// Unbiased variance from a sum and a sum of squares; cancellation below zero is zero, NaN stays NaN.
double variance_of(double count, double sum, double square) {
  const double centred = square - sum * sum / count;
  return (centred < 0 ? 0.0 : centred) / (count - 1);
}

/// The largest of values[first, last): its place.
std::size_t largest(std::span<const double> values, std::size_t first, std::size_t last) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(last);
  return static_cast<std::size_t>(std::max_element(begin, end) - values.begin());
}

/// Running jackknife sums of log(V_p / V_top) per coordinate: is coordinate p really below the top one?
class Contest {
 public:
  Contest(std::span<const double> variance, std::size_t first, std::size_t last)
      : first_(first), top_(largest(variance, first, last)), sum_(last - first, 0.0), square_(last - first, 0.0) {
    full_.reserve(last - first);
    for (std::size_t p = first; p < last; ++p) {
      full_.push_back(variance[p] / variance[top_]);
    }
  }

  void add(std::span<const double> without) {
    const double scale = 1.0 / without[top_];
    for (std::size_t k = 0; k < full_.size(); ++k) {
      const double change = without[first_ + k] * scale - full_[k];
      sum_[k] += change;
      square_[k] += change * change;
    }
    batches_ += 1;
  }

  /// Whether any rival lies within `errors` jackknife standard errors (of the paired ratio) of the top.
  [[nodiscard]] bool contested(double errors) const {
    for (std::size_t k = 0; k < full_.size(); ++k) {
      if (first_ + k == top_) {
        continue;
      }
      const double spread = square_[k] - sum_[k] * sum_[k] / batches_;
      const double error = std::sqrt(std::max(spread, 0.0) * (batches_ - 1) / batches_);
      // A coordinate that only copies the top one (ratio 1, no error) is no rival: either gives the same maximum.
      if (error > copy_ && 1.0 - full_[k] < errors * error) {
        return true;
      }
    }
    return false;
  }

 private:
  static constexpr double copy_ = 1e-9;
  std::size_t first_;
  std::size_t top_;
  double batches_ = 0;
  std::vector<double> full_, sum_, square_;
};

/// Rivals nearer than this many standard errors make a maximum unreliable (found by simulation; see the coverage tests).
constexpr double contest_errors = 2.0;

/// Tail index of one block's squared norms, or of all blocks together (block == number of blocks).
double tail_of(const BatchMoments& moments, std::size_t block) {
  const auto blocks = static_cast<std::size_t>(moments.blocks);
  std::vector<double> squares(moments.count.size(), 0.0);
  for (std::size_t b = 0; b < squares.size(); ++b) {
    for (std::size_t k = 0; k < blocks; ++k) {
      if (block == blocks || block == k) {
        squares[b] += moments.norm_square[b * blocks + k];
      }
    }
  }
  return tail_index(std::move(squares));
}

/// The block that contributes most to the weighted trace; the place after the last block if there are no weights.
std::size_t heaviest_block(std::span<const double> variance, const std::vector<Block>& blocks, std::span<const double> weights) {
  std::size_t heaviest = blocks.size();
  double most = 0;
  for (std::size_t k = 0; k < blocks.size() && !weights.empty(); ++k) {
    double part = 0;
    for (Index i = blocks[k].parameters.first; i < blocks[k].parameters.last; ++i) {
      part += weights[static_cast<std::size_t>(i)] * variance[static_cast<std::size_t>(i)];
    }
    if (part > most) {
      most = part;
      heaviest = k;
    }
  }
  return heaviest;
}

LeaveOneOut sized(std::size_t batches) {
  LeaveOneOut statistic;
  statistic.without.assign(batches, 0.0);
  return statistic;
}

}  // namespace

VarianceStatistics variance_statistics(const BatchMoments& moments, const std::vector<Block>& blocks, std::span<const double> floor,
                                       std::span<const double> weights) {
  const auto parameters = static_cast<std::size_t>(moments.parameters);
  const std::size_t batches = moments.count.size();
  const PooledMoments pooled = pool(moments);
  const double n = pooled.count;

  std::vector<Range> ranges;
  for (const Block& block : blocks) {
    ranges.push_back(block.parameters);
  }
  ranges.push_back({0, moments.parameters});

  // Traces and maxima of every block, then of everything; `weighted` apart.
  std::vector<LeaveOneOut> traces(ranges.size(), sized(batches));
  std::vector<LeaveOneOut> maxima(ranges.size(), sized(batches));
  LeaveOneOut weighted = sized(weights.empty() ? 0 : batches);
  std::vector<Contest> contests;

  const auto fill = [&](std::span<const double> variance, auto&& trace, auto&& maximum, double& fisher) {
    for (std::size_t r = 0; r < ranges.size(); ++r) {
      const auto first = static_cast<std::size_t>(ranges[r].first);
      const auto last = static_cast<std::size_t>(ranges[r].last);
      double sum = 0;
      for (std::size_t p = first; p < last; ++p) {
        sum += variance[p];
      }
      trace(r) = sum;
      maximum(r) = last > first ? variance[largest(variance, first, last)] : 0.0;
    }
    fisher = 0;
    for (std::size_t p = 0; p < weights.size(); ++p) {
      fisher += weights[p] * variance[p];
    }
  };
  fill(
      pooled.variance, [&](std::size_t r) -> double& { return traces[r].value; }, [&](std::size_t r) -> double& { return maxima[r].value; },
      weighted.value);

  for (std::size_t r = 0; r < ranges.size(); ++r) {
    const auto first = static_cast<std::size_t>(ranges[r].first);
    const auto last = static_cast<std::size_t>(ranges[r].last);
    contests.emplace_back(pooled.variance, first, last);
    for (std::size_t p = first; p < last; ++p) {
      const double zero = floor[p] * floor[p];
      traces[r].floor += zero;
      maxima[r].floor = std::max(maxima[r].floor, zero);
    }
  }
  for (std::size_t p = 0; p < weights.size(); ++p) {
    weighted.floor += weights[p] * floor[p] * floor[p];
  }

  std::vector<double> without(parameters);
  double unused = 0;
  for (std::size_t b = 0; b < batches; ++b) {
    const double rest = n - moments.count[b];
    const double* sum = &moments.sum[b * parameters];
    const double* square = &moments.square[b * parameters];
    for (std::size_t p = 0; p < parameters; ++p) {
      without[p] = variance_of(rest, n * pooled.deviation[p] - sum[p], n * pooled.mean_square[p] - square[p]);
    }
    fill(
        without, [&](std::size_t r) -> double& { return traces[r].without[b]; },
        [&](std::size_t r) -> double& { return maxima[r].without[b]; }, weights.empty() ? unused : weighted.without[b]);
    for (Contest& contest : contests) {
      contest.add(without);
    }
  }
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    maxima[r].contested_maximum = contests[r].contested(contest_errors);
    traces[r].tail = maxima[r].tail = tail_of(moments, r);
  }
  weighted.tail = traces[heaviest_block(pooled.variance, blocks, weights)].tail;

  VarianceStatistics statistics;
  statistics.total = std::move(traces.back());
  statistics.total_maximum = std::move(maxima.back());
  traces.pop_back();
  maxima.pop_back();
  statistics.trace = std::move(traces);
  statistics.maximum = std::move(maxima);
  statistics.fisher = std::move(weighted);
  statistics.count = moments.count;
  return statistics;
}

}  // namespace variscope::diagnostics
