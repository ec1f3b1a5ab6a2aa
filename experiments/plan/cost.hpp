/// Sizes that decide memory and speed, never a bit: shared by the plan, which predicts, and the run, which obeys.
#pragma once

#include "engine/index.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::experiments {

/// Lane blocks of one column group: what the widest kernel takes at once.
inline constexpr Index kGroupBlocks = 4;

/// At most this many iterates of a path are stored.
inline constexpr Index kStoredSteps = 1000;

/// What a rank takes before it has read a row: the program, MPI and HDF5, measured by benchmarks/at_size.py.
inline constexpr double kProgramBytes = 28.0 * 1024 * 1024;

/// Columns evaluated together: enough to fill the kernels, few enough to stay near the caches.
Index group_columns(Index dim, int threads);
/// Bytes that evaluating `columns` columns over `tiles` leaves takes.
double density_work_bytes(Index dim, Index columns, Index tiles, int threads);

}  // namespace variscope::experiments
