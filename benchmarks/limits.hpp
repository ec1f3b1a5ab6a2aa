/// What one core of this machine can do at best: the limits that kernels are measured against, taken in the same run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace variscope::benchmarks {

/// Best multiply-add rate of independent register operands, flop/s.
double fma_rate();
/// Best of several one-pass sums over an array far larger than the last cache, bytes/s. `bytes` is the array's size.
double read_bandwidth(double bytes = 512.0 * 1024 * 1024);
/// One pass over data in memory: the sum, read in 1, 2, 4 or 8 streams. What a kernel that must read `data` once is measured against.
double read_once(const double* data, std::size_t size, int streams);
/// The number of streams that reads this array fastest just now.
int best_streams(const double* data, std::size_t size);
/// The exp of n values by glibc's vector version, and by Eigen's.
void vector_exp(const double* x, double* y, std::size_t n);
void eigen_exp(const double* x, double* y, std::size_t n);
/// Best vectorised exp over an array in the first cache, values/s: the math library's vector version or Eigen's.
double exp_rate();
/// OpenBLAS on square matrices of this order with one thread, 2 order^3 flop, flop/s. The core type is fixed when the process starts.
double dgemm_rate(int order = 1536);

/// The same product, one call at a time: a limit to take in turns with a kernel.
class Dgemm {
 public:
  explicit Dgemm(int order = 1536);
  void run();
  [[nodiscard]] double flop() const;

 private:
  int order_;
  std::vector<double> a_, b_, c_;
};

/// The core type OpenBLAS chose and the rate it reached with it.
struct DgemmLimit {
  std::string core_type;
  double rate = 0;
};
/// The best of OpenBLAS's own choice and of core types that suit recent CPUs: an old OpenBLAS can choose poorly on a new CPU.
/// Starts `program` once per core type, since OPENBLAS_CORETYPE is read only once; `report` prints each to stdout.
DgemmLimit best_dgemm(const std::string& program, bool report);
/// Makes OpenBLAS in this process use the best core type: starts the process anew if need be. `limits`: the program limits_main.cpp.
/// Call it first in main. Returns the core type in use.
std::string use_best_core_type(const std::string& limits, char** argv);

}  // namespace variscope::benchmarks
