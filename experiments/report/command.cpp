/// `variscope report`: tables from run.h5 alone.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "engine/error.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/report.hpp"
#include "experiments/report/tables.hpp"
#include "experiments/run/partial.hpp"

namespace variscope::experiments {

namespace {

std::string render(const Table& table, ReportFormat format) {
  switch (format) {
    case ReportFormat::markdown:
      return render_markdown(table);
    case ReportFormat::csv:
      return render_csv(table);
    case ReportFormat::latex:
      return render_latex(table);
    case ReportFormat::text:
      break;
  }
  return render_text(table);
}

std::vector<NamedTable> tables_of(const store::RunRecord& run, const ReportContext& context) {
  if (!run.fits.empty()) return fit_tables(run.fits, context);
  if (!run.chains.empty()) return chain_tables(run.chains, context);
  const std::vector<CellSummary> summaries = summarise_cells(run.cells, context);
  return report_tables(summaries, predict(summaries), context);
}

}  // namespace

int print_report(const ReportOptions& options) {
  std::filesystem::path file = options.run;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  if (options.partial && store::is_complete(file.parent_path()))
    throw UserError(fmt::format("{}: the run is complete. Leave --partial out.", options.run));
  const store::RunRecord run = options.partial ? partial_record(file.parent_path()) : store::read_run_file(file);
  const ReportContext context = report_context(run.provenance, run.results_hash);
  std::string text;
  for (const NamedTable& named : tables_of(run, context)) {
    if (options.table.empty() || options.table == named.name) {
      text += (text.empty() ? "" : "\n") + render(named.table, options.format);
    }
  }
  if (text.empty())
    throw UserError(fmt::format("{}: this run has no table {}. Leave out --table to see what it has.", file.string(), options.table));
  const auto directory = file.parent_path() / "report";
  if (options.output.empty()) {
    fmt::print("{}", text);
    if (options.partial) {
      // Of a run under way only what is asked for is written.
      fmt::print("\n{}\n", run.provenance.at("partial"));
      return 0;
    }
    // The files of the report are made again from run.h5, so that they never lag behind the program.
    if (!run.fits.empty())
      write_fit_report(run.fits, context, directory.string());
    else if (!run.chains.empty())
      write_chain_report(run.chains, context, file.parent_path().string(), directory.string());
    else
      write_report(run.cells, context, directory.string());
    fmt::print(stderr, "report files: {}\n", directory.string());
    return 0;
  }
  std::ofstream out(options.output, std::ios::binary);
  out << text << std::flush;
  if (!out)
    throw UserError(
        fmt::format("{}: cannot be written (no such directory, or no space). Name another file with --output.", options.output));
  return 0;
}

}  // namespace variscope::experiments
