/// Decide where a parallel subcommand runs: in this process, or below an mpirun that we start.
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/error.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/command/subcommands.hpp"

namespace variscope::experiments {

namespace {

/// libgomp's threads spin for milliseconds before they sleep; on a machine that others use as well that was seen to cost a factor of ten.
/// It reads its settings when it is loaded, so the program is started again with them, once.
void start_again_with_short_spins(const Words& words) {
  if (words.empty() || std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  setenv("GOMP_SPINCOUNT", short_spin_count, 1);
  std::string name = "variscope";
  std::vector<char*> arguments = {name.data()};
  Words copies = words;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv("/proc/self/exe", arguments.data());
  // Only speed depends on it: if it cannot be, we go on as we are.
}

}  // namespace

int on_ranks(int ranks, int& threads, const Words& words, const Action& work) {
  const bool parallel = cluster::Communicator::launched_in_parallel();
  if (parallel) {
    const int size = cluster::Communicator::world().size();
    if (ranks > 0 && ranks != size) {
      throw UserError(
          fmt::format("--ranks {}: the launcher started {} (mpirun or srun decides here). Leave --ranks out, or start without a launcher.",
                      ranks, size));
    }
  }
  const bool here = parallel || started_by_launch() || ranks <= 1;
  if (!parallel) threads = resolve_threads(threads, ranks);
  if (here) {
    if (!parallel && threads > 1) start_again_with_short_spins(words);
    if (threads > 0)
      omp_set_num_threads(threads);
    else
      threads = omp_get_max_threads();
    return work();
  }
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw SystemError(fmt::format("cannot find this program's file (/proc/self/exe: {})", error.message()));
  return launch({program.string(), words, ranks, threads});
}

}  // namespace variscope::experiments
