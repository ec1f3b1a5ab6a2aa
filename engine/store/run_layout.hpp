/// One cell and one path as groups of run.h5: the names of everything in them, written and read side by side.
#pragma once

#include "engine/chain_record.hpp"
#include "engine/fit_record.hpp"
#include "engine/record.hpp"
#include "engine/store/dimensions.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/run_file.hpp"

namespace variscope::store {

void write_cell(const Handle& results, DimensionCounter& counter, const CellRecord& cell);
[[nodiscard]] CellRecord read_cell(const Handle& results, const std::string& id);

void write_path(const Handle& results, DimensionCounter& counter, const PathRecord& path);
[[nodiscard]] PathRecord read_path(const Handle& results, const std::string& id);

/// A cell of a study of fits, with its timings apart.
void write_fit_cell(const Handle& results, DimensionCounter& counter, const FitCellRecord& cell);
[[nodiscard]] FitCellRecord read_fit_cell(const Handle& results, const std::string& id);
void write_fit_timings(const Handle& timings, DimensionCounter& counter, const FitCellRecord& cell);
void read_fit_timings(const Handle& file, FitCellRecord& cell);
/// Where its fits can be continued from, apart from the results; nothing is written of a cell none of whose fits has a state.
void write_fit_states(const Handle& states, DimensionCounter& counter, const FitCellRecord& cell);
void read_fit_states(const Handle& file, FitCellRecord& cell);
/// Throws std::invalid_argument if it cannot be stored.
void check_fit_cell(const FitCellRecord& cell);

/// A cell of a study of chains, with its timings apart.
void write_chain_cell(const Handle& results, DimensionCounter& counter, const ChainCellRecord& cell);
[[nodiscard]] ChainCellRecord read_chain_cell(const Handle& results, const std::string& id);
void write_chain_timings(const Handle& timings, DimensionCounter& counter, const ChainCellRecord& cell);
void read_chain_timings(const Handle& file, ChainCellRecord& cell);
/// Throws std::invalid_argument if it cannot be stored.
void check_chain_cell(const ChainCellRecord& cell);

/// Throws std::invalid_argument if a cell cannot be stored: points that differ in estimators or batches, vectors of wrong size.
void check_cell(const CellRecord& cell);

}  // namespace variscope::store
