/// Chunks copied to their batches, with a tally of what has come.
#include "engine/store/merge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.hpp"
#include "engine/store/record_arrays.hpp"

namespace variscope::store {
namespace {

[[noreturn]] void fail(const std::string& cell, Index point, const std::string& estimator, const std::string& problem) {
  throw SystemError(fmt::format("merge: cell '{}', point {}, estimator '{}' ({})", cell, point, estimator, problem));
}

/// Whether `from` is batches of `into` from `first` on.
template <class Moments>
bool belongs(const Moments& from, const Moments& into, Index first) {
  return alike(from, into) && is_whole(from) && is_whole(into) && first >= 0 && first + from.batches <= into.batches;
}

template <class Moments>
void copy_batches(const Moments& from, Moments& into, Index first) {
  for (const auto& array : moment_arrays<Moments>) {
    const auto& source = from.*array.values;
    std::copy(source.begin(), source.end(), (into.*array.values).begin() + first * width(into, array.entries));
  }
}

}  // namespace

ChunkMerger::ChunkMerger(std::vector<CellRecord>& cells) {
  for (auto& cell : cells) {
    auto& points = places_[cell.id];
    points.clear();
    for (auto& point : cell.points) {
      auto& estimators = points.emplace_back();
      for (auto& estimator : point.estimators) {
        estimator.counts = estimator.component_counts = {};
        estimators[estimator.name] = {&estimator, std::vector<bool>(static_cast<std::size_t>(estimator.moments.batches), false)};
      }
    }
  }
}

void ChunkMerger::add(const Chunk& chunk) {
  for (std::size_t e = 0; e < chunk.estimators.size(); ++e) {
    const auto& name = chunk.estimators[e];
    const auto cell = places_.find(chunk.cell);
    if (cell == places_.end() || chunk.point < 0 || chunk.point >= static_cast<Index>(cell->second.size())) {
      fail(chunk.cell, chunk.point, name, "no such cell and point in the plan");
    }
    auto& estimators = cell->second[static_cast<std::size_t>(chunk.point)];
    const auto place = estimators.find(name);
    if (place == estimators.end()) fail(chunk.cell, chunk.point, name, "no such estimator in the plan");
    auto& [record, filled] = place->second;
    const auto& from = chunk.moments[e];
    auto& into = record->moments;
    const bool crossed = record->components.batches > 0;
    const bool sharded = record->shard_components.batches > 0;
    bool fits = belongs(from, into, chunk.first_batch) && chunk.components.size() == (crossed ? chunk.estimators.size() : 0) &&
                chunk.shard_components.size() == (sharded ? chunk.estimators.size() : 0);
    if (fits && crossed) {
      const auto& design = chunk.components[e];
      fits = design.batches == from.batches && belongs(design, record->components, chunk.first_batch);
    }
    if (fits && sharded) {
      const auto& design = chunk.shard_components[e];
      fits = design.batches == from.batches && belongs(design, record->shard_components, chunk.first_batch);
    }
    if (!fits) fail(chunk.cell, chunk.point, name, "moments of another shape than the plan's");
    for (Index b = chunk.first_batch; b < chunk.first_batch + from.batches; ++b) {
      if (filled[static_cast<std::size_t>(b)]) fail(chunk.cell, chunk.point, name, fmt::format("batch {} comes twice", b));
      filled[static_cast<std::size_t>(b)] = true;
    }
    copy_batches(from, into, chunk.first_batch);
    record->counts += chunk.counts[e];
    if (!chunk.seconds.empty()) record->seconds_per_call += chunk.seconds[e];
    if (crossed) {
      copy_batches(chunk.components[e], record->components, chunk.first_batch);
      record->component_counts += chunk.component_counts[e];
    }
    if (sharded) copy_batches(chunk.shard_components[e], record->shard_components, chunk.first_batch);
  }
}

void ChunkMerger::finish() const {
  for (const auto& [cell, points] : places_) {
    for (std::size_t p = 0; p < points.size(); ++p) {
      for (const auto& [name, place] : points[p]) {
        const auto missing = std::find(place.filled.begin(), place.filled.end(), false);
        if (missing != place.filled.end()) {
          fail(cell, static_cast<Index>(p), name, fmt::format("batch {} is missing", missing - place.filled.begin()));
        }
      }
    }
  }
}

void merge_segments(const std::filesystem::path& run, const Manifest& manifest, std::vector<CellRecord>& cells) {
  ChunkMerger merger(cells);
  visit_chunks(run, manifest, [&](Chunk&& chunk) { merger.add(chunk); });
  merger.finish();
}

}  // namespace variscope::store
