/// Put committed chunks into their places in the records, each batch exactly once.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/record.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/segments.hpp"

namespace variscope::store {

/// Fills records whose cells, points, estimators and moment sizes (resize of moments, and of components if designs were planned, and of
/// those within shards) are already set; counts are added up, and into seconds_per_call the seconds of all calls: whoever has merged all
/// chunks divides them. Nothing but these seconds depends on the order of chunks. Throws SystemError naming cell, point, estimator and
/// batch for a chunk that fits nowhere, comes twice or is missing. The records must stay where they are until finish().
class ChunkMerger {
 public:
  explicit ChunkMerger(std::vector<CellRecord>& cells);
  void add(const Chunk& chunk);
  /// Checks that every batch has come.
  void finish() const;

 private:
  struct Place {
    EstimatorRecord* record = nullptr;
    std::vector<bool> filled;
  };
  std::map<std::string, std::vector<std::map<std::string, Place>>> places_;  ///< cell, point, estimator
};

/// All committed chunks into `cells`, streaming; finish() included.
void merge_segments(const std::filesystem::path& run, const Manifest& manifest, std::vector<CellRecord>& cells);

}  // namespace variscope::store
