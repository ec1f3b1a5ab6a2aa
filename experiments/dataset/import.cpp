/// `variscope data import`: CSV or TSV to HDF5, a block of rows at a time.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/sha256.hpp"
#include "experiments/dataset/commands.hpp"
#include "experiments/dataset/output.hpp"

namespace variscope::experiments {

namespace detail {

void check_output(const std::string& output, bool overwrite) {
  const std::filesystem::path path(output);
  if (data_format(output) != DataFormat::hdf5) {
    throw UserError(fmt::format("{}: cannot write this kind of file (data are written as HDF5). Let its name end in .h5.", output));
  }
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(directory)) {
    throw UserError(
        fmt::format("{}: no directory '{}' (the file is written beside its final name). Create it.", output, directory.string()));
  }
  if (!overwrite && std::filesystem::exists(path)) {
    throw UserError(fmt::format("{}: the file exists (and is kept). Choose another name or use --overwrite.", output));
  }
}

void discard_unfinished(const std::string& output) noexcept {
  std::error_code ignored;
  std::filesystem::remove(store::unfinished(output), ignored);
}

}  // namespace detail

namespace {

void copy_rows(const data::CsvScan& scan, const std::string& response, const std::string& output) {
  const Index width = static_cast<Index>(scan.columns.size());
  const Index block = std::max(Index{1}, (Index{1} << 20) / width);
  const std::size_t response_column =
      response.empty() ? scan.columns.size() : static_cast<std::size_t>(data::find_column(scan.columns, response, scan.file));
  data::CsvReader reader(scan, scan.marks.front());
  store::ParallelTableWriter writer(output);
  std::vector<double> row(scan.columns.size());
  std::vector<double> design;
  std::vector<double> responses;
  for (Index first = 0; first < scan.rows; first += block) {
    const Range rows{first, std::min(first + block, scan.rows)};
    design.clear();
    responses.clear();
    for (Index r = rows.first; r < rows.last; ++r) {
      if (!reader.read(row.data()))
        throw UserError(fmt::format("{}: rows are missing (the file has changed meanwhile). Start again.", scan.file));
      for (std::size_t c = 0; c < row.size(); ++c) (c == response_column ? responses : design).push_back(row[c]);
    }
    writer.write(rows, design.data(), response.empty() ? nullptr : responses.data());
  }
  writer.close();
}

}  // namespace

Index import_data(const ImportOptions& options) {
  const DataFormat format = data_format(options.input);
  if (format != DataFormat::csv && format != DataFormat::tsv) {
    throw UserError(
        fmt::format("{}: cannot import this kind of file (CSV and TSV are imported). Other formats are read as they are.", options.input));
  }
  detail::check_output(options.output, options.overwrite);
  const data::CsvScan scan = data::scan_csv(options.input, format == DataFormat::tsv ? '\t' : ',');
  store::TableHeader header;
  header.rows = scan.rows;
  header.columns = scan.columns;
  header.response_name = options.response;
  if (!options.response.empty()) {
    header.columns.erase(header.columns.begin() + data::find_column(scan.columns, options.response, scan.file));
    if (header.columns.empty()) {
      throw UserError(
          fmt::format("{}: no design column is left (the only column is the response). Import it without a response.", scan.file));
    }
  }
  header.provenance = {{"source", std::filesystem::path(options.input).filename().string()},
                       {"source_sha256", store::sha256_file(options.input)}};
  try {
    store::ParallelTableWriter::create(options.output, header);
    copy_rows(scan, options.response, options.output);
    store::ParallelTableWriter::finish(options.output);
  } catch (...) {
    detail::discard_unfinished(options.output);
    throw;
  }
  return scan.rows;
}

}  // namespace variscope::experiments
