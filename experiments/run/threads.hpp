/// Keep OpenMP threads on CPUs of their own.
#pragma once

namespace variscope::experiments {

/// Pins thread i to the i-th CPU this process may use, if there are exactly as many CPUs as threads and OMP_PROC_BIND is not set:
/// schedulers have been seen to put two spinning threads on one CPU, twenty times slower. Otherwise leaves everything alone.
void pin_threads(int threads);

}  // namespace variscope::experiments
