/// `variscope run` of several specs: one study after the other.
#include "experiments/command/run_each.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "cluster/communicator/communicator.hpp"
#include "engine/error.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

namespace {

/// Statuses of a study that was asked to stop, and of one that was interrupted twice.
constexpr int stopped = 85;
constexpr int interrupted = 130;

/// The study under way, for signals that come to this process alone.
volatile std::sig_atomic_t child = 0;

void pass_on(int signal) {
  if (child > 0) ::kill(static_cast<pid_t>(child), signal);
}

/// The most ranks, at most those asked for, that divide the study's work; its error where even one does not plan.
int ranks_for(const std::string& spec, const RunOptions& options) {
  for (int ranks = std::max(1, options.ranks); ranks > 1; --ranks) {
    try {
      make_plan(spec, ranks, resolve_threads(options.threads, ranks), options.layout, "", {});
      return ranks;
    } catch (const UserError&) {
      // Fewer ranks may do; one rank's error is the study's own.
    }
  }
  make_plan(spec, 1, resolve_threads(options.threads, 1), options.layout, "", {});
  return 1;
}

/// This command's words for one of its specs, on so many ranks.
std::vector<std::string> words_for(const std::string& spec, int ranks, const std::vector<std::string>& specs,
                                   const std::vector<std::string>& words) {
  std::vector<std::string> own;
  bool placed = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--ranks") {
      ++i;
    } else if (words[i].starts_with("--ranks=")) {
      continue;
    } else if (i > 0 && std::find(specs.begin(), specs.end(), words[i]) != specs.end()) {
      if (!placed) own.push_back(spec);
      placed = true;
    } else {
      own.push_back(words[i]);
    }
  }
  own.insert(own.end(), {"--ranks", std::to_string(ranks)});
  return own;
}

int run_one(std::vector<std::string> words) {
  words.insert(words.begin(), "variscope");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw SystemError("a study cannot be started (fork failed)");
  if (pid == 0) {
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_DFL);
    ::execv("/proc/self/exe", arguments.data());
    ::_exit(127);
  }
  child = static_cast<std::sig_atomic_t>(pid);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int run_each(const std::vector<std::string>& specs, const RunOptions& options, const std::vector<std::string>& words) {
  if (cluster::Communicator::launched_in_parallel())
    throw UserError("variscope run: several specs below a launcher (each is a run of its own). Start one at a time, or give --ranks.");
  if (!options.output.empty() || !options.continued.empty() || options.chains.size() > 0)
    throw UserError("variscope run: --output, --continue and --chains belong to one study (several specs are given). Leave them out.");
  std::vector<int> ranks;
  for (const std::string& spec : specs) ranks.push_back(ranks_for(spec, options));
  // A terminal's interrupt reaches the study by itself; others are passed on.
  std::signal(SIGINT, SIG_IGN);
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2}) std::signal(signal, pass_on);
  int worst = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    fmt::print("[{} of {}] {} on {} rank{}\n", i + 1, specs.size(), specs[i], ranks[i], ranks[i] == 1 ? "" : "s");
    const auto start = std::chrono::steady_clock::now();
    const int status = run_one(words_for(specs[i], ranks[i], specs, words));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print("[{} of {}] {}: status {}, {:.1f} s\n", i + 1, specs.size(), specs[i], status, seconds);
    if (worst == 0) worst = status;
    if (status == stopped || status == interrupted) break;
  }
  return worst;
}

}  // namespace variscope::experiments
