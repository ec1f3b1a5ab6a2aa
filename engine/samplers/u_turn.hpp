/// The generalised U-turn criterion over pieces of a trajectory, and the merging of pieces.
#pragma once

#include <algorithm>
#include <utility>

#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

/// A piece of a trajectory: momenta p and velocities Sigma p at its ends, rho the sum of its momenta. All point to dim doubles. "Begin" is
/// the end that was built first; momenta are those of forward time whichever way it was built, which the criterion does not notice.
struct Piece {
  double* p_begin = nullptr;
  double* p_end = nullptr;
  double* v_begin = nullptr;
  double* v_end = nullptr;
  double* rho = nullptr;

  static constexpr Index kVectors = 5;
  /// On kVectors stride doubles.
  static Piece at(double* memory, Index stride) {
    return {memory, memory + stride, memory + 2 * stride, memory + 3 * stride, memory + 4 * stride};
  }
  void set_leaf(const double* p, const double* v, Index dim) {
    for (double* to : {p_begin, p_end, rho}) std::copy_n(p, dim, to);
    for (double* to : {v_begin, v_end}) std::copy_n(v, dim, to);
  }
  void turn() {
    std::swap(p_begin, p_end);
    std::swap(v_begin, v_end);
  }
};

/// Whether a piece with these velocities at its ends and the sum rho has not turned back: Betancourt 2017, arXiv:1701.02434, A.4.2.
inline bool goes_on(const double* v_begin, const double* v_end, const double* rho, Index dim) {
  return dot(v_begin, rho, dim) > 0 && dot(v_end, rho, dim) > 0;
}

/// a becomes a and b, b having been built onto a's end. False if the whole has turned back, or either half together with the first state of
/// the other: Stan 2.32, base_nuts.hpp. sum: dim doubles of scratch.
inline bool join(Piece& a, const Piece& b, Index dim, double* sum) {
  for (Index d = 0; d < dim; ++d) sum[d] = a.rho[d] + b.p_begin[d];
  bool on = goes_on(a.v_begin, b.v_begin, sum, dim);
  for (Index d = 0; d < dim; ++d) sum[d] = b.rho[d] + a.p_end[d];
  on = on && goes_on(a.v_end, b.v_end, sum, dim);
  for (Index d = 0; d < dim; ++d) a.rho[d] += b.rho[d];
  on = on && goes_on(a.v_begin, b.v_end, a.rho, dim);
  std::copy_n(b.p_end, dim, a.p_end);
  std::copy_n(b.v_end, dim, a.v_end);
  return on;
}

}  // namespace variscope::samplers
