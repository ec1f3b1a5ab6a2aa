/// One sort by value; ranks and folded ranks by walking along it.
#include "engine/diagnostics/ranks.hpp"

#include <algorithm>
#include <bit>
#include <boost/sort/spreadsort/float_sort.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/random/inverse_normal.hpp"

namespace variscope::diagnostics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

NormalScores::NormalScores(Index draws) : draws_(draws) {
  constexpr Index kWidth = simd::kWidth;
  scores_.resize(static_cast<std::size_t>((2 * draws + kWidth) / kWidth * kWidth));
  const auto count = static_cast<double>(draws);
  // Distance from 1/2, which keeps the scores of r and S + 1 - r opposite: (r - 3/8) / (S + 1/4) - 1/2. No rank is below 1 or above S.
  for (std::size_t twice = 0; twice < scores_.size(); ++twice) {
    const double bounded = std::clamp(static_cast<double>(twice), 2.0, 2 * count);
    scores_[twice] = (bounded - (count + 1)) / (2 * count + 0.5);
  }
  random::InverseNormal inverse(scores_.data());
  inverse.transform(scores_.data(), static_cast<Index>(scores_.size()));
  inverse.finish();
}

struct SortedDraws::ByValue {
  bool operator()(const Entry& a, const Entry& b) const { return a.value < b.value; }
  /// For the radix sort: bits that are ordered like the values, but for the sign it sees to itself.
  std::int64_t operator()(const Entry& a, unsigned shift) const { return std::bit_cast<std::int64_t>(a.value) >> shift; }
};

SortedDraws::SortedDraws(const ChainDraws& draws) : draws_(draws) {
  order_.reserve(draws.values.size());
  for (std::size_t i = 0; i < draws.values.size(); ++i) {
    const double value = draws.values[i];
    has_nan_ = has_nan_ || std::isnan(value);
    order_.push_back({value + 0.0, static_cast<Index>(i)});  // -0 becomes 0: they tie
  }
  if (!has_nan_) boost::sort::spreadsort::float_sort(order_.begin(), order_.end(), ByValue{}, ByValue{});
}

double SortedDraws::median() const {
  if (has_nan_) return kNaN;
  const auto count = static_cast<Index>(order_.size());
  return count % 2 == 1 ? at(count / 2 + 1) : 0.5 * at(count / 2) + 0.5 * at(count / 2 + 1);
}

double SortedDraws::quantile(double p) const {
  if (has_nan_) return kNaN;
  const double index = 1 + static_cast<double>(order_.size() - 1) * p;
  const double below = std::floor(index);
  const double low = at(static_cast<Index>(below));
  const double high = at(static_cast<Index>(std::ceil(index)));
  if (index == below || high == low) return low;
  return (1 - (index - below)) * low + (index - below) * high;
}

/// `next(value, place)` gives the draws in ascending order, false behind the last.
template <class Next>
SplitChains SortedDraws::scored(const NormalScores& scores, Next next) const {
  if (scores.draws() != split_draws(draws_)) throw std::invalid_argument("rank normalisation: scores of another number of draws");
  SplitChains result(draws_);
  if (has_nan_) {
    std::fill(result.values.begin(), result.values.end(), kNaN);
    return result;
  }
  const Index length = draws_.draws;
  const Index half = length / 2;
  const bool odd = length % 2 == 1 && length > 1;
  std::vector<std::size_t> tied;  // where the draws of one value go
  double value = kNaN;
  Index ranked = 0;
  const auto flush = [&] {
    const auto count = static_cast<Index>(tied.size());
    const double score = scores.of_twice(2 * ranked + count + 1);
    for (const std::size_t place : tied) result.values[place] = score;
    ranked += count;
    tied.clear();
  };
  double current = 0;
  Index place = 0;
  while (next(current, place)) {
    Index target = place;
    if (odd) {
      const Index draw = place % length;
      if (draw == half) continue;
      target = place - place / length - (draw > half ? 1 : 0);
    }
    if (!tied.empty() && current != value) flush();
    value = current;
    tied.push_back(static_cast<std::size_t>(target));
  }
  if (!tied.empty()) flush();
  return result;
}

SplitChains SortedDraws::rank_normalised(const NormalScores& scores) const {
  std::size_t i = 0;
  return scored(scores, [&](double& value, Index& place) {
    if (i == order_.size()) return false;
    value = order_[i].value;
    place = order_[i++].place;
    return true;
  });
}

SplitChains SortedDraws::folded_rank_normalised(const NormalScores& scores) const {
  const double centre = median();
  // Away from the median distances grow on both sides, rounding included: a merge of two sorted lists.
  std::size_t above = 0;
  while (above < order_.size() && order_[above].value < centre) ++above;
  std::size_t below = above;
  if (!std::isfinite(centre)) {
    // infinity - infinity
    SplitChains result(draws_);
    std::fill(result.values.begin(), result.values.end(), kNaN);
    return result;
  }
  return scored(scores, [&](double& value, Index& place) {
    const bool left = below > 0;
    const bool right = above < order_.size();
    if (!left && !right) return false;
    const double down = left ? centre - order_[below - 1].value : 0;
    const double up = right ? order_[above].value - centre : 0;
    const bool take_left = left && (!right || down < up);
    value = take_left ? down : up;
    place = take_left ? order_[--below].place : order_[above++].place;
    return true;
  });
}

}  // namespace variscope::diagnostics
