/// One description of a job, from which every scheduler's script is rendered.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/schedulers/shell.hpp"
#include "engine/index.hpp"

namespace variscope::cluster {

/// What a job takes. The job's ranks are nodes * tasks_per_node, each with cpus_per_task threads.
struct Resources {
  Index nodes = 1;
  Index tasks_per_node = 1;
  Index cpus_per_task = 1;
  Index memory_mib = 0;       ///< of each node; 0: what the scheduler gives by itself
  Index wall_seconds = 3600;  ///< rendered in whole minutes, rounded up, where a scheduler knows no seconds
  [[nodiscard]] Index ranks() const { return nodes * tasks_per_node; }
  [[nodiscard]] Index cpus_per_node() const { return tasks_per_node * cpus_per_task; }
  friend bool operator==(const Resources&, const Resources&) = default;
};

/// Who is told of what. user empty: nobody.
struct Mail {
  std::string user;
  bool begin = false;
  bool end = true;
  bool fail = true;
};

/// Tasks 0 ... tasks - 1 that share one script, and a job behind them. tasks 0: no array.
struct JobArray {
  Index tasks = 0;
  Index at_once = 0;  ///< most that run at a time; 0: no bound
};

/// Jobs that must have ended before this one starts.
struct Dependency {
  enum class On { success, end };
  On on = On::success;
  std::vector<std::string> ids;
};

/// What the scheduler announces the end with, and what ranks are asked to save and stop with.
struct StopSignal {
  std::string name = "USR1";  ///< or USR2, where a library of the site uses USR1
  Index lead_seconds = 180;   ///< before the wall time's end: the time of a checkpoint, and a minute that schedulers round by
};

/// A line of the script's head without its prefix: {"--nodes", "=2"} of `#SBATCH --nodes=2`.
struct Directive {
  std::string option;  ///< "--nodes", "-l"
  std::string value;   ///< with what separates it: "=2", " walltime=00:10:00"
  [[nodiscard]] std::string text() const { return option + value; }
};

struct Job {
  std::string name;  ///< any text; job_name() makes it a scheduler's
  std::string site;  ///< for the comment
  Resources resources;
  std::string account;
  std::string partition;  ///< or queue
  std::string constraint;
  std::string parallel_environment;  ///< SGE's -pe, whose rule is the site's
  Mail mail;
  JobArray array;
  std::optional<Dependency> after;
  StopSignal signal;
  bool requeue = true;       ///< run again what was stopped with a checkpoint, or lost its node
  Index maximum_tries = 20;  ///< starts of the script, all together

  std::string launcher;    ///< name in the launchers' catalogue
  Words launcher_options;  ///< between the launcher's own options and the program

  Words modules;
  std::vector<std::pair<std::string, std::string>> environment;  ///< values are taken literally
  std::vector<std::string> prologue;                             ///< lines of shell, as they are
  std::vector<std::string> extra_directives;                     ///< without the prefix
  std::vector<std::string> skip_directives;                      ///< options, or beginnings of directives, that the site refuses

  std::string script = "job.sh";  ///< its name in `job/`
  std::string task_name;          ///< under which its tries are counted; empty: the number of the array's task
  std::string task_option;        ///< "--part": a task of an array is told "--part 3/8"
  std::string task_directory;     ///< of an array's tasks: that of task 3 is "3" in it, in the run directory

  std::string directory;  ///< the run directory, absolute; the script and its log are in `job/` below it
  std::string spec;       ///< absolute; empty: none
  std::string spec_sha256;
  Words start;                              ///< program and arguments of the first try
  Words go_on;                              ///< of later ones, once one of `progress_marks` is there; empty: as `start`
  std::vector<std::string> progress_marks;  ///< files in the run directory, or in the task's
  std::string made_by;                      ///< for the comment: "variscope 0.1.0 (git ...)"
};

/// Exit status of a program that has saved its state before it was done: run me again.
inline constexpr int kCheckpointed = 85;

}  // namespace variscope::cluster
