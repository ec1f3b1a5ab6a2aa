/// Grid Engine (SGE, Son of Grid Engine, Univa, Altair): qsub, qstat, qacct, qdel.
#include <fmt/format.h>

#include <algorithm>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

std::string mail_events(const Mail& mail) {
  const std::string events = fmt::format("{}{}{}", mail.begin ? "b" : "", mail.end ? "e" : "", mail.fail ? "a" : "");
  return events.empty() ? "n" : events;
}

/// Of qstat's letters: h hold, q queued, w waiting, r running, t transferring, d deletion, E error, s and S and T suspended, R restarted.
JobState state_of(const std::string& letters) {
  const auto has = [&](char c) { return letters.find(c) != std::string::npos; };
  if (has('d')) return JobState::ending;
  if (has('E')) return JobState::blocked;
  if (has('q')) return JobState::pending;
  return has('r') || has('t') || has('s') || has('S') || has('T') ? JobState::running : JobState::gone;
}

/// The records of `qacct -j`, oldest first: a job that was put back has one for each try.
void read_accounting(const std::string& output, JobReports& reports) {
  std::string id;
  std::string task;
  std::string failed;
  std::string status;
  const auto close = [&] {
    if (!id.empty()) {
      const std::string name = detail::is_number(task) ? id + "." + task : id;
      const bool put_back = failed.starts_with("25");
      const bool killed = !failed.empty() && failed != "0";
      const JobState state = put_back                                                ? JobState::pending
                             : status == "0" && !killed                              ? JobState::done
                             : failed.starts_with("100") || failed.starts_with("37") ? JobState::cancelled
                                                                                     : JobState::failed;
      reports[name] = {state, "exit " + status, killed ? failed : ""};
    }
    id.clear();
    task.clear();
    failed.clear();
    status.clear();
  };
  for (const std::string& line : detail::lines_of(output)) {
    if (line.starts_with("====")) close();
    const auto words = detail::words_of(line);
    if (words.size() < 2) continue;
    if (words[0] == "jobnumber") id = words[1];
    if (words[0] == "taskid") task = words[1];
    if (words[0] == "exit_status") status = words[1];
    if (words[0] == "failed") failed = one_line(line.substr(line.find(words[1])));
    while (!failed.empty() && failed.back() == ' ') failed.pop_back();
  }
  close();
}

class Sge final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return "#$"; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    const Resources& r = job.resources;
    std::vector<Directive> d;
    const auto add = [&d](const char* option, const std::string& value) { d.push_back({option, value.empty() ? "" : " " + value}); };
    add("-N", job_name(job.name));
    add("-S", "/bin/bash");
    add("-cwd", "");
    const Index slots = r.ranks() * r.cpus_per_task;
    if (slots > 1 && job.parallel_environment.empty()) {
      throw UserError(
          fmt::format("SGE: {} slots without a parallel environment (how slots lie on hosts is the site's rule; 'qconf -spl' lists "
                      "them). Set parallel_environment in the site's profile.",
                      slots));
    }
    if (slots > 1) add("-pe", fmt::format("{} {}", plain("parallel environment", job.parallel_environment), slots));
    if (r.memory_mib > 0)
      throw UserError(
          "SGE: memory cannot be asked for in one way for all sites. Use extra_directives in the site's profile, e.g. '-l mem_free=4G'.");
    add("-l", "h_rt=" + clock_text(r.wall_seconds));
    // Announced by USR1, whatever the site's signal is.
    add("-l", "s_rt=" + clock_text(std::max<Index>(1, r.wall_seconds - job.signal.lead_seconds)));
    add("-notify", "");
    if (!job.account.empty()) add("-P", plain("account", job.account));
    if (!job.partition.empty()) add("-q", plain("partition", job.partition));
    if (!job.constraint.empty()) add("-l", plain("constraint", job.constraint));
    if (job.array.tasks > 0) add("-t", fmt::format("1-{}", job.array.tasks));
    if (job.array.tasks > 0 && job.array.at_once > 0) add("-tc", std::to_string(job.array.at_once));
    if (job.after) {
      // Whatever their exit status: SGE knows no other condition. What depends on success looks for itself.
      for (const std::string& id : job.after->ids) plain("job", id);
      add("-hold_jid", detail::join_ids(job.after->ids, ","));
    }
    if (!job.mail.user.empty()) {
      add("-m", mail_events(job.mail));
      add("-M", plain("mail address", job.mail.user));
    }
    add("-r", job.requeue ? "y" : "n");
    add("-j", "y");
    add("-o", job.array.tasks > 0 ? "log.$JOB_ID.$TASK_ID" : "log.$JOB_ID");
    return d;
  }

  [[nodiscard]] std::string id_variable() const override { return "${JOB_ID:-}"; }
  [[nodiscard]] std::string task_variable(const Job& job) const override {
    return job.array.tasks > 0 ? "$((${SGE_TASK_ID:-1} - 1))" : "0";
  }
  [[nodiscard]] std::string requeue_lines(const Job&) const override { return "exit 99 # SGE runs such a job again"; }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    SchedulerCommand command{{"qsub", "-terse"}, ""};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    command.words.push_back(script);
    return command;
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    // "1", an array "2.1-5:1".
    for (const std::string& line : detail::lines_of(output)) {
      std::string id = line.substr(0, line.find('.'));
      if (detail::is_number(id)) return id;
    }
    return "";
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"qdel"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    // The accounting takes one job at a time, after its end.
    std::vector<SchedulerCommand> commands = {{{"qstat", "-g", "d"}, ""}};
    for (const std::string& id : ids) commands.push_back({{"qacct", "-j", id}, ""});
    return commands;
  }
  [[nodiscard]] JobReports parse_status(std::size_t query, const std::string& output) const override {
    JobReports reports;
    if (query > 0) {
      read_accounting(output, reports);
      return reports;
    }
    for (const std::string& line : detail::lines_of(output)) {
      const auto words = detail::words_of(line);
      if (words.size() < 8 || !detail::is_number(words[0])) continue;
      // job-ID prior name user state date time [queue] slots [task]
      const bool placed = !detail::is_number(words[7]);
      const std::size_t slots = placed ? 8 : 7;
      const std::string id = words.size() > slots + 1 ? words[0] + "." + words[slots + 1] : words[0];
      reports[id] = {state_of(words[4]), words[4], placed ? words[7] : ""};
    }
    return reports;
  }
};

}  // namespace

SchedulerEntry sge_entry() {
  return {"sge",
          "Grid Engine 8 and its descendants",
          "qsub(1), qstat(1), accounting(5) of Son of Grid Engine 8.1.9",
          "golden scripts, commands against recorded answers",
          "mpirun",
          [] { return std::unique_ptr<Scheduler>(std::make_unique<Sge>()); }};
}

}  // namespace variscope::cluster
