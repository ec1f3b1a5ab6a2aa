/// Start mpirun from inside the program, pass its output on without its boilerplate, and bring back the failing rank's status.
#include "experiments/command/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "engine/error.hpp"
#include "experiments/command/output_filter.hpp"
#include "experiments/command/system.hpp"

namespace variscope::experiments {
namespace {

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Signals that must not end us before the ranks, delivered through a file descriptor while this lives.
class SignalPipe {
 public:
  SignalPipe() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&wanted, number);
    sigprocmask(SIG_BLOCK, &wanted, &before_);
    descriptor_ = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) throw SystemError(fmt::format("cannot watch signals (signalfd: {})", std::strerror(errno)));
  }
  ~SignalPipe() {
    close(descriptor_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Next signal, 0 if none is waiting.
  [[nodiscard]] int next() const {
    signalfd_siginfo info{};
    return read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  int descriptor_ = -1;
};

struct Ending {
  int raw_status = 0;
  int interrupted_by = 0;
};

/// Reads what is there now; false at the end of the stream.
bool drain(int descriptor, OutputFilter& filter) {
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count > 0)
      filter.feed({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0)
      return false;
    else if (errno != EINTR)
      return errno == EAGAIN;
  }
}

/// Until the child has ended and its output is read. mpirun answers SIGTERM and SIGINT by killing its ranks a second later, but passes
/// SIGUSR1 on: that is how ranks are asked to save and leave. Another interrupt from the keyboard kills them.
Ending watch(int child, bool open_mpi, int output, const SignalPipe& signals, OutputFilter& filter) {
  Ending ending;
  bool asked = false;
  bool open = true;
  while (true) {
    std::array<pollfd, 2> sources = {pollfd{signals.descriptor(), POLLIN, 0}, pollfd{open ? output : -1, POLLIN, 0}};
    if (poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) break;
    if (sources[1].revents != 0) open = drain(output, filter);
    while (const int number = signals.next()) {
      if (number == SIGCHLD) continue;
      ending.interrupted_by = number;
      if (asked && (number == SIGINT || number == SIGQUIT))
        kill(-child, SIGKILL);
      else
        kill(child, open_mpi ? SIGUSR1 : number);
      asked = true;
    }
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      ending.raw_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
  }
  drain(output, filter);
  return ending;
}

}  // namespace

int launch(const LaunchRequest& request) {
  const auto launcher = find_launcher();
  if (!launcher) {
    throw UserError(fmt::format(
        "--ranks {}: mpirun is not on PATH (it starts the ranks). Install Open MPI (Debian: openmpi-bin), or leave --ranks out.",
        request.ranks));
  }
  const LaunchCommand command = launch_command(*launcher, request, available_cpus(), find_placement());
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) {
    const bool of_library = name.starts_with("OMPI_") || name.starts_with("PMIX_");
    if (!of_library || std::getenv(name.c_str()) == nullptr) variables.push_back(name + "=" + value);
  }
  const char* show_all = std::getenv("VARISCOPE_MPIRUN_OUTPUT");
  const bool raw = show_all != nullptr && std::strcmp(show_all, "all") == 0;

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw SystemError(fmt::format("cannot start mpirun (pipe: {})", std::strerror(errno)));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const SignalPipe signals;
  const int child = start_child(command.arguments, variables, {-1, ends[1]});
  close(ends[1]);
  OutputFilter filter(
      [raw](std::string_view text) {
        if (!raw) write_stderr(text);
      },
      isatty(STDERR_FILENO) == 1);
  if (raw) filter.copy_input_to(write_stderr);
  const Ending ending = watch(child, launcher->open_mpi, ends[0], signals, filter);
  close(ends[0]);
  if (ending.interrupted_by == 0) return filter.finish(ending.raw_status);
  const int status = filter.finish(0);
  if (status != 0 || ending.raw_status == 0) return status;
  write_stderr(fmt::format("interrupted ({}): all ranks have ended.\n", strsignal(ending.interrupted_by)));
  return 128 + ending.interrupted_by;
}

bool started_by_launch() { return std::getenv("VARISCOPE_LAUNCHED") != nullptr; }

bool progress_on_terminal() {
  if (const char* terminal = std::getenv("VARISCOPE_TERMINAL"); terminal != nullptr && started_by_launch())
    return std::strcmp(terminal, "1") == 0;
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

int terminal_columns() {
  constexpr int unknown = 80;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* text = std::getenv(started_by_launch() ? "VARISCOPE_COLUMNS" : "COLUMNS");
  const int columns = text == nullptr ? 0 : std::atoi(text);
  return columns > 0 ? columns : unknown;
}

void print_error_line(std::string_view text, int status, int rank) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  write_stderr(started_by_launch() ? mark_error(line, status, rank) : line + "\n");
}

}  // namespace variscope::experiments
