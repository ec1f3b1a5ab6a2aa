/// `variscope report`: from the command line to its option struct.
#include <memory>

#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/report/tables.hpp"

namespace variscope::experiments {

void add_report(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("report", "Print the tables of a run, from its run.h5 alone");
  auto options = std::make_shared<ReportOptions>();
  app->add_option("RUN", options->run, "Run directory, or its run.h5")->required();
  const std::vector<std::pair<std::string, ReportFormat>> formats = {
      {"text", ReportFormat::text}, {"markdown", ReportFormat::markdown}, {"csv", ReportFormat::csv}, {"latex", ReportFormat::latex}};
  add_choice(*app, "--format", options->format, formats, "latex: booktabs");
  app->add_option("--table", options->table, "One table alone (default: all that the run has)")->check(CLI::IsMember(table_names()));
  app->add_flag("--partial", options->partial, "Of an unfinished run: what it has committed so far");
  app->add_option("--output", options->output, "File to write (default: standard output)");
  app->footer(
      "Examples:\n"
      "  variscope report runs/breast_cancer_variance\n"
      "  variscope report runs/breast_cancer_variance --format latex --output table.tex");
  app->callback([&chosen, options] { chosen = [options] { return print_report(*options); }; });
}

}  // namespace variscope::experiments
