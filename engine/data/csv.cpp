/// The two passes over a file of separated text, and the messages that name line and column.
#include "engine/data/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/data/columns.hpp"
#include "engine/data/csv_cell.hpp"
#include "engine/data/line_reader.hpp"
#include "engine/error.hpp"

namespace variscope::data {

using detail::CellKind;
using detail::CellReader;
using detail::shown;

namespace {

constexpr std::size_t kMarks = 1024;
constexpr Index kFirstStride = 256;
/// A cell that is longer has lost its closing quote.
constexpr std::size_t kLongestRecord = std::size_t{1} << 20;

[[noreturn]] void fail_quote(const std::string& place, CellReader::Outcome outcome, std::size_t cell) {
  if (outcome == CellReader::Outcome::open_quote) {
    throw UserError(fmt::format("{}: cell {} has no closing quote (it is still open a MiB later, or where the file ends). Close the quote.",
                                place, cell));
  }
  throw UserError(
      fmt::format("{}: cell {} has text after its closing quote (a quote inside a cell is doubled). Mend the quotes.", place, cell));
}

}  // namespace

struct CsvReader::State {
  LineReader lines;
  std::string file;
  NonFinite non_finite;
  std::vector<std::string> columns;
  Index row = 0;  ///< of the line that comes next
  char separator = ',';
  Index line_number = 1;  ///< where the row read last began
  std::string record{};   ///< a row that spans lines

  [[nodiscard]] std::string place(Index line) const { return fmt::format("{}:{}", file, line); }

  void read_header() {
    std::string_view line;
    if (!lines.next(line))
      throw UserError(fmt::format("{}: the file is empty (a header line is expected). Name the columns in line 1.", file));
    const std::string here = place(1);
    CellReader cells(line, separator);
    std::string_view cell;
    bool numeric = true;
    for (;;) {
      const auto outcome = cells.next(cell);
      if (outcome == CellReader::Outcome::end) break;
      if (outcome != CellReader::Outcome::cell) fail_quote(here, outcome, columns.size() + 1);
      if (std::any_of(cell.begin(), cell.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; })) {
        throw UserError(fmt::format("{}: column {} is called {} (control characters; cells are separated by {}). Mend the header.", here,
                                    columns.size() + 1, shown(cell), separator == '\t' ? "tabs" : "commas"));
      }
      double value = 0.0;
      const CellKind kind = detail::parse_cell(cell, value);
      numeric = numeric && kind == CellKind::number;
      columns.emplace_back(cell);
    }
    if (columns.size() == 1 && columns[0].empty()) {
      throw UserError(fmt::format("{}: the header is empty (line 1 names the columns). Name them, separated by {}.", here,
                                  separator == '\t' ? "tabs" : "commas"));
    }
    if (numeric) {
      throw UserError(fmt::format("{}: the header holds numbers only (line 1 names the columns). Put a header line above the data.", here));
    }
    if (columns.size() == 1 && columns[0].find_first_of(separator == '\t' ? ",;|" : ";|") != std::string::npos) {
      throw UserError(fmt::format("{}: one column called {} (cells are separated by {}). Replace the separator.", here, shown(columns[0]),
                                  separator == '\t' ? "tabs" : "commas"));
    }
    check_column_names(columns, here);
  }

  /// Whether a line ends within quotes.
  [[nodiscard]] bool open(std::string_view line) const {
    CellReader cells(line, separator);
    std::string_view cell;
    auto outcome = CellReader::Outcome::cell;
    while (outcome == CellReader::Outcome::cell) outcome = cells.next(cell);
    return outcome == CellReader::Outcome::open_quote;
  }

  /// Adds lines to one that ends within quotes, until they close.
  void join(std::string_view& line) {
    record = line;
    while (record.size() <= kLongestRecord && lines.next(line)) {
      record += '\n';
      record += line;
      if (line.find('"') != std::string_view::npos && !open(record)) break;
    }
    line = record;
  }

  /// The next row's line that is not empty. Empty lines may only end the file.
  bool next_line(std::string_view& line) {
    Index empty = 0;
    while (lines.next(line)) {
      if (line.find_first_not_of(separator == '\t' ? " " : " \t") != std::string_view::npos) {
        line_number = lines.line() - 1;
        if (empty == 0) {
          if (line.find('"') != std::string_view::npos && open(line)) join(line);
          return true;
        }
        throw UserError(fmt::format("{}: empty line (rows follow in line {}). Delete it.", place(empty), lines.line() - 1));
      }
      if (empty == 0) empty = lines.line() - 1;
    }
    return false;
  }

  [[noreturn]] void fail_ragged(std::size_t found) const {
    throw UserError(fmt::format("{}: {} cell{} found, {} expected (the header names {} column{}). Complete or remove the row.",
                                place(line_number), found, found == 1 ? "" : "s", columns.size(), columns.size(),
                                columns.size() == 1 ? "" : "s"));
  }

  [[noreturn]] void fail_cell(std::size_t column, std::string_view cell, CellKind kind) const {
    const std::string here = fmt::format("{}: column '{}'", place(line_number), columns[column]);
    switch (kind) {
      case CellKind::missing:
        throw UserError(fmt::format("{}: missing value (the cell is {}). Fill it in, or set data.missing = \"drop_rows\".", here,
                                    cell.empty() ? std::string("empty") : shown(cell)));
      case CellKind::not_finite:
        throw UserError(fmt::format("{}: {} is not finite (models need finite numbers). Replace it or remove the row.", here, shown(cell)));
      case CellKind::too_large:
        throw UserError(fmt::format("{}: {} is too large (the largest double is 1.8e308). Rescale the column.", here, shown(cell)));
      default:
        throw UserError(fmt::format("{}: {} is not a number (with a decimal point). Correct it, or name the column in data.categorical.",
                                    here, shown(cell)));
    }
  }

  void parse(std::string_view line, double* out) const {
    CellReader cells(line, separator);
    std::string_view cell;
    std::size_t found = 0;
    // The whole line is taken apart before a bad cell is reported: a ragged row is the likelier mistake.
    std::size_t bad = columns.size();
    CellKind bad_kind = CellKind::number;
    std::string bad_text;
    for (;; ++found) {
      const auto outcome = cells.next(cell);
      if (outcome == CellReader::Outcome::end) break;
      if (outcome != CellReader::Outcome::cell) fail_quote(place(line_number), outcome, found + 1);
      if (found >= columns.size()) continue;
      const CellKind kind = detail::parse_cell(cell, out[found]);
      if (kind == CellKind::number) continue;
      if (non_finite == NonFinite::keep && (kind == CellKind::missing || kind == CellKind::not_finite)) {
        if (kind == CellKind::missing) out[found] = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
      if (bad == columns.size()) {
        bad = found;
        bad_kind = kind;
        bad_text = cell;
      }
    }
    if (found != columns.size()) fail_ragged(found);
    if (bad < columns.size()) fail_cell(bad, bad_text, bad_kind);
  }

  void take(std::string_view line, std::vector<std::string>& out) const {
    out.resize(columns.size());
    CellReader cells(line, separator);
    std::string_view cell;
    std::size_t found = 0;
    for (;; ++found) {
      const auto outcome = cells.next(cell);
      if (outcome == CellReader::Outcome::end) break;
      if (outcome != CellReader::Outcome::cell) fail_quote(place(line_number), outcome, found + 1);
      if (found < columns.size()) out[found] = cell;
    }
    if (found != columns.size()) fail_ragged(found);
  }

  void check_length(std::string_view line) const {
    std::size_t found = 0;
    if (line.find('"') == std::string_view::npos) {
      found = 1 + static_cast<std::size_t>(std::count(line.begin(), line.end(), separator));
    } else {
      CellReader cells(line, separator);
      std::string_view cell;
      for (;; ++found) {
        const auto outcome = cells.next(cell);
        if (outcome == CellReader::Outcome::end) break;
        if (outcome != CellReader::Outcome::cell) fail_quote(place(line_number), outcome, found + 1);
      }
    }
    if (found != columns.size()) fail_ragged(found);
  }
};

CsvReader::CsvReader(const std::string& file, NonFinite non_finite, char separator)
    : state_(new State{LineReader(file), file, non_finite, {}, 0, separator}) {
  state_->read_header();
}

CsvReader::CsvReader(const CsvScan& scan, const CsvPosition& start, NonFinite non_finite)
    : state_(new State{LineReader(scan.file, start.byte, start.line), scan.file, non_finite, scan.columns, start.row, scan.separator}) {}

CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

const std::vector<std::string>& CsvReader::columns() const { return state_->columns; }

CsvPosition CsvReader::position() const { return {state_->row, state_->lines.byte(), state_->lines.line()}; }

bool CsvReader::read(double* row) {
  std::string_view line;
  if (!state_->next_line(line)) return false;
  state_->parse(line, row);
  ++state_->row;
  return true;
}

bool CsvReader::read_texts(std::vector<std::string>& cells) {
  std::string_view line;
  if (!state_->next_line(line)) return false;
  state_->take(line, cells);
  ++state_->row;
  return true;
}

void CsvReader::refuse(std::size_t column, std::string_view cell, CellKind kind) const { state_->fail_cell(column, cell, kind); }

std::string CsvReader::place() const { return state_->place(state_->line_number); }

bool CsvReader::skip() {
  std::string_view line;
  if (!state_->next_line(line)) return false;
  state_->check_length(line);
  ++state_->row;
  return true;
}

CsvScan scan_csv(const std::string& file, char separator) {
  CsvReader reader(file, NonFinite::refuse, separator);
  CsvScan scan;
  scan.file = file;
  scan.separator = separator;
  scan.columns = reader.columns();
  Index stride = kFirstStride;
  for (;;) {
    const CsvPosition here = reader.position();
    if (!reader.skip()) break;
    if (here.row % stride == 0) scan.marks.push_back(here);
    ++scan.rows;
    if (scan.marks.size() == kMarks) {
      for (std::size_t i = 0; i < kMarks / 2; ++i) scan.marks[i] = scan.marks[2 * i];
      scan.marks.resize(kMarks / 2);
      stride *= 2;
    }
  }
  if (scan.rows == 0) throw UserError(fmt::format("{}: no data rows (line 1 is the header, nothing follows). Add rows.", file));
  return scan;
}

Table load_csv(const CsvScan& scan, const CsvRequest& request) {
  const std::size_t width = scan.columns.size();
  const std::size_t response =
      request.response.empty() ? width : static_cast<std::size_t>(find_column(scan.columns, request.response, scan.file));
  Table table;
  table.rows = scan.rows;
  table.held = request.held;
  table.response_name = request.response;
  for (std::size_t c = 0; c < width; ++c) {
    if (c != response) table.columns.push_back(scan.columns[c]);
  }
  const auto rows = static_cast<std::size_t>(request.held.size());
  table.design.reserve(rows * (table.columns.size() + static_cast<std::size_t>(request.spare_columns)));
  if (response < width) table.response.reserve(rows);
  if (rows == 0) return table;

  const auto after = std::upper_bound(scan.marks.begin(), scan.marks.end(), request.held.first,
                                      [](Index row, const CsvPosition& mark) { return row < mark.row; });
  CsvReader reader(scan, *std::prev(after));
  std::vector<double> cells(width);
  bool more = true;
  while (more && reader.position().row < request.held.first) more = reader.skip();
  for (std::size_t r = 0; r < rows && more; ++r) {
    more = reader.read(cells.data());
    if (!more) break;
    for (std::size_t c = 0; c < width; ++c) {
      if (c == response) {
        table.response.push_back(cells[c]);
      } else {
        table.design.push_back(cells[c]);
      }
    }
  }
  if (!more) {
    throw UserError(fmt::format("{}: {} rows found, {} counted before (the file has changed meanwhile). Start again.", scan.file,
                                reader.position().row, scan.rows));
  }
  return table;
}

}  // namespace variscope::data
