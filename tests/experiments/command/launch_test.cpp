/// The command line for mpirun, threads, layouts, and children that are run without a shell.
#include "experiments/command/launch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "engine/error.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/doctor.hpp"
#include "experiments/command/system.hpp"

namespace variscope::experiments {
namespace {

const Launcher open_mpi{"/usr/bin/mpirun", "mpirun (Open MPI) 4.1.4", true};

std::string line(const LaunchCommand& command) {
  std::string text;
  for (const std::string& word : command.arguments) text += (text.empty() ? "" : " ") + word;
  return text;
}
bool has(const LaunchCommand& command, const std::string& words) { return line(command).find(words) != std::string::npos; }
std::string variable(const LaunchCommand& command, const std::string& name) {
  for (const auto& [key, value] : command.environment) {
    if (key == name) return value;
  }
  return "not set";
}

TEST(Launch, ProgramAndArgumentsComeLast) {
  const auto command = launch_command(open_mpi, {"/opt/variscope", {"run", "a b.toml"}, 2, 3}, {8, 8, true}, Placement::local);
  EXPECT_EQ(line(command).substr(0, 20), "/usr/bin/mpirun -n 2");
  EXPECT_EQ(command.arguments.back(), "a b.toml");
  EXPECT_EQ(command.arguments[command.arguments.size() - 3], "/opt/variscope");
  EXPECT_EQ(variable(command, "OMP_NUM_THREADS"), "3");
  EXPECT_EQ(variable(command, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1");
  EXPECT_EQ(variable(command, "OMPI_MCA_orte_base_help_aggregate"), "0");
}

TEST(Launch, BindsOnlyWhenTheRunFillsTheMachine) {
  const LaunchRequest request{"p", {}, 2, 4};
  EXPECT_TRUE(has(launch_command(open_mpi, request, {16, 8, true}, Placement::local), "--map-by slot:PE=4 --bind-to core"));
  EXPECT_TRUE(has(launch_command(open_mpi, request, {16, 16, true}, Placement::local), "--bind-to none"));
  EXPECT_TRUE(has(launch_command(open_mpi, request, {8, 8, false}, Placement::local), "--bind-to none"));
}

TEST(Launch, OversubscribesOnlyWhereNeeded) {
  EXPECT_TRUE(has(launch_command(open_mpi, {"p", {}, 3, 1}, {2, 2, true}, Placement::local), "--oversubscribe"));
  EXPECT_FALSE(has(launch_command(open_mpi, {"p", {}, 2, 1}, {2, 2, true}, Placement::local), "--oversubscribe"));
  EXPECT_FALSE(has(launch_command(open_mpi, {"p", {}, 64, 1}, {2, 2, true}, Placement::allocated), "--oversubscribe"));
}

TEST(Launch, NetworkIsLeftAloneInsideAnAllocation) {
  const LaunchRequest request{"p", {}, 2, 1};
  EXPECT_EQ(variable(launch_command(open_mpi, request, {2, 2, true}, Placement::local), "OMPI_MCA_btl"), "self,vader");
  EXPECT_EQ(variable(launch_command(open_mpi, request, {2, 2, true}, Placement::allocated), "OMPI_MCA_btl"), "not set");
}

TEST(Launch, OtherLaunchersGetTheNumberOfRanksAlone) {
  const auto command = launch_command({"/usr/bin/mpirun", "HYDRA", false}, {"p", {"run"}, 5, 1}, {2, 2, true}, Placement::local);
  EXPECT_EQ(line(command), "/usr/bin/mpirun -n 5 p run");
}

TEST(Launch, ThreadsAreAskedForInheritedOrShared) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string saved = before == nullptr ? "" : before;
  setenv("OMP_NUM_THREADS", "5", 1);
  EXPECT_EQ(resolve_threads(3, 2), 3);
  EXPECT_EQ(resolve_threads(0, 2), 5);
  unsetenv("OMP_NUM_THREADS");
  EXPECT_EQ(resolve_threads(0, 1), available_cpus().cores);
  EXPECT_EQ(resolve_threads(0, 100000), 1);
  if (before != nullptr) setenv("OMP_NUM_THREADS", saved.c_str(), 1);
}

TEST(System, ProgramsAreFoundAndRunWithoutAShell) {
  const std::string echo = find_program("echo");
  ASSERT_NE(echo, "");
  EXPECT_EQ(output_of({echo, "a b", "$HOME"}), "a b $HOME\n");
  EXPECT_EQ(find_program("no-such-program-anywhere"), "");
  EXPECT_EQ(output_of({"/no/such/program"}), "");
}

TEST(Layout, ParsesAxes) {
  EXPECT_EQ(parse_layout(""), LayoutRequest{});
  EXPECT_EQ(parse_layout("replicates=2,samples=1,shards=3"), (LayoutRequest{2, 1, 3}));
  EXPECT_EQ(parse_layout("shards=4"), (LayoutRequest{0, 0, 4}));
  EXPECT_EQ(parse_layout("replicas=2"), (LayoutRequest{0, 0, 0, 2}));
  EXPECT_EQ(parse_layout("replicates=2,replicas=5,samples=1,shards=3"), (LayoutRequest{2, 1, 3, 5}));
}

TEST(Layout, RefusesWhatMakesNoSense) {
  for (const std::string text :
       {"replica=2", "replicas=0", "shards", "shards=0", "shards=-1", "shards=2x", "shards=99999999999", "shards=2,shards=2", ","}) {
    try {
      parse_layout(text);
      FAIL() << text;
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, 10), "--layout: ") << text;
    }
  }
}

TEST(Doctor, TriesTheDirectory) {
  const auto directory = std::filesystem::temp_directory_path().string();
  const auto checks = check_directory(directory);
  ASSERT_EQ(checks.size(), 3u);
  EXPECT_NE(checks[1].health, Health::fail);
  EXPECT_TRUE(std::none_of(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator(),
                           [](const auto& entry) { return entry.path().filename().string().starts_with(".variscope-doctor"); }));
  const auto missing = check_directory("/no/such/directory");
  EXPECT_EQ(missing.at(0).health, Health::fail);
  EXPECT_EQ(render({{Health::warn, "x", "found", "Do y."}, {Health::ok, "long", "fine", ""}}),
            "warn  x     found. Do y.\nok    long  fine\n");
}

}  // namespace
}  // namespace variscope::experiments
