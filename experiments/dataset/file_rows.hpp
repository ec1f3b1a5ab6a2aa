/// The rows of a data file of any format, one at a time and in order, as numbers: one for each column of the file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/csv.hpp"
#include "engine/data/levels.hpp"
#include "engine/data/libsvm.hpp"
#include "engine/data/npy.hpp"
#include "engine/store/table_file.hpp"

namespace variscope::experiments {

enum class DataFormat { csv, tsv, hdf5, npy, libsvm };

/// What a column of the file is read as.
enum class CellUse { unused, number, level };

/// A data file whose shape is known. A value; holds no open file.
struct DataFile {
  std::string path;
  DataFormat format = DataFormat::csv;
  std::vector<std::string> fields;  ///< names of the columns in file order; where the response is kept apart it is the last
  Index rows = 0;                   ///< of the file; CSV that has not been scanned: 0
  store::TablePaths paths;          ///< HDF5
  bool response_apart = false;      ///< HDF5: the response is no column of the design
  data::NpyHeader array;            ///< .npy
  data::NpyHeader response;         ///< .npy with a file for the response
  data::LibsvmScan sparse;          ///< LIBSVM
  std::vector<CellUse> uses;        ///< one for each field
  std::vector<data::CsvPosition>
      starts;  ///< where reading can start, increasing, the first is row 0; of formats with rows of one size: none

  [[nodiscard]] char separator() const { return format == DataFormat::tsv ? '\t' : ','; }
  [[nodiscard]] bool text() const { return format == DataFormat::csv || format == DataFormat::tsv; }
};

class FileRows {
 public:
  FileRows() = default;
  FileRows(const FileRows&) = delete;
  FileRows& operator=(const FileRows&) = delete;
  virtual ~FileRows() = default;

  /// The next row: cells[c] becomes the number, or the code of the level, in column c; NaN where it is missing; unused columns are left
  /// alone. False at the end of the file. UserError for a number that cannot be read, a level that is none.
  virtual bool next(double* cells) = 0;
  /// Passes over a row.
  virtual bool skip() = 0;
  /// Where the row that comes next starts.
  [[nodiscard]] virtual data::CsvPosition position() const = 0;
  /// "file.csv:17", "file.h5: row 15 (counted from 0)": the row read last.
  [[nodiscard]] virtual std::string place() const = 0;
  /// UserError: the cell of the row read last is missing or not finite.
  [[noreturn]] virtual void refuse(std::size_t column, double value) const = 0;
};

/// From a start of the file on; rows of one size: from any row. `levels`: one for each field, outlives the reader.
std::unique_ptr<FileRows> open_rows(const DataFile& file, const data::CsvPosition& start, std::vector<data::Levels>& levels);
/// From the first row.
std::unique_ptr<FileRows> open_rows(const DataFile& file, std::vector<data::Levels>& levels);

}  // namespace variscope::experiments
