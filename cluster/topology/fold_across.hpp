/// Finish a fold whose leaves are spread over ranks: only subtree roots that lack their sibling travel.
#pragma once

#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "cluster/topology/ownership.hpp"
#include "engine/tiles/fold.hpp"

namespace variscope::cluster {

enum class Reduce {
  exact,  ///< the plan's tree: the same bits on any number of ranks
  fast,   ///< the library's allreduce: whatever order it likes
};

/// Whether a fold returns before what it sends has been received.
enum class Sends {
  complete,
  /// `partials` must stay as they are until the communicator's next fold, or its wait_sends(): a rank that only sends runs ahead by one
  /// fold instead of waiting for the receiver to come to it.
  pending,
};

/// `ownership` divides the leaves among the ranks of `communicator` (parts = its size). `partials` begins with this rank's covering
/// nodes in order (Ownership::nodes), each `size` doubles; they are overwritten, what follows is not looked at. `result`: size doubles on
/// every rank, apart from `partials`. The root's value ends in it on rank 0 of the communicator (Reduce::exact; elsewhere it holds what
/// was received last) or on all ranks (Reduce::fast, plain sums only). Every merge happens on the rank that owns the first leaf of the
/// two. Messages: a rank sends at most ceil(log2 units); exactly one where the number of parts is a power of two, unless it is rank 0 or
/// owns nothing.
void fold_across(const Communicator& communicator, const Ownership& ownership, Index size, std::span<double> partials,
                 const tiles::Merge& merge, Reduce reduce, std::span<double> result, Sends sends = Sends::complete);

}  // namespace variscope::cluster
