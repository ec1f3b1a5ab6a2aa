/// One loop: iterate, and save when rank 0's clock or anyone's memory says so.
#include "experiments/run/sample_cells.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "engine/store/trace_segments.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

namespace {

/// Blocks and states become durable: segments first, then the manifest, which is the commit.
void checkpoint(const cluster::Communicator& world, const std::filesystem::path& run, SampleCell& cell, store::Manifest& manifest) {
  ++manifest.checkpoint;
  const auto blocks = cell.take_blocks();
  const auto states = cell.states();
  std::string entry;
  if (!blocks.empty() || !states.empty())
    entry = store::encode(store::write_trace_segment(run, manifest.checkpoint, world.rank(), blocks, states));
  for (const std::string& text : world.all_gather(entry)) {
    if (!text.empty()) manifest.segments.push_back(store::decode_segment_entry(text));
  }
  if (world.rank() == 0) store::write_manifest(run, manifest);
  world.barrier();
}

}  // namespace

void run_cell(const cluster::Communicator& world, const std::filesystem::path& run, SampleCell& cell, const SamplePace& pace,
              store::Manifest& manifest) {
  run_cell(world, cell, pace, [&] { checkpoint(world, run, cell, manifest); });
}

void run_cell(const cluster::Communicator& world, SampleCell& cell, const SamplePace& pace, const std::function<void()>& commit) {
  Stopwatch watch;
  double waited = 0;
  // A few iterations tell how long the others take.
  Index block = pace.block_s > 0 ? std::min<Index>(pace.block, 4) : pace.block;
  while (!cell.done()) {
    const bool warmup = cell.warming_up();
    const Index wanted = std::min(block, cell.left_of_phase());
    cell.advance(wanted);
    const double seconds = watch.lap();
    if (world.rank() == 0) {
      if (pace.progress) pace.progress(wanted);
      if (pace.timed) pace.timed(seconds, warmup);
    }
    // Rank 0's clock, everyone's memory: the same answer on all ranks.
    waited += seconds;
    const bool save = (world.rank() == 0 && waited >= pace.checkpoint_s) || cell.buffered_bytes() >= pace.buffer_bytes;
    std::array<double, 2> decision{save ? 1.0 : 0.0, 0.0};
    decision[0] = world.maximum(decision[0]);
    if (pace.block_s > 0) {
      const auto fitting = static_cast<Index>(static_cast<double>(wanted) * pace.block_s / std::max(seconds, 1e-9));
      decision[1] = static_cast<double>(std::clamp<Index>(fitting, 1, std::min(pace.block, 4 * wanted + 4)));
      world.broadcast(std::span<double>(decision));
      block = static_cast<Index>(decision[1]);
    }
    if (decision[0] > 0 || cell.done()) {
      commit();
      waited = 0;
    }
    if (pace.between && !cell.done()) pace.between();
  }
}

}  // namespace variscope::experiments
