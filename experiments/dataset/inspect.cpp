/// `variscope data inspect`: one pass over a data file, column by column statistics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "experiments/dataset/commands.hpp"

namespace variscope::experiments {
namespace {

/// Rows folded at a time: the default tile of a study, so that a study's own moments come out bit for bit.
const Index kTile = Settings::Data{}.row_tile;

/// One column, finite cells alone.
class ColumnStatistics {
 public:
  explicit ColumnStatistics(std::string name) : name_(std::move(name)) { cells_.reserve(kTile); }

  void add(double x) {
    if (std::isfinite(x)) {
      cells_.push_back(x);
      binary_ = binary_ && (x == 0.0 || x == 1.0);
    } else {
      ++non_finite_;
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
    if (moments.count() == 0.0) {
      info.mean = info.sd = info.minimum = info.maximum = std::numeric_limits<double>::quiet_NaN();
      return info;
    }
    info.mean = moments.mean(0);
    info.sd = moments.sd(0);
    info.minimum = moments.minimum(0);
    info.maximum = moments.maximum(0);
    info.binary = binary_ && non_finite_ == 0;
    info.constant = moments.constant(0);
    return info;
  }

 private:
  std::string name_;
  std::vector<double> cells_;
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

void inspect_csv(const std::string& file, DatasetInfo& info) {
  data::CsvReader reader(file, data::NonFinite::keep);
  std::vector<ColumnStatistics> columns = start(reader.columns());
  std::vector<double> row(columns.size());
  while (reader.read(row.data())) {
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].add(row[c]);
    ++info.rows;
    if (info.rows % kTile == 0) {
      for (ColumnStatistics& column : columns) column.end_tile();
    }
  }
  if (info.rows == 0) throw UserError(fmt::format("{}: no data rows (line 1 is the header, nothing follows). Add rows.", file));
  for (ColumnStatistics& column : columns) {
    column.end_tile();
    info.columns.push_back(column.info());
  }
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
  const DataFormat format = data_format(file);
  info.format = format == DataFormat::csv ? "csv" : "hdf5";
  format == DataFormat::csv ? inspect_csv(file, info) : inspect_hdf5(file, info);
  return info;
}

std::string describe(const DatasetInfo& info) {
  std::size_t width = 6;
  for (const ColumnInfo& column : info.columns) width = std::max(width, column.name.size());
  std::string text = fmt::format("{}: {}, {} rows, {} columns\n", info.path, info.format, info.rows, info.columns.size());
  text += fmt::format("{:<{}} {:>13} {:>13} {:>13} {:>13} {:>10}\n", "column", width, "mean", "sd", "min", "max", "non-finite");
  for (const ColumnInfo& column : info.columns) {
    text += fmt::format("{:<{}} {:>13.6g} {:>13.6g} {:>13.6g} {:>13.6g} {:>10}", column.name, width, column.mean, column.sd, column.minimum,
                        column.maximum, column.non_finite);
    if (!info.response.empty() && column.name == info.response) text += "  response";
    if (column.constant) {
      text += "  constant";
    } else if (column.binary) {
      text += "  binary";
    }
    text += '\n';
  }
  return text;
}

}  // namespace variscope::experiments
