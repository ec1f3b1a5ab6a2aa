/// A fold spread over ranks is the serial tree bit for bit, in few messages; the library's allreduce is not.
#include "cluster/topology/fold_across.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "tests/cluster/check.hpp"
#include "tests/engine/tiles/hash_merge.hpp"

namespace {

using variscope::Index;
using variscope::cluster::Communicator;
using variscope::cluster::Ownership;
using variscope::cluster::Reduce;
using variscope::test::Checks;
namespace test = variscope::test;
namespace tiles = variscope::tiles;
namespace cluster = variscope::cluster;

/// This rank's covering nodes, folded by as many threads as there are.
std::vector<double> partials(const Communicator& ranks, const Ownership& ownership, std::size_t size, const test::LeafFunction& leaf,
                             const tiles::Merge& merge) {
  const auto nodes = ownership.nodes(ranks.rank());
  std::vector<double> all(nodes.size() * size);
#pragma omp parallel
  {
    tiles::NodeFolder folder;
#pragma omp for schedule(dynamic)
    for (std::size_t n = 0; n < nodes.size(); ++n)
      folder.fold(ownership.tree(), nodes[n], leaf, merge, std::span<double>(all).subspan(n * size, size));
  }
  return all;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void hashed_fold(const Communicator& ranks, Index leaves, Index unit, std::size_t size, Checks& check) {
  const std::string where = std::to_string(leaves) + " leaves in units of " + std::to_string(unit) + ", size " + std::to_string(size);
  const Ownership ownership{leaves, unit, ranks.size()};
  std::vector<double> mine = partials(ranks, ownership, size, test::fill_hash_leaf, test::hash_merge);
  std::vector<double> result(size);
  const Index messages = ranks.messages_sent();
  const Index bytes = ranks.bytes_sent();
  cluster::fold_across(ranks, ownership, static_cast<Index>(size), mine, test::hash_merge, Reduce::exact, result);
  const Index sent = ranks.messages_sent() - messages;
  check.that((Index{1} << sent) < 2 * std::max<Index>(ownership.units(), 1), "more than ceil(log2 units) messages: " + where);
  const bool sends = ranks.rank() != 0 && ownership.range(ranks.rank()).size() > 0;
  if (std::has_single_bit(static_cast<unsigned>(ranks.size()))) check.equal(sent, Index{sends ? 1 : 0}, "messages: " + where);
  check.equal(ranks.bytes_sent() - bytes, sent * static_cast<Index>(size * sizeof(double)), "bytes: " + where);
  if (ownership.range(ranks.rank()).size() == 0) check.equal(sent, Index{0}, "messages of a rank without leaves: " + where);
  if (ranks.rank() != 0) return;
  check.equal(sent, Index{0}, "messages of the root: " + where);
  check.that(same_bits(result, test::naive_tree(leaves, unit, size, test::fill_hash_leaf, test::hash_merge)), "bits: " + where);
}

/// Element of a leaf; sizes differ much, so that the order of a sum shows.
double uneven(Index leaf, std::size_t element) {
  return (test::hash_leaf(leaf, element) - 1.4) * std::pow(10.0, static_cast<double>((leaf * 7 + static_cast<Index>(element)) % 6));
}

void fill_uneven(Index leaf, std::span<double> partial) {
  for (std::size_t i = 0; i < partial.size(); ++i) partial[i] += uneven(leaf, i);
}

/// Returns how many elements of the fast sum differ from the exact one.
Index sums(const Communicator& ranks, Index leaves, Checks& check) {
  constexpr std::size_t kSize = 1000;
  const std::string where = std::to_string(leaves) + " leaves";
  const Ownership ownership{leaves, 1, ranks.size()};
  std::vector<double> mine = partials(ranks, ownership, kSize, fill_uneven, tiles::add);
  std::vector<double> again = mine;
  std::vector<double> fast(kSize, 99.0);
  cluster::fold_across(ranks, ownership, kSize, mine, tiles::add, Reduce::fast, fast);
  // Callers may keep more behind the covering nodes' partials: it is not theirs.
  std::vector<double> longer = partials(ranks, ownership, kSize, fill_uneven, tiles::add);
  longer.resize(longer.size() + 3 * kSize, 1e9);
  std::vector<double> fast_longer(kSize);
  cluster::fold_across(ranks, ownership, kSize, longer, tiles::add, Reduce::fast, fast_longer);
  std::vector<double> exact(kSize);
  cluster::fold_across(ranks, ownership, kSize, again, tiles::add, Reduce::exact, exact);
  ranks.broadcast(std::span<double>(exact));
  const std::vector<double> serial = test::naive_tree(leaves, 1, kSize, fill_uneven, tiles::add);
  check.that(same_bits(exact, serial), "exact sums are the serial tree's: " + where);
  Index different = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    double size = 0;
    for (Index leaf = 0; leaf < leaves; ++leaf) size += std::abs(uneven(leaf, i));
    const double tolerance = 1e-15 * static_cast<double>(leaves) * size;
    check.that(std::abs(fast[i] - exact[i]) <= tolerance, "fast is close to exact: " + where);
    check.that(std::abs(fast_longer[i] - exact[i]) <= tolerance, "fast ignores what lies behind the partials: " + where);
    if (fast[i] != exact[i]) ++different;
  }
  return different;
}

}  // namespace

int main() {
  const auto world = Communicator::world();
  Checks check(world);
  const Communicator halves = world.split(world.rank() % 2);
  for (Index leaves = 1; leaves <= 40; ++leaves) {  // fewer leaves than ranks too
    for (const Index unit : {1, 2, 4}) {
      for (const std::size_t size : {std::size_t{1}, std::size_t{1000}}) {
        hashed_fold(world, leaves, unit, size, check);
        hashed_fold(halves, leaves, unit, size, check);
      }
    }
  }
  // Long enough that a send waits for its receiver.
  for (const Index leaves : {2, 7, 13}) hashed_fold(world, leaves, 1, 70000, check);
  Index different = 0;
  for (Index leaves = 1; leaves <= 40; leaves += 3) different += sums(world, leaves, check);
  // The check can fail: of three ranks some send several nodes, and the allreduce's bits are not the tree's. A single rank's covering
  // node is the root itself, and two numbers have one sum; what the library does with four is its own affair.
  if (world.size() <= 2) check.equal(different, Index{0}, "bits of the fast sum");
  if (world.size() == 3) check.that(different > 0, "bits of the fast sum");
  return check.status();
}
