/// Mean and sum of squares of a table's columns over some rows, in one pass through memory.
#pragma once

#include "engine/data/table.hpp"
#include "engine/models/model.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models {

/// Of each column: the mean over the rows, and the sum of squares about it. Owned, 64-byte aligned; kept between calls.
struct ColumnMoments {
  Index rows = 0;
  tiles::Batch mean;     ///< `columns` doubles in order; 0 without rows
  tiles::Batch squares;  ///< `columns` doubles in order
};

/// Fills `to` from the rows, which must be held, a repeated one as often as it stands there. Chunks of 16 rows are summed exactly about
/// their own mean and merged (Chan, Golub, LeVeque 1983, Am. Stat. 37(3)); the chunks start at the list's first row, so the bits are a
/// function of the list. Cost O(|rows| columns), limited by reading.
void column_moments(const data::Table& table, const RowList& rows, ColumnMoments& to);

}  // namespace variscope::models
