/// What each scheduler is told, word for word, and what its recorded answers mean.
#include <gtest/gtest.h>

#include "cluster/launchers/launcher.hpp"
#include "engine/error.hpp"
#include "tests/cluster/schedulers/jobs.hpp"

namespace variscope::cluster {
namespace {

using testing::has;
using testing::head_of;
using testing::small_job;

Job full_job() {
  Job job = small_job();
  job.resources.memory_mib = 4096;
  job.constraint = "zen3";
  job.mail = {"a@b.org", false, true, true};
  job.array = {10, 4};
  job.after = Dependency{Dependency::On::success, {"11", "12"}};
  return job;
}

std::unique_ptr<Scheduler> make(const std::string& name) { return find_scheduler(name)->make(); }

TEST(Schedulers, EveryEntryRendersAScriptForEveryLauncher) {
  for (const SchedulerEntry& scheduler : schedulers()) {
    EXPECT_NE(find_launcher_entry(scheduler.launcher), nullptr) << scheduler.name;
    for (const LauncherEntry& launcher : launchers()) {
      Job job = small_job(launcher.name);
      job.parallel_environment = "mpi";
      if (launcher.name == "none" || scheduler.name == "local") job.resources.nodes = 1;
      if (launcher.name == "none") job.resources.tasks_per_node = 1;
      const std::string script = testing::script_of(scheduler.name, job);
      EXPECT_TRUE(script.starts_with("#!/bin/bash\n" + scheduler.make()->prefix())) << scheduler.name;
      EXPECT_TRUE(has(script, "command=(/opt/variscope run /specs/study.toml)\n")) << script;
      EXPECT_TRUE(has(script, "OMP_NUM_THREADS=2 OMP_PLACES=cores OMP_PROC_BIND=close")) << script;
      EXPECT_TRUE(has(script, "spec_sha256=0123\n"));
      EXPECT_TRUE(script.ends_with("exit \"$rc\"\n"));
    }
  }
}

TEST(Schedulers, Launchers) {
  const Resources r = small_job().resources;
  const auto line = [&](const char* name) { return quote_line(find_launcher_entry(name)->command(r)); };
  EXPECT_EQ(line("srun"),
            "srun --mpi=pmix --nodes=2 --ntasks=8 --ntasks-per-node=4 --cpus-per-task=2 --cpu-bind=cores --kill-on-bad-exit=1");
  EXPECT_EQ(line("mpirun"), "mpirun -n 8 --map-by 'ppr:4:node:PE=2' --bind-to core");
  EXPECT_EQ(line("mpiexec"), "mpiexec -n 8 -ppn 4 -bind-to core:2");
  EXPECT_EQ(line("jsrun"), "jsrun --nrs 8 --rs_per_host 4 --tasks_per_rs 1 --cpu_per_rs 2 --bind packed:2");
  EXPECT_EQ(line("flux-run"), "flux run -N 2 -n 8 -c 2 -o 'cpu-affinity=per-task'");
}

TEST(Schedulers, Slurm) {
  EXPECT_EQ(head_of("slurm", full_job()),
            "#SBATCH --job-name=study\n"
            "#SBATCH --nodes=2\n"
            "#SBATCH --ntasks-per-node=4\n"
            "#SBATCH --cpus-per-task=2\n"
            "#SBATCH --mem=4096M\n"
            "#SBATCH --time=01:30:00\n"
            "#SBATCH --account=project\n"
            "#SBATCH --partition=main\n"
            "#SBATCH --constraint=zen3\n"
            "#SBATCH --array=0-9%4\n"
            "#SBATCH --dependency=afterok:11:12\n"
            "#SBATCH --kill-on-invalid-dep=yes\n"
            "#SBATCH --mail-type=END,FAIL\n"
            "#SBATCH --mail-user=a@b.org\n"
            "#SBATCH --requeue\n"
            "#SBATCH --signal=B:USR1@180\n"
            "#SBATCH --output=log.%A_%a\n"
            "#SBATCH --open-mode=append\n");
  Job job = small_job();
  job.resources.wall_seconds = 3 * 24 * 3600 + 61;
  job.requeue = false;
  EXPECT_TRUE(has(head_of("slurm", job), "--time=3-00:02:00\n"));
  EXPECT_TRUE(has(head_of("slurm", job), "--no-requeue\n"));
}

TEST(Schedulers, SlurmAnswers) {
  const auto slurm = make("slurm");
  EXPECT_EQ(slurm->parse_id("123\n"), "123");
  EXPECT_EQ(slurm->parse_id("123;cluster\n"), "123");
  EXPECT_EQ(slurm->parse_id("sbatch: error: Batch job submission failed\n"), "");
  EXPECT_EQ(slurm->submit("job.sh", {"--qos=a b"}).text(), "sbatch --parsable '--qos=a b' job.sh");
  EXPECT_EQ(slurm->cancel({"1", "2"}).text(), "scancel 1 2");
  const auto commands = slurm->status({"1", "2"});
  EXPECT_EQ(commands[0].text(), "squeue -h -r -a -t all -o '%F|%K|%T|%r|%N' -j 1,2");
  const auto reports = slurm->parse_status(
      0,
      "1|N/A|RUNNING|None|n[1-2]\n2|0|PENDING|Resources|\n2|1|PENDING|DependencyNeverSatisfied|\n3|N/A|PENDING|BeginTime|\n"
      "4|N/A|COMPLETED|None|n1\n5|N/A|NODE_FAIL|NodeDown|n1\n6|N/A|PREEMPTED|None|n1\nnonsense\n");
  EXPECT_EQ(reports.at("1").state, JobState::running);
  EXPECT_EQ(reports.at("1").reason, "n[1-2]");
  EXPECT_EQ(reports.at("2_0").state, JobState::pending);
  EXPECT_EQ(reports.at("2_0").reason, "Resources");
  EXPECT_EQ(reports.at("2_1").state, JobState::blocked);
  EXPECT_EQ(reports.at("3").state, JobState::pending);
  EXPECT_EQ(reports.at("4").state, JobState::done);
  EXPECT_EQ(reports.at("5").state, JobState::node_failed);
  EXPECT_EQ(reports.at("6").state, JobState::preempted);
  EXPECT_EQ(reports.size(), 7u);
  const auto old = slurm->parse_status(1, "7|CANCELLED by 1000|0:15|n1\n8_2|TIMEOUT|0:0|n2\n9|OUT_OF_MEMORY|0:125|n2\n5|REQUEUED|0:0|n1\n");
  EXPECT_EQ(old.at("7").state, JobState::cancelled);
  EXPECT_EQ(old.at("8_2").state, JobState::timed_out);
  EXPECT_EQ(old.at("9").state, JobState::out_of_memory);
  EXPECT_EQ(old.at("5").state, JobState::pending);
}

TEST(Schedulers, Pbs) {
  EXPECT_EQ(head_of("pbs", full_job()),
            "#PBS -N study\n"
            "#PBS -l select=2:ncpus=8:mpiprocs=4:ompthreads=2:mem=4096mb:zen3\n"
            "#PBS -l place=scatter\n"
            "#PBS -l walltime=01:30:00\n"
            "#PBS -A project\n"
            "#PBS -q main\n"
            "#PBS -J 0-9%4\n"
            "#PBS -W depend=afterok:11:12\n"
            "#PBS -m ea\n"
            "#PBS -M a@b.org\n"
            "#PBS -r y\n"
            "#PBS -j oe\n"
            "#PBS -k oed\n"
            "#PBS -o .\n");
  Job job = small_job();
  job.array.tasks = 1;
  EXPECT_THROW(head_of("pbs", job), UserError);
}

TEST(Schedulers, PbsAnswers) {
  const auto pbs = make("pbs");
  EXPECT_EQ(pbs->parse_id("123.server\n"), "123.server");
  EXPECT_EQ(pbs->parse_id("Welcome to the cluster.\n124[].server\n"), "124[].server");
  EXPECT_EQ(pbs->parse_id("qsub: Unknown queue\n"), "");
  EXPECT_EQ(pbs->status({"1.s", "2.s"}).at(0).text(), "qstat -x -t -f -F json 1.s 2.s");
  // Fields as qstat -F json of OpenPBS 23 writes them, others left out.
  const auto reports = pbs->parse_status(
      0,
      R"({"timestamp":1,"pbs_version":"23.06.06","Jobs":{"1.s":{"Job_Name":"study","job_state":"R","substate":42,"comment":"Job run at Mon"},)"
      R"("2.s":{"job_state":"Q"},"3.s":{"job_state":"F","Exit_status":0},"4.s":{"job_state":"F","Exit_status":85},)"
      R"("5.s":{"job_state":"F","Exit_status":271},"6[1].s":{"job_state":"X","Exit_status":0},"7.s":{"job_state":"H"},"8.s":{"job_state":"F"}}})");
  EXPECT_EQ(reports.at("1.s").state, JobState::running);
  EXPECT_EQ(reports.at("1.s").reason, "Job run at Mon");
  EXPECT_EQ(reports.at("2.s").state, JobState::pending);
  EXPECT_EQ(reports.at("3.s").state, JobState::done);
  EXPECT_EQ(reports.at("4.s").state, JobState::failed);
  EXPECT_EQ(reports.at("5.s").state, JobState::cancelled);
  EXPECT_EQ(reports.at("6[1].s").state, JobState::done);
  EXPECT_EQ(reports.at("7.s").state, JobState::blocked);
  EXPECT_EQ(reports.at("8.s").state, JobState::cancelled);
  for (const std::string garbage : {"", "{", "[]", R"({"Jobs":3})", R"({"Jobs":{"1":{"job_state":2}}})"})
    EXPECT_TRUE(pbs->parse_status(0, garbage).empty()) << garbage;
}

TEST(Schedulers, Lsf) {
  EXPECT_EQ(head_of("lsf", full_job()),
            "#BSUB -J \"study[1-10]%4\"\n"
            "#BSUB -n 8\n"
            "#BSUB -R \"span[ptile=4]\"\n"
            "#BSUB -R \"affinity[core(2)]\"\n"
            "#BSUB -R \"rusage[mem=4096MB]\"\n"
            "#BSUB -R \"select[zen3]\"\n"
            "#BSUB -W 01:30\n"
            "#BSUB -P project\n"
            "#BSUB -q main\n"
            "#BSUB -w \"done(11) && done(12)\"\n"
            "#BSUB -ti\n"
            "#BSUB -u a@b.org\n"
            "#BSUB -N\n"
            "#BSUB -r\n"
            "#BSUB -Q \"85\"\n"
            "#BSUB -wt 3\n"
            "#BSUB -wa USR1\n"
            "#BSUB -o log.%J_%I\n");
}

TEST(Schedulers, LsfAnswers) {
  const auto lsf = make("lsf");
  EXPECT_EQ(lsf->parse_id("Job <123> is submitted to queue <normal>.\n"), "123");
  EXPECT_EQ(lsf->parse_id("Request aborted by esub. Job not submitted.\n"), "");
  EXPECT_EQ(lsf->submit("job.sh", {"-x"}).text(), "bsub -x < job.sh");
  const auto reports =
      lsf->parse_status(0,
                        "1|0|RUN|-|-|4*n1:4*n2\n2|1|PEND|-|-|-\n2|2|DONE|-|-|n1\n3|0|EXIT|140|TERM_RUNLIMIT: job killed after "
                        "reaching LSF run time limit|n1\n4|0|EXIT|130|TERM_OWNER: job killed by owner|n1\n5|0|EXIT|85|-|n1\n"
                        "Job <9> is not found\n");
  EXPECT_EQ(reports.at("1").state, JobState::running);
  EXPECT_EQ(reports.at("2[1]").state, JobState::pending);
  EXPECT_EQ(reports.at("2[2]").state, JobState::done);
  EXPECT_EQ(reports.at("3").state, JobState::timed_out);
  EXPECT_EQ(reports.at("4").state, JobState::cancelled);
  EXPECT_EQ(reports.at("5").state, JobState::failed);
  EXPECT_EQ(reports.size(), 6u);
}

TEST(Schedulers, Sge) {
  Job job = full_job();
  job.resources.memory_mib = 0;
  EXPECT_THROW(head_of("sge", job), UserError);
  job.parallel_environment = "mpi";
  EXPECT_EQ(head_of("sge", job),
            "#$ -N study\n"
            "#$ -S /bin/bash\n"
            "#$ -cwd\n"
            "#$ -pe mpi 16\n"
            "#$ -l h_rt=01:30:00\n"
            "#$ -l s_rt=01:27:00\n"
            "#$ -notify\n"
            "#$ -P project\n"
            "#$ -q main\n"
            "#$ -l zen3\n"
            "#$ -t 1-10\n"
            "#$ -tc 4\n"
            "#$ -hold_jid 11,12\n"
            "#$ -m ea\n"
            "#$ -M a@b.org\n"
            "#$ -r y\n"
            "#$ -j y\n"
            "#$ -o log.$JOB_ID.$TASK_ID\n");
  job.resources.memory_mib = 1;
  EXPECT_THROW(head_of("sge", job), UserError);
}

TEST(Schedulers, SgeAnswers) {
  const auto sge = make("sge");
  EXPECT_EQ(sge->parse_id("1\n"), "1");
  EXPECT_EQ(sge->parse_id("2.1-5:2\n"), "2");
  const auto reports = sge->parse_status(
      0,
      "job-ID  prior   name       user         state submit/start at     queue                          slots ja-task-ID \n"
      "-----------------------------------------------------------------------------------------------------------------\n"
      "      1 0.55500 study      root         r     11/21/2026 20:00:00 main.q@n1                          4        \n"
      "      2 0.00000 study      root         qw    11/21/2026 20:00:01                                    4        \n"
      "      3 0.00000 study      root         hqw   11/21/2026 20:00:01                                    1 2\n"
      "      4 0.55500 study      root         Eqw   11/21/2026 20:00:01                                    1        \n"
      "      5 0.55500 study      root         dr    11/21/2026 20:00:01 main.q@n2                          1 3\n");
  EXPECT_EQ(reports.at("1").state, JobState::running);
  EXPECT_EQ(reports.at("1").reason, "main.q@n1");
  EXPECT_EQ(reports.at("2").state, JobState::pending);
  EXPECT_EQ(reports.at("3.2").state, JobState::pending);
  EXPECT_EQ(reports.at("4").state, JobState::blocked);
  EXPECT_EQ(reports.at("5.3").state, JobState::ending);
  const auto ended =
      sge->parse_status(1,
                        "==============================================================\n"
                        "qname        main.q              \njobnumber    7                   \ntaskid       undefined           \n"
                        "failed       25  : rescheduling  \nexit_status  99                  \n"
                        "==============================================================\n"
                        "jobnumber    7                   \ntaskid       undefined           \n"
                        "failed       0                   \nexit_status  0                   \n"
                        "==============================================================\n"
                        "jobnumber    8                   \ntaskid       2                   \n"
                        "failed       100 : assumedly after job\nexit_status  137                 \n");
  EXPECT_EQ(ended.at("7").state, JobState::done);
  EXPECT_EQ(ended.at("8.2").state, JobState::cancelled);
  EXPECT_EQ(ended.at("8.2").reason, "100 : assumedly after job");
}

TEST(Schedulers, Flux) {
  Job job = small_job("flux-run");
  job.constraint = "zen3";
  job.after = Dependency{Dependency::On::end, {"\u0192M7Zq9AKHno"}};
  EXPECT_EQ(head_of("flux", job),
            "# flux: --job-name=study\n"
            "# flux: --nodes=2\n"
            "# flux: --nslots=8\n"
            "# flux: --cores-per-slot=2\n"
            "# flux: --time-limit=90m\n"
            "# flux: --bank=project\n"
            "# flux: --queue=main\n"
            "# flux: --requires=zen3\n"
            "# flux: --dependency=afterany:\u0192M7Zq9AKHno\n"
            "# flux: --output=log.{{id}}\n");
  job.after->ids = {"1; touch owned"};
  EXPECT_THROW(head_of("flux", job), UserError);
  EXPECT_THROW(head_of("flux", full_job()), UserError);
  const auto flux = make("flux");
  EXPECT_EQ(flux->parse_id("\u0192M7Zq9AKHno\n"), "\u0192M7Zq9AKHno");
  const auto reports = flux->parse_status(0,
                                          "\u0192A|RUN||n[1-2]\n\u0192"
                                          "B|INACTIVE|TIMEOUT|n1\n\u0192"
                                          "C|SCHED||\n\u0192"
                                          "D|INACTIVE|COMPLETED|n1\n");
  EXPECT_EQ(reports.at("\u0192A").state, JobState::running);
  EXPECT_EQ(reports
                .at("\u0192"
                    "B")
                .state,
            JobState::timed_out);
  EXPECT_EQ(reports
                .at("\u0192"
                    "C")
                .state,
            JobState::pending);
  EXPECT_EQ(reports
                .at("\u0192"
                    "D")
                .state,
            JobState::done);
}

/// What an array's script says that a single job's does not.
Job array_job(const std::string& launcher) {
  Job job = small_job(launcher);
  job.array = {8, 0};
  job.task_option = "--part";
  job.task_directory = "parts";
  job.go_on = {"/opt/variscope", "resume", "/runs/study"};
  job.progress_marks = {"MANIFEST", "run.h5"};
  job.parallel_environment = "mpi";
  return job;
}

TEST(Schedulers, AnArraysTasksAreToldTheirParts) {
  const std::vector<std::pair<std::string, std::string>> tasks = {
      {"slurm", "${SLURM_ARRAY_TASK_ID:-0}"}, {"pbs", "${PBS_ARRAY_INDEX:-${VARISCOPE_TASK:-0}}"},
      {"lsf", "$((${LSB_JOBINDEX:-1} - 1))"}, {"sge", "$((${SGE_TASK_ID:-1} - 1))"},
      {"flux", "${VARISCOPE_TASK:-0}"},       {"local", "${VARISCOPE_TASK:-0}"}};
  for (const auto& [scheduler, task] : tasks) {
    Job job = array_job("mpirun");
    if (scheduler == "local") job.resources.nodes = 1;
    const std::string script = testing::script_of(scheduler, job);
    EXPECT_TRUE(has(script, "\ntask=" + task + "\n")) << script;
    EXPECT_TRUE(has(script,
                    "\ncommand=(/opt/variscope run /specs/study.toml)\nif [ -e MANIFEST ] || [ -e parts/\"$task\"/MANIFEST ] || "
                    "[ -e run.h5 ] || [ -e parts/\"$task\"/run.h5 ]; then\n  command=(/opt/variscope resume /runs/study)\nfi\n"
                    "command+=(--part \"$task/8\")\n"))
        << script;
    EXPECT_EQ(has(script, "VARISCOPE_TASK=$((task + 1)) exec bash job/job.sh"), scheduler == "local") << script;
  }
  EXPECT_EQ(head_of("slurm", array_job("srun")).find("--array=0-7\n") != std::string::npos, true);
  EXPECT_TRUE(has(head_of("sge", array_job("mpirun")), "#$ -t 1-8\n"));
  EXPECT_TRUE(has(head_of("lsf", array_job("mpirun")), "-J \"study[1-8]\"\n"));
  EXPECT_TRUE(has(head_of("pbs", array_job("mpirun")), "#PBS -J 0-7\n"));
  const auto flux = make("flux");
  EXPECT_EQ(flux->submit_task("job.sh", 3, {"-x"}).text(), "flux batch --env=VARISCOPE_TASK=3 -x job.sh");
}

TEST(Schedulers, TheJobBehindAnArrayWaitsForAllOfItHoweverItEnds) {
  const std::vector<std::pair<std::string, std::string>> lines = {{"slurm", "#SBATCH --dependency=afterany:77\n"},
                                                                  {"pbs", "#PBS -W depend=afterany:77\n"},
                                                                  {"lsf", "#BSUB -w \"ended(77)\"\n"},
                                                                  {"sge", "#$ -hold_jid 77\n"},
                                                                  {"flux", "# flux: --dependency=afterany:77\n"}};
  for (const auto& [scheduler, line] : lines) {
    Job job = array_job("mpirun");
    job.array = {};
    job.script = "collect.sh";
    job.task_name = "collect";
    job.after = Dependency{Dependency::On::end, {"77"}};
    const std::string script = testing::script_of(scheduler, job);
    EXPECT_TRUE(has(script, line)) << script;
    EXPECT_TRUE(has(script, "\ntask=collect\n"));
    EXPECT_FALSE(has(script, "command+="));
    EXPECT_FALSE(has(script, "job.sh")) << script;
    // Where a task's later tries are jobs of their own, their ids are looked for.
    EXPECT_EQ(has(script, "seen=$(cat job/seen.collect"), scheduler == "pbs" || scheduler == "flux") << script;
  }
}

TEST(Schedulers, ThisMachine) {
  Job job = small_job();
  EXPECT_THROW(head_of("local", job), UserError);
  job.resources.nodes = 1;
  EXPECT_EQ(head_of("local", job), "");
  const auto local = make("local");
  EXPECT_EQ(local->parse_id("4711\n"), "4711");
  EXPECT_THROW((void)local->submit("job.sh", {"-x"}), UserError);
  EXPECT_EQ(local->parse_status(0, "  12 bash job.sh\n  13 vim job.sh.txt\n").size(), 1u);
}

TEST(Schedulers, ADirectiveThatTheSiteRefusesIsLeftOut) {
  Job job = full_job();
  job.skip_directives = {"--mem", "--mail", "--time=0", ""};
  job.extra_directives = {"--qos=long", "--comment=\"a b\""};
  const std::string head = head_of("slurm", job);
  EXPECT_FALSE(has(head, "--mem="));
  EXPECT_TRUE(has(head, "--mail-type"));
  EXPECT_TRUE(has(head, "--time="));
  EXPECT_TRUE(head.ends_with("#SBATCH --qos=long\n#SBATCH --comment=\"a b\"\n"));
  job.skip_directives = {"-l place", "-k"};
  job.extra_directives = {"-l place=pack:excl"};
  const std::string pbs = head_of("pbs", job);
  EXPECT_FALSE(has(pbs, "place=scatter"));
  EXPECT_FALSE(has(pbs, "-k oed"));
  EXPECT_TRUE(has(pbs, "#PBS -l select=2"));
}

}  // namespace
}  // namespace variscope::cluster
