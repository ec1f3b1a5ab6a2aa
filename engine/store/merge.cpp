/// Chunks copied to their batches, with a tally of what has come.
#include "engine/store/merge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.hpp"

namespace variscope::store {
namespace {

[[noreturn]] void fail(const std::string& cell, Index point, const std::string& estimator, const std::string& problem) {
  throw SystemError(fmt::format("merge: cell '{}', point {}, estimator '{}' ({})", cell, point, estimator, problem));
}

}  // namespace

ChunkMerger::ChunkMerger(std::vector<CellRecord>& cells) {
  for (auto& cell : cells) {
    auto& points = places_[cell.id];
    points.clear();
    for (auto& point : cell.points) {
      auto& estimators = points.emplace_back();
      for (auto& estimator : point.estimators) {
        estimator.counts = {};
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
    if (from.parameters != into.parameters || from.blocks != into.blocks || chunk.first_batch < 0 ||
        chunk.first_batch + from.batches > into.batches) {
      fail(chunk.cell, chunk.point, name, "moments of another shape than the plan's");
    }
    for (Index b = chunk.first_batch; b < chunk.first_batch + from.batches; ++b) {
      if (filled[static_cast<std::size_t>(b)]) fail(chunk.cell, chunk.point, name, fmt::format("batch {} comes twice", b));
      filled[static_cast<std::size_t>(b)] = true;
    }
    const auto copy = [&](const std::vector<double>& source, std::vector<double>& target, Index per_batch) {
      std::copy(source.begin(), source.end(), target.begin() + chunk.first_batch * per_batch);
    };
    copy(from.count, into.count, 1);
    copy(from.sum, into.sum, into.parameters);
    copy(from.square, into.square, into.parameters);
    copy(from.norm, into.norm, into.blocks);
    copy(from.norm_square, into.norm_square, into.blocks);
    record->counts += chunk.counts[e];
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
