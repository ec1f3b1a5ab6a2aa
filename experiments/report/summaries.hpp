/// What the tables and figures are made from: every cell's summaries, computed once, with its heading and its baseline.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/diagnostics/summary.hpp"
#include "engine/record.hpp"

namespace variscope::experiments {

/// What a report says about its origin.
struct ReportContext {
  std::string study;
  std::string results_hash;
  std::string program_version;
  std::string baseline = "pw_cfe";
  std::vector<std::string> excluded = {};              ///< cells that `[[exclude]]` removed, each with its reason
  std::string failures = {};                           ///< evaluations that failed, in a sentence; empty: none
  std::map<std::string, std::string> provenance = {};  ///< of run.h5, its spec's text included
};

/// The context that run.h5 alone gives.
ReportContext report_context(const std::map<std::string, std::string>& provenance, const std::string& results_hash);

/// A cell's summaries, point by point; computed once, read by the tables and the figures.
struct CellSummary {
  const CellRecord* cell = nullptr;
  std::string heading;  ///< the settings in which this cell differs from the others
  std::vector<diagnostics::PointSummary> points;
};

/// cells must outlive the result. The baseline of a cell is the context's; where that was not run iwae (of importance-weighted bounds),
/// sf_loo, sf_raw, or the first estimator that is not declared biased.
std::vector<CellSummary> summarise_cells(const std::vector<CellRecord>& cells, const ReportContext& context);

/// Whether the catalogue declares it biased; unknown names do not count.
bool declared_biased(const std::string& estimator);
/// Whether the cell's objective is the importance-weighted bound, whose gradients compare with no others.
bool bounds_by_importance(const CellRecord& cell);

/// The settings whose text is not the same in all cells.
std::set<std::string> differing_settings(const std::vector<const CellRecord*>& cells);
/// Model, family and sizes, then those of `differing` which are not among these, apart from replicas and their policies if `replicas` is
/// false.
std::string heading_of(const CellRecord& cell, const std::set<std::string>& differing, bool replicas = true);

/// "model.k = 2", "R = 4", "noise shared".
std::string setting_in_words(const std::string& key, const std::string& value);

/// Names of all blocks of these cells in order of first appearance.
std::vector<std::string> block_names(const std::vector<const CellRecord*>& cells);

}  // namespace variscope::experiments
