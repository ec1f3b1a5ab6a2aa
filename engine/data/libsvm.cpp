/// Tokens of a line, checked one by one.
#include "engine/data/libsvm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/data/csv_cell.hpp"
#include "engine/error.hpp"

namespace variscope::data {
namespace {

constexpr std::size_t kMarks = 1024;
constexpr Index kFirstStride = 256;
/// Dense rows are held: more columns are a mistake, such as a hashed feature space.
constexpr Index kMostFeatures = 10'000'000;

std::string_view next_token(std::string_view& line) {
  const std::size_t start = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t stop = std::min(line.find_first_of(" \t", start), line.size());
  const std::string_view token = line.substr(start, stop - start);
  line.remove_prefix(stop);
  return token;
}

}  // namespace

LibsvmReader::LibsvmReader(const std::string& file, const CsvPosition& start)
    : lines_(file, start.byte, start.line), file_(file), row_(start.row) {}

std::string LibsvmReader::place() const { return fmt::format("{}:{}", file_, line_); }

void LibsvmReader::fail(std::string_view text, const char* why) const {
  throw UserError(fmt::format("{}: {} is wrong ({}). Correct the line.", place(), detail::shown(text), why));
}

bool LibsvmReader::next_line(std::string_view& line) {
  while (lines_.next(line)) {
    line_ = lines_.line() - 1;
    line = line.substr(0, std::min(line.find('#'), line.size()));
    if (!detail::trim(line).empty()) return true;
  }
  return false;
}

bool LibsvmReader::skip() {
  std::string_view line;
  if (!next_line(line)) return false;
  ++row_;
  return true;
}

bool LibsvmReader::read(double* row, Index features) {
  std::string_view line;
  if (!next_line(line)) return false;
  ++row_;
  largest_ = 0;
  std::fill_n(row, features + 1, 0.0);
  const std::string_view label = next_token(line);
  if (detail::parse_cell(label, row[features]) != detail::CellKind::number) fail(label, "a line begins with its label, one number");
  for (std::string_view token = next_token(line); !token.empty(); token = next_token(line)) {
    const std::size_t colon = token.find(':');
    Index index = 0;
    const char* end = token.data() + std::min(colon, token.size());
    const auto [stop, error] = std::from_chars(token.data(), end, index);
    if (colon == std::string_view::npos || error != std::errc() || stop != end) fail(token, "index:value is expected");
    if (index < 1) fail(token, "indices count from 1");
    if (index <= largest_) fail(token, "indices ascend within a line");
    if (index > kMostFeatures) fail(token, "at most 10000000 columns are held as dense numbers");
    largest_ = index;
    double value = 0.0;
    const detail::CellKind kind = detail::parse_cell(token.substr(colon + 1), value);
    if (kind == detail::CellKind::missing) value = std::nan("");
    if (kind == detail::CellKind::text || kind == detail::CellKind::too_large) fail(token, "the value is no number");
    if (index <= features) row[index - 1] = value;
  }
  return true;
}

LibsvmScan scan_libsvm(const std::string& file) {
  LibsvmReader reader(file);
  LibsvmScan scan;
  scan.file = file;
  scan.signs = true;
  Index stride = kFirstStride;
  for (;;) {
    const CsvPosition here = reader.position();
    double label = 0.0;
    if (!reader.read(&label, 0)) break;
    if (here.row % stride == 0) scan.marks.push_back(here);
    ++scan.rows;
    scan.features = std::max(scan.features, reader.largest_index());
    scan.signs = scan.signs && std::fabs(label) == 1.0;
    if (scan.marks.size() == kMarks) {
      for (std::size_t i = 0; i < kMarks / 2; ++i) scan.marks[i] = scan.marks[2 * i];
      scan.marks.resize(kMarks / 2);
      stride *= 2;
    }
  }
  if (scan.rows == 0) throw UserError(fmt::format("{}: no data rows (every line is empty or a remark). Add rows.", file));
  return scan;
}

}  // namespace variscope::data
