/// Subtree-root exchange.
#include "cluster/topology/fold_across.hpp"

#include <algorithm>
#include <stdexcept>

namespace variscope::cluster {

namespace {

using tiles::Node;

/// One rank's part in one exchange. Nothing is allocated.
class Exchange {
 public:
  Exchange(const Communicator& communicator, const Ownership& ownership, std::size_t size, std::span<double> partials,
           const tiles::Merge& merge, std::span<double> result)
      : communicator_(communicator),
        ownership_(ownership),
        tree_(ownership.tree()),
        owned_(ownership.range(communicator.rank())),
        size_(size),
        partials_(partials),
        merge_(merge),
        result_(result) {}

  void run() {
    if (owned_.size() > 0) contribute(tree_.root(), -1);
  }

 private:
  [[nodiscard]] int owner(Range leaves) const { return ownership_.owner(leaves.first); }

  /// Assembles the highest nodes below `node` that begin with a leaf of ours, and hands each to the owner of its parent (-1: none, it
  /// is the root). Such a node is a right child, and the next one to the right has a higher parent: no two have the same level, which
  /// is therefore the tag. Sends are started and not waited for: a receiver may be busy with an earlier subtree, and it depends only
  /// on ranks to its right, so nothing can lock up.
  void contribute(Node node, int parent_owner) {
    const Range leaves = tree_.range(node);
    if (leaves.size() == 0 || leaves.first >= owned_.last || leaves.last <= owned_.first) return;
    const int node_owner = owner(leaves);
    if (node_owner != communicator_.rank()) {
      contribute(node.left(), node_owner);
      contribute(node.right(), node_owner);
      return;
    }
    const std::span<double> value = assemble(node);
    if (parent_owner < 0) {
      std::copy(value.begin(), value.end(), result_.begin());
    } else {
      communicator_.start_send(value, parent_owner, node.level);
    }
  }

  /// Value of a node whose first leaf is ours; it lies in partials_, where it stays until the exchange ends.
  std::span<double> assemble(Node node) {
    if (tree_.range(node).last <= owned_.last) return next_covering();
    if (tree_.empty(node.left())) return assemble(node.right());
    const std::span<double> left = assemble(node.left());
    const Range right = tree_.range(node.right());
    if (right.size() == 0) return left;
    if (owner(right) == communicator_.rank()) {
      merge_(left, assemble(node.right()));
    } else {
      communicator_.receive(result_, owner(right), node.right().level);
      merge_(left, result_);
    }
    return left;
  }

  /// Nodes that lie wholly in owned_ are come upon from the left to the right and from above: they are the covering nodes in order.
  std::span<double> next_covering() {
    if (partials_.size() < (used_ + 1) * size_) throw std::logic_error("fold_across: a covering node has no partial");
    return partials_.subspan(size_ * used_++, size_);
  }

  const Communicator& communicator_;
  const Ownership& ownership_;
  tiles::Tree tree_;
  Range owned_;
  std::size_t size_;
  std::span<double> partials_;
  const tiles::Merge& merge_;
  std::span<double> result_;  ///< holds what is received until the root's value goes there
  std::size_t used_ = 0;      ///< partials
};

}  // namespace

void fold_across(const Communicator& communicator, const Ownership& ownership, Index size, std::span<double> partials,
                 const tiles::Merge& merge, Reduce reduce, std::span<double> result, Sends sends) {
  const auto n = static_cast<std::size_t>(size);
  if (reduce == Reduce::fast) {
    std::fill(result.begin(), result.end(), 0.0);
    const std::size_t nodes = ownership.nodes(communicator.rank()).size();
    for (std::size_t node = 0; node < nodes; ++node) tiles::add(result.first(n), partials.subspan(node * n, n));
    communicator.sum_in_any_order(result.first(n));
    return;
  }
  communicator.wait_sends();  // of the fold before
  Exchange(communicator, ownership, n, partials, merge, result.first(n)).run();
  if (sends == Sends::complete) communicator.wait_sends();
}

}  // namespace variscope::cluster
