/// The subcommands of the program: each adds itself to the command line, and says what is to be done if it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/command/actions.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments {

/// What the chosen subcommand does; returns the exit status.
using Action = std::function<int()>;

/// The words after the program's name, for ranks that start the same command.
using Words = std::vector<std::string>;

void add_run(CLI::App& program, Action& chosen, const Words& words);
void add_resume(CLI::App& program, Action& chosen, const Words& words);
void add_rerun(CLI::App& program, Action& chosen, const Words& words);
void add_status(CLI::App& program, Action& chosen);
void add_collect(CLI::App& program, Action& chosen);
void add_plan(CLI::App& program, Action& chosen);
void add_report(CLI::App& program, Action& chosen);
void add_compare(CLI::App& program, Action& chosen);
void add_list(CLI::App& program, Action& chosen);
void add_data(CLI::App& program, Action& chosen, const Words& words);
void add_selftest(CLI::App& program, Action& chosen, const Words& words);
void add_submit(CLI::App& program, Action& chosen, const Words& words);
void add_cancel(CLI::App& program, Action& chosen);
void add_jobs(CLI::App& program, Action& chosen);
void add_watch(CLI::App& program, Action& chosen);
void add_validate(CLI::App& program, Action& chosen, const Words& words);
void add_new(CLI::App& program, Action& chosen);
void add_doctor(CLI::App& program, Action& chosen);

/// --ranks, --threads, --layout, --quiet, --checkpoint-seconds, --stop-after: what says where and how a study runs, not what it computes.
/// layout: parse_layout() of it goes into options.layout.
void add_execution(CLI::App& app, RunOptions& options, std::string& layout);

/// Calls `work` where the ranks exist: here if the program was started in parallel or one rank is enough, else below mpirun.
/// Sets OpenMP's number of threads.
int on_ranks(int ranks, int& threads, const Words& words, const Action& work);

/// An option that takes one of a few words. A wrong word is an error with the nearest valid one.
template <class T>
void add_choice(CLI::App& app, const std::string& name, T& target, const std::vector<std::pair<std::string, T>>& choices,
                const std::string& help) {
  Words words;
  for (const auto& choice : choices) words.push_back(choice.first);
  const auto set = [name, &target, choices, words](const std::string& word) {
    for (const auto& [text, value] : choices) {
      if (text != word) continue;
      target = value;
      return;
    }
    throw CLI::ValidationError(name, "unknown value '" + word + "' (valid: " + join(words) + ")." + suggest(word, words));
  };
  app.add_option_function<std::string>(name, set, help)->option_text(join(words, "|"));
}

}  // namespace variscope::experiments
