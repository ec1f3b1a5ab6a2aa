/// What an unfinished run has committed, as a record that reports and readers take like a finished one.
#pragma once

#include <filesystem>

#include "engine/store/run_file.hpp"

namespace variscope::experiments {

/// Of every cell the points that are begun, with the batches (fits: the repeats) that are committed for all estimators; cells without any
/// are left out. A run directory whose parts are not put together yet counts as one run. replicates and repeats are those that are there.
/// provenance says "partial". No ranks, no rows of data: cost is reading the segments. Safe while the run goes on. Throws UserError if
/// nothing that could be reported is committed.
store::RunRecord partial_record(const std::filesystem::path& given);

}  // namespace variscope::experiments
