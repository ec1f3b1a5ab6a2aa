/// Start mpirun from inside the program, pass its output on without its boilerplate, and bring back the failing rank's status.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace variscope::experiments {

/// The launcher found on PATH.
struct Launcher {
  std::string path;
  std::string version;    ///< first line of `mpirun --version`
  bool open_mpi = false;  ///< others get only `-n`
};
/// Searches PATH itself, without a shell.
std::optional<Launcher> find_launcher();

/// GOMP_SPINCOUNT: a few microseconds of spinning before a waiting OpenMP thread sleeps.
inline constexpr const char* short_spin_count = "1000";

/// CPUs this process may use (its affinity mask), and physical cores among them.
struct CpuCount {
  int cpus = 1;
  int cores = 1;
  bool whole_machine = true;  ///< the mask leaves nothing out
};
CpuCount available_cpus();

/// What to start: `program arguments...` on `ranks` ranks of `threads` threads.
struct LaunchRequest {
  std::string program;
  std::vector<std::string> arguments;
  int ranks = 1;
  int threads = 1;
};

/// Where ranks will be placed: on this machine alone, or on what a scheduler or a host file gives.
enum class Placement { local, allocated };
Placement find_placement();

/// The command line for the launcher, and the variables its environment needs beyond ours. Variables of the MPI library
/// (OMPI_*, PMIX_*) are defaults: what the user has set stays.
struct LaunchCommand {
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
};
LaunchCommand launch_command(const Launcher& launcher, const LaunchRequest& request, const CpuCount& machine, Placement placement);

/// --threads if given, else OMP_NUM_THREADS, else the cores divided by the ranks.
int resolve_threads(int asked, int ranks);

/// Runs the request to its end and returns its exit status: 0, that of the failing rank (1 or 2), 85 if the ranks were asked to stop and
/// saved their work, or 128 + signal if they were killed. SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP and SIGQUIT ask them; a SIGINT or
/// SIGQUIT after any of them kills. UserError if there is no launcher.
int launch(const LaunchRequest& request);

/// Whether this process is a rank that launch() started.
bool started_by_launch();
/// Whether progress may redraw a line: standard error is a terminal, here or at the user's end of launch().
bool progress_on_terminal();
/// Columns of that terminal; 80 if unknown.
int terminal_columns();

/// A failing rank's last words on standard error: one plain line, or, below launch(), one that OutputFilter recognises.
void print_error_line(std::string_view text, int status, int rank);

}  // namespace variscope::experiments
