/// `variscope report`: tables from run.h5 alone.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "engine/error.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/report/combined.hpp"
#include "experiments/report/html.hpp"
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
    case ReportFormat::html:
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

/// To the file, or to standard output where none is named.
int put(const std::string& text, const std::string& file) {
  if (file.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  if (!out) throw UserError(fmt::format("{}: cannot be written (no such directory, or no space). Name another file with --output.", file));
  return 0;
}

/// Several runs: one table, no files but what is asked for.
int print_together(const ReportOptions& options) {
  if (options.partial || !options.table.empty())
    throw UserError("variscope report: --partial and --table are of one run (several make one table). Leave them out.");
  std::vector<NamedRun> runs;
  for (const std::string& name : options.runs) {
    std::filesystem::path file = std::filesystem::path(name).lexically_normal();
    if (std::filesystem::is_directory(file)) file /= "run.h5";
    const auto directory = std::filesystem::absolute(file).lexically_normal().parent_path();
    runs.push_back({directory.filename().string(), store::read_run_file(file)});
  }
  const Table table = combine(runs, options.quantity, options.any_budget);
  std::string text;
  if (options.format == ReportFormat::html) {
    ReportContext context = report_context(runs.front().record.provenance, "");
    context.study = table.title;
    context.provenance.clear();
    for (const NamedRun& run : runs) {
      context.provenance["results of " + run.name] = run.record.results_hash;
      context.results_hash += (context.results_hash.empty() ? "" : ", ") + run.record.results_hash;
    }
    text = render_page({{"together", false, table}}, {}, context);
  } else {
    text = render(table, options.format);
  }
  return put(text, options.output);
}

}  // namespace

int print_report(const ReportOptions& options) {
  if (options.runs.size() > 1) return print_together(options);
  if (!options.quantity.empty() || options.any_budget)
    throw UserError("variscope report: --quantity and --any-budget are of several runs (one run has its own tables). Name more runs.");
  if (options.format == ReportFormat::html)
    throw UserError("variscope report: --format html is of several runs (of one, report/index.html is always made). Leave it out.");
  std::filesystem::path file = options.runs.at(0);
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  if (options.partial && store::is_complete(file.parent_path()))
    throw UserError(fmt::format("{}: the run is complete. Leave --partial out.", options.runs.at(0)));
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
  return put(text, options.output);
}

}  // namespace variscope::experiments
