/// Subtree-root exchange.
#include "cluster/topology/fold_across.hpp"

#include <algorithm>
#include <list>
#include <stdexcept>

namespace variscope::cluster {

namespace {

using tiles::Node;

/// One rank's part in one exchange.
class Exchange {
 public:
  Exchange(const Communicator& communicator, const Ownership& ownership, std::size_t size, std::span<double> partials,
           const tiles::Merge& merge)
      : communicator_(communicator),
        ownership_(ownership),
        total_(ownership.leaves),
        size_(size),
        owned_(ownership.range(communicator.rank())),
        covering_(tiles::covering_nodes(owned_, total_)),
        partials_(partials),
        merge_(merge) {}

  void run(std::span<double> result) {
    // The nodes whose value is assembled here and wanted elsewhere: right children of parents whose first leaf lies to our left.
    // They have distinct levels, so the level is the tag. Sends are started and not waited for: a receiver may be busy with
    // an earlier subtree, and it depends only on ranks to its right, so nothing can lock up.
    Node node{0, owned_.first};
    while (owned_.size() > 0) {
      while (!(node == tiles::root(total_)) && owner(node.parent()) == communicator_.rank()) node = node.parent();
      std::span<double> value = assemble(node);
      if (node == tiles::root(total_)) {
        std::copy(value.begin(), value.end(), result.begin());
        break;
      }
      communicator_.start_send(value, owner(node.parent()), node.level);
      const Index next = node.last(total_);
      if (next >= owned_.last) break;
      node = {0, next};
    }
    communicator_.wait_sends();
  }

 private:
  [[nodiscard]] int owner(Node node) const { return ownership_.owner(node.first()); }

  /// Value of a node whose first leaf is ours; memory lives until the exchange ends.
  std::span<double> assemble(Node node) {
    if (node.last(total_) <= owned_.last) return own(node);
    std::span<double> left = assemble(node.left());
    const Node right = node.right();
    if (right.first() >= total_) return left;
    if (owner(right) == communicator_.rank()) {
      merge_(left, assemble(right));
    } else {
      buffer_.resize(size_);
      communicator_.receive(buffer_, owner(right), right.level);
      merge_(left, buffer_);
    }
    return left;
  }

  std::span<double> own(Node node) {
    const auto found = std::find(covering_.begin(), covering_.end(), node);
    if (found != covering_.end()) return {partials_.data() + static_cast<std::size_t>(found - covering_.begin()) * size_, size_};
    // The node has passed up a right sibling that does not exist: its value is that of its left child.
    if (node.level > 0 && node.right().first() >= total_) return own(node.left());
    throw std::logic_error("fold_across: node is not covered");
  }

  const Communicator& communicator_;
  const Ownership& ownership_;
  Index total_;
  std::size_t size_;
  Range owned_;
  std::vector<Node> covering_;
  std::span<double> partials_;
  const tiles::Merge& merge_;
  std::vector<double> buffer_;
};

}  // namespace

void fold_across(const Communicator& communicator, const Ownership& ownership, Index size, std::span<double> partials,
                 const tiles::Merge& merge, Reduce reduce, std::span<double> result) {
  const auto n = static_cast<std::size_t>(size);
  if (reduce == Reduce::fast) {
    std::fill(result.begin(), result.end(), 0.0);
    const std::size_t nodes = tiles::covering_nodes(ownership.range(communicator.rank()), ownership.leaves).size();
    for (std::size_t node = 0; node < nodes; ++node) tiles::add(result.first(n), partials.subspan(node * n, n));
    communicator.sum_in_any_order(result.first(n));
    return;
  }
  Exchange(communicator, ownership, n, partials, merge).run(result.first(n));
}

}  // namespace variscope::cluster
