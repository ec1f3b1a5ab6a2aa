/// Reading a study's data: CSV by two passes, HDF5 by hyperslabs, both into the same checked table.
#include "experiments/dataset/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "engine/data/columns.hpp"
#include "engine/data/standardize.hpp"
#include "engine/error.hpp"

namespace variscope::experiments {

using models::ResponseKind;

namespace {

void open_csv(Dataset& dataset, const Settings::Data& settings) {
  dataset.scan = data::scan_csv(dataset.path);
  dataset.rows = dataset.scan->rows;
  dataset.columns = dataset.scan->columns;
  dataset.response = settings.response;
  if (settings.response.empty()) return;
  dataset.columns.erase(dataset.columns.begin() + data::find_column(dataset.columns, settings.response, dataset.path));
}

void open_hdf5(Dataset& dataset, const Settings::Data& settings) {
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
  dataset.rows = header.rows;
  dataset.columns = header.columns;
  dataset.response = header.response_name;
  data::check_column_names(dataset.columns, dataset.path);
  if (dataset.rows == 0) throw UserError(fmt::format("{}: no data rows (the design is empty). Add rows.", dataset.path));
}

/// "file.csv:17" or "file.h5: row 15 (counted from 0)".
std::string row_place(const Dataset& dataset, Index row) {
  // No cell spans lines and no empty line lies between rows, so the line follows from the row.
  if (dataset.format == DataFormat::csv) return fmt::format("{}:{}", dataset.path, row + 2);
  return fmt::format("{}: row {} (counted from 0)", dataset.path, row);
}

}  // namespace

DataFormat data_format(const std::string& file) {
  std::string extension = std::filesystem::path(file).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  if (extension == ".csv") return DataFormat::csv;
  if (extension == ".h5" || extension == ".hdf5") return DataFormat::hdf5;
  throw UserError(fmt::format("{}: unknown kind of data file (its name ends in '{}'). Use .csv, .h5 or .hdf5.", file, extension));
}

std::string locate_data(const Settings::Data& settings, const std::string& spec_directory) {
  const std::filesystem::path file(settings.file);
  if (file.is_absolute() || spec_directory.empty()) return file.string();
  return (std::filesystem::path(spec_directory) / file).lexically_normal().string();
}

Dataset open_dataset(const Settings::Data& settings, const std::string& spec_directory, ResponseKind response) {
  Dataset dataset;
  dataset.path = locate_data(settings, spec_directory);
  dataset.format = data_format(dataset.path);
  dataset.format == DataFormat::csv ? open_csv(dataset, settings) : open_hdf5(dataset, settings);
  if (response == ResponseKind::table && !settings.response.empty()) {
    throw UserError(fmt::format("{}: the model explains all columns and no response (response '{}' is named). Remove data.response.",
                                dataset.path, settings.response));
  }
  if (response != ResponseKind::none && response != ResponseKind::table && dataset.response.empty()) {
    throw UserError(fmt::format("{}: no response named (the model explains one; columns: {}). Set data.response.", dataset.path,
                                data::list_names(dataset.columns)));
  }
  if (dataset.columns.empty() && !settings.intercept) {
    throw UserError(fmt::format("{}: no design column is left (the only column is the response). Add columns or set data.intercept = true.",
                                dataset.path));
  }
  if (settings.intercept && std::find(dataset.columns.begin(), dataset.columns.end(), "intercept") != dataset.columns.end()) {
    throw UserError(fmt::format("{}: column 'intercept' exists already (the intercept is added). Rename it, or set data.intercept = false.",
                                dataset.path));
  }
  return dataset;
}

data::Table read_share(const Dataset& dataset, const Settings::Data& settings, ResponseKind response, Range share) {
  const Index spare = settings.intercept ? 1 : 0;
  data::Table table;
  if (dataset.format == DataFormat::csv) {
    table = data::load_csv(*dataset.scan, {dataset.response, share, spare});
  } else {
    table.rows = dataset.rows;
    table.held = share;
    table.columns = dataset.columns;
    table.response_name = dataset.response;
    const Index width = table.width();
    table.design.reserve(static_cast<std::size_t>(share.size() * (width + spare)));
    table.design.resize(static_cast<std::size_t>(share.size() * width));
    if (!dataset.response.empty()) table.response.resize(static_cast<std::size_t>(share.size()));
    if (share.size() > 0) {
      store::read_table_rows(dataset.path, dataset.paths, share,
                             {table.design.data(), width, dataset.response.empty() ? nullptr : table.response.data()});
    }
  }
  check_share(table, response, dataset);
  return table;
}

void check_share(const data::Table& table, ResponseKind response, const Dataset& dataset) {
  const auto width = static_cast<std::size_t>(table.width());
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.held.size()); ++r) {
    const Index row = table.held.first + static_cast<Index>(r);
    const double* x = table.design.data() + r * width;
    for (std::size_t c = 0; c < width; ++c) {
      if (std::isfinite(x[c])) continue;
      throw UserError(fmt::format("{}: column '{}': {} is not finite (models need finite numbers). Replace it or remove the row.",
                                  row_place(dataset, row), table.columns[c], x[c]));
    }
    if (table.response.empty()) continue;
    const double y = table.response[r];
    if (!std::isfinite(y)) {
      throw UserError(fmt::format("{}: response '{}': {} is not finite (models need finite numbers). Replace it or remove the row.",
                                  row_place(dataset, row), table.response_name, y));
    }
    if (response == ResponseKind::binary && y != 0.0 && y != 1.0) {
      throw UserError(fmt::format("{}: response '{}': {} is neither 0 nor 1 (the model explains a binary response). Recode the column.",
                                  row_place(dataset, row), table.response_name, y));
    }
  }
}

void finish_share(data::Table& table, const Settings::Data& settings, std::span<const double> moments, const std::string& place) {
  if (settings.standardize) data::standardize(table, moments, place);
  if (settings.intercept) data::add_intercept(table, place);
}

data::Table load_table(const Settings::Data& settings, const std::string& spec_directory, ResponseKind response) {
  const Dataset dataset = open_dataset(settings, spec_directory, response);
  data::Table table = read_share(dataset, settings, response, {0, dataset.rows});
  std::vector<double> moments;
  if (settings.standardize) moments = data::fold_moments(table, settings.row_tile);
  finish_share(table, settings, moments, dataset.path);
  return table;
}

}  // namespace variscope::experiments
