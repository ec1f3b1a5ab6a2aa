/// How long a study will take: its own calls on the first of its rows, timed here and now, times how often the plan makes them.
#pragma once

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Rows that are read to time calls on take so many bytes: several times a last-level cache, so that rows come from memory as they will
/// in the study.
inline constexpr double kCalibrationBytes = 256.0 * 1024 * 1024;

/// Starting the program, MPI and HDF5 (benchmarks/at_size.py).
inline constexpr double kStartSeconds = 0.15;

/// Writing, hashing and reporting a cell, and as much again for each of its points: on this kind of machine about 11 ms, most of it HDF5's.
inline constexpr double kCellSeconds = 0.011;

/// Predicted seconds of the busiest rank.
struct TimePrediction {
  double loading = 0;     ///< its share of the data
  double paths = 0;       ///< reference paths and the exact gradients at their points
  double replicates = 0;  ///< estimator calls; fits in a study of kind "fit"
  double writing = 0;     ///< of run.h5 and the report
  [[nodiscard]] double seconds() const { return kStartSeconds + loading + paths + replicates + writing; }
};

/// For ranks and threads that each have a core like this one to themselves; messages, waiting for other ranks and for a disk are left out,
/// and so is an optimum found without exact expectations. Costs a read of up to kCalibrationBytes of every data set and a few calls of
/// every estimator. Throws UserError if the data cannot be read.
TimePrediction predict_seconds(const Plan& plan);

}  // namespace variscope::experiments
