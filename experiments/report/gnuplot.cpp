/// Runs gnuplot.
#include "experiments/report/gnuplot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "experiments/report/gnuplot_text.hpp"

extern char** environ;

namespace variscope::experiments {

std::string run_gnuplot(const std::string& directory, const std::string& script_file, const std::string& picture) {
  const std::filesystem::path log = std::filesystem::path(directory) / "gnuplot.log";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 2, "gnuplot.log", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  std::string program = "gnuplot";
  std::string script = script_file;
  std::string option = "-e";
  std::string assignment = fmt::format("picture={}", single_quoted(picture));
  std::array<char*, 5> arguments = {program.data(), option.data(), assignment.data(), script.data(), nullptr};
  if (picture.empty()) {
    arguments = {program.data(), script.data(), nullptr, nullptr, nullptr};
  }
  pid_t child = 0;
  const int refused = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  const bool waited = refused == 0 && waitpid(child, &status, 0) == child;
  std::string said;
  std::getline(std::ifstream(log) >> std::ws, said);
  std::error_code ignored;
  std::filesystem::remove(log, ignored);
  if (refused != 0) {
    return fmt::format("no figure: gnuplot cannot be started ({}). Install gnuplot-nox, then run `gnuplot {}` in {}.",
                       std::strerror(refused), script_file, directory);
  }
  if (!waited || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fmt::format("no figure: gnuplot failed on {}/{} ({}).", directory, script_file, said);
  }
  return "";
}

}  // namespace variscope::experiments
