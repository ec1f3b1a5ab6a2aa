/// Probabilities and their logarithms from logits, without overflow and without loss near 0 and 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace variscope::families {

/// 1 / (1 + exp(-x)).
inline double sigmoid(double x) {
  const double t = std::exp(-std::abs(x));
  return (x >= 0 ? 1.0 : t) / (1.0 + t);
}

/// log sigmoid(x) <= 0.
inline double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

/// log softmax of at least one logit.
inline std::vector<double> log_softmax(std::span<const double> logits) {
  const auto top = std::max_element(logits.begin(), logits.end());
  double others = 0;
  for (auto x = logits.begin(); x != logits.end(); ++x) others += x == top ? 0.0 : std::exp(*x - *top);
  // log1p: where one class holds nearly all, its log probability is what the others hold.
  const double log_sum = std::log1p(others);
  std::vector<double> logs;
  logs.reserve(logits.size());
  for (const double x : logits) logs.push_back((x - *top) - log_sum);
  return logs;
}

/// The class that u in (0, 1) falls into when classes share (0, 1) in order; the last takes what rounding leaves.
inline std::size_t inverse_cdf(std::span<const double> probabilities, double u) {
  double reached = 0;
  for (std::size_t k = 0; k + 1 < probabilities.size(); ++k) {
    reached += probabilities[k];
    if (u < reached) return k;
  }
  return probabilities.size() - 1;
}

}  // namespace variscope::families
