/// Find mpirun and the CPUs, and write the command line that starts the ranks.
#include <fmt/format.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "experiments/command/launch.hpp"
#include "experiments/command/system.hpp"

namespace variscope::experiments {
namespace {

/// Some containers forbid reading another process's memory, which Open MPI's shared-memory transport finds out too late.
bool can_read_across_processes() {
  char from = 1;
  char to = 0;
  const iovec local{&to, 1};
  const iovec remote{&from, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

std::string core_id(int cpu) {
  std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
  std::string siblings;
  std::getline(file, siblings);
  return siblings.empty() ? std::to_string(cpu) : siblings;
}

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (true) {
    const std::size_t colon = rest.find(':');
    const std::string directory(rest.substr(0, colon));
    std::string file = (directory.empty() ? "." : directory) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    if (colon == std::string_view::npos) return "";
    rest.remove_prefix(colon + 1);
  }
}

std::optional<Launcher> find_launcher() {
  Launcher launcher;
  launcher.path = find_program("mpirun");
  if (launcher.path.empty()) return std::nullopt;
  const std::string output = output_of({launcher.path, "--version"});
  launcher.version = output.substr(0, output.find('\n'));
  launcher.open_mpi = launcher.version.find("Open MPI") != std::string::npos || launcher.version.find("OpenRTE") != std::string::npos;
  return launcher;
}

CpuCount available_cpus() {
  CpuCount count;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return count;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cores.insert(core_id(cpu));
  }
  count.cpus = std::max(1, CPU_COUNT(&mask));
  count.cores = std::max(1, static_cast<int>(cores.size()));
  count.whole_machine = count.cpus >= sysconf(_SC_NPROCESSORS_ONLN);
  return count;
}

Placement find_placement() {
  for (const char* name :
       {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PE_HOSTFILE", "FLUX_JOB_ID", "OMPI_MCA_orte_default_hostfile", "OMPI_MCA_hostfile"}) {
    if (std::getenv(name) != nullptr) return Placement::allocated;
  }
  return Placement::local;
}

int resolve_threads(int asked, int ranks) {
  if (asked > 0) return asked;
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const int threads = std::atoi(text);
    if (threads > 0) return threads;
  }
  return std::max(1, available_cpus().cores / std::max(1, ranks));
}

LaunchCommand launch_command(const Launcher& launcher, const LaunchRequest& request, const CpuCount& machine, Placement placement) {
  LaunchCommand command;
  auto& arguments = command.arguments;
  arguments = {launcher.path, "-n", std::to_string(request.ranks)};
  command.environment = {
      {"OMP_NUM_THREADS", std::to_string(request.threads)},
      {"VARISCOPE_LAUNCHED", "1"},
      {"VARISCOPE_TERMINAL", isatty(STDERR_FILENO) == 1 ? "1" : "0"},
      {"VARISCOPE_COLUMNS", std::to_string(terminal_columns())},
  };
  if (launcher.open_mpi) {
    const bool local = placement == Placement::local;
    const int wanted = request.ranks * request.threads;
    if (local && request.ranks > machine.cores) arguments.emplace_back("--oversubscribe");
    if (local && machine.whole_machine && wanted == machine.cores) {
      arguments.insert(arguments.end(), {"--map-by", fmt::format("slot:PE={}", request.threads), "--bind-to", "core"});
    } else {
      // Bound ranks would be put on the first cores, and two runs at a time on the same ones.
      arguments.insert(arguments.end(), {"--bind-to", "none"});
    }
    if (local && wanted > machine.cores) {
      // Threads and ranks that wait by spinning would take the cores from those that work (seen: a hundred times slower).
      command.environment.emplace_back("OMP_WAIT_POLICY", "passive");
      command.environment.emplace_back("OMPI_MCA_mpi_yield_when_idle", "1");
    } else if (request.threads > 1 && std::getenv("GOMP_SPINCOUNT") == nullptr) {
      command.environment.emplace_back("GOMP_SPINCOUNT", short_spin_count);
    }
    for (const auto& variable : command.environment) arguments.insert(arguments.end(), {"-x", variable.first});
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
        {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
        // With its messages aggregated, Open MPI 4.1 loses the text of a failed MPI call.
        {"OMPI_MCA_orte_base_help_aggregate", "0"},
        {"OMPI_MCA_opal_signal", ""},  // no stack traces
        // Seconds between TERM and KILL when mpirun itself is terminated: of one, the default, nothing is saved. It waits them out, twice,
        // when a rank dies too.
        {"OMPI_MCA_odls_base_sigkill_timeout", "2"},
        {"OMPI_MCA_btl_base_warn_component_unused", "0"},
        {"OMPI_MCA_mca_base_component_show_load_errors", "0"},
        {"OMPI_MCA_hwloc_base_mem_bind_failure_action", "silent"},
    };
    command.environment.insert(command.environment.end(), defaults.begin(), defaults.end());
    if (!can_read_across_processes()) command.environment.emplace_back("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
    if (local) {
      // One machine needs neither ssh nor a network.
      command.environment.emplace_back("OMPI_MCA_plm", "isolated");
      command.environment.emplace_back("OMPI_MCA_pml", "ob1");
      command.environment.emplace_back("OMPI_MCA_btl", "self,vader");
    }
  }
  arguments.push_back(request.program);
  arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
  return command;
}

}  // namespace variscope::experiments
