/// The variance figure: trace of variance along the points of the path, one line per estimator, drawn by gnuplot.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// What to draw, as texts.
struct Figure {
  std::string data;    ///< CSV: panel, estimator, position, point, value, lower, upper, flag
  std::string script;  ///< gnuplot program that reads the data from `data_file`
};

/// One panel per cell (capped at 12, the CSV holds all). Estimators that failed the bias gate and zeros are left out.
/// image: "variance.svg" (or .png, .pdf), data_file: both as the script shall name them.
Figure variance_figure(const std::vector<CellSummary>& cells, const ReportContext& context, const std::string& data_file,
                       const std::string& image);

/// Runs gnuplot on script_file inside directory. Returns an empty text, or what went wrong and what to do.
std::string run_gnuplot(const std::string& directory, const std::string& script_file);

}  // namespace variscope::experiments
