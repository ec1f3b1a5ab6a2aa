/// IBM Spectrum LSF: bsub, bjobs, bkill.
#include <fmt/format.h>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"

namespace variscope::cluster {
namespace {

JobState state_of(const std::string& word, const std::string& exit_code, const std::string& reason) {
  if (word == "PEND" || word == "WAIT" || word == "PROV") return JobState::pending;
  if (word == "PSUSP") return JobState::blocked;
  if (word == "RUN" || word == "USUSP" || word == "SSUSP") return JobState::running;
  if (word == "DONE") return JobState::done;
  if (word == "EXIT") {
    if (reason.find("TERM_RUNLIMIT") != std::string::npos) return JobState::timed_out;
    if (reason.find("TERM_MEMLIMIT") != std::string::npos) return JobState::out_of_memory;
    if (reason.find("TERM_PREEMPT") != std::string::npos) return JobState::preempted;
    if (reason.find("TERM_OWNER") != std::string::npos || reason.find("TERM_ADMIN") != std::string::npos) return JobState::cancelled;
    return exit_code == "0" ? JobState::done : JobState::failed;
  }
  return JobState::gone;
}

class Lsf final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return "#BSUB"; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    const Resources& r = job.resources;
    std::vector<Directive> d;
    const auto add = [&d](const char* option, const std::string& value) { d.push_back({option, value.empty() ? "" : " " + value}); };
    const std::string name = job_name(job.name);
    if (job.array.tasks > 0)
      add("-J", fmt::format("\"{}[1-{}]{}\"", name, job.array.tasks, job.array.at_once > 0 ? fmt::format("%{}", job.array.at_once) : ""));
    else
      add("-J", name);
    add("-n", std::to_string(r.ranks()));
    add("-R", fmt::format("\"span[ptile={}]\"", r.tasks_per_node));
    add("-R", fmt::format("\"affinity[core({})]\"", r.cpus_per_task));
    if (r.memory_mib > 0) add("-R", fmt::format("\"rusage[mem={}MB]\"", r.memory_mib));
    if (!job.constraint.empty()) add("-R", fmt::format("\"select[{}]\"", plain("constraint", job.constraint)));
    const Index minutes = whole_minutes(r.wall_seconds);
    add("-W", fmt::format("{:02}:{:02}", minutes / 60, minutes % 60));
    if (!job.account.empty()) add("-P", plain("account", job.account));
    if (!job.partition.empty()) add("-q", plain("partition", job.partition));
    if (job.after) {
      std::string condition;
      for (const std::string& id : job.after->ids) {
        condition += fmt::format("{}{}({})", condition.empty() ? "" : " && ", job.after->on == Dependency::On::success ? "done" : "ended",
                                 plain("job", id));
      }
      add("-w", "\"" + condition + "\"");
      add("-ti", "");  // a condition that cannot come true ends the job
    }
    if (!job.mail.user.empty()) {
      add("-u", plain("mail address", job.mail.user));
      if (job.mail.begin) add("-B", "");
      if (job.mail.end || job.mail.fail) add("-N", "");
    }
    add(job.requeue ? "-r" : "-rn", "");
    // LSF itself puts back what has ended with this status.
    if (job.requeue) add("-Q", fmt::format("\"{}\"", kCheckpointed));
    add("-wt", std::to_string(whole_minutes(job.signal.lead_seconds)));
    add("-wa", plain("signal", job.signal.name));
    add("-o", job.array.tasks > 0 ? "log.%J_%I" : "log.%J");
    return d;
  }

  [[nodiscard]] std::string id_variable() const override { return "${LSB_JOBID:-}"; }
  [[nodiscard]] std::string task_variable(const Job& job) const override {
    // Counted from 1.
    return job.array.tasks > 0 ? "$((${LSB_JOBINDEX:-1} - 1))" : "0";
  }
  [[nodiscard]] std::string requeue_lines(const Job&) const override { return "say 'LSF puts this job back into its queue.'"; }
  [[nodiscard]] Words unset_prefixes() const override { return {"LSB_"}; }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    // Only from its standard input does bsub read directives.
    SchedulerCommand command{{"bsub"}, script};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    return command;
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    // "Job <123> is submitted to queue <normal>."
    for (const std::string& line : detail::lines_of(output)) {
      const std::size_t begin = line.find("Job <");
      const std::size_t end = line.find('>', begin);
      if (begin == std::string::npos || end == std::string::npos) continue;
      std::string id = line.substr(begin + 5, end - begin - 5);
      if (detail::is_number(id)) return id;
    }
    return "";
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"bkill"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"bjobs", "-a", "-noheader", "-o", "jobid jobindex stat exit_code exit_reason exec_host delimiter='|'"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return {command};
  }
  [[nodiscard]] JobReports parse_status(std::size_t, const std::string& output) const override {
    JobReports reports;
    for (const std::string& line : detail::lines_of(output)) {
      const auto parts = detail::split(line, '|');
      if (parts.size() < 6 || !detail::is_number(parts[0])) continue;
      const bool task = detail::is_number(parts[1]) && parts[1] != "0";
      const std::string id = task ? fmt::format("{}[{}]", parts[0], parts[1]) : parts[0];
      const std::string more = parts[4] != "-" ? parts[4] : parts[5];
      reports[id] = {state_of(parts[2], parts[3], parts[4]), parts[2], more == "-" ? "" : more};
    }
    return reports;
  }
};

}  // namespace

SchedulerEntry lsf_entry() {
  return {"lsf",
          "IBM Spectrum LSF 10",
          "bsub, bjobs, bkill in the LSF command reference 10.1",
          "golden scripts, commands against recorded answers",
          "mpirun",
          [] { return std::unique_ptr<Scheduler>(std::make_unique<Lsf>()); }};
}

}  // namespace variscope::cluster
