/// `variscope submit`, `cancel`, `jobs` and `watch`: from the command line to option structs.
#include "experiments/submit/submit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "engine/error.hpp"
#include "experiments/command/subcommands.hpp"

namespace variscope::experiments {

void add_submit(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("submit", "Submit a study to a scheduler: renders the job's script, and prints the job's id");
  auto o = std::make_shared<SubmitOptions>();
  const auto count = [&](const char* name, Index& target, const char* help) {
    app->add_option(name, target, help)->check(CLI::Range(1, 10000000))->option_text("N");
  };
  app->add_option("SPEC", o->spec, "The study's .toml file")->required()->type_name("FILE");
  app->add_option("--site", o->site, "Profile of the cluster: a name ('variscope list sites') or a .toml file")
      ->required()
      ->envname("VARISCOPE_SITE");
  count("--nodes", o->nodes, "Nodes");
  count("--tasks-per-node", o->tasks_per_node, "MPI ranks on each node");
  count("--cpus-per-task", o->cpus_per_task, "CPUs, and OpenMP threads, of each rank");
  app->add_option("--memory", o->memory_gib, "Memory of each node, GiB")->check(CLI::Range(0.001, 1e6))->option_text("GIB");
  app->add_option("--time", o->time, "Wall time: minutes, HH:MM:SS or D-HH:MM:SS");
  app->add_option("--account", o->account, "Account or project that pays");
  app->add_option("--partition,--queue", o->partition, "Partition or queue");
  app->add_option("--constraint", o->constraint, "Feature that nodes must have");
  app->add_option("--mail", o->mail, "Address that is told of the end");
  app->add_option("--name", o->name, "Name of the job (default: study.name)");
  app->add_option("--after", o->after, "Jobs that must have succeeded before")->option_text("ID...")->expected(1, 100);
  app->add_flag("--after-any", o->after_any, "With --after: however they have ended");
  app->add_option("--array", o->array,
                  "As an array of so many tasks, each with a share of the cells, and a job behind it that puts them together; auto: a task "
                  "for each cell, as far as the site lets (default: one job)")
      ->option_text("N|auto");
  count("--at-once", o->at_once, "Tasks of the array that run at a time, at most");
  count("--tries", o->tries, "Starts at most, when the job is stopped with its state saved");
  app->add_flag("--no-requeue", o->no_requeue, "Do not run again what was stopped or lost its node");
  app->add_option("--output", o->output, "Run directory (default: as the site or the spec says)");
  app->add_flag("--dry-run", o->dry_run, "Print the script, and the command on standard error; write and submit nothing");
  app->add_option("RAW", o->raw, "After --: options that the submit command takes verbatim")->option_text("[-- OPTIONS...]");
  app->footer(
      "Examples:\n"
      "  variscope submit study.toml --site slurm --nodes 4 --tasks-per-node 16 --time 02:00:00 --dry-run\n"
      "  variscope submit study.toml --site mycluster --nodes 4 -- --qos=high --exclusive\n"
      "  variscope submit study.toml --site mycluster --array 20 --at-once 5\n\n"
      "Everything that was submitted is in job/ of the run directory: job.sh (which runs by hand too), logs, jobs.json.");
  app->callback([&chosen, o, &words] {
    chosen = [o, &words] {
      if (!o->raw.empty() && std::find(words.begin(), words.end(), "--") == words.end())
        throw UserError(fmt::format("variscope submit: unknown argument '{}'. Options for the scheduler come after '--'.", o->raw.front()));
      return submit_study(*o);
    };
  });
}

void add_cancel(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("cancel", "End the jobs of a submitted run; what it has saved stays");
  auto run = std::make_shared<std::string>();
  app->add_option("RUN", *run, "Run directory")->required();
  app->footer("Example:\n  variscope cancel runs/my_study");
  app->callback([&chosen, run] { chosen = [run] { return cancel_run(*run); }; });
}

void add_jobs(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("jobs", "Say what the scheduler knows of the jobs of submitted runs");
  auto runs = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  app->add_option("RUN", *runs, "Run directories")->required()->expected(1, 100000);
  app->add_flag("--json", *json, "For programs");
  app->footer(
      "Example:\n  variscope jobs runs/*\n\nExit status: 0 all runs are complete, 1 some are not and no job is left, 2 an error, 3 jobs "
      "are left.");
  app->callback([&chosen, runs, json] {
    chosen = [runs, json] {
      constexpr int still_going = 3;
      const JobsSummary summary = print_jobs(*runs, *json);
      if (summary.alive > 0) return still_going;
      return summary.incomplete == 0 ? 0 : 1;
    };
  });
}

void add_watch(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("watch", "Follow the jobs of submitted runs until none is left");
  auto runs = std::make_shared<std::vector<std::string>>();
  auto every = std::make_shared<int>(30);
  app->add_option("RUN", *runs, "Run directories")->required()->expected(1, 100000);
  app->add_option("--every", *every, "Seconds between two questions to the scheduler")->check(CLI::Range(1, 86400))->capture_default_str();
  app->footer("Example:\n  variscope watch runs/my_study --every 60\n\nExit status: 0 all runs are complete, 1 some are not.");
  app->callback([&chosen, runs, every] { chosen = [runs, every] { return watch_jobs(*runs, *every); }; });
}

}  // namespace variscope::experiments
