/// The manifest's segments, merged as far as they go.
#include "experiments/run/partial.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/fit_segments.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/record_arrays.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/run/cell_shape.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/fit.hpp"
#include "experiments/run/partial_chains.hpp"
#include "experiments/run/parts.hpp"
#include "experiments/run/path.hpp"
#include "experiments/run/provenance.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

/// A point's chunks in the order of batches.
using PointChunks = std::map<Index, store::Chunk>;

template <class Moments>
void append(Moments& to, const Moments& from) {
  for (const auto& array : store::moment_arrays<Moments>) {
    auto& values = to.*array.values;
    const auto& more = from.*array.values;
    values.insert(values.end(), more.begin(), more.end());
  }
  to.batches += from.batches;
}

/// Fills a point with what is there.
void fill(PointRecord& point, const PointChunks& chunks, const CellRecord& cell) {
  for (std::size_t e = 0; e < point.estimators.size(); ++e) {
    EstimatorRecord& into = point.estimators[e];
    const auto parameters = static_cast<Index>(point.reference.size());
    const auto blocks = static_cast<Index>(cell.blocks.size());
    into.moments.resize(0, parameters, blocks);
    if (cell.designs > 0) into.components.resize(0, parameters, blocks, cell.row_sets, cell.noise_sets);
    const Index traces = cell.shards * blocks;
    if (cell.shards > 0) into.shard_components.resize(0, traces, traces, cell.shard_row_sets, cell.noise_sets);
    double calls = 0;
    for (const auto& [first, chunk] : chunks) {
      append(into.moments, chunk.moments[e]);
      into.counts += chunk.counts[e];
      for (const double count : chunk.moments[e].count) calls += count;
      if (!chunk.seconds.empty()) into.seconds_per_call += chunk.seconds[e];
      if (cell.designs == 0) continue;
      append(into.components, chunk.components[e]);
      if (cell.shards > 0) append(into.shard_components, chunk.shard_components[e]);
      into.component_counts += chunk.component_counts[e];
    }
    into.seconds_per_call /= calls;
  }
}

/// A record's points have the same batches: of the fullest points so many, and of their batches those they share, that most is kept.
std::set<Index> common_batches(const std::map<Index, PointChunks>& points) {
  std::vector<const PointChunks*> fullest;
  for (const auto& of_point : points) fullest.push_back(&of_point.second);
  std::stable_sort(fullest.begin(), fullest.end(), [](const auto* a, const auto* b) { return a->size() > b->size(); });
  std::set<Index> shared;
  std::set<Index> best;
  std::size_t most = 0;
  for (std::size_t count = 0; count < fullest.size(); ++count) {
    if (count == 0) {
      for (const auto& chunk : *fullest[0]) shared.insert(chunk.first);
    } else {
      std::erase_if(shared, [&](Index first) { return fullest[count]->count(first) == 0; });
    }
    if (shared.size() * (count + 1) < most) continue;
    most = shared.size() * (count + 1);
    best = shared;
  }
  return best;
}

std::vector<CellRecord> cells_of(const fs::path& run, const store::Manifest& manifest, const Plan& plan,
                                 std::vector<store::PathRecord>& records) {
  std::map<std::string, std::map<Index, PointChunks>> chunks;
  store::visit_chunks(run, manifest, [&](store::Chunk&& chunk) { chunks[chunk.cell][chunk.point][chunk.first_batch] = std::move(chunk); });
  std::vector<CellRecord> cells;
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    const auto bundle = manifest.bundles.find(path.id);
    const auto begun = chunks.find(cell.id);
    if (bundle == manifest.bundles.end() || begun == chunks.end()) continue;
    const store::Bundle stored = store::read_bundle(run, bundle->second);
    store::BundleReader in(stored);
    const Path done = take_path(in);
    if (std::none_of(records.begin(), records.end(), [&](const store::PathRecord& r) { return r.id == path.id; }))
      records.push_back(done.record);
    const auto model = make_model(path.settings, path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)].shape);
    CellRecord record = shape_of(cell, path, done.points, *model);
    const std::set<Index> common = common_batches(begun->second);
    std::vector<PointRecord> kept;
    Index replicates = 0;
    Index designs = 0;
    for (const auto& [point, of_point] : begun->second) {
      PointChunks chosen;
      for (const Index first : common) {
        if (const auto found = of_point.find(first); found != of_point.end()) chosen.emplace(first, found->second);
      }
      if (chosen.size() != common.size() || common.size() < 2) continue;
      PointRecord& into = record.points[static_cast<std::size_t>(point)];
      fill(into, chosen, record);
      const auto total = [](const std::vector<double>& counts) {
        Index sum = 0;
        for (const double count : counts) sum += static_cast<Index>(count);
        return sum;
      };
      replicates = total(into.estimators.front().moments.count);
      if (record.designs > 0) designs = total(into.estimators.front().components.count);
      kept.push_back(into);
    }
    if (kept.empty()) continue;
    record.points = std::move(kept);
    record.replicates = replicates;
    record.designs = designs;
    cells.push_back(std::move(record));
  }
  return cells;
}

std::vector<FitCellRecord> fits_of(const fs::path& run, const store::Manifest& manifest, const Plan& plan) {
  std::map<std::string, std::map<Index, std::map<Index, FitRecord>>> fits;  // cell, repeat, estimator
  for (const store::SegmentEntry& entry : manifest.segments) {
    store::visit_fit_segment(run, entry,
                             [&](store::FitChunk&& chunk) { fits[chunk.cell][chunk.repeat][chunk.estimator] = std::move(chunk.fit); });
  }
  std::vector<FitCellRecord> cells;
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)];
    const auto model = make_model(path.settings, data == nullptr ? nullptr : &data->shape);
    FitCellRecord record = shape_of(cell, path, *model, data);
    record.target = path.moments;
    std::vector<std::map<Index, FitRecord>*> whole;
    for (auto& [repeat, of_repeat] : fits[cell.id]) {
      if (of_repeat.size() == cell.estimators.size()) whole.push_back(&of_repeat);
    }
    if (whole.empty()) continue;
    record.repeats = static_cast<Index>(whole.size());
    for (std::size_t e = 0; e < cell.estimators.size(); ++e) {
      for (auto* of_repeat : whole) record.fits.push_back(std::move(of_repeat->at(static_cast<Index>(e))));
    }
    cells.push_back(std::move(record));
  }
  return cells;
}

/// A directory of its own below TMPDIR, for as long as it is in scope.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (fs::temp_directory_path() / "variscope-partial-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) store::throw_errno("mkdtemp", pattern);
    path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

store::RunRecord partial_record(const fs::path& given) {
  auto manifest = store::read_manifest(given);
  fs::path run = given;
  if (!manifest) {
    if (auto joined = join_parts(given)) {
      run = joined->base;
      manifest = std::move(joined->manifest);
    }
  }
  if (!manifest)
    throw UserError(
        fmt::format("{}: there is no unfinished run (no MANIFEST). Leave --partial out, or name another directory.", given.string()));
  const auto text = [&](const char* key) {
    const auto found = manifest->state.find(key);
    return found == manifest->state.end() ? std::string() : found->second;
  };
  const Plan plan = make_plan(parse_spec(text("spec_text"), unescape_bytes(text("spec_path"))), 1, 1, {}, run.string());
  store::RunRecord record;
  if (plan.of_chains()) {
    const ScratchDirectory scratch;
    record.chains = partial_chains(run, *manifest, plan, scratch.path());
  } else if (plan.of_fits()) {
    record.fits = fits_of(run, *manifest, plan);
  } else {
    record.cells = cells_of(run, *manifest, plan, record.paths);
  }
  if (record.fits.empty() && record.cells.empty() && record.chains.empty())
    throw UserError(fmt::format("{}: nothing is committed yet that could be reported. Wait for the next checkpoint.", run.string()));
  record.provenance = provenance(plan, cluster::Communicator::serial(), text("reduce"));
  record.provenance["partial"] = fmt::format("checkpoint {} of a run that is not finished", manifest->checkpoint);
  record.provenance["failed_evaluations"] = text("failed_evaluations");
  record.provenance["sessions"] = text("sessions");
  record.results_hash = fmt::format("none (partial: {})", record.provenance["partial"]);
  return record;
}

int collect(const CollectOptions& options) {
  const fs::path run = options.run;
  const store::RunRecord record = partial_record(run);
  const fs::path file = options.output.empty() ? run / "partial.h5" : fs::path(options.output);
  const std::string hash = !record.fits.empty()     ? store::write_run_file(file, record.fits, {}, record.provenance)
                           : !record.chains.empty() ? store::write_run_file(file, record.chains, {}, record.provenance)
                                                    : store::write_run_file(file, record.cells, record.paths, {}, record.provenance);
  fmt::print("{}: {} ({} cells), hash {}\n", file.string(), record.provenance.at("partial"),
             record.cells.size() + record.fits.size() + record.chains.size(), hash);
  return 0;
}

}  // namespace variscope::experiments
