/// The communicator's operations on real ranks: split, teams, broadcasts, gathers, sums, messages in both protocols.
#include <algorithm>
#include <numeric>

#include "cluster/topology/layout.hpp"
#include "tests/cluster/check.hpp"

namespace {

using variscope::Index;
using variscope::cluster::Communicator;
using variscope::test::Checks;
namespace cluster = variscope::cluster;

void split(const Communicator& world, Checks& check) {
  const int color = world.rank() % 2;
  const Communicator part = world.split(color);
  check.equal(part.size(), (world.size() + 1 - color) / 2, "size of a split");
  check.equal(part.rank(), world.rank() / 2, "ranks of a split are ordered as before");
  double sum[1] = {static_cast<double>(world.rank())};
  part.sum_in_any_order(sum);
  double expected = 0;
  for (int r = color; r < world.size(); r += 2) expected += r;
  check.equal(sum[0], expected, "a split speaks to its own ranks only");
  const Communicator alone = world.split(world.rank());
  check.equal(alone.size(), 1, "a rank of its own colour is alone");
  check.equal(part.split(0).size(), part.size(), "a split can be split");
}

void teams_of(const Communicator& world, const cluster::Layout& layout, Checks& check) {
  const std::string where = " of " + layout.text();
  const cluster::Team team = cluster::replicate_team(world, layout);
  check.equal(team.ranks(), layout.replicas * layout.samples * layout.shards, "ranks" + where);
  check.equal(team.replicas.size(), layout.replicas, "replica axis" + where);
  check.equal(team.replicas.rank(), layout.replica_of(world.rank()), "replica rank" + where);
  check.equal(team.samples.size(), layout.samples, "sample axis" + where);
  check.equal(team.samples.rank(), layout.sample_of(world.rank()), "sample rank" + where);
  check.equal(team.shards.size(), layout.shards, "shard axis" + where);
  check.equal(team.shards.rank(), layout.shard_of(world.rank()), "shard rank" + where);
  double roots[2] = {team.is_root() ? 1.0 : 0.0, team.has_replica() ? 1.0 : 0.0};
  world.sum_in_any_order(roots);
  check.equal(roots[0], static_cast<double>(layout.replicates), "one root per replicate coordinate" + where);
  check.equal(roots[1], static_cast<double>(layout.replicates * layout.replicas), "one gradient per replica coordinate" + where);
  // The axes lead to the team's own ranks: a sum along all of them is the sum over the ranks of the replicate coordinate.
  double ranks[1] = {static_cast<double>(world.rank())};
  for (const Communicator* axis : {&team.shards, &team.samples, &team.replicas}) axis->sum_in_any_order(ranks);
  const Index first = layout.replicate_of(world.rank()) * team.ranks();
  const Index sum = team.ranks() * first + team.ranks() * (team.ranks() - 1) / 2;
  check.equal(ranks[0], static_cast<double>(sum), "sum over the team" + where);
  const cluster::Team whole = cluster::whole_team(world, layout);
  check.equal(whole.replicas.size(), 1, "the whole team's replica axis" + where);
  check.equal(whole.samples.size(), layout.replicates * layout.replicas * layout.samples, "the whole team's sample axis" + where);
  check.equal(whole.shards.size(), layout.shards, "the whole team's shard axis" + where);
  check.equal(whole.is_root(), world.rank() == 0, "the whole team's root" + where);
}

void teams(const Communicator& world, Checks& check) {
  const Index size = world.size();
  for (Index replicates = 1; replicates <= size; ++replicates) {
    for (Index replicas = 1; replicates * replicas <= size; ++replicas) {
      for (Index samples = 1; replicates * replicas * samples <= size; ++samples) {
        const Index given = replicates * replicas * samples;
        if (size % given == 0) teams_of(world, {replicates, samples, size / given, replicas}, check);
      }
    }
  }
}

void broadcasts(const Communicator& world, Checks& check) {
  for (int root = 0; root < world.size(); ++root) {
    // Receivers start with other lengths.
    std::string text = world.rank() == root ? "from " + std::to_string(root) + std::string(5000, 'x') : std::string(7, '?');
    world.broadcast(text, root);
    check.equal(text, "from " + std::to_string(root) + std::string(5000, 'x'), "broadcast of a text");
    std::string empty = world.rank() == root ? "" : "something";
    world.broadcast(empty, root);
    check.that(empty.empty(), "broadcast of an empty text");
    std::vector<double> data(1000, world.rank() == root ? 0.5 + root : -1.0);
    world.broadcast(std::span<double>(data), root);
    check.that(std::all_of(data.begin(), data.end(), [&](double x) { return x == 0.5 + root; }), "broadcast of doubles");
  }
}

void gathers_and_sums(const Communicator& world, Checks& check) {
  // Lengths 0, 3, 6, ...; bytes of all kinds.
  std::string mine(static_cast<std::size_t>(3 * world.rank()), static_cast<char>('a' + world.rank()));
  if (!mine.empty()) mine[1] = '\0';
  const auto texts = world.all_gather(mine);
  check.equal(texts.size(), static_cast<std::size_t>(world.size()), "texts of all_gather");
  for (int r = 0; r < world.size(); ++r) {
    std::string expected(static_cast<std::size_t>(3 * r), static_cast<char>('a' + r));
    if (!expected.empty()) expected[1] = '\0';
    check.equal(texts[static_cast<std::size_t>(r)], expected, "text of rank " + std::to_string(r));
  }
  const auto nothing = world.all_gather("");
  check.that(nothing == std::vector<std::string>(static_cast<std::size_t>(world.size())), "all_gather of empty texts");
  check.equal(world.maximum(-1.0 - world.rank()), -1.0, "maximum of negative numbers");
  check.equal(world.maximum(world.rank()), world.size() - 1.0, "maximum");
  std::vector<double> counts{1.0, static_cast<double>(world.rank()), 0x1p40};
  world.sum_in_any_order(counts);
  const double n = world.size();
  check.that(counts == std::vector<double>{n, n * (n - 1) / 2, n * 0x1p40}, "sums of whole numbers are exact");
}

void messages(const Communicator& world, Checks& check) {
  if (world.size() == 1) return;
  const Communicator part = world.split(0);
  const int next = (world.rank() + 1) % world.size();
  const int before = (world.rank() + world.size() - 1) % world.size();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{200000}}) {
    const Index bytes = world.bytes_sent();
    const Index sent = world.messages_sent();
    std::vector<double> first(size, 1.0 + world.rank());
    std::vector<double> second(size, -1.0 - world.rank());
    part.start_send(first, next, 4);
    part.start_send(second, next, 9);
    std::vector<double> received(size);
    part.receive(received, before, 9);  // by tag, not by order
    check.that(received == std::vector<double>(size, -1.0 - before), "message with the second tag");
    part.receive(received, before, 4);
    check.that(received == std::vector<double>(size, 1.0 + before), "message with the first tag");
    part.wait_sends();
    check.equal(world.messages_sent() - sent, Index{2}, "messages of a split count for the whole");
    check.equal(world.bytes_sent() - bytes, static_cast<Index>(2 * size * sizeof(double)), "bytes of a split count for the whole");
  }
}

}  // namespace

int main() {
  const auto world = Communicator::world();
  Checks check(world);
  split(world, check);
  teams(world, check);
  broadcasts(world, check);
  gathers_and_sums(world, check);
  messages(world, check);
  world.barrier();
  return check.status();
}
