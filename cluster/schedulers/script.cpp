/// One job description to one script: readable, with the exact command, and able to run by hand.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cluster/launchers/launcher.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

void require_line(const std::string& what, const std::string& text) {
  if (text != one_line(text) || text.empty())
    throw UserError(fmt::format("{} '{}': not one line (control characters, or empty). Write one directive a line.", what, one_line(text)));
}

void require_name(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  if (name.empty() || !letter(name.front()) || !std::all_of(name.begin(), name.end(), fits))
    throw UserError(
        fmt::format("environment variable '{}': not a name (letters, digits and _). Correct it in the site's profile.", one_line(name)));
}

/// "--mem" skips "--mem=4M", and "-l select" skips "-l select=1:...".
bool skipped(const Directive& directive, const std::vector<std::string>& skip) {
  const std::string text = directive.text();
  return std::any_of(skip.begin(), skip.end(), [&](const std::string& wanted) {
    if (wanted.empty() || !text.starts_with(wanted)) return false;
    const char next = text.size() > wanted.size() ? text[wanted.size()] : ' ';
    return next == ' ' || next == '=';
  });
}

void check(const Job& job) {
  const Resources& r = job.resources;
  if (r.nodes < 1 || r.tasks_per_node < 1 || r.cpus_per_task < 1)
    throw UserError("job: nodes, tasks per node and CPUs per task must be at least 1. Correct the one that is not.");
  if (job.signal.name != "USR1" && job.signal.name != "USR2")
    throw UserError(fmt::format("signal '{}': not one that a run saves and stops at. Use USR1 or USR2.", one_line(job.signal.name)));
  if (r.wall_seconds > 0 && job.signal.lead_seconds >= r.wall_seconds) {
    throw UserError(
        fmt::format("wall time {}: no longer than the {} seconds before its end at which the run is asked to save. Give --time more, "
                    "or the site's profile a smaller signal.lead_seconds.",
                    clock_text(r.wall_seconds), job.signal.lead_seconds));
  }
}

}  // namespace

std::string clock_text(Index seconds) { return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60); }
Index whole_minutes(Index seconds) { return (seconds + 59) / 60; }

std::vector<std::string> head_lines(const Scheduler& scheduler, const Job& job) {
  std::vector<std::string> lines;
  for (const Directive& directive : scheduler.directives(job)) {
    if (!skipped(directive, job.skip_directives)) lines.push_back(scheduler.prefix() + " " + directive.text());
  }
  for (const std::string& extra : job.extra_directives) {
    require_line("extra directive", extra);
    if (scheduler.prefix().empty()) throw UserError("extra_directives: this scheduler takes none. Remove them from the site's profile.");
    lines.push_back(scheduler.prefix() + " " + extra);
  }
  return lines;
}

std::string render_script(const Scheduler& scheduler, const std::string& scheduler_name, const Job& job) {
  check(job);
  const LauncherEntry* launcher = find_launcher_entry(job.launcher);
  if (launcher == nullptr)
    throw UserError(fmt::format("launcher '{}': not known. Use srun, mpirun, mpiexec, jsrun, flux-run or none.", job.launcher));
  std::string text = "#!/bin/bash\n";
  auto out = std::back_inserter(text);
  for (const std::string& line : head_lines(scheduler, job)) fmt::format_to(out, "{}\n", line);

  const Resources& r = job.resources;
  fmt::format_to(
      out,
      "\n# {} of {}: {} node{} x {} rank{} x {} thread{}, scheduler {}, site {}.\n# It runs by hand too, inside an allocation or on one "
      "machine: bash job/{}\n",
      one_line(job.name), one_line(job.made_by), r.nodes, r.nodes == 1 ? "" : "s", r.tasks_per_node, r.tasks_per_node == 1 ? "" : "s",
      r.cpus_per_task, r.cpus_per_task == 1 ? "" : "s", scheduler_name, one_line(job.site), job.script);
  fmt::format_to(out, "run={}\n", quote(job.directory));
  if (!job.spec.empty()) fmt::format_to(out, "spec={}\nspec_sha256={}\n", quote(job.spec), quote(job.spec_sha256));
  fmt::format_to(out, "maximum_tries={}\n", job.maximum_tries);
  fmt::format_to(out, "job={}\ntask={}\n", scheduler.id_variable(),
                 job.task_name.empty() ? scheduler.task_variable(job) : quote(job.task_name));
  text +=
      "say() { printf 'variscope job: %s\\n' \"$*\" >&2; }\n"
      "cd -- \"$run\" || exit 1\n";

  if (!job.prologue.empty() || !job.modules.empty() || !job.environment.empty()) text += "\n# The site.\n";
  for (const std::string& line : job.prologue) fmt::format_to(out, "{}\n", line);
  for (const std::string& module : job.modules) fmt::format_to(out, "module load {} || exit 1\n", quote(module));
  for (const auto& [name, value] : job.environment) {
    require_name(name);
    fmt::format_to(out, "export {}={}\n", name, quote(value));
  }

  fmt::format_to(out, "\n# Threads of each rank, on cores of their own.\nexport OMP_NUM_THREADS={} OMP_PLACES=cores OMP_PROC_BIND=close\n",
                 r.cpus_per_task);
  for (const auto& [name, value] : launcher->environment) fmt::format_to(out, "export {}={}\n", name, quote(value));

  if (!job.spec.empty()) {
    text +=
        "\n# Another spec than the one that was submitted would give other results.\n"
        "if [ \"$(sha256sum <\"$spec\" | cut -d ' ' -f 1)\" != \"$spec_sha256\" ]; then\n"
        "  say \"$spec is not what was submitted (its hash differs). Submit it again.\"\n"
        "  exit 2\n"
        "fi\n";
  }

  text +=
      "\n# A job that is put back into the queue starts here again.\n"
      "try=$(($(cat \"job/tries.$task\" 2>/dev/null || echo 0) + 1))\n"
      "echo \"$try\" >\"job/tries.$task.new\" && mv \"job/tries.$task.new\" \"job/tries.$task\"\n"
      "say \"try $try of $maximum_tries, job ${job:-(none)}, task $task, on $(hostname), $(date -u +%Y-%m-%dT%H:%M:%SZ)\"\n\n";
  const auto line = [&](const Words& words) { return quote_lines(words, "  "); };
  if (!job.task_name.empty()) text += scheduler.after_array_lines(job);
  const Index tasks = job.array.tasks;
  fmt::format_to(out, "command=({})\n", line(job.start));
  if (!job.go_on.empty()) {
    std::string condition;
    for (const std::string& mark : job.progress_marks) {
      condition += fmt::format("{}[ -e {} ]", condition.empty() ? "" : " || ", quote(mark));
      if (tasks > 0 && !job.task_directory.empty())
        condition += fmt::format(" || [ -e {}/\"$task\"/{} ]", quote(job.task_directory), quote(mark));
    }
    fmt::format_to(out, "if {}; then\n  command=({})\nfi\n", condition.empty() ? "false" : condition, line(job.go_on));
  }

  if (tasks > 0 && !job.task_option.empty()) fmt::format_to(out, "command+=({} \"$task/{}\")\n", quote(job.task_option), tasks);

  Words launch = launcher->command(r);
  launch.insert(launch.end(), job.launcher_options.begin(), job.launcher_options.end());
  fmt::format_to(out,
                 "\n# bash hears a signal only between commands, or in wait: the ranks run in the background. Every announcement of the "
                 "end becomes the "
                 "one\n# signal at which all ranks save and stop, since a launcher that is terminated leaves them no time.\nchild= heard=\n"
                 "pass_on() {{ heard=yes; [ -z \"$child\" ] || kill -s {} \"$child\" 2>/dev/null; }}\n"
                 "trap pass_on USR1 USR2 TERM INT\n",
                 job.signal.name);
  const bool clock = !scheduler.announces_end() && r.wall_seconds > 0;
  if (clock) {
    fmt::format_to(out,
                   "# {} does not announce the end of the wall time ({}): this does, {} seconds before.\n"
                   "( trap 'kill \"$!\"; exit' TERM; sleep {} & wait \"$!\" && kill -s USR1 \"$$\" ) >/dev/null 2>&1 &\nclock=$!\n",
                   scheduler_name, clock_text(r.wall_seconds), job.signal.lead_seconds, r.wall_seconds - job.signal.lead_seconds);
  }
  fmt::format_to(out, "{}{}\"${{command[@]}}\" &\nchild=$!\n", line(launch), launch.empty() ? "" : " ");
  text +=
      "# wait returns early when a signal comes, and then again with the status.\n"
      "while :; do\n"
      "  heard=\n"
      "  wait \"$child\"\n"
      "  rc=$?\n"
      "  [ -n \"$heard\" ] || break\n"
      "done\n"
      "child=\n";
  if (clock) text += "kill \"$clock\" 2>/dev/null\n";
  text += "say \"try $try ended with status $rc.\"\n";

  if (job.requeue) {
    const std::string lines = scheduler.requeue_lines(job);
    std::string indented = "  ";
    for (const char c : lines) {
      indented += c;
      if (c == '\n') indented += "  ";
    }
    fmt::format_to(
        out,
        "\n# {}: the state is saved, run me again.\nif [ \"$rc\" -ne {} ]; then\n  :\nelif [ -e job/cancelled ]; then\n  say 'cancelled, "
        "with the "
        "state saved.'\n"
        "elif [ \"$try\" -ge \"$maximum_tries\" ]; then\n  say 'no more tries (maximum_tries). The state is saved: submit it again.'\n"
        "  rc=1\n"
        "elif [ -z \"$job\" ]; then\n  say 'the state is saved. Run this script again.'\nelse\n{}\nfi\n",
        kCheckpointed, kCheckpointed, indented);
  }
  if (tasks > 0) text += scheduler.next_task_lines(job);
  text += "exit \"$rc\"\n";
  return text;
}

}  // namespace variscope::cluster
