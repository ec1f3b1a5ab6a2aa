/// Jobs that the tests of schedulers render.
#pragma once

#include <string>

#include "cluster/schedulers/scheduler.hpp"

namespace variscope::cluster::testing {

/// 2 nodes x 4 ranks x 2 threads for an hour and a half, with everything said that all schedulers can be told.
inline Job small_job(const std::string& launcher = "mpirun") {
  Job job;
  job.name = "study";
  job.site = "here";
  job.resources = {2, 4, 2, 0, 5400};
  job.account = "project";
  job.partition = "main";
  job.launcher = launcher;
  job.directory = "/runs/study";
  job.spec = "/specs/study.toml";
  job.spec_sha256 = "0123";
  job.start = {"/opt/variscope", "run", job.spec};
  job.made_by = "variscope";
  return job;
}

inline std::string script_of(const std::string& scheduler, const Job& job) {
  return render_script(*find_scheduler(scheduler)->make(), scheduler, job);
}

/// The directives, one a line.
inline std::string head_of(const std::string& scheduler, const Job& job) {
  std::string text;
  for (const std::string& line : head_lines(*find_scheduler(scheduler)->make(), job)) text += line + "\n";
  return text;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace variscope::cluster::testing
