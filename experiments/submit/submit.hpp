/// A study as a job: `variscope submit`, and what its run directory remembers of it in `job/`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/schedulers/scheduler.hpp"
#include "experiments/submit/site.hpp"

namespace variscope::experiments {

/// `variscope submit`. 0 and empty: as the site says.
struct SubmitOptions {
  std::string spec;
  std::string site;
  std::string output;  ///< run directory; empty: below the site's results, or output.directory of the spec
  Index nodes = 0;
  Index tasks_per_node = 0;
  Index cpus_per_task = 0;
  double memory_gib = 0;  ///< of each node
  std::string time;
  std::string account;
  std::string partition;
  std::string constraint;
  std::string mail;
  std::string name;  ///< of the job; empty: the study's
  std::vector<std::string> after;
  bool after_any = false;  ///< however those jobs end
  std::string array;       ///< "8" tasks, or "auto": one for each cell, as far as the site lets; empty: one job
  Index at_once = 0;       ///< tasks of the array that run at a time, at most; 0: no bound
  Index tries = 0;
  bool no_requeue = false;
  bool dry_run = false;
  std::vector<std::string> raw;  ///< for the submit command, verbatim
};

/// What is to be submitted, complete: nothing on disk yet.
struct Submission {
  Site site;
  cluster::Job job;
  std::string script;                 ///< text of job/job.sh
  cluster::SchedulerCommand command;  ///< run in job/
  cluster::Job collect;               ///< of an array: what comes after it, and puts the parts together
  std::string shares;                 ///< of an array: which cells each task works on, for people
};
/// The script of the job behind an array, once the array's ids are known.
std::string collect_script(const Submission& submission, const std::vector<std::string>& after);

/// Reads spec and site, checks the plan and the site's limits, renders the script. Throws UserError.
Submission prepare_submission(const SubmitOptions& options);

/// What `job/jobs.json` holds.
struct JobRecord {
  struct Entry {
    std::string id;
    std::string submitted;  ///< UTC
  };
  std::string site;
  std::string scheduler;
  std::string host;     ///< that submitted
  std::string command;  ///< as the shell would take it
  std::string spec;
  std::string spec_sha256;
  std::vector<Entry> jobs;  ///< oldest first

  /// All ids, with those of successors that jobs have submitted themselves (`job/ids`).
  [[nodiscard]] std::vector<std::string> ids(const std::string& run) const;
};
/// nothing if the run directory has no job. UserError if the file is damaged.
std::optional<JobRecord> read_job_record(const std::string& run);
void write_job_record(const std::string& run, const JobRecord& record);

/// What the scheduler says of these jobs, array tasks apart: one query for all, a second for those it did not know. Ids that no answer
/// names are missing. `trouble`, if given, takes what the scheduler complained of.
cluster::JobReports ask_scheduler(const std::string& scheduler, const std::vector<std::string>& ids, std::string* trouble = nullptr);
/// Reports of a job and of its array's tasks.
cluster::JobReports reports_of(const std::string& id, const cluster::JobReports& reports);

/// Prints the id alone on standard output (--dry-run: the script). Exit status 0, or UserError, or SystemError where the scheduler refuses.
int submit_study(const SubmitOptions& options);

struct JobsSummary {
  int alive = 0;       ///< jobs that may still do something
  int incomplete = 0;  ///< runs without a run.h5
};
/// `variscope jobs RUN...`: a line for each job and array task, all runs in one query of each scheduler.
JobsSummary print_jobs(const std::vector<std::string>& runs, bool json);
/// `variscope watch RUN...`: print_jobs() until no job is alive. Exit status 0: all runs are complete; else 1.
int watch_jobs(const std::vector<std::string>& runs, int every_seconds);

/// `variscope cancel RUN`: no further try, and what the scheduler has of it is ended.
int cancel_run(const std::string& run);

}  // namespace variscope::experiments
