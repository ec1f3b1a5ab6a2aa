/// What an iteration sees: its chain, its random numbers, its scratch memory, and a way to ask for densities.
#pragma once

#include <coroutine>
#include <cstdint>
#include <span>

#include "engine/random/stream.hpp"
#include "engine/samplers/chain.hpp"

namespace variscope::samplers {

/// What all iterations of a run have in common.
struct Run {
  std::uint64_t seed = 1;
  Index warmup = 0;  ///< iterations 0 .. warmup - 1 adapt; what they adapted is frozen from then on
};

/// A vector of dim doubles in scratch memory takes padded(dim).
inline constexpr Index padded(Index dim) { return (dim + 7) / 8 * 8; }

class Schedule;

/// Lives as long as the iteration. A coroutine takes it by reference.
class Step {
 public:
  Chain* chain = nullptr;
  Run run;
  std::span<const double> shared;  ///< adapted across chains: Sampler::shared_size() entries
  std::span<double> statistics;    ///< to be filled, in the order of Sampler::statistics(); NaN at the start
  double* scratch = nullptr;       ///< Sampler::scratch_size() doubles, 64-byte aligned, undefined at the start

  [[nodiscard]] Index iteration() const { return chain->iteration; }
  [[nodiscard]] bool adapting() const { return chain->iteration < run.warmup; }
  /// The stream of this chain and iteration; minor: what within the iteration. Iterations are counted modulo 2^32.
  [[nodiscard]] random::Stream stream(random::Purpose purpose, std::uint32_t minor = 0) const {
    return {run.seed, purpose, static_cast<std::uint32_t>(chain->index), static_cast<std::uint32_t>(chain->iteration), minor};
  }
  [[nodiscard]] double uniform(random::Purpose purpose, std::uint32_t minor = 0, std::uint32_t lane = 0) const {
    return random::uniform(stream(purpose, minor), lane);
  }
  /// out[0 .. dim) become standard normals; the memory up to padded(dim) is overwritten. Entry 8 k + c is normal k of minor 8 set + c.
  void normals(random::Purpose purpose, std::uint32_t set, Index dim, double* out) const;

  /// Suspends until a density has been computed; the result of co_await is its value.
  struct Wait {
    Step* step;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { step->waiting_ = waiting; }
    [[nodiscard]] double await_resume() const noexcept { return step->value_; }
  };
  /// `const double value = co_await step.gradient(theta, g);`: log density at theta (dim entries); g becomes its gradient. theta and g may
  /// not overlap and stay where they are while the coroutine waits. The value may be anything, NaN included.
  [[nodiscard]] Wait gradient(const double* theta, double* g) {
    theta_ = theta;
    gradient_ = g;
    ++gradients_;
    return {this};
  }
  /// The log density alone.
  [[nodiscard]] Wait value(const double* theta) {
    theta_ = theta;
    gradient_ = nullptr;
    ++values_;
    return {this};
  }
  /// Asked for so far in this iteration.
  [[nodiscard]] Index gradients() const { return gradients_; }
  [[nodiscard]] Index values() const { return values_; }

 private:
  friend class Schedule;
  std::coroutine_handle<> waiting_;
  const double* theta_ = nullptr;
  double* gradient_ = nullptr;
  double value_ = 0;
  Index gradients_ = 0;
  Index values_ = 0;
};

}  // namespace variscope::samplers
