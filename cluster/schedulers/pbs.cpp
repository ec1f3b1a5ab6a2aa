/// PBS Pro and OpenPBS: qsub, qstat, qdel.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

std::string mail_events(const Mail& mail) {
  const std::string events = fmt::format("{}{}{}", mail.begin ? "b" : "", mail.end ? "e" : "", mail.fail ? "a" : "");
  return events.empty() ? "n" : events;
}

/// Letters of job_state; a finished job's exit status tells how it ended, above 256 the signal.
JobState state_of(const std::string& letter, int exit_status) {
  constexpr int signalled = 256;
  switch (letter.empty() ? ' ' : letter.front()) {
    case 'Q':
    case 'W':
    case 'T':
    case 'M':
      return JobState::pending;
    case 'H':
      return JobState::blocked;
    case 'R':
    case 'B':
    case 'S':
    case 'U':
      return JobState::running;
    case 'E':
      return JobState::ending;
    case 'F':
    case 'X':
      if (exit_status == 0) return JobState::done;
      return exit_status > signalled ? JobState::cancelled : JobState::failed;
    default:
      return JobState::gone;
  }
}

class Pbs final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return "#PBS"; }
  [[nodiscard]] bool announces_end() const override { return false; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    const Resources& r = job.resources;
    std::vector<Directive> d;
    const auto add = [&d](const char* option, const std::string& value) { d.push_back({option, " " + value}); };
    add("-N", job_name(job.name));
    add("-l", fmt::format("select={}:ncpus={}:mpiprocs={}:ompthreads={}{}{}", r.nodes, r.cpus_per_node(), r.tasks_per_node, r.cpus_per_task,
                          r.memory_mib > 0 ? fmt::format(":mem={}mb", r.memory_mib) : "",
                          job.constraint.empty() ? "" : ":" + plain("constraint", job.constraint)));
    add("-l", "place=scatter");
    add("-l", "walltime=" + clock_text(r.wall_seconds));
    if (!job.account.empty()) add("-A", plain("account", job.account));
    if (!job.partition.empty()) add("-q", plain("partition", job.partition));
    if (job.array.tasks == 1) throw UserError("PBS: an array of one task (PBS has none). Submit a single job.");
    if (job.array.tasks > 0)
      add("-J", fmt::format("0-{}{}", job.array.tasks - 1, job.array.at_once > 0 ? fmt::format("%{}", job.array.at_once) : ""));
    if (job.after) {
      for (const std::string& id : job.after->ids) plain("job", id);
      add("-W",
          (job.after->on == Dependency::On::success ? "depend=afterok:" : "depend=afterany:") + detail::join_ids(job.after->ids, ":"));
    }
    if (!job.mail.user.empty()) {
      add("-m", mail_events(job.mail));
      add("-M", plain("mail address", job.mail.user));
    }
    add("-r", job.requeue || job.array.tasks > 0 ? "y" : "n");  // arrays are always rerunnable
    add("-j", "oe");
    // Written into this directory while the job runs, under a name of its own for every job.
    add("-k", "oed");
    add("-o", ".");
    return d;
  }

  [[nodiscard]] std::string id_variable() const override { return "${PBS_JOBID:-}"; }
  [[nodiscard]] std::string task_variable(const Job& job) const override {
    return job.array.tasks > 0 ? "${PBS_ARRAY_INDEX:-${VARISCOPE_TASK:-0}}" : "0";
  }
  [[nodiscard]] std::string requeue_lines(const Job& job) const override {
    // qrerun is for operators alone, so a job's next try is a job of its own.
    if (job.array.tasks == 0) {
      return fmt::format(
          "if next=$(cd job && qsub -W depend=afterany:\"$job\" {}); then\n"
          "  printf '%s\\n' \"$next\" >>job/{} && say \"goes on as job $next.\"\n"
          "fi",
          job.script, job.task_name.empty() ? "ids" : "ids." + job.task_name);
    }
    return "if next=$(cd job && grep -v '^#PBS -J' job.sh | qsub -v VARISCOPE_TASK=\"$task\" -); then\n"
           "  printf '%s\\n' \"$next\" >>job/ids && say \"goes on as job $next.\"\n"
           "fi";
  }
  [[nodiscard]] std::string after_array_lines(const Job& job) const override {
    return detail::behind_successors(job, "qsub -W depend=afterany:\"$(tail -n +$((seen + 1)) ids | paste -sd : -)\"");
  }
  [[nodiscard]] Words unset_prefixes() const override { return {"PBS_"}; }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    SchedulerCommand command{{"qsub"}, ""};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    command.words.push_back(script);
    return command;
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    // "123.server", an array "123[].server". Sites print greetings before it.
    std::string id;
    for (const std::string& line : detail::lines_of(output)) {
      const std::string number = line.substr(0, line.find_first_of(".["));
      if (detail::is_number(number) && line.find(' ') == std::string::npos) id = line;
    }
    return id;
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"qdel"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"qstat", "-x", "-t", "-f", "-F", "json"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return {command};
  }
  [[nodiscard]] JobReports parse_status(std::size_t, const std::string& output) const override {
    JobReports reports;
    const auto answer = nlohmann::json::parse(output, nullptr, false);
    if (answer.is_discarded() || !answer.contains("Jobs") || !answer["Jobs"].is_object()) return reports;
    for (const auto& [id, job] : answer["Jobs"].items()) {
      if (!job.is_object() || !job.contains("job_state") || !job["job_state"].is_string()) continue;
      const std::string letter = job["job_state"];
      const bool ended = job.contains("Exit_status") && job["Exit_status"].is_number_integer();
      const std::string comment = job.contains("comment") && job["comment"].is_string() ? std::string(job["comment"]) : "";
      // Deleted while it waited: finished without ever having had a status.
      const int status = ended ? job["Exit_status"].get<int>() : 271;
      reports[id] = {state_of(letter, status), letter, one_line(comment)};
    }
    return reports;
  }
};

}  // namespace

SchedulerEntry pbs_entry() {
  return {"pbs",
          "PBS Professional and OpenPBS 20 and later",
          "qsub(1B), qstat(1B), qdel(1B) of OpenPBS",
          "scripts against Slurm's parser of #PBS, commands against recorded answers",
          "mpirun",
          [] { return std::unique_ptr<Scheduler>(std::make_unique<Pbs>()); }};
}

}  // namespace variscope::cluster
