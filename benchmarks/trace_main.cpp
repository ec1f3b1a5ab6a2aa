/// Question: what does keeping draws cost a run: buffering, turning positions into variables, a durable segment, the merge?
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/program.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/store/trace_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/run/sample_trace.hpp"

namespace variscope::benchmarks {
namespace {

constexpr Index kDim = 100;
constexpr Index kChains = 10;
constexpr Index kDraws = 10000;  // of each chain: ten seconds at 1e4 draws/s

/// A round: 1e5 draws of 100 parameters as a rank sees them, one segment, one merge. Thread time.
void trace(benchmark::State& state) {
  std::vector<double> precision(static_cast<std::size_t>(kDim * kDim), 0.0);
  for (Index d = 0; d < kDim; ++d) precision[static_cast<std::size_t>(d * kDim + d)] = 1;
  const models::Gaussian model(precision, std::vector<double>(static_cast<std::size_t>(kDim), 0.0));
  const samplers::Entry& entry = *samplers::find("random_walk_metropolis");
  const auto sampler = entry.make(samplers::arguments_of(entry), model);
  experiments::SampleSettings settings;
  settings.chains = kChains;
  settings.warmup = 0;
  settings.draws = kDraws;
  const auto layout = experiments::trace_layout("cell_000", settings, model, *sampler);
  std::vector<double> record(samplers::recorded_statistics(*sampler).size(), 0.5);
  samplers::Chain chain;
  chain.position.resize(static_cast<std::size_t>(kDim));
  auto pattern = (std::filesystem::temp_directory_path() / "variscope-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return state.SkipWithError("mkdtemp failed");
  const std::filesystem::path run = pattern;
  std::filesystem::create_directories(run / "segments");
  Series buffered, taken, written, merged;
  experiments::TraceBuffer buffer(layout, settings, model, {0, kChains});
  for (auto _ : state) {
    buffer.resume(0);
    double start = thread_s();
    for (Index i = 0; i < kDraws; ++i) {
      for (Index c = 0; c < kChains; ++c) {
        chain.iteration = i + 1;
        chain.position[0] = static_cast<double>(i);
        buffer.observe(c, chain, record);
      }
    }
    buffered.add(thread_s() - start);
    start = thread_s();
    const auto blocks = buffer.take(kDraws);
    taken.add(thread_s() - start);
    start = thread_s();
    store::Manifest manifest{"bench", 1, {}, {}};
    manifest.segments.push_back(store::write_trace_segment(run, 1, 0, blocks, {}));
    store::write_manifest(run, manifest);
    written.add(thread_s() - start);
    start = thread_s();
    // The warm-up's statistics are an empty group here.
    keep(store::merge_trace(run, manifest, layout, "now").data());
    merged.add(thread_s() - start);
    state.SetIterationTime(buffered.last() + taken.last() + written.last());
  }
  std::filesystem::remove_all(run);
  const double draws = kChains * kDraws;
  state.counters["buffer_us"] = buffered.median() / draws * 1e6;
  state.counters["variables_us"] = taken.median() / draws * 1e6;
  state.counters["segment_us"] = written.median() / draws * 1e6;
  state.counters["merge_us"] = merged.median() / draws * 1e6;
  state.counters["share_at_1e4/s"] = (buffered.median() + taken.median() + written.median()) / draws * 1e4;
}
BENCHMARK(trace)->UseManualTime()->Iterations(7)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  benchmark::AddCustomContext("thread time",
                              "per draw of 100 parameters; share_at_1e4/s: of a run at 1e4 draws/s, merge apart (limit 0.02)");
  return variscope::benchmarks::run_program(argc, argv);
}
