/// The whole program: parses the command line, acts, and turns every exception into one line on standard error.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <new>
#include <thread>

#include "cluster/communicator/communicator.hpp"
#include "engine/error.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/command/version.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments {
namespace {

constexpr int failure = 1;
constexpr int user_error = 2;

/// One line, and the end of all ranks.
int give_up(const std::string& text, int status) {
  std::fflush(stdout);
  if (!cluster::Communicator::launched_in_parallel()) {
    print_error_line(text, status, 0);
    return status;
  }
  const auto world = cluster::Communicator::world();
  // The launcher ends ranks by SIGTERM; a study's wish to save and leave, which it means elsewhere, would keep this one talking.
  std::signal(SIGTERM, SIG_DFL);
  // What is wrong with the spec or the command all ranks find at once: the first rank speaks for them.
  if (world.rank() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const bool name_rank = status == failure && world.size() > 1;
  print_error_line(name_rank ? fmt::format("rank {}: {}", world.rank(), text) : text, status, world.rank());
  world.abort(status);
}

std::vector<std::string> names_in(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// CLI11's message, made one line with a suggestion.
std::string explain(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App* app = &program;
  std::string command = "variscope";
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    command += " " + app->get_name();
  }
  std::string help = fmt::format("See '{} --help'.", command);
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr || dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (extra && !app->remaining().empty()) {
    const std::string word = app->remaining().front();
    const std::string found = nearest(word.substr(0, word.find('=')), names_in(*app));
    if (!found.empty()) help = fmt::format("Did you mean '{}'?", found);
    return fmt::format("{}: unknown {} '{}'. {}", command, word.starts_with('-') ? "option" : "argument", word, help);
  }
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  if (text.ends_with('?')) return fmt::format("{}: {}", command, text);
  return fmt::format("{}: {}. {}", command, text, help);
}

}  // namespace

int run_program(int argc, char** argv) {
  // Lines must come live through pipes and launchers too.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Words words(argv + 1, argv + argc);
  Action chosen;
  CLI::App program("variscope measures the variance of ELBO-gradient estimators, with the same bits on any number of ranks and threads.",
                   "variscope");
  program.set_version_flag("--version", version_text());
  program.set_help_all_flag("--help-all", "Help of every subcommand");
  program.get_formatter()->column_width(34);
  program.require_subcommand(0, 1);
  add_run(program, chosen, words);
  add_resume(program, chosen, words);
  add_status(program, chosen);
  add_collect(program, chosen);
  add_rerun(program, chosen, words);
  add_plan(program, chosen);
  add_report(program, chosen);
  add_compare(program, chosen);
  add_list(program, chosen);
  add_data(program, chosen, words);
  add_selftest(program, chosen, words);
  add_validate(program, chosen, words);
  add_submit(program, chosen, words);
  add_cancel(program, chosen);
  add_jobs(program, chosen);
  add_watch(program, chosen);
  add_new(program, chosen);
  add_doctor(program, chosen);
  program.footer(
      "Examples:\n"
      "  variscope run experiments/specs/breast_cancer_variance.toml --ranks 2\n"
      "  variscope report runs/breast_cancer_variance\n"
      "  variscope run --help");
  try {
    program.parse(argc, argv);
    if (!chosen) {
      fmt::print("{}", program.help());
      return 0;
    }
    return chosen();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);
    return give_up(explain(program, error), user_error);
  } catch (const UserError& error) {
    return give_up(error.what(), user_error);
  } catch (const std::bad_alloc&) {
    return give_up("out of memory. Use a smaller study, fewer ranks on this machine, or set limits.memory_gib to be told by the plan.",
                   failure);
  } catch (const std::exception& error) {
    return give_up(error.what(), failure);
  }
}

}  // namespace variscope::experiments
