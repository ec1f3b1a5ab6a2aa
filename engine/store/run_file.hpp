/// run.h5: everything a report needs, results hashed apart from timings, readable by xarray, netCDF and h5dump.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/chain_record.hpp"
#include "engine/fit_record.hpp"
#include "engine/index.hpp"
#include "engine/record.hpp"

namespace variscope::store {

inline constexpr Index run_format_version = 3;

/// A stored optimisation path: every stride-th iterate.
struct PathRecord {
  std::string id;              ///< "path_000"; its group below /results
  std::vector<double> lambda;  ///< [step x parameter]
  Index stride = 1;            ///< optimisation steps between stored ones
  Index steps = 0;             ///< stored steps
  Index parameters = 0;
};

/// What each rank did: figures by name. Never part of the results hash.
struct ExecutionTable {
  std::vector<std::string> names;
  Index ranks = 0;
  std::vector<double> values;  ///< [rank x name]
};

/// A run as read back.
struct RunRecord {
  std::vector<CellRecord> cells;  ///< in the order they were written
  std::vector<PathRecord> paths;
  std::vector<FitCellRecord> fits;      ///< of a study of kind "fit", which has no cells and paths
  std::vector<ChainCellRecord> chains;  ///< of a study of kind "sample", likewise
  ExecutionTable execution;
  std::map<std::string, std::string> provenance;
  std::string results_hash;
};

/// Writes run.h5 beside its name, verifies what is on disk, then renames it; returns the results hash, which depends on cells
/// (without their timings) and paths only. In a cell all points must have the same estimators and batches, and vectors the sizes
/// their comments say, else std::invalid_argument. provenance: spec text, revision, compiler, flags, libraries, CPU, topology,
/// random keys, by key. Nothing is copied but coordinates.
std::string write_run_file(const std::filesystem::path& path, const std::vector<CellRecord>& cells, const std::vector<PathRecord>& paths,
                           const ExecutionTable& execution, const std::map<std::string, std::string>& provenance);
/// The same for a study of fits.
std::string write_run_file(const std::filesystem::path& path, const std::vector<FitCellRecord>& fits, const ExecutionTable& execution,
                           const std::map<std::string, std::string>& provenance);

/// The same for a study of chains.
std::string write_run_file(const std::filesystem::path& path, const std::vector<ChainCellRecord>& chains, const ExecutionTable& execution,
                           const std::map<std::string, std::string>& provenance);

/// Throws UserError if the file is missing, damaged, of another format version, or if its results do not match their hash.
[[nodiscard]] RunRecord read_run_file(const std::filesystem::path& path);

/// The provenance alone, and the stated hash as "results_hash"; nothing is checked against the content. Throws as read_run_file.
[[nodiscard]] std::map<std::string, std::string> read_provenance(const std::filesystem::path& path);

/// The hash the file carries, after checking it against the content.
[[nodiscard]] std::string verified_results_hash(const std::filesystem::path& path);

/// Whether the file opens and says that variscope wrote it.
[[nodiscard]] bool is_run_file(const std::filesystem::path& path) noexcept;

}  // namespace variscope::store
