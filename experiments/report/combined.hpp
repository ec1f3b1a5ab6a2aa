/// Several runs in one table: methods as rows, models as columns.
#pragma once

#include <string>
#include <vector>

#include "engine/store/run_file.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A run as the table names it.
struct NamedRun {
  std::string name;  ///< of its directory
  store::RunRecord record;
};

/// What a combined table may show, "trace_total", and which way it is better.
std::vector<std::string> combined_quantities();

/// A section for each quantity, a row for each method and setting, a column for each problem (model, data, and in studies of variance the
/// point of one family where the last of a path lies). quantity: one of combined_quantities(); empty: those that are read first, of
/// variance studies the total variance, of fits the gap (T4), error and sd ratio against a reference (T5) and log density (T6), of chains
/// S1's effective size per gradient, R-hat and errors against a reference.
///
/// The best of a column is marked (TableCell::best) only where its 95 % interval ends before every other's begins and all can be relied on.
/// What cannot be compared is refused: UserError where runs are of different kinds, where columns of one problem were made from other
/// data of the same name or at other points, and, unless `any_budget`, with other budgets (samples and rows of an estimate, steps and
/// budget of a fit, draws and warm-up of chains). Cost: that of the runs' tables.
Table combine(const std::vector<NamedRun>& runs, const std::string& quantity, bool any_budget);

}  // namespace variscope::experiments
