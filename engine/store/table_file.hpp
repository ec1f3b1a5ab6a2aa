/// Data tables in HDF5: a design (rows x columns), perhaps a response, column names and where they come from.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::store {

/// Where a table's parts lie in its file. The defaults are what variscope writes; any 2-D numeric dataset will do.
struct TablePaths {
  std::string design = "/design";
  std::optional<std::string> response;         ///< 1-D (or rows x 1) dataset; unset: "/response" if there is one; "": none
  std::optional<std::string> response_column;  ///< instead: a column of the design, by name or number from 0
  std::optional<std::string> columns;          ///< 1-D text dataset; unset: "/columns" if there is one, otherwise x0, x1, ...
};

/// What a table file says about itself.
struct TableHeader {
  Index rows = 0;
  std::vector<std::string> columns;               ///< without the response column
  std::string response_name;                      ///< empty: no response
  std::map<std::string, std::string> provenance;  ///< text attributes of the file's root
};

/// Throws UserError for a file or dataset that is missing or has the wrong rank, type or size.
[[nodiscard]] TableHeader inspect_table(const std::filesystem::path& path, const TablePaths& paths = {});

/// Where rows go: row r of the range at design + r * stride, columns of the header in order (stride may leave room between rows,
/// for an intercept say); its response at response[r]. response is nullptr if not wanted or not there.
struct RowBuffer {
  double* design = nullptr;
  Index stride = 0;
  double* response = nullptr;
};

/// Reads rows [rows.first, rows.last) as doubles. Beyond the buffer holds at most one block (`block_bytes`), and that only where
/// stride or a response column prevent reading in place.
void read_table_rows(const std::filesystem::path& path, const TablePaths& paths, Range rows, const RowBuffer& buffer,
                     Index block_bytes = Index{4} << 20);

/// A table written by many processes at once. One calls create(); any, once it returned (barrier), construct a writer and write
/// disjoint row ranges; when all have closed (barrier), one calls finish(), which makes the file appear under its name.
class ParallelTableWriter {
 public:
  /// Lays the file out beside `target`, space reserved. header.rows and names decide the size.
  static void create(const std::filesystem::path& target, const TableHeader& header);

  explicit ParallelTableWriter(const std::filesystem::path& target);
  ParallelTableWriter(const ParallelTableWriter&) = delete;
  ParallelTableWriter& operator=(const ParallelTableWriter&) = delete;
  ~ParallelTableWriter();

  /// design: rows.size() x width, dense; response: rows.size(), or nullptr if the table has none.
  void write(Range rows, const double* design, const double* response);
  /// Synchronises and closes; throws if either fails. Without it the rows may not be on disk.
  void close();

  static void finish(const std::filesystem::path& target);

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
  Index rows_ = 0;
  Index width_ = 0;
  Index design_offset_ = 0;
  Index response_offset_ = -1;
};

}  // namespace variscope::store
