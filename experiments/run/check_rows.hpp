/// Whether the rows of a study's data are such as its models take.
#pragma once

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Rows looked at, of all data sets.
struct CheckedRows {
  Index rows = 0;
  Index all = 0;
};

/// Reads rows as a run does, a block at a time, and makes every path's model on them: throws the UserError that a run would (a binary
/// response of 2, a count of -1, text in a number's place). Not more than about `bytes` of each data set, from its beginning; a model whose
/// likelihood is no sum over rows looks at all of them at once. Memory: a block of 64 MiB. Cost: one pass over the file.
CheckedRows check_rows(const Plan& plan, double bytes);

}  // namespace variscope::experiments
