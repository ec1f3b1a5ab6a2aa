/// Slurm: sbatch, squeue, sacct, scancel.
#include <fmt/format.h>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"

namespace variscope::cluster {
namespace {

/// "D-HH:MM:SS" or "HH:MM:00": Slurm rounds up to minutes.
std::string time_text(Index seconds) {
  const Index minutes = whole_minutes(seconds);
  constexpr Index day = 24 * 60;
  const std::string clock = fmt::format("{:02}:{:02}:00", minutes % day / 60, minutes % 60);
  return minutes >= day ? fmt::format("{}-{}", minutes / day, clock) : clock;
}

std::string mail_types(const Mail& mail) {
  std::string types;
  const auto add = [&](bool wanted, const char* type) {
    if (wanted) types += (types.empty() ? "" : ",") + std::string(type);
  };
  add(mail.begin, "BEGIN");
  add(mail.end, "END");
  add(mail.fail, "FAIL");
  return types.empty() ? "NONE" : types;
}

JobState state_of(const std::string& word, const std::string& reason) {
  static const std::vector<std::pair<std::string, JobState>> states = {{"PENDING", JobState::pending},
                                                                       {"CONFIGURING", JobState::pending},
                                                                       {"REQUEUED", JobState::pending},
                                                                       {"REQUEUE_HOLD", JobState::blocked},
                                                                       {"REQUEUE_FED", JobState::pending},
                                                                       {"SPECIAL_EXIT", JobState::blocked},
                                                                       {"RUNNING", JobState::running},
                                                                       {"SUSPENDED", JobState::running},
                                                                       {"STOPPED", JobState::running},
                                                                       {"RESIZING", JobState::running},
                                                                       {"SIGNALING", JobState::running},
                                                                       {"STAGE_OUT", JobState::ending},
                                                                       {"COMPLETING", JobState::ending},
                                                                       {"COMPLETED", JobState::done},
                                                                       {"FAILED", JobState::failed},
                                                                       {"CANCELLED", JobState::cancelled},
                                                                       {"REVOKED", JobState::cancelled},
                                                                       {"TIMEOUT", JobState::timed_out},
                                                                       {"DEADLINE", JobState::timed_out},
                                                                       {"PREEMPTED", JobState::preempted},
                                                                       {"NODE_FAIL", JobState::node_failed},
                                                                       {"BOOT_FAIL", JobState::node_failed},
                                                                       {"OUT_OF_MEMORY", JobState::out_of_memory}};
  for (const auto& [name, state] : states) {
    // sacct writes "CANCELLED by 1000".
    if (word != name && !word.starts_with(name + " ")) continue;
    const bool never = reason == "DependencyNeverSatisfied" || reason.starts_with("JobHeld");
    return state == JobState::pending && never ? JobState::blocked : state;
  }
  return JobState::gone;
}

class Slurm final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return "#SBATCH"; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    const Resources& r = job.resources;
    std::vector<Directive> d;
    const auto add = [&d](const char* option, const std::string& value) { d.push_back({option, "=" + value}); };
    add("--job-name", job_name(job.name));
    add("--nodes", std::to_string(r.nodes));
    add("--ntasks-per-node", std::to_string(r.tasks_per_node));
    add("--cpus-per-task", std::to_string(r.cpus_per_task));
    if (r.memory_mib > 0) add("--mem", fmt::format("{}M", r.memory_mib));
    add("--time", time_text(r.wall_seconds));
    if (!job.account.empty()) add("--account", plain("account", job.account));
    if (!job.partition.empty()) add("--partition", plain("partition", job.partition));
    if (!job.constraint.empty()) add("--constraint", plain("constraint", job.constraint));
    if (job.array.tasks > 0)
      add("--array", fmt::format("0-{}{}", job.array.tasks - 1, job.array.at_once > 0 ? fmt::format("%{}", job.array.at_once) : ""));
    if (job.after) {
      for (const std::string& id : job.after->ids) plain("job", id);
      add("--dependency", (job.after->on == Dependency::On::success ? "afterok:" : "afterany:") + detail::join_ids(job.after->ids, ":"));
      // Else a job whose condition cannot come true waits for ever.
      add("--kill-on-invalid-dep", "yes");
    }
    if (!job.mail.user.empty()) {
      add("--mail-type", mail_types(job.mail));
      add("--mail-user", plain("mail address", job.mail.user));
    }
    d.push_back({job.requeue ? "--requeue" : "--no-requeue", ""});
    // To the batch shell alone, which passes it on: what reaches the ranks directly misses those that mpirun has started on its own node.
    add("--signal", fmt::format("B:{}@{}", plain("signal", job.signal.name), job.signal.lead_seconds));
    add("--output", job.array.tasks > 0 ? "log.%A_%a" : "log.%j");
    add("--open-mode", "append");
    return d;
  }

  [[nodiscard]] std::string id_variable() const override {
    return "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-${SLURM_JOB_ID:-}}";
  }
  [[nodiscard]] std::string task_variable(const Job& job) const override { return job.array.tasks > 0 ? "${SLURM_ARRAY_TASK_ID:-0}" : "0"; }
  [[nodiscard]] std::string requeue_lines(const Job&) const override {
    // A job that exits politely while it is preempted is not requeued by the preemptor. One that its user ends is seen as completing here,
    // and must not come back; one that lost a node waits already.
    return "case $(scontrol show job -o \"$job\" 2>/dev/null) in\n"
           "*JobState=PENDING*) say 'Slurm has put it back itself.' ;;\n"
           "*JobState=RUNNING* | *JobState=PREEMPTED* | *Reason=TimeLimit*)\n"
           "  if scontrol requeue \"$job\"; then sleep 300; fi ;; # it ends here, when Slurm takes the job back\n"
           "*) say 'cancelled, with the state saved.' ;;\n"
           "esac";
  }
  [[nodiscard]] Words unset_prefixes() const override { return {"SBATCH_", "SLURM_"}; }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    SchedulerCommand command{{"sbatch", "--parsable"}, ""};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    command.words.push_back(script);
    return command;
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    // "123", or "123;cluster" in a federation.
    for (const std::string& line : detail::lines_of(output)) {
      std::string id = line.substr(0, line.find(';'));
      if (detail::is_number(id)) return id;
    }
    return "";
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"scancel"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    const std::string all = detail::join_ids(ids, ",");
    // squeue forgets within minutes; sacct needs an accounting database, which not every site has.
    return {{{"squeue", "-h", "-r", "-a", "-t", "all", "-o", "%F|%K|%T|%r|%N", "-j", all}, ""},
            {{"sacct", "-n", "-P", "-X", "-o", "jobid,state,exitcode,nodelist", "-j", all}, ""}};
  }
  [[nodiscard]] JobReports parse_status(std::size_t query, const std::string& output) const override {
    JobReports reports;
    for (const std::string& line : detail::lines_of(output)) {
      const auto parts = detail::split(line, '|');
      if (query == 0 && parts.size() >= 5 && detail::is_number(parts[0])) {
        const std::string id = detail::is_number(parts[1]) ? parts[0] + "_" + parts[1] : parts[0];
        reports[id] = {state_of(parts[2], parts[3]), parts[2], parts[4].empty() ? (parts[3] == "None" ? "" : parts[3]) : parts[4]};
      } else if (query == 1 && parts.size() >= 4 && !parts[0].empty()) {
        reports[parts[0]] = {state_of(parts[1], ""), parts[1], parts[3]};
      }
    }
    return reports;
  }
};

}  // namespace

SchedulerEntry slurm_entry() {
  return {"slurm",
          "Slurm 22.05 and later",
          "sbatch(1), squeue(1), sacct(1), scontrol(1) of Slurm 22.05",
          "against a real one of two nodes",
          "srun",
          [] { return std::unique_ptr<Scheduler>(std::make_unique<Slurm>()); }};
}

}  // namespace variscope::cluster
