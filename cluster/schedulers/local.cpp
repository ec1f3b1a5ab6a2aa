/// No scheduler: the script runs at once on this machine, detached from the terminal.
#include <fmt/format.h>

#include "cluster/schedulers/lines.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

class Local final : public Scheduler {
 public:
  [[nodiscard]] std::string prefix() const override { return ""; }
  [[nodiscard]] bool announces_end() const override { return false; }

  [[nodiscard]] std::vector<Directive> directives(const Job& job) const override {
    if (job.resources.nodes > 1) throw UserError("scheduler 'local': there is one node. Leave out --nodes, or name another --site.");
    if (job.array.at_once > 1) throw UserError("scheduler 'local': tasks run one after the other. Leave out --at-once.");
    if (job.after) throw UserError("scheduler 'local': there is no queue to wait in. Leave out --after.");
    if (!job.mail.user.empty()) throw UserError("scheduler 'local': sends no mail. Leave out --mail.");
    return {};
  }

  [[nodiscard]] std::string id_variable() const override { return "$$"; }
  [[nodiscard]] std::string task_variable(const Job& job) const override { return job.array.tasks > 0 ? "${VARISCOPE_TASK:-0}" : "0"; }
  [[nodiscard]] std::string requeue_lines(const Job& job) const override { return "exec bash job/" + job.script; }
  [[nodiscard]] Arrays arrays() const override { return Arrays::chained; }
  [[nodiscard]] std::string next_task_lines(const Job& job) const override {
    return fmt::format(
        "\n# No queue: one task after the other, and then what puts them together.\n"
        "if [ ! -e job/cancelled ] && [ \"$task\" -lt {} ]; then\n"
        "  VARISCOPE_TASK=$((task + 1)) exec bash job/{}\n"
        "elif [ ! -e job/cancelled ]; then\n"
        "  exec bash job/collect.sh\n"
        "fi\n",
        job.array.tasks - 1, job.script);
  }

  [[nodiscard]] SchedulerCommand submit(const std::string& script, const Words& raw) const override {
    if (!raw.empty()) throw UserError("scheduler 'local': takes no options of its own. Leave out what follows '--'.");
    // A session of its own, so that it outlives the terminal and can be signalled as a whole; its number is the id.
    return {{"sh", "-c", "setsid bash \"$1\" >>log 2>&1 </dev/null & echo $!", "submit", script}, ""};
  }
  [[nodiscard]] std::string parse_id(const std::string& output) const override {
    for (const std::string& line : detail::lines_of(output)) {
      if (detail::is_number(line)) return line;
    }
    return "";
  }
  [[nodiscard]] SchedulerCommand cancel(const std::vector<std::string>& ids) const override {
    SchedulerCommand command{{"kill", "-s", "TERM", "--"}, ""};
    command.words.insert(command.words.end(), ids.begin(), ids.end());
    return command;
  }
  [[nodiscard]] std::vector<SchedulerCommand> status(const std::vector<std::string>& ids) const override {
    return {{{"ps", "-o", "pid=,args=", "-p", detail::join_ids(ids, ",")}, ""}};
  }
  [[nodiscard]] JobReports parse_status(std::size_t, const std::string& output) const override {
    JobReports reports;
    for (const std::string& line : detail::lines_of(output)) {
      const auto words = detail::words_of(line);
      // Numbers of processes are used again: only our script counts.
      if (words.size() >= 3 && words[1].ends_with("bash") && (words[2].ends_with("job.sh") || words[2].ends_with("collect.sh")))
        reports[words[0]] = {JobState::running, "R", ""};
    }
    return reports;
  }
};

}  // namespace

SchedulerEntry local_entry() {
  return {"local", "No scheduler: this machine, in the background", "setsid(1), ps(1)", "against the machine itself", "mpirun", [] {
            return std::unique_ptr<Scheduler>(std::make_unique<Local>());
          }};
}

}  // namespace variscope::cluster
