/// Write everything a study's report consists of into a directory.
#include "experiments/report/report.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/error.hpp"
#include "experiments/report/figure.hpp"
#include "experiments/report/render.hpp"

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

}  // namespace

std::string write_report(const std::vector<CellRecord>& cells, const ReportContext& context, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw SystemError(fmt::format("{}: cannot be created ({}).", directory, error.message()));
  }
  const std::filesystem::path place(directory);
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  const Table table = t1(summaries, context);
  const std::string origin = fmt::format("variscope {}, results {}", context.program_version, context.results_hash);

  std::string text = render_text(table) + "\n" + origin + "\n";
  write_file(place / "t1.txt", text);
  write_file(place / "t1.md", render_markdown(table) + "\n" + origin + "\n");
  write_file(place / "t1.csv", render_csv(table));
  write_file(place / "t1.tex", "% " + origin + "\n" + render_latex(table));

  const Figure figure = variance_figure(summaries, context, "variance.csv", "variance.svg");
  write_file(place / "variance.csv", figure.data);
  write_file(place / "variance.gp", figure.script);
  const std::string problem = run_gnuplot(directory, "variance.gp");
  if (!problem.empty()) {
    std::filesystem::remove(place / "variance.svg", error);  // half a picture is worse than none
    text += problem + "\n";
  }
  return text;
}

}  // namespace variscope::experiments
