/// Write everything a study's report consists of into a directory.
#pragma once

#include <string>
#include <vector>

#include "engine/chain_record.hpp"
#include "engine/fit_record.hpp"
#include "engine/record.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// Writes every table of report_tables() as NAME.txt, .md, .csv and .tex, and every figure of report_figures() as NAME.csv, .gp
/// and, if gnuplot works, .svg and .pdf, and all of it once more as one page, index.html, and as one LaTeX document, paper.tex. Returns the
/// tables' text, those with details shortened, followed by one line saying why if a figure is missing. The directory is created. Throws
/// SystemError if a file cannot be written.
std::string write_report(const std::vector<CellRecord>& cells, const ReportContext& context, const std::string& directory);

/// The same for a study of fits.
std::string write_fit_report(const std::vector<FitCellRecord>& cells, const ReportContext& context, const std::string& directory);

/// The same for a study of chains, with pictures from those trace files below `run` that are there.
std::string write_chain_report(const std::vector<ChainCellRecord>& cells, const ReportContext& context, const std::string& run,
                               const std::string& directory);

}  // namespace variscope::experiments
