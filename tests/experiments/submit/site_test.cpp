/// Profiles of sites: every key, where they are found, what is refused and in which words.
#include "experiments/submit/site.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

Site parse(const std::string& text) { return parse_site(text, "here", "here.toml"); }

void expect_refused(const std::string& text, const std::vector<std::string>& parts) {
  try {
    parse(text);
    ADD_FAILURE() << text;
  } catch (const UserError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos);
    for (const std::string& part : parts) EXPECT_NE(what.find(part), std::string::npos) << what << "\nlacks " << part;
  }
}

TEST(Site, EveryKey) {
  setenv("SITE_TEST_WORK", "/data/me", 1);
  const Site site = parse(R"(
scheduler = "slurm"
launcher = "mpirun"
description = "d"
program = "/opt/variscope"
results = "$SITE_TEST_WORK/runs/${SITE_TEST_WORK}x"
scratch = "~/tmp"
account = "a"
partition = "p"
constraint = "c"
parallel_environment = "mpi"
modules = ["m1", "m2"]
prologue = ["line 1", "line 2"]
extra_directives = ["--x"]
skip_directives = ["--y"]
launcher_options = ["--z"]
environment = { A = "$B", C = "d e" }
[resources]
nodes = 2
tasks_per_node = 3
cpus_per_task = 4
memory_gib = 1.5
time = "1-00:00:00"
[limits]
nodes = 5
cpus_per_node = 12
memory_gib_per_node = 8
time = 2880
array = 100
[partitions.short]
time = "02:00:00"
[mail]
user = "a@b.org"
begin = true
fail = false
[signal]
name = "USR2"
lead_seconds = 60
[requeue]
enabled = false
maximum_tries = 3
)");
  EXPECT_EQ(site.scheduler, "slurm");
  EXPECT_EQ(site.program, "/opt/variscope");
  EXPECT_EQ(site.results, "/data/me/runs//data/mex");
  const cluster::Job& job = site.job;
  EXPECT_EQ(job.launcher, "mpirun");
  EXPECT_EQ(job.resources, (cluster::Resources{2, 3, 4, 1536, 86400}));
  const std::vector<std::pair<std::string, std::string>> environment = {
      {"TMPDIR", std::string(getenv("HOME")) + "/tmp"}, {"A", "$B"}, {"C", "d e"}};
  EXPECT_EQ(job.environment, environment);
  EXPECT_EQ(job.modules, (std::vector<std::string>{"m1", "m2"}));
  EXPECT_EQ(job.prologue.size(), 2u);
  EXPECT_EQ(job.extra_directives.at(0), "--x");
  EXPECT_EQ(job.skip_directives.at(0), "--y");
  EXPECT_EQ(job.launcher_options.at(0), "--z");
  EXPECT_EQ(job.mail.user, "a@b.org");
  EXPECT_TRUE(job.mail.begin && job.mail.end && !job.mail.fail);
  EXPECT_EQ(job.signal.name, "USR2");
  EXPECT_EQ(job.signal.lead_seconds, 60);
  EXPECT_FALSE(job.requeue);
  EXPECT_EQ(job.maximum_tries, 3);
  EXPECT_EQ(site.limits.wall_seconds, 172800);
  EXPECT_EQ(site.limits.memory_mib_per_node, 8192);
  EXPECT_EQ(site.partitions.at("short").wall_seconds, 7200);
}

TEST(Site, RefusesWithPlaceReasonAndSuggestion) {
  expect_refused("", {"here.toml:", "no scheduler is given", "slurm, pbs, lsf, sge, flux, local"});
  expect_refused("scheduler = \"slrum\"\n", {"here.toml:1:13: scheduler = \"slrum\" is not known", "Did you mean 'slurm'?"});
  expect_refused("scheduler = \"slurm\"\nlauncher = \"sruns\"\n", {"here.toml:2:12: ", "Did you mean 'srun'?"});
  expect_refused("scheduler = \"slurm\"\nmodule = [\"a\"]\n", {"here.toml:2:1: unknown key 'module'", "Did you mean 'modules'?"});
  expect_refused("scheduler = \"slurm\"\nmodules = \"a\"\n", {"here.toml:2:11: modules is a text", "must be a list"});
  expect_refused("scheduler = \"slurm\"\n[resources]\nnodes = 0\n", {"here.toml:3:9: resources.nodes = 0", "at least 1"});
  expect_refused("scheduler = \"slurm\"\n[resources]\ntime = \"soon\"\n", {"here.toml:3:8: resources.time = soon"});
  expect_refused("scheduler = \"slurm\"\n[partitions.a]\nhours = 3\n", {"here.toml:3:1: unknown key 'partitions.a.hours'"});
  expect_refused("scheduler = \"slurm\"\nresults = \"$SITE_TEST_NOT_SET/x\"\n", {"here.toml:2:11: ", "'SITE_TEST_NOT_SET' is not"});
  expect_refused("scheduler = \"slurm\n", {"here.toml:1:", "not valid TOML"});
}

TEST(Site, Times) {
  const std::vector<std::pair<std::string, Index>> good = {{"90", 5400},       {"90m", 5400},         {"2h", 7200},          {"30s", 30},
                                                           {"01:30:00", 5400}, {"100:00:01", 360001}, {"2-01:00:00", 176400}};
  for (const auto& [text, seconds] : good) EXPECT_EQ(parse_seconds(text), seconds) << text;
  for (const std::string text : {"", "0", "-5", "1:2", "1-2", "1:60:00", "x", "1d", "00:00:00", "99999999", "1:00:00:00", " 5", "5 "})
    EXPECT_FALSE(parse_seconds(text).has_value()) << text;
}

TEST(Site, LimitsOfTheSiteAndOfItsPartition) {
  Site site = parse(
      "scheduler = \"slurm\"\n[limits]\nnodes = 4\ncpus_per_node = 8\nmemory_gib_per_node = 2\ntime = \"10:00:00\"\narray = 3\n"
      "[partitions.short]\ntime = \"01:00:00\"\n[partitions.long]\ntime = \"20:00:00\"\n");
  const auto refused = [&](const cluster::Job& job) -> std::string {
    try {
      check_limits(site, job);
      return "";
    } catch (const UserError& error) {
      return error.what();
    }
  };
  cluster::Job job = site.job;
  job.resources = {4, 4, 2, 2048, 36000};
  EXPECT_EQ(refused(job), "");
  job.resources.wall_seconds = 36001;
  EXPECT_EQ(refused(job), "site 'here': wall time of 10:00:01 (at most 10:00:00: here.toml). Use --time to ask for less.");
  job.partition = "long";
  EXPECT_EQ(refused(job), "");
  job.partition = "short";
  EXPECT_NE(refused(job).find("partition 'short': wall time"), std::string::npos);
  job = site.job;
  job.resources.nodes = 5;
  EXPECT_NE(refused(job).find("nodes of 5 (at most 4"), std::string::npos);
  job = site.job;
  job.resources.tasks_per_node = 9;
  EXPECT_NE(refused(job).find("at most 8"), std::string::npos);
  job = site.job;
  job.resources.memory_mib = 2049;
  EXPECT_NE(refused(job).find("2049 MiB"), std::string::npos);
  job = site.job;
  job.array.tasks = 4;
  EXPECT_NE(refused(job).find("array of 4 (at most 3"), std::string::npos);
}

TEST(Site, AreFoundInTheUsersDirectoryBeforeThoseShipped) {
  std::string pattern = (fs::temp_directory_path() / "variscope-sites-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path directory = pattern;
  fs::create_directories(directory / "own" / "variscope" / "sites");
  fs::create_directories(directory / "all" / "variscope" / "sites");
  std::ofstream(directory / "own" / "variscope" / "sites" / "mine.toml") << "scheduler = \"pbs\"\ndescription = \"own\"\n";
  std::ofstream(directory / "all" / "variscope" / "sites" / "mine.toml") << "scheduler = \"lsf\"\ndescription = \"everyone's\"\n";
  std::ofstream(directory / "all" / "variscope" / "sites" / "bad.toml") << "x";
  setenv("XDG_CONFIG_HOME", (directory / "own").c_str(), 1);
  setenv("XDG_CONFIG_DIRS", ("/no/such:" + (directory / "all").string()).c_str(), 1);
  EXPECT_EQ(read_site("mine").scheduler, "pbs");
  EXPECT_EQ(read_site((directory / "all" / "variscope" / "sites" / "mine.toml").string()).scheduler, "lsf");
  EXPECT_EQ(read_site("slurm").scheduler, "slurm");
  const auto sites = known_sites();
  EXPECT_EQ(sites.front().name, "mine");
  EXPECT_EQ(sites.front().description, "own");
  EXPECT_EQ(sites.at(1).name, "bad");
  EXPECT_TRUE(sites.at(1).description.starts_with("not usable: "));
  for (const std::string name : {"slrum", "", "a\nb", "../mine"}) {
    try {
      read_site(name);
      ADD_FAILURE() << name;
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  unsetenv("XDG_CONFIG_HOME");
  unsetenv("XDG_CONFIG_DIRS");
  fs::remove_all(directory);
}

TEST(Site, EveryShippedProfileIsOfItsSchedulerAndRenders) {
  EXPECT_EQ(detail::shipped_sites().size(), cluster::schedulers().size());
  for (const auto& [name, text] : detail::shipped_sites()) {
    const Site site = parse_site(text, name, name);
    EXPECT_EQ(site.scheduler, name);
    EXPECT_NE(site.description, "");
    cluster::Job job = site.job;
    job.directory = "/runs/x";
    job.start = {"variscope"};
    EXPECT_NO_THROW(cluster::render_script(*cluster::find_scheduler(name)->make(), name, job)) << name;
  }
}

}  // namespace
}  // namespace variscope::experiments
