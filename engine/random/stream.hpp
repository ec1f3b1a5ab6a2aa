/// Random numbers addressed by meaning: a key (seed) and a counter made of purpose, task, major, minor and lane.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/index.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::random {

/// Who consumes the numbers. A new consumer takes a new value, so that old draws stay where they are. At most 255.
/// "a call": major is the call (replicate, optimisation step, training call, design); minor of its noise: noise set x M + sample (the even
/// one's for an antithetic pair); minor of its rows: the row set, or 1 for the order in which disjoint rows and epochs are dealt.
/// "shared task": consumer, noise set and point in one (shared_task of experiments/run/noise.hpp).
enum class Purpose : std::uint8_t {
  data_generation = 1,   ///< task: column group; (major, minor): row low and high words
  data_truth = 2,        ///< coefficients of synthetic data
  path_noise = 3,        ///< steps of the path: a call a step, task 0
  path_rows = 4,         ///< their minibatches
  replicate_noise = 5,   ///< what is measured: a call a replicate, task: point
  replicate_rows = 6,    ///< its minibatches, replicas' included
  reference_noise = 7,   ///< Monte Carlo reference gradient: a call a replicate, task: point
  optimum_noise = 8,     ///< the optimum by averaged iterates: a call a step, task 0
  net_noise = 9,         ///< scrambled nets (sobol.hpp) of any of these calls: shared task; minor: point of the net
  training_noise = 10,   ///< what an estimator prepares its state on: a call each, task: point
  training_rows = 11,    ///< its minibatches
  component_noise = 12,  ///< crossed designs: a call each, task: point
  component_rows = 13,   ///< their minibatches
  local_noise = 14,      ///< local reparameterisation in any of these calls: shared task, its noise set 0; lane: global row
  replica_rows = 15,     ///< nobody: replicas' rows are replicate_rows; the value stays taken
  prior_draw = 16,       ///< a draw from a model's prior: major, minor: replication
  response_draw = 17,    ///< a simulated response: (task, minor): global row; major: replication
  split_rows = 18,       ///< train or test: (task, minor): global row
  fit_noise = 19,        ///< optimisation of a fit: task: its repeat; major: step; minor: sample
  fit_rows = 20,         ///< its minibatches: task: its repeat; major: step
  fit_evaluation = 21,   ///< estimates of the objective beside a fit: task: its repeat; major: step; minor: sample
  posterior_draw = 22,   ///< draws from an approximation: task: the fit's repeat; (major, minor): draw
  particle_start = 23,   ///< where particles start: task: repeat; minor: particle
  // Chains: task: the chain; major: its iteration; minor: what within it. Vectors take minors 8 k .. 8 k + 7 (samplers/step.hpp).
  chain_start = 24,      ///< where a chain starts: major: the attempt
  chain_momentum = 25,   ///< momenta
  chain_proposal = 26,   ///< proposals, and noise of dynamics
  chain_accept = 27,     ///< accept or reject
  chain_length = 28,     ///< step sizes and trajectory lengths that vary at random
  chain_direction = 29,  ///< which way a tree doubles: minor: the doubling
  chain_choice = 30,     ///< which state of a tree: minor: the doubling; lane: 0 for the doubling, 1 + leaf within it
  chain_search = 31,     ///< momenta of the search for a first step size: minor: 8 x attempt
  chain_rows = 32,       ///< minibatches
  chain_exchange = 33,   ///< between chains: swaps, resampling, folds of an ensemble. major: the iteration; no chain's own
  combiner = 40,         ///< task: combination x 256 + chain; major: iteration; minor: shard; lanes: draw, acceptance, or normals
  testing = 255,
};

/// One stream of 2^34 32-bit words. Two streams share no (key, counter) pair unless all five fields agree.
/// Layout: Philox key = seed; counter words = (block, minor, major, purpose << 24 | task).
/// Scrambled nets (sobol.hpp) take blocks from 2^31 on, all other consumers those below.
struct Stream {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::testing;
  std::uint32_t task = 0;  ///< < 2^24
  std::uint32_t major = 0;
  std::uint32_t minor = 0;

  [[nodiscard]] std::array<std::uint32_t, 4> counter(std::uint32_t block) const {
    return {block, minor, major, (static_cast<std::uint32_t>(purpose) << 24) | (task & 0xffffffU)};
  }
  [[nodiscard]] std::array<std::uint32_t, 2> key() const {
    return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  }
};

/// Philox4x32-10 of one counter (Salmon et al. 2011, Random123).
std::array<std::uint32_t, 4> philox(const Stream& stream, std::uint32_t block);

/// The double in (0, 1) of two words: (52 high bits + 1/2) 2^-52. Never 0 or 1.
inline double to_uniform(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32) | low;
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

/// Uniform number `lane` of the stream; two words each, so lanes 2j and 2j+1 share block j.
double uniform(const Stream& stream, std::uint32_t lane);

/// Standard normal number `lane` of the stream by Box-Muller; lanes 2j and 2j+1 share block j. Same bits as fill_normal.
double normal(const Stream& stream, std::uint32_t lane);

/// Integer in [0, bound) from uniform words of lane `lane` (multiply-shift; bias below bound 2^-64).
std::uint64_t uniform_index(const Stream& stream, std::uint32_t lane, std::uint64_t bound);

/// The 64 random bits of lane first + i, for each i: what uniform_index scales. `first` is even. Vectorised over counters.
void fill_bits(const Stream& stream, std::uint32_t first, std::span<std::uint64_t> out);

/// Bits of a lane as an integer in [0, bound): uniform_index of that lane.
inline std::uint64_t to_index(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

/// Column c of `out` becomes normals 0..dim-1 of streams[c]. Vectorised over columns; a column does not depend on its neighbours.
void fill_normal(const Stream* streams, tiles::BatchView out);

/// out[k * stride + c] becomes normal(streams[c], lanes[k]) for k < count and c < 8: one lane block of columns, `live` of them with a
/// stream (1 to 8; what lies behind repeats the last). Same bits as normal. Lanes 2j and 2j+1 after each other cost as much as one.
void normal_rows(const Stream* streams, Index live, const std::uint32_t* lanes, int count, double* out, Index stride);

}  // namespace variscope::random
