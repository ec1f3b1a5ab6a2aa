/// sched_setaffinity from inside a parallel region.
#include "experiments/run/threads.hpp"

#include <omp.h>
#include <sched.h>

#include <cstdlib>
#include <vector>

namespace variscope::experiments {

void pin_threads(int threads) {
  cpu_set_t allowed;
  if (threads < 2 || std::getenv("OMP_PROC_BIND") != nullptr || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  if (static_cast<int>(cpus.size()) != threads) return;
#pragma omp parallel num_threads(threads)
  {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[static_cast<std::size_t>(omp_get_thread_num())], &one);
    sched_setaffinity(0, sizeof one, &one);  // best effort: only speed depends on it
  }
}

}  // namespace variscope::experiments
