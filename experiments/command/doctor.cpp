/// `variscope doctor`: is this machine, and the directory we stand in, fit for runs?
#include "experiments/command/doctor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <omp.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include "cluster/communicator/communicator.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/command/system.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments {
namespace {

/// Value of the first "name : value" line of /proc/cpuinfo.
std::string cpu_info(const std::string& name) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && line.starts_with(name)) return line.substr(std::min(line.size(), colon + 2));
  }
  return "";
}

Check check_flags() {
  const std::string flags = " " + cpu_info("flags") + " ";
  std::vector<std::string> found;
  for (const std::string name : {"sse4_2", "avx", "avx2", "fma", "avx512f"}) {
    if (flags.find(" " + name + " ") != std::string::npos) found.push_back(name);
  }
  const bool fast = std::count(found.begin(), found.end(), "avx2") > 0 && std::count(found.begin(), found.end(), "fma") > 0;
  const std::string text = fmt::format("{} ({})", cpu_info("model name"), found.empty() ? "no vector flags known" : join(found, " "));
  if (fast) return {Health::ok, "CPU", text, ""};
  return {Health::warn, "CPU", text, "Kernels are slow without AVX2 and FMA; results differ in bits from other CPU kinds."};
}

Check check_cpus() {
  const CpuCount count = available_cpus();
  const std::string text = fmt::format("{} cores, {} hardware threads{}", count.cores, count.cpus,
                                       count.whole_machine ? "" : " (bound to a part of the machine)");
  if (count.whole_machine) return {Health::ok, "cores", text, ""};
  return {Health::warn, "cores", text, "Fine inside a scheduler's job; otherwise unbind (taskset, cpuset)."};
}

Check check_threads() {
  const char* given = std::getenv("OMP_NUM_THREADS");
  const CpuCount count = available_cpus();
  const std::string text =
      fmt::format("{} threads by default, OMP_NUM_THREADS {}", omp_get_max_threads(), given == nullptr ? "not set" : given);
  if (omp_get_max_threads() <= count.cpus) return {Health::ok, "OpenMP", text, ""};
  return {Health::warn, "OpenMP", text, fmt::format("More threads than CPUs: use --threads {}.", count.cores)};
}

Check check_space(const std::string& directory) {
  constexpr double gib = 1024.0 * 1024 * 1024;
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0) return {Health::fail, "free space", std::strerror(errno), "Run in a directory that exists."};
  const double free = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / gib;
  const std::string text = fmt::format("{:.1f} GiB", free);
  if (free < 0.05) return {Health::fail, "free space", text, "Make room, or use --output on another file system."};
  return {free < 1 ? Health::warn : Health::ok, "free space", text,
          free < 1 ? "'variscope plan' tells how large a run's file becomes." : ""};
}

/// A second process must be refused what the first has locked. Exit status 0: refused as it should be.
bool lock_is_seen_by_another(const std::string& file) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    const int own = open(file.c_str(), O_RDWR | O_CLOEXEC);
    _exit(own >= 0 && flock(own, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK ? 0 : 1);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

std::vector<Check> check_machine() { return {check_cpus(), check_flags(), check_threads()}; }

std::vector<Check> check_libraries() {
  std::vector<Check> checks;
  const auto launcher = find_launcher();
  const std::string install = "Install Open MPI (Debian: openmpi-bin) for more than one rank.";
  if (!launcher)
    checks.push_back({Health::fail, "launcher", "mpirun is not on PATH", install});
  else if (launcher->open_mpi)
    checks.push_back({Health::ok, "launcher", fmt::format("{}, {}", launcher->version, launcher->path), ""});
  else
    checks.push_back({Health::warn, "launcher", fmt::format("{}, {}", launcher->version, launcher->path),
                      "Not Open MPI: the program and mpirun must be of one library."});
  if (launcher && launcher->open_mpi) {
    std::array<char, 4096> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size() - 1);
    const std::string program = size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : "";
    const bool works = launch({program, {"doctor", "--as-rank"}, 2, 1}) == 0;
    checks.push_back({works ? Health::ok : Health::fail, "two ranks", works ? "started, met and ended" : "could not be started",
                      works ? "" : "Set VARISCOPE_MPIRUN_OUTPUT=all and run this again to see why."});
  }
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const std::string running = fmt::format("{}.{}.{}", major, minor, release);
  const std::string built = fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
  const bool same = running == built;
  checks.push_back({same ? Health::ok : Health::fail, "HDF5", same ? running : fmt::format("{} running, {} when built", running, built),
                    same ? "" : "Rebuild, or correct LD_LIBRARY_PATH."});
  const std::string gnuplot = find_program("gnuplot");
  const std::string version = gnuplot.empty() ? "" : output_of({gnuplot, "--version"});
  checks.push_back(version.empty() ? Check{Health::warn, "gnuplot", "not found", "Install gnuplot for figures; tables do without."}
                                   : Check{Health::ok, "gnuplot", version.substr(0, version.find('\n')), ""});
  return checks;
}

std::vector<Check> check_directory(const std::string& directory) {
  std::vector<Check> checks = {check_space(directory)};
  std::string file = directory + "/.variscope-doctor-XXXXXX";
  const int descriptor = mkostemp(file.data(), O_CLOEXEC);
  if (descriptor < 0) {
    checks.push_back({Health::fail, "writing here", std::strerror(errno), "Change to a directory you may write to, or use --output."});
    return checks;
  }
  const std::string block(1 << 16, 'x');
  const bool wrote = write(descriptor, block.data(), block.size()) == static_cast<ssize_t>(block.size()) && fsync(descriptor) == 0;
  checks.push_back(wrote ? Check{Health::ok, "writing here", "written and synced", ""}
                         : Check{Health::fail, "writing here", std::strerror(errno), "Make room, or use --output on another file system."});
  const bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  const int reason = errno;
  const bool seen = locked && lock_is_seen_by_another(file);
  const std::string advice = "HDF5 may refuse to open files here: set HDF5_USE_FILE_LOCKING=FALSE, or use --output on another file system.";
  checks.push_back(seen ? Check{Health::ok, "file locking", "works", ""}
                        : Check{Health::warn, "file locking", locked ? "other processes do not see locks" : std::strerror(reason), advice});
  close(descriptor);
  unlink(file.c_str());
  return checks;
}

std::string render(const std::vector<Check>& checks) {
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  std::string text;
  for (const Check& check : checks) {
    const char* word = check.health == Health::ok ? "ok  " : check.health == Health::warn ? "warn" : "fail";
    text +=
        fmt::format("{}  {:<{}}  {}{}{}\n", word, check.name, width, check.found, check.suggestion.empty() ? "" : ". ", check.suggestion);
  }
  return text;
}

int doctor() {
  std::vector<Check> checks = check_machine();
  for (const auto& more : {check_libraries(), check_directory(".")}) checks.insert(checks.end(), more.begin(), more.end());
  fmt::print("{}", render(checks));
  const auto failed = std::count_if(checks.begin(), checks.end(), [](const Check& check) { return check.health == Health::fail; });
  return failed > 0 ? 1 : 0;
}

void add_doctor(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("doctor", "Check MPI, HDF5, threads, binding, and the current directory");
  app->footer("Example:\n  variscope doctor\n\nExit status 1 if a check fails.");
  auto as_rank = std::make_shared<bool>(false);
  app->add_flag("--as-rank", *as_rank)->group("");  // what the check of two ranks starts
  app->callback([&chosen, as_rank] {
    chosen = [as_rank] {
      if (!*as_rank) return doctor();
      const auto world = cluster::Communicator::world();
      world.barrier();
      return world.size() == 2 ? 0 : 1;
    };
  });
}

}  // namespace variscope::experiments
