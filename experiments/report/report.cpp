/// Write everything a study's report consists of into a directory.
#include "experiments/report/report.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/error.hpp"
#include "experiments/report/chain_summaries.hpp"
#include "experiments/report/figure_course.hpp"
#include "experiments/report/figure_fits.hpp"
#include "experiments/report/figure_functions.hpp"
#include "experiments/report/figure_predictive.hpp"
#include "experiments/report/figure_samplers.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/gnuplot.hpp"
#include "experiments/report/html.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/tables.hpp"

namespace variscope::experiments {

namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    throw SystemError(fmt::format("{}: cannot be written ({}).", path.string(), std::strerror(errno)));
  }
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A document that holds every table and figure, and compiles: what a paper begins from.
std::string paper(const std::vector<NamedTable>& tables, const std::vector<PagePicture>& pictures, const ReportContext& context) {
  std::string text =
      "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}\n\\usepackage{booktabs,graphicx}\n"
      "\\begin{document}\n\\title{" +
      latex_escaped(context.study) + "}\n\\author{variscope " + latex_escaped(context.program_version) +
      "}\n\\maketitle\n\\noindent results \\texttt{" + latex_escaped(context.results_hash) + "}\n\n";
  // A page of floats after each: LaTeX keeps only so many waiting.
  for (const NamedTable& named : tables) text += fmt::format("\\input{{{}}}\n\\clearpage\n", named.name);
  for (const PagePicture& picture : pictures) {
    text +=
        fmt::format("\\begin{{figure}}\n\\includegraphics[width=\\linewidth]{{{}.pdf}}\n\\caption{{{}}}\n\\end{{figure}}\n\\clearpage\n",
                    picture.name, latex_escaped(picture.title));
  }
  return text + "\\end{document}\n";
}

/// Tables, figures and the page as files; the tables' text.
std::string write_files(const std::vector<NamedTable>& tables, const std::vector<Figure>& figures, const ReportContext& context,
                        const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw SystemError(fmt::format("{}: cannot be created ({}).", directory, error.message()));
  }
  const std::filesystem::path place(directory);
  std::string origin = fmt::format("variscope {}, results {}", context.program_version, context.results_hash);
  const std::string source = origin;  // one line
  if (!context.failures.empty()) origin += fmt::format("\nWarning: {}.", context.failures);
  // What an earlier program wrote must not stand beside what this one writes.
  for (const std::string& name : table_names()) {
    for (const char* ending : {".txt", ".md", ".csv", ".tex"}) {
      std::filesystem::remove(place / (name + ending), error);
    }
  }
  std::string text;
  for (const NamedTable& named : tables) {
    const std::string whole = render_text(named.table);
    write_file(place / (named.name + ".txt"), whole + "\n" + origin + "\n");
    write_file(place / (named.name + ".md"), render_markdown(named.table) + "\n" + origin + "\n");
    write_file(place / (named.name + ".csv"), render_csv(named.table));
    write_file(place / (named.name + ".tex"), "% " + source + "\n" + render_latex(named.table));
    text += (named.details ? render_text(shortened(named.table, (place / (named.name + ".txt")).string())) : whole) + "\n";
  }
  text += origin + "\n";

  std::vector<std::string> problems;
  std::vector<PagePicture> pictures;
  for (const Figure& figure : figures) {
    write_file(place / (figure.name + ".csv"), figure.data);
    write_file(place / (figure.name + ".gp"), figure.script);
    for (const char* ending : {".svg", ".pdf"}) {
      const std::string picture = figure.name + ending;
      const std::string said = run_gnuplot(directory, figure.name + ".gp", picture);
      if (!said.empty()) {
        std::filesystem::remove(place / picture, error);  // half a picture is worse than none
        problems.push_back(said);
      } else if (picture.ends_with(".svg")) {
        pictures.push_back({figure.name, figure.title, file_text(place / picture), figure.data});
      }
    }
  }
  write_file(place / "index.html", render_page(tables, pictures, context));
  write_file(place / "paper.tex", paper(tables, pictures, context));
  // A missing gnuplot would say the same for every figure.
  text += problems.empty() ? "" : problems.front() + "\n";
  return text;
}

}  // namespace

std::string write_report(const std::vector<CellRecord>& cells, const ReportContext& context, const std::string& directory) {
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  const Predictions predictions = predict(summaries);
  return write_files(report_tables(summaries, predictions, context), report_figures(summaries, predictions, context), context, directory);
}

std::string write_chain_report(const std::vector<ChainCellRecord>& cells, const ReportContext& context, const std::string& run,
                               const std::string& directory) {
  std::vector<SamplerPicture> pictures;
  const std::vector<SamplerEntry> entries = summarise_chains(cells);
  std::size_t next = 0;
  for (const ChainCellRecord& cell : cells) {
    for (const ChainsRecord& chains : cell.samplers) {
      const SamplerEntry& entry = entries[next++];
      const auto path = store::trace_path(run, chains.trace);
      if (!std::filesystem::exists(path)) continue;
      const std::string label = entry.variant.empty() ? chains.sampler : chains.sampler + ", " + entry.variant;
      pictures.push_back(picture_of(store::TraceFile(path), layout_of_record(cell, chains), entry.summary, label));
    }
  }
  std::vector<Figure> figures = sampler_figures(pictures, context.study);
  const std::vector<FitCellRecord> predictions = predictions_of_chains(cells);
  for (Figure& figure : predictive_figures_of(summarise_posteriors(predictions), context)) figures.push_back(std::move(figure));
  return write_files(chain_tables(cells, context), figures, context, directory);
}

std::string write_fit_report(const std::vector<FitCellRecord>& cells, const ReportContext& context, const std::string& directory) {
  std::vector<Figure> figures = fit_figures(summarise_fits(cells), context);
  const std::vector<FitProblem> posteriors = summarise_posteriors(cells);
  for (auto* figures_of : {particle_figures_of, predictive_figures_of, function_figures_of}) {
    for (Figure& figure : figures_of(posteriors, context)) figures.push_back(std::move(figure));
  }
  return write_files(fit_tables(cells, context), figures, context, directory);
}

}  // namespace variscope::experiments
