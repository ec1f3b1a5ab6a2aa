/// Flux: flux batch, flux jobs, flux cancel.
#include <fmt/format.h>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

JobState state_of(const std::string& state, const std::string& result) {
  if (state == "DEPEND" || state == "PRIORITY" || state == "SCHED" || state == "NEW") return JobState::pending;
  if (state == "RUN") return JobState::running;
  if (state == "CLEANUP") return JobState::ending;
  if (state != "INACTIVE") return JobState::gone;
  if (result == "COMPLETED") return JobState::done;
  if (result == "CANCELED") return JobState::cancelled;
  return result == "TIMEOUT" ? JobState::timed_out : JobState::failed;
}

class Flux final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return "# flux:"; }
  [[nodiscard]] bool announces_end() const override { return false; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    const Resources& r = job.resources;
    std::vector<Directive> d;
    const auto add = [&d](const char* option, const std::string& value) { d.push_back({option, "=" + value}); };
    if (job.array.at_once > 0) throw UserError("Flux: tasks are jobs of their own, as many at once as there is room. Leave out --at-once.");
    if (!job.mail.user.empty()) throw UserError("Flux: sends no mail. Leave out --mail, and mail in the site's profile.");
    if (r.memory_mib > 0) throw UserError("Flux: memory cannot be asked for (nodes are given whole or by cores). Leave out --memory.");
    add("--job-name", job_name(job.name));
    add("--nodes", std::to_string(r.nodes));
    add("--nslots", std::to_string(r.ranks()));
    add("--cores-per-slot", std::to_string(r.cpus_per_task));
    add("--time-limit", fmt::format("{}m", whole_minutes(r.wall_seconds)));
    if (!job.account.empty()) add("--bank", plain("account", job.account));
    if (!job.partition.empty()) add("--queue", plain("partition", job.partition));
    if (!job.constraint.empty()) add("--requires", plain("constraint", job.constraint));
    if (job.after) {
      for (const std::string& id : job.after->ids)
        add("--dependency", (job.after->on == Dependency::On::success ? "afterok:" : "afterany:") + plain_id(id));
    }
    add("--output", "log.{{id}}");
    return d;
  }

  [[nodiscard]] std::string id_variable() const override {
    // Inside, FLUX_JOB_ID is not the batch job's own.
    return "$(flux getattr jobid 2>/dev/null)";
  }
  [[nodiscard]] std::string task_variable(const Job& job) const override { return job.array.tasks > 0 ? "${VARISCOPE_TASK:-0}" : "0"; }
  [[nodiscard]] std::string requeue_lines(const Job& job) const override {
    // Flux puts nothing back, so a job's next try is a job of its own, of the instance above.
    return fmt::format(
        "if next=$(cd job && flux --parent batch{} --dependency=afterany:\"$job\" {}); then\n"
        "  printf '%s\\n' \"$next\" >>job/{} && say \"goes on as job $next.\"\n"
        "fi",
        job.array.tasks > 0 ? " --env=VARISCOPE_TASK=\"$task\"" : "", job.script, job.task_name.empty() ? "ids" : "ids." + job.task_name);
  }
  [[nodiscard]] Arrays arrays() const override { return Arrays::separate; }
  [[nodiscard]] SchedulerCommand submit_task(const std::string& script, Index task, const Words& raw) const override {
    SchedulerCommand command{{"flux", "batch", fmt::format("--env=VARISCOPE_TASK={}", task)}, ""};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    command.words.push_back(script);
    return command;
  }
  [[nodiscard]] std::string after_array_lines(const Job& job) const override {
    return detail::behind_successors(job, "flux --parent batch $(tail -n +$((seen + 1)) ids | sed 's/^/--dependency=afterany:/')");
  }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    SchedulerCommand command{{"flux", "batch"}, ""};
    command.words.insert(command.words.end(), raw.begin(), raw.end());
    command.words.push_back(script);
    return command;
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    std::string id;
    for (const std::string& line : detail::lines_of(output)) {
      if (is_id(line)) id = line;
    }
    return id;
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"flux", "cancel"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"flux", "jobs", "-a", "-n", "-o", "{id}|{state}|{result}|{nodelist}"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return {command};
  }
  [[nodiscard]] JobReports parse_status(std::size_t, const std::string& output) const override {
    JobReports reports;
    for (const std::string& line : detail::lines_of(output)) {
      const auto parts = detail::split(line, '|');
      if (parts.size() < 4 || !is_id(parts[0])) continue;
      reports[parts[0]] = {state_of(parts[1], parts[2]), parts[1] == "INACTIVE" ? parts[2] : parts[1], parts[3]};
    }
    return reports;
  }

 private:
  /// "ƒM7Zq9AKHno" (two bytes, then base 58), or plain digits and letters.
  static bool is_id(const std::string& text) {
    const std::string rest = text.starts_with("\u0192") ? text.substr(2) : text;
    return !rest.empty() && rest.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  }
  static const std::string& plain_id(const std::string& id) {
    if (!is_id(id)) throw UserError(fmt::format("job '{}': not an id of Flux. Give what 'flux batch' has printed.", one_line(id)));
    return id;
  }
};

}  // namespace

SchedulerEntry flux_entry() {
  return {"flux",
          "Flux",
          "flux-batch(1), flux-jobs(1), flux-cancel(1) of flux-core",
          "golden scripts, commands against recorded answers",
          "flux-run",
          [] { return std::unique_ptr<Scheduler>(std::make_unique<Flux>()); }};
}

}  // namespace variscope::cluster
