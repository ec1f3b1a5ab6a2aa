/// Readers of rows: separated text, sparse text, and blocks of formats whose rows are of one size.
#include "experiments/dataset/file_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.hpp"

namespace variscope::experiments {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
/// Levels of one column: more are no categories.
constexpr Index kMostLevels = 1'000'000;

[[noreturn]] void fail_level(Index code, const std::string& place, const std::string& column) {
  if (code < 0) {
    throw UserError(
        fmt::format("{}: column '{}': a level that was not there before (the file has changed meanwhile). Start again.", place, column));
  }
  throw UserError(fmt::format("{}: column '{}' has more than {} levels (each different text is one). Leave it out of data.categorical.",
                              place, column, kMostLevels));
}

/// In a column of levels "none" is one, not a missing value.
bool is_level(std::string_view text) {
  return text.size() == 4 && std::equal(text.begin(), text.end(), "none", [](char a, char b) { return (a | 0x20) == b; });
}

class TextRows final : public FileRows {
 public:
  TextRows(const DataFile& file, const data::CsvPosition* start, std::vector<data::Levels>& levels)
      : file_(file), levels_(levels), reader_(open(file, start)) {}

  bool next(double* cells) override {
    if (!reader_.read_texts(texts_)) return false;
    for (std::size_t c = 0; c < texts_.size(); ++c) {
      if (file_.uses[c] == CellUse::unused) continue;
      double value = 0.0;
      const auto kind = data::detail::parse_cell(texts_[c], value);
      const bool level = file_.uses[c] == CellUse::level;
      if ((kind == data::detail::CellKind::missing && !(level && is_level(texts_[c]))) || std::isnan(value)) {
        cells[c] = kMissing;
      } else if (level) {
        const Index code = levels_[c].code(texts_[c]);
        if (code < 0 || code >= kMostLevels) fail_level(code, place(), file_.fields[c]);
        cells[c] = static_cast<double>(code);
      } else if (kind == data::detail::CellKind::text || kind == data::detail::CellKind::too_large) {
        reader_.refuse(c, texts_[c], kind);
      } else {
        cells[c] = value;
      }
    }
    return true;
  }
  bool skip() override { return reader_.skip(); }
  [[nodiscard]] data::CsvPosition position() const override { return reader_.position(); }
  [[nodiscard]] std::string place() const override { return reader_.place(); }
  [[noreturn]] void refuse(std::size_t column, double) const override {
    double value = 0.0;
    reader_.refuse(column, texts_[column], data::detail::parse_cell(texts_[column], value));
  }

 private:
  static data::CsvReader open(const DataFile& file, const data::CsvPosition* start) {
    if (start == nullptr) return data::CsvReader(file.path, data::NonFinite::keep, file.separator());
    data::CsvScan scan;
    scan.file = file.path;
    scan.columns = file.fields;
    scan.separator = file.separator();
    return {scan, *start, data::NonFinite::keep};
  }

  const DataFile& file_;
  std::vector<data::Levels>& levels_;
  data::CsvReader reader_;
  std::vector<std::string> texts_;
};

/// Formats that hold numbers: levels are whole numbers, and messages show the number.
class NumberRows : public FileRows {
 public:
  NumberRows(const DataFile& file, std::vector<data::Levels>& levels) : file_(file), levels_(levels) {}

  [[noreturn]] void refuse(std::size_t column, double value) const override {
    throw UserError(fmt::format("{}: column '{}': {} is not finite (models need finite numbers). {}.", place(), file_.fields[column], value,
                                std::isnan(value) ? "Replace it, or set data.missing = \"drop_rows\"" : "Replace it or remove the row"));
  }

 protected:
  void take(const double* row, double* cells) {
    for (std::size_t c = 0; c < file_.fields.size(); ++c) {
      if (file_.uses[c] == CellUse::unused) continue;
      cells[c] = row[c];
      if (file_.uses[c] == CellUse::number || !std::isfinite(row[c])) continue;
      const std::string text = data::level_text(row[c]);
      if (text.empty()) {
        throw UserError(fmt::format("{}: column '{}': {} is no level (whole numbers are). Leave the column out of data.categorical.",
                                    place(), file_.fields[c], row[c]));
      }
      const Index code = levels_[c].code(text);
      if (code < 0 || code >= kMostLevels) fail_level(code, place(), file_.fields[c]);
      cells[c] = static_cast<double>(code);
    }
  }

  const DataFile& file_;

 private:
  std::vector<data::Levels>& levels_;
};

class SparseRows final : public NumberRows {
 public:
  SparseRows(const DataFile& file, const data::CsvPosition& start, std::vector<data::Levels>& levels)
      : NumberRows(file, levels), reader_(file.path, start), row_(file.fields.size()) {}

  bool next(double* cells) override {
    if (!reader_.read(row_.data(), static_cast<Index>(row_.size()) - 1)) return false;
    take(row_.data(), cells);
    return true;
  }
  bool skip() override { return reader_.skip(); }
  [[nodiscard]] data::CsvPosition position() const override { return reader_.position(); }
  [[nodiscard]] std::string place() const override { return reader_.place(); }

 private:
  data::LibsvmReader reader_;
  std::vector<double> row_;
};

/// Rows of one size, fetched many at a time: opening an HDF5 file for every row would cost more than reading it.
class BlockRows : public NumberRows {
 public:
  BlockRows(const DataFile& file, Index start, std::vector<data::Levels>& levels) : NumberRows(file, levels), next_(start) {}

  bool next(double* cells) override {
    if (next_ >= file_.rows) return false;
    const auto width = static_cast<Index>(file_.fields.size());
    if (next_ < held_.first || next_ >= held_.last) {
      held_ = {next_, std::min(next_ + std::max(Index{1}, kBlockNumbers / width), file_.rows)};
      block_.resize(static_cast<std::size_t>(held_.size() * width));
      fetch(held_, block_.data());
    }
    const double* row = block_.data() + (next_ - held_.first) * width;
    ++next_;
    take(row, cells);
    return true;
  }
  bool skip() override {
    if (next_ >= file_.rows) return false;
    ++next_;
    return true;
  }
  [[nodiscard]] data::CsvPosition position() const override { return {next_, 0, 0}; }
  [[nodiscard]] std::string place() const override { return fmt::format("{}: row {} (counted from 0)", file_.path, next_ - 1); }

 protected:
  /// Whole rows into out, one number for each field.
  virtual void fetch(Range rows, double* out) = 0;

 private:
  static constexpr Index kBlockNumbers = Index{1} << 16;
  Index next_;
  Range held_;
  std::vector<double> block_;
};

class ArrayRows final : public BlockRows {
 public:
  ArrayRows(const DataFile& file, Index start, std::vector<data::Levels>& levels) : BlockRows(file, start, levels), array_(file.array) {
    if (!file.response.file.empty()) response_ = std::make_unique<data::NpyReader>(file.response);
  }

 private:
  void fetch(Range rows, double* out) override {
    const auto width = static_cast<Index>(file_.fields.size());
    array_.read(rows, out, width);
    if (response_) response_->read(rows, out + width - 1, width);
  }
  data::NpyReader array_;
  std::unique_ptr<data::NpyReader> response_;
};

class TableRows final : public BlockRows {
 public:
  using BlockRows::BlockRows;

 private:
  void fetch(Range rows, double* out) override {
    const auto width = static_cast<Index>(file_.fields.size());
    if (file_.response_apart) responses_.resize(static_cast<std::size_t>(rows.size()));
    store::read_table_rows(file_.path, file_.paths, rows, {out, width, file_.response_apart ? responses_.data() : nullptr});
    for (std::size_t r = 0; r < responses_.size(); ++r) out[static_cast<Index>(r + 1) * width - 1] = responses_[r];
  }
  std::vector<double> responses_;
};

}  // namespace

std::unique_ptr<FileRows> open_rows(const DataFile& file, const data::CsvPosition& start, std::vector<data::Levels>& levels) {
  switch (file.format) {
    case DataFormat::csv:
    case DataFormat::tsv:
      return std::make_unique<TextRows>(file, &start, levels);
    case DataFormat::libsvm:
      return std::make_unique<SparseRows>(file, start, levels);
    case DataFormat::npy:
      return std::make_unique<ArrayRows>(file, start.row, levels);
    case DataFormat::hdf5:
      break;
  }
  return std::make_unique<TableRows>(file, start.row, levels);
}

std::unique_ptr<FileRows> open_rows(const DataFile& file, std::vector<data::Levels>& levels) {
  if (file.text()) return std::make_unique<TextRows>(file, nullptr, levels);
  return open_rows(file, {0, 0, 1}, levels);
}

}  // namespace variscope::experiments
