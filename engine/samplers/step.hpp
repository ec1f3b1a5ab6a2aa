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

/// A place where a density is wanted.
struct Query {
  const double* theta = nullptr;  ///< dim entries
  double* gradient = nullptr;     ///< becomes the gradient there (dim entries); nullptr: the value alone
  double value = 0;               ///< becomes the log density
};

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
    [[nodiscard]] double await_resume() const noexcept { return step->queries_.front().value; }
  };
  /// `const double value = co_await step.gradient(theta, g);`: log density at theta (dim entries); g becomes its gradient. theta and g may
  /// not overlap and stay where they are while the coroutine waits. The value may be anything, NaN included.
  [[nodiscard]] Wait gradient(const double* theta, double* g) {
    own_ = {theta, g, 0};
    return query({&own_, 1});
  }
  /// The log density alone.
  [[nodiscard]] Wait value(const double* theta) { return gradient(theta, nullptr); }
  /// Densities at several places at once, all with gradient or all without; the result is the first's value. queries: at least one, which
  /// stay where they are while the coroutine waits.
  [[nodiscard]] Wait query(std::span<Query> queries) {
    queries_ = queries;
    batch_rows_ = 0;
    (queries.front().gradient == nullptr ? values_ : gradients_) += static_cast<Index>(queries.size());
    return {this};
  }
  /// Log prior + N / B x log likelihood, with gradients, at 1 to 8 places, of the same B = batch_rows of the model's N rows, drawn without
  /// replacement from the stream chain_rows of this minor: unbiased for what query() computes.
  [[nodiscard]] Wait query_rows(std::span<Query> queries, Index batch_rows, std::uint32_t minor = 0) {
    queries_ = queries;
    batch_rows_ = batch_rows;
    rows_minor_ = minor;
    rows_ += batch_rows * static_cast<Index>(queries.size());
    return {this};
  }
  /// Asked for so far in this iteration, of all rows.
  [[nodiscard]] Index gradients() const { return gradients_; }
  [[nodiscard]] Index values() const { return values_; }
  /// Gradients of single rows that query_rows() has taken.
  [[nodiscard]] Index rows() const { return rows_; }

 private:
  friend class Schedule;
  std::coroutine_handle<> waiting_;
  Query own_;
  std::span<Query> queries_;
  Index batch_rows_ = 0;  ///< 0: all rows
  std::uint32_t rows_minor_ = 0;
  Index gradients_ = 0;
  Index values_ = 0;
  Index rows_ = 0;
};

}  // namespace variscope::samplers
