/// Question: what does the exact fold across ranks cost, beside the library's allreduce and beside one plain message?
/// Starts itself on 2 ranks unless mpirun, srun or the like did.
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/program.hpp"
#include "cluster/topology/fold_across.hpp"
#include "experiments/command/launch.hpp"

namespace variscope::benchmarks {
namespace {

cluster::Communicator& world() {
  static cluster::Communicator communicator = cluster::Communicator::world();
  return communicator;
}

/// Seconds of the slowest rank from a common start.
template <class Body>
double slowest(Body&& body) {
  world().barrier();
  const double start = now_s();  // waiting counts
  body();
  return world().maximum(now_s() - start);
}

/// A round: exact fold, exact fold and broadcast (allreduce leaves the result everywhere), allreduce, one message between two ranks.
/// Every rank must do the same number of rounds, so that number is fixed.
void fold(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0)) / sizeof(double);
  const cluster::Ownership ownership{state.range(1), 1, world().size()};
  const auto nodes = ownership.nodes(world().rank());
  std::vector<double> partials(nodes.size() * size, 1.0);
  std::vector<double> result(size);
  const auto once = [&](cluster::Reduce reduce) {
    cluster::fold_across(world(), ownership, static_cast<Index>(size), partials, tiles::add, reduce, result);
    keep(result.data());
  };
  const auto broadcast = [&] {
    once(cluster::Reduce::exact);
    world().broadcast(std::span<double>(result));
  };
  const auto message = [&] {
    if (world().rank() == 1) {
      world().start_send({partials.data(), size}, 0, 0);
      world().wait_sends();
    } else if (world().rank() == 0 && world().size() > 1) {
      world().receive(result, 1, 0);
    }
  };
  slowest(broadcast);
  Series exact, everywhere, fast, sent;
  for (auto _ : state) {
    // The fold overwrites its partials: without this they would grow from round to round.
    std::fill(partials.begin(), partials.end(), 1.0);
    const double seconds = slowest([&] { once(cluster::Reduce::exact); });
    state.SetIterationTime(seconds);
    exact.add(seconds);
    everywhere.add(slowest(broadcast));
    fast.add(slowest([&] { once(cluster::Reduce::fast); }));
    sent.add(slowest(message));
  }
  state.counters["exact_us"] = exact.median() * 1e6;
  state.counters["exact+bcast_us"] = everywhere.median() * 1e6;
  state.counters["allreduce_us"] = fast.median() * 1e6;
  state.counters["message_us"] = sent.median() * 1e6;
  state.counters["exact/fast"] = exact.over(fast);
  state.counters["exact/message"] = exact.over(sent);
}

void register_all() {
  for (const Index leaves : {1024, 391}) {  // 391: 1e5 rows in tiles of 256
    for (const Index bytes : {64, 512, 4096, 32768, 262144, 2097152, 8388608}) {
      benchmark::RegisterBenchmark("fold", fold)
          ->ArgNames({"bytes", "leaves"})
          ->Args({bytes, leaves})
          ->UseManualTime()
          ->Iterations(bytes <= 65536 ? 2001 : 101)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  using namespace variscope;
  if (!cluster::Communicator::launched_in_parallel()) {
    return experiments::launch({std::filesystem::read_symlink("/proc/self/exe"), std::vector<std::string>(argv + 1, argv + argc), 2, 1});
  }
  auto& world = benchmarks::world();
  benchmark::AddCustomContext("ranks", std::to_string(world.size()) + ", seconds of the slowest; limit: one message of the payload");
  benchmarks::register_all();
  return benchmarks::run_program(argc, argv, world.rank() != 0);
}
