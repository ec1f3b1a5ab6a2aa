/// `variscope data inspect`: one pass over a data file, column by column statistics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/data/columns.hpp"
#include "engine/data/levels.hpp"
#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "experiments/dataset/commands.hpp"

namespace variscope::experiments {
namespace {

/// Rows folded at a time: the default tile of a study, so that a study's own moments come out bit for bit.
const Index kTile = Settings::Data{}.row_tile;

/// One column: moments of its finite numbers, and its levels as long as they are few.
class ColumnStatistics {
 public:
  explicit ColumnStatistics(std::string name) : name_(std::move(name)) { cells_.reserve(kTile); }

  void add(double x) {
    if (std::isfinite(x)) {
      cells_.push_back(x);
      binary_ = binary_ && (x == 0.0 || x == 1.0);
      whole_ = whole_ && x == std::floor(x) && std::fabs(x) <= 0x1p53;
      // Texts are made while there are few levels alone: this is the loop over all cells.
      if (whole_ && levels_.size() <= ColumnInfo::kShownLevels) add_level(data::level_text(x));
    } else {
      ++non_finite_;
      if (std::isnan(x)) ++missing_;
    }
  }

  /// A cell of text.
  void add(const std::string& cell) {
    using data::detail::CellKind;
    double value = 0.0;
    switch (data::detail::parse_cell(cell, value)) {
      case CellKind::missing:
        return add(std::numeric_limits<double>::quiet_NaN());
      case CellKind::text:
        text_ = true;
        return add_level(cell);
      default:
        return add(value);
    }
  }

  void end_tile() {
    std::vector<double> leaf(data::ColumnMoments::size(1));
    data::ColumnMoments::of_rows(cells_.data(), static_cast<Index>(cells_.size()), 1, leaf);
    fold_.add(leaf);
    cells_.clear();
  }

  [[nodiscard]] ColumnInfo info() const {
    const std::vector<double> folded = fold_.result();
    const data::ColumnMoments moments{folded};
    ColumnInfo info;
    info.name = name_;
    info.non_finite = non_finite_;
    info.missing = missing_;
    info.type = text_ ? "text" : whole_ ? "whole" : "number";
    if ((text_ || whole_) && levels_.size() <= ColumnInfo::kShownLevels) info.levels = levels_.sorted();
    if (moments.count() == 0.0) {
      info.mean = info.sd = info.minimum = info.maximum = std::numeric_limits<double>::quiet_NaN();
      return info;
    }
    info.mean = moments.mean(0);
    info.sd = moments.sd(0);
    info.minimum = moments.minimum(0);
    info.maximum = moments.maximum(0);
    info.binary = binary_ && !text_ && non_finite_ == 0;
    info.constant = !text_ && moments.constant(0);
    return info;
  }

 private:
  void add_level(const std::string& text) {
    if (levels_.size() <= ColumnInfo::kShownLevels) levels_.code(text);
  }

  std::string name_;
  std::vector<double> cells_;
  data::Levels levels_;
  Index missing_ = 0;
  bool whole_ = true;
  bool text_ = false;
  data::MomentsFold fold_{1};
  Index non_finite_ = 0;
  bool binary_ = true;
};

std::vector<ColumnStatistics> start(const std::vector<std::string>& names) {
  std::vector<ColumnStatistics> columns;
  columns.reserve(names.size());
  for (const std::string& name : names) columns.emplace_back(name);
  return columns;
}

/// Rows of texts or of numbers into the columns, tile by tile. `next` gives the next row, or false.
template <class Cell, class Next>
void inspect_rows(const std::vector<std::string>& names, const Next& next, DatasetInfo& info) {
  std::vector<ColumnStatistics> columns = start(names);
  std::vector<Cell> row(columns.size());
  while (next(row)) {
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].add(row[c]);
    ++info.rows;
    if (info.rows % kTile == 0) {
      for (ColumnStatistics& column : columns) column.end_tile();
    }
  }
  for (ColumnStatistics& column : columns) {
    column.end_tile();
    info.columns.push_back(column.info());
  }
}

void inspect_text(const std::string& file, char separator, DatasetInfo& info) {
  data::CsvReader reader(file, data::NonFinite::keep, separator);
  inspect_rows<std::string>(
      reader.columns(), [&](std::vector<std::string>& row) { return reader.read_texts(row); }, info);
  if (info.rows == 0) throw UserError(fmt::format("{}: no data rows (line 1 is the header, nothing follows). Add rows.", file));
}

void inspect_numbers(DataFile file, DatasetInfo& info) {
  file.path = info.path;
  file.uses.assign(file.fields.size(), CellUse::number);
  std::vector<data::Levels> levels(file.fields.size());
  const auto rows = open_rows(file, levels);
  inspect_rows<double>(
      file.fields, [&](std::vector<double>& row) { return rows->next(row.data()); }, info);
}

void inspect_array(const std::string& file, DatasetInfo& info) {
  DataFile of;
  of.format = DataFormat::npy;
  of.array = data::read_npy_header(file);
  of.rows = of.array.rows;
  for (Index c = 0; c < of.array.columns; ++c) of.fields.push_back(fmt::format("x{}", c));
  inspect_numbers(std::move(of), info);
}

void inspect_sparse(const std::string& file, DatasetInfo& info) {
  DataFile of;
  of.format = DataFormat::libsvm;
  const Index features = data::scan_libsvm(file).features;
  for (Index c = 1; c <= features; ++c) of.fields.push_back(fmt::format("x{}", c));
  of.fields.emplace_back("label");
  info.response = "label";
  inspect_numbers(std::move(of), info);
}

void inspect_hdf5(const std::string& file, DatasetInfo& info) {
  const store::TableHeader header = store::inspect_table(file);
  const bool has_response = !header.response_name.empty();
  std::vector<ColumnStatistics> columns = start(header.columns);
  ColumnStatistics response(header.response_name);
  const std::size_t width = columns.size();
  // Many tiles at a time: opening the file once per tile would cost more than reading it.
  const Index block = kTile * std::max(Index{1}, (Index{1} << 20) / (kTile * std::max(Index{1}, static_cast<Index>(width))));
  std::vector<double> design(static_cast<std::size_t>(block) * width);
  std::vector<double> responses(static_cast<std::size_t>(block));
  for (Index first = 0; first < header.rows; first += block) {
    const Range rows{first, std::min(first + block, header.rows)};
    store::read_table_rows(file, {}, rows, {design.data(), static_cast<Index>(width), has_response ? responses.data() : nullptr});
    for (Index r = 0; r < rows.size(); ++r) {
      for (std::size_t c = 0; c < width; ++c) columns[c].add(design[static_cast<std::size_t>(r) * width + c]);
      if (has_response) response.add(responses[static_cast<std::size_t>(r)]);
      if ((r + 1) % kTile == 0 || r + 1 == rows.size()) {
        for (ColumnStatistics& column : columns) column.end_tile();
        response.end_tile();
      }
    }
  }
  info.rows = header.rows;
  info.response = header.response_name;
  for (const ColumnStatistics& column : columns) info.columns.push_back(column.info());
  if (has_response) info.columns.push_back(response.info());
}

}  // namespace

DatasetInfo inspect_data(const std::string& file) {
  DatasetInfo info;
  info.path = file;
  switch (data_format(file)) {
    case DataFormat::csv:
      info.format = "csv";
      inspect_text(file, ',', info);
      break;
    case DataFormat::tsv:
      info.format = "tsv";
      inspect_text(file, '\t', info);
      break;
    case DataFormat::hdf5:
      info.format = "hdf5";
      inspect_hdf5(file, info);
      break;
    case DataFormat::npy:
      info.format = "npy";
      inspect_array(file, info);
      break;
    case DataFormat::libsvm:
      info.format = "libsvm";
      inspect_sparse(file, info);
      break;
  }
  return info;
}

std::string describe(const DatasetInfo& info) {
  std::size_t width = 6;
  for (const ColumnInfo& column : info.columns) width = std::max(width, column.name.size());
  std::string text = fmt::format("{}: {}, {} rows, {} columns\n", info.path, info.format, info.rows, info.columns.size());
  text += fmt::format("{:<{}} {:<6} {:>13} {:>13} {:>13} {:>13} {:>10} {:>10}\n", "column", width, "type", "mean", "sd", "min", "max",
                      "missing", "non-finite");
  for (const ColumnInfo& column : info.columns) {
    text += fmt::format("{:<{}} {:<6} {:>13.6g} {:>13.6g} {:>13.6g} {:>13.6g} {:>10} {:>10}", column.name, width, column.type, column.mean,
                        column.sd, column.minimum, column.maximum, column.missing, column.non_finite);
    if (!info.response.empty() && column.name == info.response) text += "  response";
    if (column.constant) {
      text += "  constant";
    } else if (column.binary) {
      text += "  binary";
    } else if (column.type == "text") {
      text += column.levels.empty() ? fmt::format("  more than {} levels", ColumnInfo::kShownLevels)
                                    : fmt::format("  {} levels: {}", column.levels.size(), data::list_names(column.levels, 6));
    } else if (!column.levels.empty() && column.levels.size() <= 20) {
      text += fmt::format("  {} levels", column.levels.size());
    }
    text += '\n';
  }
  return text;
}

}  // namespace variscope::experiments
