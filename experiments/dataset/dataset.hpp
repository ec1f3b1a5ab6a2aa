/// A study's data file: found, looked into, and read rank by rank into checked, standardised shares.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/data/csv.hpp"
#include "engine/data/table.hpp"
#include "engine/index.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/store/table_file.hpp"
#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

enum class DataFormat { csv, hdf5 };

/// By extension: .csv, .h5, .hdf5. UserError otherwise.
DataFormat data_format(const std::string& file);

/// A data file that can be read: all the plan must know about it. A value; holds no open file.
struct Dataset {
  std::string path;  ///< as opened
  DataFormat format = DataFormat::csv;
  Index rows = 0;                     ///< N
  std::vector<std::string> columns;   ///< design columns in file order, no intercept
  std::string response;               ///< empty: none
  std::optional<data::CsvScan> scan;  ///< CSV alone
  store::TablePaths paths;            ///< HDF5 alone

  /// Columns of the design with the intercept, if the settings ask for one.
  [[nodiscard]] Index width(const Settings::Data& settings) const {
    return static_cast<Index>(columns.size()) + (settings.intercept ? 1 : 0);
  }
};

/// The file of a spec in `spec_directory`: absolute as it is, relative to the spec otherwise.
std::string locate_data(const Settings::Data& settings, const std::string& spec_directory);

/// Finds the file and reads its header, its shape and, for CSV, the lengths of its rows. Cost for CSV: one pass over the file.
/// settings.response names a column; in HDF5 also a dataset ("/group/y"), and empty it is the file's own response.
/// UserError for whatever is wrong, among it a model that explains a response and data without one.
Dataset open_dataset(const Settings::Data& settings, const std::string& spec_directory, models::ResponseKind response);

/// Global rows `share` as they stand in the file, checked: finite, and a binary response 0 or 1 (the error names row and column).
/// Memory for the intercept is reserved if the settings ask for one.
data::Table read_share(const Dataset& dataset, const Settings::Data& settings, models::ResponseKind response, Range share);

/// Standardises and adds the intercept as the settings ask. `moments`: data::ColumnMoments of all rows of all ranks, folded over
/// tiles of settings.row_tile rows; not looked at unless settings.standardize.
void finish_share(data::Table& table, const Settings::Data& settings, std::span<const double> moments, const std::string& place);

/// All of the above on one process: the table of all rows.
data::Table load_table(const Settings::Data& settings, const std::string& spec_directory, models::ResponseKind response);

/// UserError for the first row whose design or response is not finite, or whose binary response is neither 0 nor 1.
void check_share(const data::Table& table, models::ResponseKind response, const Dataset& dataset);

}  // namespace variscope::experiments
