/// Question: what can one core of this machine do at best? Prints multiply-add, dgemm, read bandwidth and exp rates.
#include <cstdio>
#include <string_view>

#include "benchmarks/limits.hpp"

extern "C" char* openblas_get_corename();

int main(int argc, char** argv) {
  using namespace variscope::benchmarks;
  if (argc > 1 && std::string_view(argv[1]) == "--dgemm") {
    const double rate = dgemm_rate();
    std::printf("%s %.6e\n", openblas_get_corename(), rate);
    return 0;
  }
  std::printf("one core, double precision, best of repeated runs\n");
  const DgemmLimit dgemm = best_dgemm(argv[0], true);
  std::printf("fma            %8.1f GFLOP/s\n", fma_rate() / 1e9);
  std::printf("dgemm          %8.1f GFLOP/s (OpenBLAS, core type %s)\n", dgemm.rate / 1e9, dgemm.core_type.c_str());
  std::printf("read bandwidth %8.2f GB/s\n", read_bandwidth() / 1e9);
  std::printf("exp            %8.2f e8/s\n", exp_rate() / 1e8);
  return 0;
}
