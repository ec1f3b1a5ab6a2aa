/// LIBSVM's text format: "label index:value index:value ...", sparse, indices from 1; read row by row as dense numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/data/csv.hpp"
#include "engine/data/line_reader.hpp"
#include "engine/index.hpp"

namespace variscope::data {

/// A file whose lines have all been read once.
struct LibsvmScan {
  std::string file;
  Index rows = 0;
  Index features = 0;              ///< the largest index
  bool signs = false;              ///< every label is -1 or +1, both or one of them
  std::vector<CsvPosition> marks;  ///< as of a CsvScan
};

/// Rows in order. Text behind '#' is a remark; lines without a label, remarks alone, are passed over.
/// Every error is a UserError "file:line: problem (why). Suggestion."
class LibsvmReader {
 public:
  /// From a position of a scan on, or from the start of the file.
  LibsvmReader(const std::string& file, const CsvPosition& start = {0, 0, 1});

  /// The next row: `features` numbers (0 where the file has none), then the label. False at the end of the file.
  bool read(double* row, Index features);
  /// The largest index of the row read last.
  [[nodiscard]] Index largest_index() const { return largest_; }
  bool skip();
  [[nodiscard]] CsvPosition position() const { return {row_, lines_.byte(), lines_.line()}; }
  /// "file:17": the row read last.
  [[nodiscard]] std::string place() const;

 private:
  bool next_line(std::string_view& line);
  [[noreturn]] void fail(std::string_view text, const char* why) const;

  LineReader lines_;
  std::string file_;
  Index row_ = 0;
  Index line_ = 1;
  Index largest_ = 0;
};

/// First pass. Cost O(bytes), memory O(1). UserError for what is not in the format, or has no rows.
LibsvmScan scan_libsvm(const std::string& file);

}  // namespace variscope::data
