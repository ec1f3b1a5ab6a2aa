/// `variscope submit` and `cancel` as programs: what they print, write, refuse, and say to schedulers that are played here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;
using testing::gaussian_spec;
using testing::read_text;
using testing::Words;

class SubmitTest : public testing::ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write("s.toml", gaussian_spec());
  }
  /// A program on PATH that notes how it was called, and runs these lines.
  void play(const std::string& name, const std::string& lines) {
    fs::create_directories(path("bin"));
    write("bin/" + name, "#!/bin/bash\nprintf '%s' \"$(pwd)|" + name + "\" >>" + path("calls") + "\nprintf '|%s' \"$@\" >>" +
                             path("calls") + "\necho >>" + path("calls") + "\n" + lines + "\n");
    fs::permissions(path("bin/" + name), fs::perms::owner_all);
  }
  testing::Outcome variscope_with_path(Words words) {
    words.insert(words.begin(),
                 {"env", "PATH=" + path("bin") + ":" + ::getenv("PATH"), "SBATCH_PARTITION=leaks", "SLURM_CONF=/kept", VARISCOPE_PROGRAM});
    return run(words);
  }
  [[nodiscard]] std::string calls() const { return read_text(path("calls")); }
};

TEST_F(SubmitTest, DryRunPrintsTheScriptAndTheCommandAndWritesNothing) {
  const auto before = files();
  const auto outcome = variscope({"submit",          "s.toml", "--site",    "slurm",    "--nodes",   "2",    "--tasks-per-node", "4",
                                  "--cpus-per-task", "3",      "--time",    "00:30:00", "--account", "acct", "--after",          "7",
                                  "--output",        "my run", "--dry-run", "--",       "--qos=a b"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(files(), before);
  for (const std::string part : {"#!/bin/bash\n#SBATCH --job-name=", "#SBATCH --nodes=2\n", "#SBATCH --ntasks-per-node=4\n",
                                 "#SBATCH --cpus-per-task=3\n", "#SBATCH --time=00:30:00\n", "#SBATCH --account=acct\n",
                                 "#SBATCH --dependency=afterok:7\n", "--threads 3", "srun --mpi=pmix --nodes=2"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
  }
  EXPECT_NE(outcome.out.find("run='" + path("my run") + "'\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("cd '" + path("my run") + "/job' && sbatch --parsable '--qos=a b' job.sh\n"), std::string::npos)
      << outcome.err;
  const std::string hash = run({"sha256sum", "s.toml"}).out.substr(0, 64);
  EXPECT_NE(outcome.out.find("spec_sha256=" + hash + "\n"), std::string::npos);
}

TEST_F(SubmitTest, RefusesBeforeAnythingIsWritten) {
  write("site.toml", "scheduler = \"slurm\"\n[limits]\nnodes = 2\ntime = \"01:00:00\"\n");
  const Words submit = {"submit", "s.toml", "--site"};
  const auto with = [&](Words more) {
    Words all = submit;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_refused(with({"slrum"}), {"--site: no profile 'slrum'", "Did you mean 'slurm'?"});
  expect_refused(with({"./site.toml", "--nodes", "3"}), {"nodes of 3 (at most 2"});
  expect_refused(with({"./site.toml", "--time", "61"}), {"wall time of 01:01:00 (at most 01:00:00"});
  expect_refused(with({"slurm", "--time", "later"}), {"--time 'later': not a time"});
  expect_refused(with({"slurm", "--account", "a b"}), {"account 'a b': not a word"});
  expect_refused(with({"slurm", "--account", "$(touch owned)"}), {"account '$(touch owned)': not a word"});
  expect_refused(with({"slurm", "--after", "1;touch"}), {"job '1;touch': not a word"});
  expect_refused(with({"slurm", "more"}), {"unknown argument 'more'"});
  expect_refused(with({"local", "--nodes", "2"}), {"scheduler 'local': there is one node"});
  expect_refused({"submit", "none.toml", "--site", "slurm"}, {"none.toml: cannot be read"});
  expect_refused({"cancel", "none"}, {"none: no job was submitted from here"});
}

TEST_F(SubmitTest, TheIdAloneIsPrintedAndTheRunDirectoryRemembers) {
  play("sbatch", "env >" + path("environment") + "\necho '77;here'");
  const auto outcome =
      variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", "it's $(touch owned)\nmine", "--", "--exclusive"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.out, "77\n");
  const std::string run_directory = path("it's $(touch owned)\nmine");
  EXPECT_EQ(calls(), run_directory + "/job|sbatch|--parsable|--exclusive|job.sh\n");
  EXPECT_FALSE(fs::exists(path("owned")));
  // What the submitting shell asks of sbatch is not this job's; where Slurm's configuration is stays.
  const std::string environment = read_text(path("environment"));
  EXPECT_EQ(environment.find("SBATCH_PARTITION"), std::string::npos);
  EXPECT_NE(environment.find("SLURM_CONF=/kept"), std::string::npos);
  const auto record = nlohmann::json::parse(read_text(run_directory + "/job/jobs.json"));
  EXPECT_EQ(record["scheduler"], "slurm");
  EXPECT_EQ(record["jobs"][0]["id"], "77");
  EXPECT_EQ(record["spec"], path("s.toml"));
  // The script is one that bash takes.
  EXPECT_EQ(run({"bash", "-n", run_directory + "/job/job.sh"}).status, 0);
}

TEST_F(SubmitTest, ARefusalOfTheSchedulerIsOneLine) {
  play("sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; echo 'sbatch: error: more' >&2; exit 1");
  const auto outcome = variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", "r"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(testing::lines_of(outcome.err).size(), 1u) << outcome.err;
  EXPECT_NE(outcome.err.find("invalid partition specified: x"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(path("r/job/jobs.json")));
}

TEST_F(SubmitTest, ALivingJobIsNotSubmittedTwiceAndCanBeCancelled) {
  play("sbatch", "echo 77");
  play("squeue", "echo '77|N/A|RUNNING|None|n1'");
  play("sacct", "exit 1");
  play("scancel", "");
  EXPECT_EQ(variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", "r"}).status, 0);
  const auto second = variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", "r"});
  EXPECT_EQ(second.status, 2);
  EXPECT_NE(second.err.find("job 77 of this run is running"), std::string::npos) << second.err;
  const auto cancelled = variscope_with_path({"cancel", "r"});
  EXPECT_EQ(cancelled.out, "cancelled: 77\n") << cancelled.all();
  EXPECT_NE(calls().find("|scancel|77\n"), std::string::npos) << calls();
  EXPECT_TRUE(fs::exists(path("r/job/cancelled")));
  // Once it is gone it may be submitted again, with all its tries.
  play("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
  write("r/job/tries.0", "5\n");
  EXPECT_EQ(variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", "r"}).status, 0);
  EXPECT_FALSE(fs::exists(path("r/job/cancelled")));
  EXPECT_FALSE(fs::exists(path("r/job/tries.0")));
  EXPECT_EQ(nlohmann::json::parse(read_text(path("r/job/jobs.json")))["jobs"].size(), 2u);
}

TEST_F(SubmitTest, JobsOfManyRunsAreOneQuestion) {
  play("sbatch", "n=$(($(cat " + path("last") + " 2>/dev/null || echo 70) + 1)); echo $n >" + path("last") + "; echo $n");
  for (const std::string name : {"a", "b", "c"})
    EXPECT_EQ(variscope_with_path({"submit", "s.toml", "--site", "slurm", "--output", name}).out.size(), 3u);
  play("squeue", "echo '71|N/A|RUNNING|None|n1'; echo '72|N/A|PENDING|DependencyNeverSatisfied|'");
  play("sacct", "echo '73|FAILED|85:0|n2'");
  write("calls", "");
  write("b/job/tries.0", "3\n");
  auto outcome = variscope_with_path({"jobs", "a", "b", "c"});
  EXPECT_EQ(outcome.status, 3) << outcome.all();
  const auto lines = testing::lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 4u) << outcome.out;
  for (const std::string part : {"71", "slurm", "running", "n1"}) EXPECT_NE(lines[1].find(part), std::string::npos) << lines[1];
  for (const std::string part : {"72", "blocked", "3", "DependencyNeverSatisfied"})
    EXPECT_NE(lines[2].find(part), std::string::npos) << lines[2];
  EXPECT_NE(lines[3].find("failed"), std::string::npos) << lines[3];
  // Two questions: the second only for what the first did not know.
  const auto asked = testing::lines_of(calls());
  ASSERT_EQ(asked.size(), 2u) << calls();
  EXPECT_TRUE(asked[0].ends_with("|-j|71,72,73")) << asked[0];
  EXPECT_TRUE(asked[1].ends_with("|-j|73")) << asked[1];

  // A scheduler that has forgotten all: the runs' files say what there is.
  play("squeue", "exit 1");
  play("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1");
  outcome = variscope_with_path({"watch", "a", "--every", "1"});
  EXPECT_EQ(outcome.status, 1) << outcome.all();
  EXPECT_NE(outcome.out.find("gone"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("accounting storage is disabled"), std::string::npos) << outcome.err;
  write("a/run.h5", "");
  outcome = variscope_with_path({"jobs", "a", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(nlohmann::json::parse(outcome.out)[0]["state"], "done");
  expect_refused({"watch", "nowhere"}, {"nowhere: no job was submitted from here"});
}

TEST_F(SubmitTest, LsfReadsTheScriptFromItsStandardInput) {
  play("bsub", "cat >" + path("stdin") + "; echo 'Job <5> is submitted to queue <normal>.'");
  const auto outcome = variscope_with_path({"submit", "s.toml", "--site", "lsf", "--output", "r"});
  EXPECT_EQ(outcome.out, "5\n") << outcome.all();
  EXPECT_EQ(read_text(path("stdin")), read_text(path("r/job/job.sh")));
  EXPECT_NE(read_text(path("stdin")).find("#BSUB -n 1\n"), std::string::npos);
}

TEST_F(SubmitTest, OnThisMachineTheJobRunsAndEndsInTheHashOfAPlainRun) {
  const auto plain = variscope({"run", "s.toml", "--output", "plain"});
  ASSERT_EQ(plain.status, 0) << plain.all();
  write("here.toml", "scheduler = \"local\"\nlauncher = \"none\"\n");
  const auto outcome = variscope({"submit", "s.toml", "--site", "./here.toml", "--output", "a 'run'"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  for (int i = 0; i < 1500 && read_text(path("a 'run'/job/log")).find("ended with status") == std::string::npos; ++i) ::usleep(20000);
  const std::string log = read_text(path("a 'run'/job/log"));
  EXPECT_NE(log.find("ended with status 0"), std::string::npos) << log;
  EXPECT_NE(log.find(plain.hash()), std::string::npos) << log;
  EXPECT_TRUE(fs::exists(path("a 'run'/run.h5")));
  expect_refused({"submit", "s.toml", "--site", "./here.toml", "--output", "a 'run'"}, {"there is a record already"});
}

}  // namespace
}  // namespace variscope::experiments
