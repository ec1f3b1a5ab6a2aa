/// One loop: iterate, and save when rank 0's clock or anyone's memory says so.
#include "experiments/run/sample_cells.hpp"

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
  Stopwatch watch;
  double waited = 0;
  while (!cell.done()) {
    const Index before = cell.iteration();
    cell.advance(pace.block);
    if (world.rank() == 0 && pace.progress) pace.progress(cell.iteration() - before);
    // Rank 0's clock, everyone's memory: the same answer on all ranks.
    waited += watch.lap();
    const bool wanted = (world.rank() == 0 && waited >= pace.checkpoint_s) || cell.buffered_bytes() >= pace.buffer_bytes;
    if (world.maximum(wanted ? 1.0 : 0.0) == 0 && !cell.done()) continue;
    checkpoint(world, run, cell, manifest);
    waited = 0;
  }
}

}  // namespace variscope::experiments
