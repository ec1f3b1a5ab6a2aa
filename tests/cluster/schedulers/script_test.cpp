/// The script itself, run by a real bash with a program that plays its part: signals, tries, exit status, a changed spec.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "engine/error.hpp"
#include "tests/cluster/schedulers/jobs.hpp"

namespace variscope::cluster {
namespace {

namespace fs = std::filesystem;
using testing::has;
using testing::script_of;
using testing::small_job;

/// A run directory whose name no shell likes, and a job of one rank in it.
class ScriptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "variscope-job-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root_ = pattern;
    run_ = root_ / "it's a $(run)\n; directory";
    fs::create_directories(run_ / "job");
    job_ = small_job("none");
    job_.resources = {1, 1, 1, 0, 0};
    job_.directory = run_.string();
    job_.spec.clear();
    job_.signal.lead_seconds = 1;
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] std::string text(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(run_ / name).rdbuf();
    return all.str();
  }
  /// A program for the job: lines of bash. $1 is the rank's file.
  void program(const std::string& lines) {
    std::ofstream(root_ / "program") << lines;
    job_.start = {"bash", (root_ / "program").string()};
  }
  pid_t start(const std::string& scheduler, const std::vector<std::pair<std::string, std::string>>& variables = {}) {
    std::ofstream(run_ / "job" / "job.sh") << script_of(scheduler, job_);
    const pid_t child = ::fork();
    if (child != 0) return child;
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    ::setenv("PATH", (root_.string() + ":" + ::getenv("PATH")).c_str(), 1);
    const int log = ::open((run_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execlp("timeout", "timeout", "-k", "2", "60", "bash", (run_ / "job" / "job.sh").c_str(), nullptr);
    ::_exit(127);
  }
  static int finish(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool appears(const std::string& name) {
    for (int i = 0; i < 500; ++i) {
      if (fs::exists(run_ / name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  fs::path root_;
  fs::path run_;
  Job job_;
};

TEST_F(ScriptTest, TheProgramsStatusIsTheJobs) {
  for (const int status : {0, 1, 2, 137}) {
    program("exit " + std::to_string(status));
    EXPECT_EQ(finish(start("slurm")), status) << text("log");
  }
  EXPECT_EQ(text("job/tries.0"), "4\n");
}

TEST_F(ScriptTest, AnAnnouncedEndBecomesTheSignalAndTheStatusOutlivesIt) {
  // The program takes its time to save: the script must wait for it, and end with its status.
  program("trap 'sleep 0.3; echo saved >saved; exit 85' USR2\ntouch started\nwhile :; do sleep 0.05; done");
  job_.signal.name = "USR2";
  for (const int number : {SIGTERM, SIGUSR1, SIGUSR2, SIGINT}) {
    fs::remove(run_ / "started");
    fs::remove(run_ / "saved");
    const pid_t child = start("slurm");
    ASSERT_TRUE(appears("started")) << text("log");
    // To bash alone, as a scheduler that signals the batch shell does.
    std::string below;
    std::ifstream("/proc/" + std::to_string(child) + "/task/" + std::to_string(child) + "/children") >> below;
    ASSERT_FALSE(below.empty());
    ::kill(std::stoi(below), number);
    EXPECT_EQ(finish(child), 85) << text("log");
    EXPECT_TRUE(fs::exists(run_ / "saved"));
    EXPECT_TRUE(has(text("log"), "Run this script again."));
  }
}

TEST_F(ScriptTest, SlurmIsAskedToTakeTheJobBack) {
  program("exit 85");
  std::ofstream(root_ / "scontrol") << "#!/bin/bash\nprintf '%s\\n' \"$*\" >>\"" << (root_ / "calls").string()
                                    << "\"\n[ \"$1\" = requeue ] && kill -KILL $PPID\necho \"JobId=7 JobState=$PLAYED\"\n";
  fs::permissions(root_ / "scontrol", fs::perms::owner_all);
  EXPECT_EQ(finish(start("slurm", {{"SLURM_JOB_ID", "7"}, {"PLAYED", "RUNNING"}})), 137);
  EXPECT_EQ(finish(start("slurm", {{"SLURM_JOB_ID", "7"}, {"PLAYED", "COMPLETING"}})), 85);
  job_.array.tasks = 4;
  EXPECT_EQ(
      finish(start("slurm", {{"SLURM_JOB_ID", "9"}, {"SLURM_ARRAY_JOB_ID", "7"}, {"SLURM_ARRAY_TASK_ID", "3"}, {"PLAYED", "RUNNING"}})),
      137);
  std::ostringstream calls;
  calls << std::ifstream(root_ / "calls").rdbuf();
  EXPECT_EQ(calls.str(), "show job -o 7\nrequeue 7\nshow job -o 7\nshow job -o 7_3\nrequeue 7_3\n");
  EXPECT_EQ(text("job/tries.3"), "1\n");
}

TEST_F(ScriptTest, GridEngineIsToldByTheStatus) {
  program("exit 85");
  EXPECT_EQ(finish(start("sge", {{"JOB_ID", "7"}})), 99);
  EXPECT_EQ(finish(start("sge")), 85);
}

TEST_F(ScriptTest, PbsAndFluxGetASuccessor) {
  program("exit 85");
  std::ofstream(root_ / "qsub") << "#!/bin/bash\n[ -e job.sh ] || exit 1\nif [ \"${!#}\" = - ]; then cat >\"" << (root_ / "stdin").string()
                                << "\"; fi\necho \"$*\" >\"" << (root_ / "calls").string() << "\"\necho 8.server\n";
  fs::permissions(root_ / "qsub", fs::perms::owner_all);
  const auto calls = [&](const char* name) {
    std::ostringstream all;
    all << std::ifstream(root_ / name).rdbuf();
    return all.str();
  };
  EXPECT_EQ(finish(start("pbs", {{"PBS_JOBID", "7.server"}})), 85);
  EXPECT_EQ(calls("calls"), "-W depend=afterany:7.server job.sh\n");
  EXPECT_EQ(text("job/ids"), "8.server\n");
  job_.array.tasks = 4;
  EXPECT_EQ(finish(start("pbs", {{"PBS_JOBID", "7[2].server"}, {"PBS_ARRAY_INDEX", "2"}})), 85);
  EXPECT_EQ(calls("calls"), "-v VARISCOPE_TASK=2 -\n");
  EXPECT_TRUE(has(calls("stdin"), "\n#PBS -l walltime"));
  EXPECT_FALSE(has(calls("stdin"), "\n#PBS -J"));

  job_.array.tasks = 0;
  std::ofstream(root_ / "flux") << "#!/bin/bash\ncase \"$*\" in 'getattr jobid') echo f7;; *) echo \"$*\" >\"" << (root_ / "calls").string()
                                << "\"; echo f8;; esac\n";
  fs::permissions(root_ / "flux", fs::perms::owner_all);
  EXPECT_EQ(finish(start("flux")), 85);
  EXPECT_EQ(calls("calls"), "--parent batch --dependency=afterany:f7 job.sh\n");
  EXPECT_EQ(text("job/ids"), "8.server\n8.server\nf8\n");
}

TEST_F(ScriptTest, TheJobBehindAnArrayComesAfterSuccessorsOfItsTasks) {
  program("echo collected >>log2");
  job_.script = "collect.sh";
  job_.task_name = "collect";
  const auto calls = [&] {
    std::ostringstream all;
    all << std::ifstream(root_ / "calls").rdbuf();
    return all.str();
  };
  const std::string note =
      "#!/bin/bash\n[ \"$1\" = getattr ] && echo 9 && exit\necho \"$*\" >>\"" + (root_ / "calls").string() + "\"\necho 30\n";
  for (const char* name : {"qsub", "flux"}) {
    std::ofstream(root_ / name) << note;
    fs::permissions(root_ / name, fs::perms::owner_all);
  }
  for (const std::string scheduler : {"pbs", "flux"}) {
    SCOPED_TRACE(scheduler);
    for (const char* file : {"job/ids", "job/ids.collect", "job/seen.collect", "log2"}) fs::remove(run_ / file);
    fs::remove(root_ / "calls");
    // Two tasks have been put back as 21 and 22: this job goes behind them, and ends.
    std::ofstream(run_ / "job" / "ids") << "21\n22\n";
    EXPECT_EQ(finish(start(scheduler, {{"PBS_JOBID", "9"}})), 0) << text("log");
    EXPECT_EQ(calls(), scheduler == "pbs" ? "-W depend=afterany:21:22 collect.sh\n"
                                          : "--parent batch --dependency=afterany:21 --dependency=afterany:22 collect.sh\n");
    EXPECT_EQ(text("job/ids.collect"), "30\n");
    EXPECT_FALSE(fs::exists(run_ / "log2"));
    // One of them once more; and then no more.
    std::ofstream(run_ / "job" / "ids", std::ios::app) << "23\n";
    EXPECT_EQ(finish(start(scheduler, {{"PBS_JOBID", "30"}})), 0);
    EXPECT_TRUE(has(calls(),
                    scheduler == "pbs" ? "\n-W depend=afterany:23 collect.sh\n" : "\n--parent batch --dependency=afterany:23 collect.sh\n"))
        << calls();
    EXPECT_FALSE(fs::exists(run_ / "log2"));
    EXPECT_EQ(finish(start(scheduler, {{"PBS_JOBID", "30"}})), 0);
    EXPECT_EQ(text("log2"), "collected\n");
  }
}

TEST_F(ScriptTest, ThisMachineRunsTasksOneAfterTheOtherAndThenCollects) {
  program("echo \"$*\" >>count; [ \"$1 $2\" != '--part 1/3' ] || [ -e tried ] || { touch tried; exit 85; }");
  job_.array.tasks = 3;
  job_.task_option = "--part";
  std::ofstream(run_ / "job" / "collect.sh") << "echo collected >>count\nexit 7\n";
  EXPECT_EQ(finish(start("local")), 7) << text("log");
  EXPECT_EQ(text("count"), "--part 0/3\n--part 1/3\n--part 1/3\n--part 2/3\ncollected\n");
  EXPECT_EQ(text("job/tries.1"), "2\n");
  EXPECT_EQ(text("job/tries.2"), "1\n");
}

TEST_F(ScriptTest, ThisMachineRunsItAgainUntilItIsDone) {
  program("echo x >>count; [ $(wc -l <count) -ge 3 ] || exit 85");
  EXPECT_EQ(finish(start("local")), 0) << text("log");
  EXPECT_EQ(text("job/tries.0"), "3\n");
  EXPECT_EQ(text("count"), "x\nx\nx\n");
}

TEST_F(ScriptTest, TriesHaveAnEnd) {
  program("exit 85");
  job_.maximum_tries = 3;
  EXPECT_EQ(finish(start("local")), 1);
  EXPECT_EQ(text("job/tries.0"), "3\n");
  EXPECT_TRUE(has(text("log"), "no more tries"));
}

TEST_F(ScriptTest, ACancelledJobDoesNotComeBack) {
  program("exit 85");
  std::ofstream(run_ / "job" / "cancelled") << "now\n";
  EXPECT_EQ(finish(start("local")), 85);
  EXPECT_EQ(text("job/tries.0"), "1\n");
}

TEST_F(ScriptTest, LaterTriesGoOn) {
  program("touch saved; exit 85");
  std::ofstream(root_ / "second") << "touch went_on";
  job_.go_on = {"bash", (root_ / "second").string()};
  job_.progress_marks = {"none", "saved"};
  EXPECT_EQ(finish(start("local")), 0) << text("log");
  EXPECT_TRUE(fs::exists(run_ / "went_on"));
}

TEST_F(ScriptTest, WhereTheEndIsNotAnnouncedTheScriptHasAClock) {
  program("trap 'exit 85' USR1\nwhile :; do sleep 0.05; done");
  job_.requeue = false;
  job_.resources.wall_seconds = 2;
  for (const std::string scheduler : {"pbs", "local"}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(finish(start(scheduler)), 85) << text("log");
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_GT(took, 0.9);
  }
  // A job that is done before leaves nothing behind that waits.
  program("exit 0");
  job_.resources.wall_seconds = 3600;
  EXPECT_EQ(finish(start("pbs")), 0);
}

TEST_F(ScriptTest, AnotherSpecThanTheSubmittedOneIsRefused) {
  program("touch ran");
  job_.spec = (root_ / "my 'spec'.toml").string();
  std::ofstream(job_.spec) << "abc";
  // sha256("abc"), FIPS 180-2.
  job_.spec_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(finish(start("slurm")), 0) << text("log");
  EXPECT_TRUE(fs::remove(run_ / "ran"));
  std::ofstream(job_.spec) << "abd";
  EXPECT_EQ(finish(start("slurm")), 2);
  EXPECT_FALSE(fs::exists(run_ / "ran"));
  EXPECT_TRUE(has(text("log"), "is not what was submitted"));
}

TEST_F(ScriptTest, ThreadsAndTheSiteAreSet) {
  program("echo \"$OMP_NUM_THREADS $OMP_PLACES $OMP_PROC_BIND $HOSTILE $FROM_PROLOGUE $LOADED\" >variables");
  job_.resources.cpus_per_task = 3;
  job_.prologue = {"module() { LOADED=\"$*\"; export LOADED; }", "export FROM_PROLOGUE=\"a b\""};
  job_.modules = {"gcc/12; touch owned"};
  job_.environment = {{"HOSTILE", "$(touch owned) it's"}};
  EXPECT_EQ(finish(start("slurm")), 0) << text("log");
  EXPECT_EQ(text("variables"), "3 cores close $(touch owned) it's a b load gcc/12; touch owned\n");
  EXPECT_FALSE(fs::exists(run_ / "owned"));
}

TEST(Script, RefusesWhatCannotBeSaid) {
  const auto refused = [](const Job& job, const std::string& part) {
    try {
      script_of("slurm", job);
      ADD_FAILURE() << part;
    } catch (const UserError& error) {
      EXPECT_TRUE(has(error.what(), part)) << error.what();
    }
  };
  Job job = small_job();
  job.extra_directives = {"--qos=x\ntouch owned"};
  refused(job, "extra directive '--qos=x touch owned'");
  job = small_job();
  job.environment = {{"A; touch owned", "x"}};
  refused(job, "environment variable 'A; touch owned'");
  job = small_job();
  job.launcher = "prun";
  refused(job, "launcher 'prun'");
  job = small_job();
  job.signal.name = "KILL";
  refused(job, "signal 'KILL'");
  job = small_job();
  job.resources.wall_seconds = 120;
  refused(job, "wall time 00:02:00");
  job = small_job("none");
  refused(job, "launcher 'none'");
}

}  // namespace
}  // namespace variscope::cluster
