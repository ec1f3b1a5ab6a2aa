/// `variscope compare`: two runs held against each other, for people and for CI.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/store/run_file.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/report/compare.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

constexpr int differs = 1;

struct CompareOptions {
  std::string first;
  std::string second;
  bool csv = false;
  bool all = false;
};

store::RunRecord read_run(const std::string& name) {
  std::filesystem::path file = name;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  return store::read_run_file(file);
}

/// Rows whose last cell is one of what a reader asks for first.
Table findings(Table table) {
  for (TableSection& section : table.sections) {
    std::erase_if(section.rows,
                  [](const TableRow& row) { return row.cells.back().text != "DIFFERS" && row.cells.back().text != "not judged"; });
  }
  std::erase_if(table.sections, [](const TableSection& section) { return section.rows.empty(); });
  return table;
}

int compare(const CompareOptions& options) {
  const RunComparison found = compare_runs(read_run(options.first), read_run(options.second));
  const bool apart = !found.apart.empty();
  if (options.csv) {
    fmt::print("{}", render_csv(found.results));
  } else {
    if (found.same_bits) fmt::print("The results are the same, bit for bit.\n");
    for (const std::string& sentence : found.apart) fmt::print("{}.\n", sentence);
    const Table shown = options.all ? found.results : findings(found.results);
    if (!shown.sections.empty() && (options.all || !found.same_bits)) fmt::print("{}\n", render_text(shown));
    if (!found.timings.sections.empty() && options.all) fmt::print("{}\n", render_text(found.timings));
    if (!found.same_bits) {
      fmt::print("{} numbers compared: {} differ beyond noise, {} not judged; {} could not be compared.\n", found.compared, found.differing,
                 found.not_judged, found.apart.size());
    }
  }
  return found.differing > 0 || apart || (found.compared == 0 && !found.same_bits) ? differs : 0;
}

}  // namespace

void add_compare(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("compare", "Hold two runs against each other: what differs beyond noise");
  auto options = std::make_shared<CompareOptions>();
  app->add_option("FIRST", options->first, "Run directory, or its run.h5")->required();
  app->add_option("SECOND", options->second, "The other")->required();
  app->add_flag("--all", options->all, "Print every number and the timings (default: only what differs or was not judged)");
  app->add_flag("--csv", options->csv, "Every number as CSV");
  app->footer(
      "Exit status: 0 nothing differs beyond noise, 1 something does or could not be compared, 2 a file cannot be read.\n"
      "A chance of 1 % for any false alarm, over everything compared.\n"
      "Example: variscope compare runs/before runs/after --all");
  app->callback([&chosen, options] { chosen = [options] { return compare(*options); }; });
}

}  // namespace variscope::experiments
