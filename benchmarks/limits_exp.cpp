/// The loop that the compiler turns into calls of the math library's vector exp. Built with -ffast-math, the only file that is.
#include <cmath>
#include <cstddef>

namespace variscope::benchmarks {

void vector_exp(const double* __restrict x, double* __restrict y, std::size_t n);

void vector_exp(const double* __restrict x, double* __restrict y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = std::exp(x[i]);
}

}  // namespace variscope::benchmarks
