/// Separated text (commas or tabs) with a header line, read as a stream: a rank never holds more than its own rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/csv_cell.hpp"
#include "engine/data/table.hpp"
#include "engine/index.hpp"

namespace variscope::data {

/// What a cell that is missing (empty, NA, ?, null), NaN or infinite does.
enum class NonFinite { refuse, keep };  ///< keep: a missing cell becomes NaN

/// Where a row starts: its byte and its line (1 is the header).
struct CsvPosition {
  Index row = 0;
  Index byte = 0;
  Index line = 0;
};

/// A file whose header and row lengths have been checked, with at most 1024 marks from which reading can start.
struct CsvScan {
  std::string file;
  std::vector<std::string> columns;  ///< all of them, the response too, in file order
  Index rows = 0;
  std::vector<CsvPosition> marks;  ///< increasing, the first is row 0
  char separator = ',';
};

/// What to take from a scanned file.
struct CsvRequest {
  std::string response;     ///< this column becomes Table::response; empty: every column is design
  Range held;               ///< global rows
  Index spare_columns = 0;  ///< memory reserved per row for columns to be added later (the intercept)
};

/// Reads rows in order. Accepts CRLF, a byte order mark, quoted cells (with separators, line breaks and doubled quotes in them), blanks
/// around cells, and empty lines at the end of the file. A row whose cells span lines is known by its first line.
/// Every error is a UserError "file:line: problem (why). Suggestion."
class CsvReader {
 public:
  /// Reads the header. Errors: no such file, empty file, empty or duplicate column names.
  explicit CsvReader(const std::string& file, NonFinite non_finite = NonFinite::refuse, char separator = ',');
  /// Continues at a mark of a scan, header known.
  CsvReader(const CsvScan& scan, const CsvPosition& start, NonFinite non_finite = NonFinite::refuse);
  CsvReader(CsvReader&&) noexcept;
  CsvReader& operator=(CsvReader&&) noexcept;
  ~CsvReader();

  [[nodiscard]] const std::vector<std::string>& columns() const;
  /// The next row as columns().size() numbers; false at the end of the file.
  bool read(double* row);
  /// The next row as texts, columns().size() of them, quotes and blanks around them removed; false at the end of the file.
  bool read_texts(std::vector<std::string>& cells);
  /// Throws the UserError for a cell, of the row read last, that is of another kind than was wanted.
  [[noreturn]] void refuse(std::size_t column, std::string_view cell, detail::CellKind kind) const;
  /// "file.csv:17": the row read last.
  [[nodiscard]] std::string place() const;
  /// Passes over the next row, checking its length alone; false at the end of the file.
  bool skip();
  /// Where the row that comes next starts.
  [[nodiscard]] CsvPosition position() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// First pass: header, number of rows, length of every row. Cost O(bytes), memory O(1).
/// Errors: those of CsvReader's header, no data row, ragged row.
CsvScan scan_csv(const std::string& file, char separator = ',');

/// Second pass: the held rows and nothing else, starting from the nearest mark.
/// Errors: unknown response column (with the nearest name), cells that are no finite number, a file changed since the scan.
Table load_csv(const CsvScan& scan, const CsvRequest& request);

}  // namespace variscope::data
