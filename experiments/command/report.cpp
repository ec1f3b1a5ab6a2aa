/// `variscope report`: from the command line to its option struct.
#include <memory>

#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/report/combined.hpp"
#include "experiments/report/tables.hpp"

namespace variscope::experiments {

void add_report(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("report", "Print the tables of a run, from its run.h5 alone");
  auto options = std::make_shared<ReportOptions>();
  app->add_option("RUN", options->runs, "Run directory, or its run.h5; of several one table: methods as rows, models as columns")
      ->required();
  const std::vector<std::pair<std::string, ReportFormat>> formats = {{"text", ReportFormat::text},
                                                                     {"markdown", ReportFormat::markdown},
                                                                     {"csv", ReportFormat::csv},
                                                                     {"latex", ReportFormat::latex},
                                                                     {"html", ReportFormat::html}};
  add_choice(*app, "--format", options->format, formats, "latex: booktabs; html: of several runs, one page that needs nothing else");
  app->add_option("--table", options->table, "One table alone (default: all that the run has)")->check(CLI::IsMember(table_names()));
  app->add_option("--quantity", options->quantity, "Of several runs: the one quantity to show (default: those that are read first)")
      ->check(CLI::IsMember(combined_quantities()));
  app->add_flag("--any-budget", options->any_budget, "Of several runs: methods with other budgets side by side, as rows of their own");
  app->add_flag("--partial", options->partial, "Of an unfinished run: what it has committed so far");
  app->add_option("--output", options->output, "File to write (default: standard output)");
  app->footer(
      "Examples:\n"
      "  variscope report runs/breast_cancer_variance\n"
      "  variscope report runs/breast_cancer_variance --format latex --output table.tex\n"
      "  variscope report runs/banana_vi runs/funnel_vi --format html --output together.html");
  app->callback([&chosen, options] { chosen = [options] { return print_report(*options); }; });
}

}  // namespace variscope::experiments
