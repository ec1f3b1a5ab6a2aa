/// Owen-scrambled Sobol points: nets of uniforms or normals for randomised quasi-Monte Carlo, addressed by meaning like all random numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/random/stream.hpp"

namespace variscope::random {

/// The first `points` points of the Sobol sequence in `dim` dimensions (direction numbers of Joe and Kuo 2008, order of Gray codes, the
/// origin first), and their nested uniform scramblings (Owen 1995, 1997).
///
/// A net is (seed, purpose, task, major) of a Stream: nets that differ in any of them are scrambled independently. `minor` is the index of
/// the point in the net (the global sample index): whoever computes a point, alone or beside any others, gets the same bits.
///
/// With k = max(6, ceil(log2 points)), every digit of a coordinate's first k is flipped by a random bit of its own for each value of the
/// digits above it, and the digits below are independent uniforms of (dimension, point): the points of a 2^k net lie in distinct intervals
/// of length 2^-k, so this is Owen's scrambling and no approximation. Every coordinate is uniform on the lattice of to_uniform, never 0
/// or 1. The estimate of a mean is unbiased for any number of points. The first `points` points are a net, and the variance falls faster
/// than 1 / points, if `points` is a power of two; otherwise they are the beginning of one, and whether it does depends on the function.
///
/// Counters: the stream (net, minor = dimension) from block 3 * 2^30 on holds the flips, one bit for each node of the binary tree, as a
/// heap (the root is bit 1; prefix p of l digits, first digit lowest, is bit 2^l + p). The stream (net, minor = point) from block 2^31 on
/// holds the digits below, block 2^31 + d / 2 those of dimensions d and d + 1.
class ScrambledSobol {
 public:
  static constexpr Index kMaxDim = 3667;  ///< where Boost's table of direction numbers ends
  static constexpr Index kMaxPoints = Index{1} << 31;
  static constexpr std::uint32_t kDigitBlocks = 1U << 31;  ///< first block of the digits below the net's
  static constexpr std::uint32_t kFlipBlocks = 3U << 30;   ///< first block of the flips

  /// Holds 8 bytes for each dimension and digit. Throws UserError for dim outside [1, kMaxDim] or points outside [1, kMaxPoints].
  ScrambledSobol(Index dim, Index points);

  [[nodiscard]] Index dim() const { return dim_; }
  [[nodiscard]] Index points() const { return points_; }

  /// Coordinate d of point `point` before scrambling, times 2^64.
  [[nodiscard]] std::uint64_t unscrambled(Index point, Index d) const;

  /// Column c of `out` becomes point streams[c].minor (< points) of the net that streams[c] names; out.dim <= dim.
  /// Fastest where the columns of a lane block lie in the same 64 aligned points of a net: consecutive points, starting at multiples of 8.
  void fill_uniform(const Stream* streams, tiles::BatchView out) const;

  /// fill_uniform through inverse_normal: every column is standard normal.
  void fill_normal(const Stream* streams, tiles::BatchView out) const;

 private:
  template <class Finish>
  void fill(const Stream* streams, tiles::BatchView out, Finish& finish) const;
  template <class Finish>
  void fill_same_group(const Stream* streams, Index first, Index last, tiles::BatchView out, Finish& finish) const;
  template <class Finish>
  void fill_mixed(const Stream* streams, Index b, tiles::BatchView out, Finish& finish) const;

  Index dim_;
  Index points_;
  int digits_;    // k
  Index stride_;  // dim, padded to whole packs
  // Direction numbers: those of bit c and dimension d at c * stride_ + d. The k digits stand in the high bits, the first one highest, and
  // once more in the low bits, the first one lowest, where they are the prefix that picks a flip.
  std::vector<std::uint64_t> directions_;
};

}  // namespace variscope::random
