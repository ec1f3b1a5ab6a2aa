/// All tables of a run that it has something to say in, in the order in which they are read.
#pragma once

#include <string>
#include <vector>

#include "engine/chain_record.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/predictions.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

struct NamedTable {
  std::string name;      ///< "t1": of its files and of `--table`
  bool details = false;  ///< `run` shows a shortened version
  Table table;
};

/// Names that tables may have.
const std::vector<std::string>& table_names();

/// Those with sections; T1 if there are none.
std::vector<NamedTable> report_tables(const std::vector<CellSummary>& cells, const Predictions& predictions, const ReportContext& context);

/// Those of a study of fits.
std::vector<NamedTable> fit_tables(const std::vector<FitCellRecord>& cells, const ReportContext& context);

/// Those of a study of chains.
std::vector<NamedTable> chain_tables(const std::vector<ChainCellRecord>& cells, const ReportContext& context);

/// Without its caption and all columns but those of Table::essential; names the file that holds the whole.
Table shortened(const Table& table, const std::string& file);

}  // namespace variscope::experiments
