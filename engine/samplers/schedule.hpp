/// Drives many chains: all densities that they wait for are one batch.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/approximations/density.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

using approximations::Density;

/// Called when a chain has ended an iteration; chain.iteration counts it already. place: of the chain in run()'s span. record: the values
/// of recorded_statistics(), lost after the call. Threads may call it at once for different chains; for one chain it is called in order.
using Observe = std::function<void(Index place, const Chain& chain, std::span<const double> record)>;

/// What the batches looked like so far.
struct Traffic {
  Index batches = 0;
  Index columns = 0;  ///< densities in them
  Index live = 0;     ///< chains that had not ended their last iteration, summed over batches: columns / live is how full they were
};

/// A chain's bits depend neither on the other chains nor on threads, as long as a column of `density` does not depend on its neighbours.
class Schedule {
 public:
  /// sampler and density outlive the object. density.evaluate gives the same bits on every rank that runs the same chains.
  /// threads: for packing columns and resuming chains; evaluate has its own.
  Schedule(const Sampler& sampler, const Density& density, const Run& run, int threads = 1);

  /// Runs every chain, each from where it stands, until it has done `last` iterations. A chain that ends an iteration begins its next at
  /// once. shared: Sampler::shared_size() entries, the same for all. Rethrows what an iteration of the first chain that threw has thrown;
  /// chains are then of no use. Cost of a request beside the density: O(dim), about 100 ns at dim = 100. Memory: scratch_size() a chain.
  void run(std::span<Chain> chains, Index last, std::span<const double> shared, const Observe& observe);

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 private:
  struct Slot {
    Step step;
    Transition transition;
    std::vector<double> record;
    std::exception_ptr error;
    bool live = false;  ///< has iterations left
    bool fresh = true;  ///< its first one has not begun
  };
  using Requests = std::vector<Slot*>;
  /// Requests of one kind, which are one evaluation.
  struct Round {
    Requests requests;
    std::vector<Query*> queries;  ///< theirs, in order
    tiles::Batch out;
  };

  void begin(Slot& slot);
  /// Ends the iteration; false if it was the chain's last.
  bool end(Slot& slot, Index place);
  /// From one request to the next, across iterations.
  void advance(Slot& slot);
  /// Iterations of a chain that failed.
  void skip(Slot& slot);
  /// Everyone who has asked, by what they asked for.
  void collect(const Requests& among);
  void evaluate(Round& round, bool gradients);
  void settle(const Round& round);
  /// Minibatches: every request has a lane block and rows of its own.
  void evaluate_rows();
  void settle_rows();

  const Sampler& sampler_;
  const Density& density_;
  Run run_;
  int threads_;
  Traffic traffic_;
  Index last_ = 0;
  const Observe* observe_ = nullptr;
  std::vector<Slot> slots_;
  AlignedVector scratch_;
  Requests asked_;
  Requests before_;  ///< who had asked the time before
  Round values_;
  Round gradients_;
  Round rows_;
  std::vector<std::vector<Index>> drawn_;
  std::vector<approximations::BlockRows> block_rows_;
  tiles::Batch theta_;
};

}  // namespace variscope::samplers
