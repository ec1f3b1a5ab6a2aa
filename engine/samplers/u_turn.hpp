/// The generalised U-turn criterion over pieces of a trajectory, and the merging of pieces.
#pragma once

#include <algorithm>
#include <utility>

#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

/// A piece of a trajectory: momenta p and velocities Sigma p at its ends, rho the sum of its momenta; all point to dim doubles. "Begin" is
/// the end that was built first; momenta are those of forward time whichever way it was built, which the criterion does not notice.
/// Where Sigma is a diagonal or 1, v points to the momenta, and the criterion puts Sigma in between.
struct Piece {
  double* p_begin = nullptr;
  double* p_end = nullptr;
  double* v_begin = nullptr;
  double* v_end = nullptr;
  double* rho = nullptr;

  void turn() {
    std::swap(p_begin, p_end);
    std::swap(v_begin, v_end);
  }
};

/// Joins pieces and tells when they have turned back. A piece p goes on if v_begin . rho > 0 and v_end . rho > 0 (Betancourt 2017,
/// arXiv:1701.02434, A.4.2); two that are joined must go on as a whole, and either with the first state of the other (Stan 2.32,
/// base_nuts.hpp). Sums run in eight lanes, whatever the vector width.
class UTurn {
 public:
  UTurn(const Metric& metric, Index dim, Index stride)
      : dense_(metric.kind() == MetricKind::dense),
        sigma_(metric.kind() == MetricKind::diagonal ? metric.sigma() : nullptr),
        dim_(dim),
        stride_(stride) {}

  /// Vectors of stride doubles that a piece takes.
  static Index vectors(MetricKind kind) { return kind == MetricKind::dense ? 5 : 3; }
  /// The piece whose vectors lie there.
  [[nodiscard]] Piece at(double* memory) const {
    Piece piece{memory, memory + stride_, memory, memory + stride_, memory + 2 * stride_};
    if (!dense_) return piece;
    piece.v_begin = memory + 3 * stride_;
    piece.v_end = memory + 4 * stride_;
    return piece;
  }
  [[nodiscard]] Index piece_size() const { return (dense_ ? 5 : 3) * stride_; }

  /// The piece becomes a single state. v: Sigma p, where Sigma is dense.
  void set_state(const Piece& piece, const double* p, const double* v) const {
    set_begin(piece, p, v);
    std::copy_n(p, dim_, piece.p_end);
    std::copy_n(p, dim_, piece.rho);
    if (dense_) std::copy_n(v, dim_, piece.v_end);
  }
  /// The first of two states; set_second() must follow.
  void set_begin(const Piece& piece, const double* p, const double* v) const {
    std::copy_n(p, dim_, piece.p_begin);
    if (dense_) std::copy_n(v, dim_, piece.v_begin);
  }
  /// Joins a second state to the one of set_begin(): all three checks are then one.
  [[nodiscard]] bool set_second(const Piece& piece, const double* p, const double* v) const {
    return sigma_ != nullptr ? second<true>(piece, p, v) : second<false>(piece, p, v);
  }
  /// a becomes a and b, b having been built onto a's end.
  [[nodiscard]] bool join(const Piece& a, const Piece& b) const { return sigma_ != nullptr ? joined<true>(a, b) : joined<false>(a, b); }

 private:
  using Eight = double __attribute__((vector_size(64), aligned(8), may_alias));
  static const Eight& eight(const double* x) { return *reinterpret_cast<const Eight*>(x); }
  static Eight& eight(double* x) { return *reinterpret_cast<Eight*>(x); }
  /// Sums as dot() adds its lanes up.
  static bool positive(const Eight& s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) > 0; }

  template <bool kWeighted>
  [[nodiscard]] bool second(const Piece& piece, const double* p, const double* v) const {
    const double* last = dense_ ? v : p;
    Eight begin{};
    Eight end{};
    const Index whole = dim_ / 8 * 8;
    for (Index d = 0; d < whole; d += 8) {
      const Eight sum = eight(piece.p_begin + d) + eight(p + d);
      Eight weighted = sum;
      if constexpr (kWeighted) weighted *= eight(sigma_ + d);
      begin += eight(piece.v_begin + d) * weighted;
      end += eight(last + d) * weighted;
      eight(piece.rho + d) = sum;
      eight(piece.p_end + d) = eight(p + d);
    }
    for (Index d = whole; d < dim_; ++d) {
      const double sum = piece.p_begin[d] + p[d];
      const double weighted = kWeighted ? sum * sigma_[d] : sum;
      begin[d - whole] += piece.v_begin[d] * weighted;
      end[d - whole] += last[d] * weighted;
      piece.rho[d] = sum;
      piece.p_end[d] = p[d];
    }
    if (dense_) std::copy_n(v, dim_, piece.v_end);
    return positive(begin) && positive(end);
  }

  template <bool kWeighted>
  [[nodiscard]] bool joined(const Piece& a, const Piece& b) const {
    Eight sums[6] = {};
    const Index whole = dim_ / 8 * 8;
    for (Index d = 0; d < whole; d += 8) {
      Eight left = eight(a.rho + d) + eight(b.p_begin + d);
      Eight right = eight(b.rho + d) + eight(a.p_end + d);
      Eight all = eight(a.rho + d) + eight(b.rho + d);
      eight(a.rho + d) = all;
      if constexpr (kWeighted) {
        left *= eight(sigma_ + d);
        right *= eight(sigma_ + d);
        all *= eight(sigma_ + d);
      }
      const Eight first = eight(a.v_begin + d);
      const Eight last = eight(b.v_end + d);
      sums[0] += first * left;
      sums[1] += eight(b.v_begin + d) * left;
      sums[2] += eight(a.v_end + d) * right;
      sums[3] += last * right;
      sums[4] += first * all;
      sums[5] += last * all;
      eight(a.p_end + d) = eight(b.p_end + d);
    }
    for (Index d = whole; d < dim_; ++d) {
      const Index i = d - whole;
      const double weight = kWeighted ? sigma_[d] : 1;
      const double left = (a.rho[d] + b.p_begin[d]) * weight;
      const double right = (b.rho[d] + a.p_end[d]) * weight;
      a.rho[d] += b.rho[d];
      const double all = a.rho[d] * weight;
      sums[0][i] += a.v_begin[d] * left;
      sums[1][i] += b.v_begin[d] * left;
      sums[2][i] += a.v_end[d] * right;
      sums[3][i] += b.v_end[d] * right;
      sums[4][i] += a.v_begin[d] * all;
      sums[5][i] += b.v_end[d] * all;
      a.p_end[d] = b.p_end[d];
    }
    if (dense_) std::copy_n(b.v_end, dim_, a.v_end);
    return std::all_of(std::begin(sums), std::end(sums), [](const Eight& s) { return positive(s); });
  }

  bool dense_;
  const double* sigma_;  ///< the diagonal, if it is one
  Index dim_;
  Index stride_;
};

}  // namespace variscope::samplers
