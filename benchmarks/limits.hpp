/// What one core of this machine can do at best: the limits that kernels are measured against, taken in the same run.
#pragma once

#include <string>

namespace variscope::benchmarks {

/// Best multiply-add rate of independent register operands, flop/s.
double fma_rate();
/// Best of several one-pass sums over an array far larger than the last cache, bytes/s. `bytes` is the array's size.
double read_bandwidth(double bytes = 512.0 * 1024 * 1024);
/// Best vectorised exp over an array in the first cache, values/s: the math library's vector version or Eigen's.
double exp_rate();
/// OpenBLAS on square matrices of this order with one thread, 2 order^3 flop, flop/s. The core type is fixed when the process starts.
double dgemm_rate(int order = 1536);

/// The core type OpenBLAS chose and the rate it reached with it.
struct DgemmLimit {
  std::string core_type;
  double rate = 0;
};
/// The best of OpenBLAS's own choice and of core types that suit recent CPUs: an old OpenBLAS can choose poorly on a new CPU.
/// Starts `program` once per core type, since OPENBLAS_CORETYPE is read only once; `report` prints each to stdout.
DgemmLimit best_dgemm(const std::string& program, bool report);

}  // namespace variscope::benchmarks
