/// Planning a study's data, and reading shares: whole blocks in place where nothing is chosen or coded, row by row otherwise.
#include "experiments/dataset/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "engine/data/columns.hpp"
#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "engine/random/stream.hpp"
#include "experiments/dataset/columns.hpp"

namespace variscope::experiments {

using models::ResponseKind;

namespace {

constexpr std::size_t kMarks = 1024;
constexpr Index kFirstStride = 256;

/// Whether the model explains a column of the data.
bool explains(ResponseKind kind) { return kind != ResponseKind::none && kind != ResponseKind::table; }

std::string beside(const std::string& file, const std::string& spec_directory) {
  const std::filesystem::path path(file);
  if (path.is_absolute() || spec_directory.empty()) return path.string();
  return (std::filesystem::path(spec_directory) / path).lexically_normal().string();
}

void find_hdf5_fields(Dataset& dataset, const Settings::Data& settings) {
  const std::string& response = settings.response;
  if (response.starts_with('/')) dataset.paths.response = response;
  store::TableHeader header = store::inspect_table(dataset.path, dataset.paths);
  if (!response.empty() && !response.starts_with('/') && response != header.response_name) {
    std::vector<std::string> names = header.columns;
    if (!header.response_name.empty()) names.push_back(header.response_name);
    data::find_column(names, response, dataset.path);
    dataset.paths.response_column = response;
    header = store::inspect_table(dataset.path, dataset.paths);
  }
  dataset.response = header.response_name;
  data::check_column_names(header.columns, dataset.path);
  if (header.rows == 0) throw UserError(fmt::format("{}: no data rows (the design is empty). Add rows.", dataset.path));
  dataset.file.rows = header.rows;
  dataset.file.paths = dataset.paths;
  dataset.file.fields = header.columns;
  dataset.file.response_apart = !dataset.response.empty();
  if (!dataset.file.response_apart) return;
  dataset.file.fields.push_back(dataset.response);
  data::check_column_names(dataset.file.fields, dataset.path);
}

void find_array_fields(Dataset& dataset, const Settings::Data& settings, const std::string& spec_directory) {
  DataFile& file = dataset.file;
  file.array = data::read_npy_header(dataset.path);
  file.rows = file.array.rows;
  if (file.rows == 0) throw UserError(fmt::format("{}: no data rows (the array is empty). Add rows.", dataset.path));
  for (Index c = 0; c < file.array.columns; ++c) file.fields.push_back(fmt::format("x{}", c));
  dataset.response = settings.response;
  if (!settings.response_file.empty()) {
    file.response = data::read_npy_header(beside(settings.response_file, spec_directory));
    if (file.response.columns != 1 || file.response.rows != file.rows) {
      throw UserError(fmt::format("{}: {} x {} numbers for the {} rows of {} (the response is one number a row). Name its own array.",
                                  file.response.file, file.response.rows, file.response.columns, file.rows, dataset.path));
    }
    if (dataset.response.empty()) dataset.response = std::string("y");
    file.fields.push_back(dataset.response);
    data::check_column_names(file.fields, dataset.path);
  } else if (!dataset.response.empty()) {
    data::find_column(file.fields, dataset.response, dataset.path);
  }
}

void find_sparse_fields(Dataset& dataset, const Settings::Data& settings, ResponseKind response) {
  DataFile& file = dataset.file;
  file.sparse = data::scan_libsvm(dataset.path);
  file.rows = file.sparse.rows;
  file.starts = file.sparse.marks;
  for (Index c = 1; c <= file.sparse.features; ++c) file.fields.push_back(fmt::format("x{}", c));
  file.fields.emplace_back("label");
  if (!settings.response.empty()) data::find_column(file.fields, settings.response, dataset.path);
  dataset.response = settings.response.empty() ? std::string("label") : settings.response;
  dataset.signs = response == ResponseKind::binary && dataset.response == "label" && file.sparse.signs;
}

void find_fields(Dataset& dataset, const Settings::Data& settings, const std::string& spec_directory, ResponseKind response) {
  DataFile& file = dataset.file;
  file.path = dataset.path;
  file.format = dataset.format;
  if (!settings.response_file.empty() && file.format != DataFormat::npy) {
    throw UserError(
        fmt::format("{}: data.response_file is given (this file has its response in it). Remove it, and name the column in "
                    "data.response.",
                    dataset.path));
  }
  switch (file.format) {
    case DataFormat::csv:
    case DataFormat::tsv:
      file.fields = data::CsvReader(dataset.path, data::NonFinite::keep, file.separator()).columns();
      dataset.response = settings.response;
      if (!dataset.response.empty()) data::find_column(file.fields, dataset.response, dataset.path);
      return;
    case DataFormat::hdf5:
      return find_hdf5_fields(dataset, settings);
    case DataFormat::npy:
      return find_array_fields(dataset, settings, spec_directory);
    case DataFormat::libsvm:
      return find_sparse_fields(dataset, settings, response);
  }
}

/// All fields are numbers, used once and in their order, and all rows are kept.
bool is_direct(const Dataset& dataset) {
  if (dataset.format == DataFormat::npy || dataset.format == DataFormat::libsvm) return false;
  if (dataset.drop_rows || dataset.test_fraction > 0 || !dataset.side_fields.empty()) return false;
  if (std::any_of(dataset.file.uses.begin(), dataset.file.uses.end(), [](CellUse use) { return use != CellUse::number; })) return false;
  return std::is_sorted(dataset.design.begin(), dataset.design.end(), [](const auto& a, const auto& b) { return a.field < b.field; });
}

bool held_out(const Dataset& dataset, Index row) {
  if (dataset.test_fraction == 0) return false;
  const random::Stream stream{dataset.seed, random::Purpose::split_rows, static_cast<std::uint32_t>(row >> 32), 0,
                              static_cast<std::uint32_t>(row)};
  return random::uniform(stream, 0) < dataset.test_fraction;
}

/// Whether a row is kept. UserError for a cell that is infinite, or missing where that is not allowed.
bool complete(const Dataset& dataset, const FileRows& rows, const std::vector<double>& cells) {
  bool missing = false;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (dataset.file.uses[c] == CellUse::unused || std::isfinite(cells[c])) continue;
    if (!dataset.drop_rows || !std::isnan(cells[c])) rows.refuse(c, cells[c]);
    missing = true;
  }
  return !missing;
}

/// The pass over a file of which columns or rows are chosen, or levels must be known.
void scan_rows(Dataset& dataset) {
  const DataFile& file = dataset.file;
  const bool reads = dataset.drop_rows || std::find(file.uses.begin(), file.uses.end(), CellUse::level) != file.uses.end();
  std::vector<data::Levels> levels(file.fields.size());
  const auto rows = open_rows(file, levels);
  std::vector<double> cells(file.fields.size());
  Index stride = kFirstStride;
  Index total = 0;
  Index test = 0;
  for (;;) {
    const data::CsvPosition here = rows->position();
    if (reads ? !rows->next(cells.data()) : !rows->skip()) break;
    ++total;
    if (here.row % stride == 0) dataset.marks.push_back({dataset.rows, test, here});
    if (dataset.marks.size() == kMarks) {
      for (std::size_t i = 0; i < kMarks / 2; ++i) dataset.marks[i] = dataset.marks[2 * i];
      dataset.marks.resize(kMarks / 2);
      stride *= 2;
    }
    if (reads && !complete(dataset, *rows, cells)) {
      ++dataset.dropped_rows;
    } else if (held_out(dataset, here.row)) {
      ++test;
    } else {
      ++dataset.rows;
    }
  }
  dataset.file.rows = total;
  dataset.test_rows = test;
  for (std::size_t c = 0; c < levels.size(); ++c) dataset.levels[c] = levels[c].sorted();
}

void check_parts(const Dataset& dataset) {
  if (dataset.file.rows == 0)
    throw UserError(fmt::format("{}: no data rows (line 1 is the header, nothing follows). Add rows.", dataset.path));
  if (dataset.dropped_rows == dataset.file.rows) {
    throw UserError(fmt::format("{}: every row has a missing value (all {} are dropped). Use fewer columns: set data.columns.",
                                dataset.path, dataset.file.rows));
  }
  if (dataset.rows == 0 || (dataset.test_fraction > 0 && dataset.test_rows == 0)) {
    throw UserError(fmt::format("{}: {} rows to learn from and {} held out (data.test_fraction = {}). Choose another fraction.",
                                dataset.path, dataset.rows, dataset.test_rows, dataset.test_fraction));
  }
}

/// Levels of a response: of a category all of them; of a binary response two, the second being 1.
void check_response_levels(Dataset& dataset, ResponseKind response) {
  if (!dataset.response_field || dataset.file.uses[*dataset.response_field] != CellUse::level) return;
  const std::vector<std::string>& levels = dataset.levels[*dataset.response_field];
  if (response == ResponseKind::category && levels.size() < 2) {
    throw UserError(fmt::format("{}: response '{}' has one level, '{}' (a model of categories needs two). Choose another column.",
                                dataset.path, dataset.response, levels[0]));
  }
  if (response == ResponseKind::binary && levels.size() != 2) {
    throw UserError(fmt::format("{}: response '{}' has {} levels: {} (the model explains a binary response). Choose another column.",
                                dataset.path, dataset.response, levels.size(), data::list_names(levels)));
  }
  if (response != ResponseKind::category && response != ResponseKind::binary) {
    throw UserError(fmt::format("{}: response '{}' is categorical (the model explains a number). Remove it from data.categorical.",
                                dataset.path, dataset.response));
  }
  dataset.response_levels = levels;
}

/// "file.csv:17" or "file.h5: row 15 (counted from 0)", of rows read in place.
std::string row_place(const Dataset& dataset, Index row) {
  // Where every cell is a number, none spans lines, and no empty line lies between rows: the line follows from the row.
  if (dataset.file.text()) return fmt::format("{}:{}", dataset.path, row + 2);
  return fmt::format("{}: row {} (counted from 0)", dataset.path, row);
}

template <class Place>
void check_response(const Dataset& dataset, ResponseKind kind, double y, const Place& place) {
  const char* problem = nullptr;
  if (kind == ResponseKind::binary && y != 0.0 && y != 1.0)
    problem = "is neither 0 nor 1 (the model explains a binary response). Recode the column.";
  if (kind == ResponseKind::count && (y < 0 || y != std::floor(y)))
    problem = "is no count (the model explains whole numbers of at least 0). Choose another column or model.";
  if (problem != nullptr) throw UserError(fmt::format("{}: response '{}': {} {}", place(), dataset.response, y, problem));
}

/// Rows read in place.
void check_share(const data::Table& table, ResponseKind response, const Dataset& dataset) {
  const auto width = static_cast<std::size_t>(table.width());
  const auto refuse = [&](Index row, const char* what, const std::string& name, double x) {
    throw UserError(fmt::format("{}: {} '{}': {} is not finite (models need finite numbers). {}.", row_place(dataset, row), what, name, x,
                                std::isnan(x) ? "Replace it, or set data.missing = \"drop_rows\"" : "Replace it or remove the row"));
  };
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.held.size()); ++r) {
    const Index row = table.held.first + static_cast<Index>(r);
    const double* x = table.design.data() + r * width;
    for (std::size_t c = 0; c < width; ++c) {
      if (!std::isfinite(x[c])) refuse(row, "column", table.columns[c], x[c]);
    }
    if (table.response.empty()) continue;
    const double y = table.response[r];
    if (!std::isfinite(y)) refuse(row, "response", table.response_name, y);
    check_response(dataset, response, y, [&] { return row_place(dataset, row); });
  }
}

void read_in_place(const Dataset& dataset, Index spare, data::Table& table) {
  const Range share = table.held;
  if (dataset.scan) {
    data::Table read = data::load_csv(*dataset.scan, {dataset.response, share, spare});
    table.design = std::move(read.design);
    table.response = std::move(read.response);
    return;
  }
  const Index width = table.width();
  table.design.resize(static_cast<std::size_t>(share.size() * width));
  if (!dataset.response.empty()) table.response.resize(static_cast<std::size_t>(share.size()));
  if (share.size() == 0) return;
  store::read_table_rows(dataset.path, dataset.paths, share,
                         {table.design.data(), width, dataset.response.empty() ? nullptr : table.response.data()});
}

void read_row_by_row(const Dataset& dataset, ResponseKind response, DataPart part, data::Table& table) {
  const Range share = table.held;
  if (dataset.response_field) table.response.reserve(static_cast<std::size_t>(share.size()));
  for (data::SideColumn& side : table.side_columns) side.values.reserve(static_cast<std::size_t>(share.size()));
  if (share.size() == 0) return;
  std::vector<data::Levels> levels;
  levels.reserve(dataset.levels.size());
  for (const auto& known : dataset.levels) levels.emplace_back(known);
  const auto before = [part](const Dataset::Mark& mark) { return part == DataPart::training ? mark.training : mark.test; };
  const auto after = std::upper_bound(dataset.marks.begin(), dataset.marks.end(), share.first,
                                      [&](Index row, const auto& mark) { return row < before(mark); });
  const Dataset::Mark& mark = *std::prev(after);
  const auto rows = open_rows(dataset.file, mark.start, levels);
  const bool filters = dataset.drop_rows;
  std::vector<double> cells(dataset.file.fields.size());
  for (Index row = before(mark); row < share.last;) {
    const bool wanted = held_out(dataset, rows->position().row) == (part == DataPart::test);
    const bool used = wanted && row >= share.first;
    if (used || (wanted && filters) ? !rows->next(cells.data()) : !rows->skip()) {
      throw UserError(fmt::format("{}: {} rows found where there were more (the file has changed meanwhile). Start again.", dataset.path,
                                  rows->position().row));
    }
    if (!wanted || ((used || filters) && !complete(dataset, *rows, cells))) continue;
    ++row;
    if (!used) continue;
    for (const Dataset::Column& column : dataset.design) {
      const double x = cells[column.field];
      table.design.push_back(column.level < 0 ? x : x == static_cast<double>(column.level) ? 1.0 : 0.0);
    }
    for (std::size_t k = 0; k < dataset.side_fields.size(); ++k) table.side_columns[k].values.push_back(cells[dataset.side_fields[k]]);
    if (!dataset.response_field) continue;
    double y = cells[*dataset.response_field];
    if (dataset.signs && y == -1.0) y = 0.0;
    check_response(dataset, response, y, [&] { return rows->place(); });
    table.response.push_back(y);
  }
}

}  // namespace

DataFormat data_format(const std::string& file) {
  std::string extension = std::filesystem::path(file).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  if (extension == ".csv") return DataFormat::csv;
  if (extension == ".tsv" || extension == ".tab") return DataFormat::tsv;
  if (extension == ".h5" || extension == ".hdf5") return DataFormat::hdf5;
  if (extension == ".npy") return DataFormat::npy;
  if (extension == ".libsvm" || extension == ".svm" || extension == ".svmlight") return DataFormat::libsvm;
  throw UserError(
      fmt::format("{}: unknown kind of data file (its name ends in '{}'). Use .csv, .tsv, .h5, .hdf5, .npy or .libsvm, or set data.format.",
                  file, extension));
}

DataFormat data_format(const Settings::Data& settings) {
  if (settings.format == "csv") return DataFormat::csv;
  if (settings.format == "tsv") return DataFormat::tsv;
  if (settings.format == "hdf5") return DataFormat::hdf5;
  if (settings.format == "npy") return DataFormat::npy;
  if (settings.format == "libsvm") return DataFormat::libsvm;
  return data_format(settings.file);
}

std::string locate_data(const Settings::Data& settings, const std::string& spec_directory) { return beside(settings.file, spec_directory); }

Dataset open_dataset(const Settings::Data& settings, const std::string& spec_directory, ResponseKind response, std::uint64_t seed) {
  Dataset dataset;
  dataset.path = locate_data(settings, spec_directory);
  dataset.format = settings.format == "auto" ? data_format(dataset.path) : data_format(settings);
  dataset.drop_rows = settings.missing == "drop_rows";
  dataset.test_fraction = settings.test_fraction;
  dataset.seed = seed;
  find_fields(dataset, settings, spec_directory, response);
  if (response == ResponseKind::table && !settings.response.empty()) {
    throw UserError(fmt::format("{}: the model explains all columns and no response (response '{}' is named). Remove data.response.",
                                dataset.path, settings.response));
  }
  if (explains(response) && dataset.response.empty()) {
    throw UserError(fmt::format("{}: no response named (the model explains one; columns: {}). Set data.response.", dataset.path,
                                data::list_names(dataset.file.fields)));
  }
  choose_fields(dataset, settings, response);
  dataset.levels.resize(dataset.file.fields.size());
  dataset.direct = is_direct(dataset);
  if (!dataset.direct) {
    scan_rows(dataset);
    check_parts(dataset);
  } else {
    if (dataset.file.text()) {
      dataset.scan = data::scan_csv(dataset.path, dataset.file.separator());
      dataset.file.rows = dataset.scan->rows;
    }
    dataset.rows = dataset.file.rows;
  }
  check_response_levels(dataset, response);
  code_columns(dataset, settings);
  if (dataset.columns.empty() && !settings.intercept) {
    throw UserError(fmt::format("{}: no design column is left ({}). Add columns or set data.intercept = true.", dataset.path,
                                settings.columns.empty() ? "data.columns names none" : "the only column is the response"));
  }
  if (settings.intercept && std::find(dataset.columns.begin(), dataset.columns.end(), "intercept") != dataset.columns.end()) {
    throw UserError(fmt::format("{}: column 'intercept' exists already (the intercept is added). Rename it, or set data.intercept = false.",
                                dataset.path));
  }
  return dataset;
}

data::Table Dataset::shape(const Settings::Data& settings) const {
  data::Table table;
  table.rows = rows;
  table.columns = columns;
  if (settings.intercept) table.columns.emplace_back("intercept");
  table.response_name = response;
  table.response_levels = response_levels;
  for (std::size_t k = 0; k < side_fields.size(); ++k) table.side_columns.push_back({side_columns[k], {}, levels[side_fields[k]]});
  return table;
}

data::Table read_share(const Dataset& dataset, const Settings::Data& settings, ResponseKind response, Range share, DataPart part) {
  data::Table table = dataset.shape(settings);
  table.rows = dataset.part_rows(part);
  table.held = share;
  table.columns.resize(dataset.design.size());
  const auto more = static_cast<Index>(dataset.products.size()) + (settings.intercept ? 1 : 0);
  const Index spare = more + data::row_padding(table.width() + more);
  if (!dataset.scan) table.design.reserve(static_cast<std::size_t>(share.size() * (table.width() + spare)));
  if (dataset.direct) {
    read_in_place(dataset, spare, table);
    check_share(table, response, dataset);
  } else {
    read_row_by_row(dataset, response, part, table);
  }
  return table;
}

void finish_share(data::Table& table, const Dataset& dataset, const Settings::Data& settings, std::span<const double> moments) {
  if (settings.standardize) {
    std::vector<bool> dummies;
    for (const Dataset::Column& column : dataset.design) dummies.push_back(column.level >= 0);
    data::standardize(table, moments, dataset.path, dummies);
  }
  data::add_products(table, dataset.products);
  if (settings.intercept) data::add_intercept(table, dataset.path);
  data::align_rows(table);
}

data::Table load_table(const Settings::Data& settings, const std::string& spec_directory, ResponseKind response, DataPart part,
                       std::uint64_t seed) {
  const Dataset dataset = open_dataset(settings, spec_directory, response, seed);
  std::vector<double> moments;
  if (settings.standardize) moments = data::fold_moments(read_share(dataset, settings, response, {0, dataset.rows}), settings.row_tile);
  data::Table table = read_share(dataset, settings, response, {0, dataset.part_rows(part)}, part);
  finish_share(table, dataset, settings, moments);
  return table;
}

}  // namespace variscope::experiments
