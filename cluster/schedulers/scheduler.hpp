/// What a batch scheduler must know to be served: its directives, its commands and what their answers mean. One file each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/schedulers/job.hpp"

namespace variscope::cluster {

/// Of a job in the queue. `gone`: the scheduler knows nothing of it, or no longer.
enum class JobState { pending, blocked, running, ending, done, failed, cancelled, timed_out, preempted, node_failed, out_of_memory, gone };

/// "pending", "timed out", ...
std::string state_name(JobState state);
/// Whether the job may still do something by itself.
bool is_alive(JobState state);

/// What the scheduler says of one job, or of one task of an array ("123_4").
struct JobReport {
  JobState state = JobState::gone;
  std::string word;    ///< the scheduler's own
  std::string reason;  ///< why it waits, or where it runs
};
using JobReports = std::map<std::string, JobReport>;

/// How tasks that share a script come into the queue. native: one submission makes all. separate: a submission for each. chained: a task
/// starts the next, and the last the job behind them.
enum class Arrays { native, separate, chained };

/// A command of the scheduler, run without a shell.
struct SchedulerCommand {
  Words words;
  std::string input;  ///< file that it reads from its standard input; empty: nothing
  [[nodiscard]] std::string text() const;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// What begins a directive: "#SBATCH"; empty: there are none.
  [[nodiscard]] virtual std::string prefix() const = 0;
  /// The script's head, in a fixed order. UserError where a value cannot be said to this scheduler.
  [[nodiscard]] virtual std::vector<Directive> directives(const Job& job) const = 0;

  /// Whether the end of the wall time is announced by a signal that the directives ask for. If not, the script has a clock of its own.
  [[nodiscard]] virtual bool announces_end() const { return true; }

  /// Shell words for: this job's id, empty outside a job ("${SLURM_JOB_ID:-}"); the array task's number from 0.
  [[nodiscard]] virtual std::string id_variable() const = 0;
  [[nodiscard]] virtual std::string task_variable(const Job& job) const = 0;
  /// Lines of shell that see to it that the job is run again; they may end the script. $rc is the status of the program.
  [[nodiscard]] virtual std::string requeue_lines(const Job& job) const = 0;
  /// Variables of the submitting shell that would leak into the job: beginnings of their names.
  [[nodiscard]] virtual Words unset_prefixes() const { return {}; }

  /// Submits `script`, a plain file name in the directory that the command is run in; `raw` are the user's own options.
  [[nodiscard]] virtual SchedulerCommand submit(const std::string& script, const Words& raw) const = 0;
  [[nodiscard]] virtual Arrays arrays() const { return Arrays::native; }
  /// The same for one task, where each is submitted by itself.
  [[nodiscard]] virtual SchedulerCommand submit_task(const std::string& script, Index, const Words& raw) const {
    return submit(script, raw);
  }
  /// Lines of shell at the end of a task, where tasks are chained.
  [[nodiscard]] virtual std::string next_task_lines(const Job&) const { return ""; }
  /// Lines of shell at the beginning of the job behind an array, where a task's later tries are jobs of their own that its dependency does
  /// not know: they may put it behind those, and end the script.
  [[nodiscard]] virtual std::string after_array_lines(const Job&) const { return ""; }
  /// The id in what the submit command has written; empty if there is none.
  [[nodiscard]] virtual std::string parse_id(const std::string& output) const = 0;
  [[nodiscard]] virtual SchedulerCommand cancel(const std::vector<std::string>& ids) const = 0;
  /// One command for all jobs. A second, if there is one, is asked for jobs that the first does not know.
  [[nodiscard]] virtual std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const = 0;
  /// Jobs and array tasks in the answer of status()[query]; lines that say nothing are passed over.
  [[nodiscard]] virtual JobReports parse_status(std::size_t query, const std::string& output) const = 0;
};

/// A line of the catalogue.
struct SchedulerEntry {
  std::string name;
  std::string summary;
  std::string source;    ///< manual that directives and answers are from
  std::string checked;   ///< how: "against a real one", "golden scripts and recorded answers"
  std::string launcher;  ///< unless the site says otherwise
  std::unique_ptr<Scheduler> (*make)();
};

const std::vector<SchedulerEntry>& schedulers();
/// nullptr if there is none of this name.
const SchedulerEntry* find_scheduler(const std::string& name);

SchedulerEntry slurm_entry();
SchedulerEntry pbs_entry();
SchedulerEntry lsf_entry();
SchedulerEntry sge_entry();
SchedulerEntry flux_entry();
SchedulerEntry local_entry();

/// "HH:MM:SS"; hours may have more than two digits.
std::string clock_text(Index seconds);
/// Seconds in whole minutes, rounded up.
Index whole_minutes(Index seconds);

/// The directives less those that the job skips, then its extra ones; each with the scheduler's prefix. UserError where a line would break.
std::vector<std::string> head_lines(const Scheduler& scheduler, const Job& job);
/// The whole script. It runs under the scheduler and by hand. UserError where a value cannot be said.
std::string render_script(const Scheduler& scheduler, const std::string& scheduler_name, const Job& job);

}  // namespace variscope::cluster
