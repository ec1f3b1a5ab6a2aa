/// Write everything a study's report consists of into a directory.
#pragma once

#include <string>
#include <vector>

#include "engine/record.hpp"
#include "experiments/report/t1.hpp"

namespace variscope::experiments {

/// Writes t1.txt, t1.md, t1.csv, t1.tex, variance.csv, variance.gp and, if gnuplot works, variance.svg. Returns the text of
/// t1.txt, followed by one line saying why if there is no figure. The directory is created. Throws SystemError if a file cannot be written.
std::string write_report(const std::vector<CellRecord>& cells, const ReportContext& context, const std::string& directory);

}  // namespace variscope::experiments
