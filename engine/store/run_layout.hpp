/// One cell and one path as groups of run.h5: the names of everything in them, written and read side by side.
#pragma once

#include "engine/record.hpp"
#include "engine/store/dimensions.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/run_file.hpp"

namespace variscope::store {

void write_cell(const Handle& results, DimensionCounter& counter, const CellRecord& cell);
[[nodiscard]] CellRecord read_cell(const Handle& results, const std::string& id);

void write_path(const Handle& results, DimensionCounter& counter, const PathRecord& path);
[[nodiscard]] PathRecord read_path(const Handle& results, const std::string& id);

/// Throws std::invalid_argument if a cell cannot be stored: points that differ in estimators or batches, vectors of wrong size.
void check_cell(const CellRecord& cell);

}  // namespace variscope::store
