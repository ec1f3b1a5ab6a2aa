/// The documentation's scripts are what is rendered.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/cluster/schedulers/jobs.hpp"

namespace variscope::cluster {
namespace {

/// What the pages' example is: 2 nodes x 8 ranks x 4 threads for two hours (one node where there are no more).
Job example(const SchedulerEntry& entry) {
  Job job;
  job.name = "my_study";
  job.site = entry.name;
  job.resources = {entry.name == "local" ? 1 : 2, 8, 4, 0, entry.name == "local" ? 0 : 7200};
  job.launcher = entry.launcher;
  if (entry.name == "sge") job.parallel_environment = "mpi";
  job.directory = "/data/me/runs/my_study";
  job.spec = "/home/me/my_study.toml";
  job.spec_sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  job.start = {"/opt/variscope/bin/variscope", "run", job.spec, "--threads", "4", "--output", job.directory};
  job.go_on = {job.start[0], "resume", job.directory, "--threads", "4"};
  job.progress_marks = {"MANIFEST", "run.h5"};
  job.made_by = "variscope 0.1.0";
  return job;
}

TEST(Pages, HoldTheScriptsThatAreRendered) {
  for (const SchedulerEntry& entry : schedulers()) {
    std::ostringstream page;
    page << std::ifstream(std::string(VARISCOPE_SOURCE_DIR) + "/docs/schedulers/" + entry.name + ".md").rdbuf();
    const std::string script = testing::script_of(entry.name, example(entry));
    EXPECT_TRUE(testing::has(page.str(), "```bash\n" + script + "```\n")) << "docs/schedulers/" << entry.name << ".md should hold\n"
                                                                          << script;
  }
}

}  // namespace
}  // namespace variscope::cluster
