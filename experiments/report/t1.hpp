/// Table T1: the variance of every estimator at every point of every cell.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/diagnostics/summary.hpp"
#include "engine/record.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// What a report says about its origin.
struct ReportContext {
  std::string study;
  std::string results_hash;
  std::string program_version;
  std::string baseline = "pw_cfe";
  std::vector<std::string> excluded = {};  ///< cells that `[[exclude]]` removed, each with its reason
};

/// The context that run.h5 alone gives.
ReportContext report_context(const std::map<std::string, std::string>& provenance, const std::string& results_hash);

/// A cell's summaries, point by point; computed once, read by the table and the figure.
struct CellSummary {
  const CellRecord* cell = nullptr;
  std::string heading;  ///< the settings in which this cell differs from the others
  std::vector<diagnostics::PointSummary> points;
};

/// cells must outlive the result.
std::vector<CellSummary> summarise_cells(const std::vector<CellRecord>& cells, const ReportContext& context);

/// No variance is shown for an estimator that failed its bias gate: its cells say "biased".
Table t1(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
