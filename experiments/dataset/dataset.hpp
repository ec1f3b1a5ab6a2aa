/// A study's data file: found, looked into, and read rank by rank into checked, standardised shares.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/data/csv.hpp"
#include "engine/data/standardize.hpp"
#include "engine/data/table.hpp"
#include "engine/index.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/store/table_file.hpp"
#include "experiments/dataset/file_rows.hpp"
#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

/// By extension: .csv, .tsv, .tab, .h5, .hdf5, .npy, .libsvm, .svm, .svmlight. UserError otherwise.
DataFormat data_format(const std::string& file);
/// Of a study's file, as the settings say or by its extension.
DataFormat data_format(const Settings::Data& settings);

/// Rows that a study learns from, and those it holds out.
enum class DataPart { training, test };

/// A data file that can be read: all the plan must know about it. A value; holds no open file.
///
/// Rows are those of the training part: rows of the file in its order, less those dropped for a missing value, less those held out. Row n
/// of the file (counted from 0, dropped rows included) is held out if uniform(split_rows, n) of the study's seed is below the test
/// fraction.
struct Dataset {
  /// A column of the design: a number of the file, or 1 where a categorical column is at a level and 0 elsewhere.
  struct Column {
    std::size_t field = 0;
    Index level = -1;  ///< -1: a number
  };
  /// Where reading can start, and how many rows of each part lie before.
  struct Mark {
    Index training = 0;
    Index test = 0;
    data::CsvPosition start;
  };

  std::string path;  ///< as opened
  DataFormat format = DataFormat::csv;
  Index rows = 0;                            ///< N: of the training part
  std::vector<std::string> columns;          ///< of the design, in order: numbers and levels, then products; no intercept
  std::string response;                      ///< empty: none
  std::vector<std::string> response_levels;  ///< of a categorical response
  std::vector<std::string> side_columns;     ///< names
  std::optional<data::CsvScan> scan;         ///< CSV whose columns are all used as they are
  store::TablePaths paths;                   ///< HDF5 alone

  Index dropped_rows = 0;  ///< of the file, for a missing value
  Index test_rows = 0;     ///< held out
  bool direct = true;      ///< all columns are used as they are, and all rows: whole blocks are read in place
  DataFile file;
  std::vector<std::vector<std::string>> levels;  ///< of each field; empty: none
  std::vector<Column> design;                    ///< without products
  std::vector<data::ProductColumn> products;
  std::optional<std::size_t> response_field;
  std::vector<std::size_t> side_fields;
  std::vector<Mark> marks;
  bool drop_rows = false;
  bool signs = false;  ///< labels -1 and +1 stand for 0 and 1
  double test_fraction = 0;
  std::uint64_t seed = 1;

  /// Columns of the design with the intercept, if the settings ask for one.
  [[nodiscard]] Index width(const Settings::Data& settings) const {
    return static_cast<Index>(columns.size()) + (settings.intercept ? 1 : 0);
  }
  [[nodiscard]] Index part_rows(DataPart part) const { return part == DataPart::training ? rows : test_rows; }
  /// A table of the right names, levels and number of rows that holds none.
  [[nodiscard]] data::Table shape(const Settings::Data& settings) const;
};

/// The file of a spec in `spec_directory`: absolute as it is, relative to the spec otherwise.
std::string locate_data(const Settings::Data& settings, const std::string& spec_directory);

/// Finds the file and reads its header, its shape and, for text, the lengths of its rows. Cost for text: one pass over the file.
/// Categorical columns and dropped rows take a pass over the values in any format: levels are sorted, and so the same on every rank.
/// settings.response names a column; in HDF5 also a dataset ("/group/y"), and empty it is the file's own response; LIBSVM: "label".
/// UserError for whatever is wrong, among it a model that explains a response and data without one.
Dataset open_dataset(const Settings::Data& settings, const std::string& spec_directory, models::ResponseKind response,
                     std::uint64_t seed = 1);

/// Rows `share` of a part, coded yet not standardised, checked: finite, and the response of the kind (the error names row and column).
/// Memory for products and the intercept is reserved. A rank holds its share and a block of the file.
data::Table read_share(const Dataset& dataset, const Settings::Data& settings, models::ResponseKind response, Range share,
                       DataPart part = DataPart::training);

/// Standardises the numbers, adds the products and the intercept as the settings ask. `moments`: data::ColumnMoments of all training rows
/// of all ranks as read_share gives them, folded over tiles of settings.row_tile rows; not looked at unless settings.standardize.
void finish_share(data::Table& table, const Dataset& dataset, const Settings::Data& settings, std::span<const double> moments);

/// All of the above on one process: the table of all rows of a part.
data::Table load_table(const Settings::Data& settings, const std::string& spec_directory, models::ResponseKind response,
                       DataPart part = DataPart::training, std::uint64_t seed = 1);

}  // namespace variscope::experiments
