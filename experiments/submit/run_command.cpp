/// A scheduler's command, run without a shell in a directory of its own choosing.
#include "experiments/submit/run_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>

#include "engine/error.hpp"
#include "experiments/command/system.hpp"

namespace variscope::experiments {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> made;
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

std::vector<std::string> environment_without(const cluster::Words& prefixes) {
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    // Where its configuration lies is not a job's setting.
    const bool configuration = text.starts_with("SLURM_CONF=") || text.starts_with("PBS_CONF_FILE=") || text.starts_with("PBS_EXEC=") ||
                               text.starts_with("PBS_SERVER=");
    if (configuration || std::none_of(prefixes.begin(), prefixes.end(), [&](const std::string& p) { return text.starts_with(p); }))
      kept.emplace_back(text);
  }
  return kept;
}

/// Reads what is there now; false at the end of the stream.
bool drain(int descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count > 0)
      text.append(buffer.data(), static_cast<std::size_t>(count));
    else if (count == 0)
      return false;
    else if (errno != EINTR)
      return errno == EAGAIN;
  }
}

}  // namespace

CommandOutcome run_command(const cluster::SchedulerCommand& command, const std::string& directory, const cluster::Words& unset,
                           double limit_seconds) {
  CommandOutcome outcome;
  const std::string program = find_program(command.words.at(0));
  if (program.empty()) {
    outcome.status = 127;
    outcome.error = fmt::format("{}: not on PATH", command.words[0]);
    return outcome;
  }
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(err.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw SystemError(fmt::format("cannot start {} (pipe: {})", program, std::strerror(errno)));
  std::vector<std::string> words = command.words;
  std::vector<std::string> variables = environment_without(unset);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  const char* input = command.input.empty() ? "/dev/null" : command.input.c_str();
  const pid_t child = fork();
  if (child < 0) throw SystemError(fmt::format("cannot start {} (fork: {})", program, std::strerror(errno)));
  if (child == 0) {
    if (chdir(directory.c_str()) != 0) _exit(126);
    const int in = open(input, O_RDONLY);
    if (in < 0) _exit(126);
    dup2(in, STDIN_FILENO);
    for (const auto& [from, to] : {std::pair{out[1], STDOUT_FILENO}, std::pair{err[1], STDERR_FILENO}}) {
      dup2(from, to);
      // Programs do not expect that their output can refuse to take more.
      fcntl(to, F_SETFL, fcntl(to, F_GETFL) & ~O_NONBLOCK);
    }
    execve(program.c_str(), argv.data(), envp.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  using clock = std::chrono::steady_clock;
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(limit_seconds));
  bool killed = false;
  int status = 0;
  while (true) {
    const bool ended = waitpid(child, &status, WNOHANG) == child;
    // What was started in the background may hold the pipes open: the end of the command is its own.
    const bool more = drain(out[0], outcome.output);
    const bool more_errors = drain(err[0], outcome.error);
    if (ended) break;
    if (clock::now() > end && !killed) killed = kill(child, SIGKILL) == 0;
    constexpr int wait_ms = 20;
    std::array<pollfd, 2> sources = {pollfd{more ? out[0] : -1, POLLIN, 0}, pollfd{more_errors ? err[0] : -1, POLLIN, 0}};
    poll(sources.data(), sources.size(), wait_ms);
  }
  close(out[0]);
  close(err[0]);
  constexpr int timed_out = 124;
  outcome.status = killed ? timed_out : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (killed) outcome.error = fmt::format("no answer within {} seconds", limit_seconds);
  return outcome;
}

}  // namespace variscope::experiments
