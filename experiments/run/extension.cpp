/// run.h5 turned into segments and a manifest.
#include "experiments/run/extension.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/spec/node.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::map<std::string, std::string>& provenance, const char* key, const fs::path& file) {
  const auto found = provenance.find(key);
  if (found == provenance.end() || found->second.empty())
    throw UserError(fmt::format("{}: records no {} (an earlier version wrote it). Run the study again.", file.string(), key));
  return found->second;
}

/// The spec with `count` replicates in batches of the same size.
std::string extended_spec(const Settings& settings, const std::string& text, const std::string& path, Index count) {
  const Index before = settings.replicates.count;
  const Index batches = settings.replicates.batches;
  if (count <= before) throw UserError(fmt::format("--extend {}: the run has {} replicates already. Name a larger number.", count, before));
  if (before % batches != 0) {
    throw UserError(
        fmt::format("--extend {}: {} replicates in {} batches are not all of one size, so batches of a larger study would be others. Run a "
                    "study of its "
                    "own.",
                    count, before, batches));
  }
  const Index size = before / batches;
  if (count % size != 0) {
    throw UserError(fmt::format("--extend {}: must be a multiple of a batch's {} replicates. Name {} or {}.", count, size,
                                std::max(before + size, count / size * size), (count / size + 1) * size));
  }
  std::vector<std::pair<std::string, std::int64_t>> values = {{"replicates.count", count}, {"replicates.batches", count / size}};
  const Index designs = settings.components.designs;
  if (designs > 0) {
    if (designs % batches != 0) {
      throw UserError(fmt::format("--extend {}: {} crossed designs in {} batches are not all of one size. Run a study of its own.", count,
                                  designs, batches));
    }
    values.emplace_back("components.designs", designs / batches * (count / size));
  }
  return detail::with_integers(text, path, values);
}

/// The spec with fits of so many steps.
std::string longer_spec(const Settings& settings, const std::string& text, const std::string& path, Index steps) {
  if (steps <= settings.fit.steps)
    throw UserError(fmt::format("--extend {}: the fits have {} steps already. Name a larger number.", steps, settings.fit.steps));
  return detail::with_integers(text, path, {{"fit.steps", steps}});
}

/// What --extend makes more of.
Index extent_of(const Settings& settings) { return settings.study.kind == "fit" ? settings.fit.steps : settings.replicates.count; }

store::Chunk chunk_of(const CellRecord& cell, std::size_t point) {
  store::Chunk chunk;
  chunk.cell = cell.id;
  chunk.point = static_cast<Index>(point);
  for (const EstimatorRecord& e : cell.points[point].estimators) {
    chunk.estimators.push_back(e.name);
    chunk.moments.push_back(e.moments);
    chunk.counts.push_back(e.counts);
    chunk.seconds.push_back(e.seconds_per_call * static_cast<double>(cell.replicates));
    if (cell.designs == 0) continue;
    chunk.components.push_back(e.components);
    chunk.component_counts.push_back(e.component_counts);
  }
  return chunk;
}

void begin(const fs::path& run, Index count, bool take_over) {
  const fs::path file = run / "run.h5";
  if (!store::is_complete(run)) {
    const auto manifest = store::read_manifest(run);
    if (!manifest) throw UserError(fmt::format("{}: there is no run here. Start one with `variscope run`.", run.string()));
    const auto text = manifest->state.find("spec_text");
    const auto path = manifest->state.find("spec_path");
    const bool extends = manifest->state.count(store::extended_hash_key) > 0;
    if (!extends || text == manifest->state.end() || path == manifest->state.end() ||
        extent_of(parse_spec(text->second, unescape_bytes(path->second)).cells.front().settings) != count) {
      throw UserError(fmt::format("{}: the run is not complete{}. Resume it without --extend first.", run.string(),
                                  extends ? " (it is being extended to another number)" : ""));
    }
    return;
  }
  const store::RunLock lock(run / "lock", take_over ? store::ForeignLock::take_over : store::ForeignLock::wait);
  const store::RunRecord record = store::read_run_file(file);
  const bool fits = !record.fits.empty();
  if (record.cells.empty() && !fits)
    throw UserError(fmt::format("{}: --extend is for studies of variances and of fits. Run a longer study instead.", file.string()));
  const auto& origin = record.provenance;
  const std::string path = unescape_bytes(text_of(origin, "spec_path", file));
  const std::string text = text_of(origin, "spec_text", file);
  const Spec before = parse_spec(text, path);
  const std::string larger = fits ? longer_spec(before.cells.front().settings, text, path, count)
                                  : extended_spec(before.cells.front().settings, text, path, count);
  const Spec spec = parse_spec(larger, path);
  if (spec.cells.size() != before.cells.size())
    throw UserError(fmt::format("{}: the spec's cells depend on its {}.", file.string(), fits ? "fits' steps" : "replicates"));

  store::remove_segments(run);  // what a kill may have left behind the complete run
  fs::create_directories(run / "segments");
  store::Manifest manifest;
  manifest.run_id = fmt::format("{} {} extended", origin.at("study"), utc_now());
  manifest.checkpoint = 1;
  manifest.state = {{"spec_text", larger},
                    {"spec_path", escape_bytes(path)},
                    {"kind", spec.cells.front().settings.study.kind},
                    {"reduce", text_of(origin, "reduce", file)},
                    {"program_sha256", text_of(origin, "program_sha256", file)},
                    {"cpu_features_sha256", text_of(origin, "cpu_features_sha256", file)},
                    {"cpu_model", text_of(origin, "cpu_model", file)},
                    {"data", text_of(origin, "data", file)},
                    {"sessions", origin.count("sessions") > 0 ? origin.at("sessions") : ""},
                    {store::extended_hash_key, record.results_hash}};
  // Fits go on from the states in run.h5, which stays until theirs are written.
  if (fits) return store::write_manifest(run, manifest);
  std::vector<store::Chunk> chunks;
  for (const CellRecord& cell : record.cells) {
    for (std::size_t point = 0; point < cell.points.size(); ++point) chunks.push_back(chunk_of(cell, point));
  }
  manifest.segments.push_back(store::write_segment(run, manifest.checkpoint, 0, chunks));
  store::write_manifest(run, manifest);
}

}  // namespace

void begin_extension(const RunOptions& options, const cluster::Communicator& world) {
  if (world.rank() == 0) begin(options.output, options.extend, options.take_over);
  world.barrier();
}

}  // namespace variscope::experiments
