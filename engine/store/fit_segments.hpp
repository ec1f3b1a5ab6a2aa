/// Segments of a study of fits: what one writer finished between two checkpoints.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/fit_record.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/segments.hpp"

namespace variscope::store {

/// A finished fit and its place.
struct FitChunk {
  std::string cell;
  Index estimator = 0;  ///< into the cell's estimators
  Index repeat = 0;
  FitRecord fit;
};

/// As write_segment. Throws std::invalid_argument for a fit whose arrays do not agree with each other.
[[nodiscard]] SegmentEntry write_fit_segment(const std::filesystem::path& run, Index checkpoint, Index writer,
                                             const std::vector<FitChunk>& chunks);
/// Visits a segment's fits one at a time. Throws SystemError if size or SHA-256 differ from the entry's.
void visit_fit_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::function<void(FitChunk&&)>& visit);

/// All committed fits into records whose extents (estimators, repeats, trace, names) are set. Does not depend on the order of segments.
/// Throws SystemError naming cell, estimator and repeat for a fit that fits nowhere, comes twice or is missing.
void merge_fit_segments(const std::filesystem::path& run, const Manifest& manifest, std::vector<FitCellRecord>& cells);

}  // namespace variscope::store
