/// The part of a normal family's noise that is the coordinates' own: what weak derivatives replace, one number at a time.
#pragma once

#include <span>
#include <vector>

#include "engine/families/family.hpp"

namespace variscope::families {

/// z = m + B noise, and the first dim() columns of B are lower triangular with a positive diagonal: diag(s) of the mean-field Gaussian, L
/// of the full-rank one, diag(d) of the low-rank one. A view; the family outlives it.
class OwnNoise {
 public:
  /// The three families above; std::logic_error for others, which known() tells.
  explicit OwnNoise(const Family& family);
  [[nodiscard]] static bool known(const Family& family);

  [[nodiscard]] bool diagonal() const { return scale_ != nullptr; }
  /// dz_i / d noise_k; 0 above the diagonal.
  [[nodiscard]] double slope(Index i, Index k) const;
  /// In place: x = B^-T x over the first dim() columns of B. Cost O(D^2), O(D) if diagonal.
  void solve_transposed(std::span<double> x) const;

 private:
  Index dim_;
  const std::vector<double>* scale_ = nullptr;
  const class FullRankGaussian* full_ = nullptr;
};

}  // namespace variscope::families
