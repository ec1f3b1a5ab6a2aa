/// A trace file: plain InferenceData, of fixed extents, which ArviZ, xarray and netCDF open; made from segments, and read for diagnostics.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/store/hdf5.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/trace.hpp"

namespace variscope::store {

/// <run>/traces/<id>.nc
[[nodiscard]] std::filesystem::path trace_path(const std::filesystem::path& run, const std::string& id);

/// All committed blocks of layout.id into trace_path(run, layout.id), written beside and renamed; returns the trace's hash, which covers
/// draws, statistics, names and coordinates, not `created_at` (ISO 8601 UTC). One block is in memory at a time. Throws
/// SystemError naming group, chain and draw for a block that fits nowhere, comes twice or out of order, or is missing.
std::string merge_trace(const std::filesystem::path& run, const Manifest& manifest, const TraceLayout& layout,
                        const std::string& created_at);

/// A finished trace file, open for reading.
class TraceFile {
 public:
  /// Throws UserError if it is missing, damaged or no trace file. verify: and if its content does not match its hash.
  explicit TraceFile(const std::filesystem::path& path, bool verify = false);

  [[nodiscard]] std::string hash() const;
  [[nodiscard]] bool has(const std::string& group, const std::string& variable) const;
  /// [chain, draw, ...]
  [[nodiscard]] Extent extent(const std::string& group, const std::string& variable) const;
  /// One element of a variable (row-major number within a draw), [chain x draw]; counts and truths as numbers.
  [[nodiscard]] std::vector<double> element(const std::string& group, const std::string& variable, Index element = 0) const;

 private:
  Handle file_;
};

/// Whether a file of traces/ is ours by name, finished or not.
[[nodiscard]] bool is_trace_name(const std::string& name);

}  // namespace variscope::store
