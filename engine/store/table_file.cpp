/// Reading tables: what is in the file, checked, then rows by hyperslab.
#include "engine/store/table_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

[[noreturn]] void refuse(const Handle& file, const std::string& dataset, const std::string& problem) {
  throw UserError(fmt::format("{}{}: {}", file.where(), dataset, problem));
}

std::string listing(const Handle& file) {
  std::string names;
  for (const auto& name : child_names(file, Order::name)) names += (names.empty() ? "/" : ", /") + name;
  return names.empty() ? "nothing" : names;
}

Handle open_file_of_user(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw UserError(fmt::format("{}: no such file. Check the path of the table.", path.string()));
  silence_hdf5();
  if (std::filesystem::is_directory(path) || H5Fis_hdf5(path.c_str()) <= 0) {
    throw UserError(fmt::format("{}: not an HDF5 file. Give a table in HDF5, or import it first.", path.string()));
  }
  try {
    return open_file(path, Access::read);
  } catch (const SystemError& error) {
    throw UserError(fmt::format("{}: cannot be opened ({}). Fetch or make the file again.", path.string(), error.what()));
  }
}

std::string rooted(const std::string& name) { return name.starts_with('/') ? name : "/" + name; }

Handle find_dataset(const Handle& file, const std::string& name, const char* what) {
  const auto path = rooted(name);
  if (!exists(file, path))
    refuse(file, path, fmt::format("no such dataset for the {} (the file has {}). Name the dataset.", what, listing(file)));
  if (object_type(file, path) != H5O_TYPE_DATASET)
    refuse(file, path, fmt::format("not a dataset (the {} must be one). Name the dataset in it.", what));
  return open_dataset(file, path);
}

void require_numeric(const Handle& file, const Handle& dataset, const std::string& path) {
  const auto type = type_of(dataset);
  const auto kind = H5Tget_class(type.id());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) {
    refuse(file, path, "wrong type (neither floating point nor integer). Store it as numbers; booleans as 0 and 1.");
  }
}

/// Everything about a file that reading rows needs.
struct Open {
  Handle file;
  Handle design;
  Handle response;
  bool has_response = false;
  Index rows = 0;
  Index width = 0;             ///< of the design dataset
  Index response_column = -1;  ///< in the design dataset
  std::vector<std::string> columns;
  std::string response_name;
};

void open_columns(Open& table, const TablePaths& paths) {
  const auto path = rooted(paths.columns.value_or("/columns"));
  if (paths.columns || exists(table.file, path)) {
    const auto dataset = find_dataset(table.file, path, "column names");
    if (H5Tget_class(type_of(dataset).id()) != H5T_STRING) refuse(table.file, path, "wrong type (column names must be text). Store texts.");
    table.columns = read_texts(table.file, path);
    if (static_cast<Index>(table.columns.size()) != table.width) {
      refuse(table.file, path,
             fmt::format("{} names for {} columns of the design. Give one name per column.", table.columns.size(), table.width));
    }
    return;
  }
  for (Index c = 0; c < table.width; ++c) table.columns.push_back(fmt::format("x{}", c));
}

void split_response_column(Open& table, const std::string& column, const std::string& design) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  Index number = found - table.columns.begin();
  if (found == table.columns.end()) {
    const auto [end, status] = std::from_chars(column.data(), column.data() + column.size(), number);
    if (status != std::errc() || end != column.data() + column.size() || number < 0 || number >= table.width) {
      refuse(table.file, design,
             fmt::format("no column '{}' for the response (columns: {}, or a number below {}). Name one of them.", column,
                         fmt::join(table.columns, ", "), table.width));
    }
  }
  table.response_column = number;
  table.response_name = table.columns[static_cast<std::size_t>(number)];
  table.columns.erase(table.columns.begin() + number);
  table.has_response = true;
}

void open_response(Open& table, const TablePaths& paths) {
  const auto path = rooted(paths.response.value_or("/response"));
  if (paths.response ? paths.response->empty() : !exists(table.file, path)) return;
  table.response = find_dataset(table.file, path, "response");
  require_numeric(table.file, table.response, path);
  const auto extent = extent_of(table.response);
  if (extent.size() != 1 && !(extent.size() == 2 && extent[1] == 1)) {
    refuse(table.file, path,
           fmt::format("wrong rank ({} dimensions; the response must be one-dimensional). Store one number per row.", extent.size()));
  }
  if (static_cast<Index>(extent[0]) != table.rows) {
    refuse(table.file, path, fmt::format("{} entries for {} rows of the design. Store one number per row.", extent[0], table.rows));
  }
  table.has_response = true;
  table.response_name =
      has_attribute(table.response, "name") ? read_text_attribute(table.response, "name") : path.substr(path.find_last_of('/') + 1);
}

Open open_table(const std::filesystem::path& path, const TablePaths& paths) {
  Open table;
  table.file = open_file_of_user(path);
  const auto design = rooted(paths.design);
  table.design = find_dataset(table.file, design, "design");
  require_numeric(table.file, table.design, design);
  const auto extent = extent_of(table.design);
  if (extent.size() != 2) {
    refuse(table.file, design,
           fmt::format("wrong rank ({} dimensions; the design must have two, rows x columns). Reshape it.", extent.size()));
  }
  table.rows = static_cast<Index>(extent[0]);
  table.width = static_cast<Index>(extent[1]);
  open_columns(table, paths);
  if (paths.response_column) {
    split_response_column(table, *paths.response_column, design);
  } else {
    open_response(table, paths);
  }
  return table;
}

Extent at(Index row, Index column) { return {static_cast<hsize_t>(row), static_cast<hsize_t>(column)}; }

void read_response(const Open& table, Range rows, double* response) {
  Extent offset(extent_of(table.response).size(), 0);
  Extent count(offset.size(), 1);
  offset[0] = static_cast<hsize_t>(rows.first);
  count[0] = static_cast<hsize_t>(rows.size());
  read_slab(table.response, H5T_NATIVE_DOUBLE, offset, count, response);
}

/// Whole rows into a block, from there to where they belong.
void read_scattered(const Open& table, Range rows, const RowBuffer& buffer, Index block_bytes) {
  const Index row_bytes = std::max(table.width, Index{1}) * static_cast<Index>(sizeof(double));
  const Index step = std::max(Index{1}, std::min(block_bytes / row_bytes, rows.size()));
  std::vector<double> block(static_cast<std::size_t>(step * table.width));
  const Index before = table.response_column < 0 ? table.width : table.response_column;
  for (Index first = rows.first; first < rows.last; first += step) {
    const Index size = std::min(step, rows.last - first);
    read_slab(table.design, H5T_NATIVE_DOUBLE, at(first, 0), at(size, table.width), block.data());
    for (Index r = 0; r < size; ++r) {
      const double* source = block.data() + r * table.width;
      double* target = buffer.design + (first - rows.first + r) * buffer.stride;
      std::copy_n(source, before, target);
      if (table.response_column < 0) continue;
      std::copy(source + before + 1, source + table.width, target + before);
      if (buffer.response != nullptr) buffer.response[first - rows.first + r] = source[before];
    }
  }
}

}  // namespace

TableHeader inspect_table(const std::filesystem::path& path, const TablePaths& paths) {
  auto table = open_table(path, paths);
  TableHeader header{table.rows, std::move(table.columns), std::move(table.response_name), {}};
  const auto root = open_group(table.file, "/");
  for (const auto& name : attribute_names(root)) {
    const Handle attribute(H5Aopen(root.id(), name.c_str(), H5P_DEFAULT), Handle::Kind::attribute, "H5Aopen", root.where());
    const Handle type(H5Aget_type(attribute.id()), Handle::Kind::datatype, "H5Aget_type", root.where());
    if (H5Tget_class(type.id()) == H5T_STRING) header.provenance.emplace(name, read_text_attribute(root, name));
  }
  return header;
}

void read_table_rows(const std::filesystem::path& path, const TablePaths& paths, Range rows, const RowBuffer& buffer, Index block_bytes) {
  const auto table = open_table(path, paths);
  if (rows.first < 0 || rows.last > table.rows || rows.first > rows.last) {
    throw UserError(
        fmt::format("{}: rows {} to {} wanted (the table has {}). Ask for rows it has.", path.string(), rows.first, rows.last, table.rows));
  }
  const auto width = static_cast<Index>(table.columns.size());
  if (buffer.stride < width) throw std::invalid_argument("read_table_rows: the stride is smaller than the width");
  if (table.response_column < 0 && buffer.stride == width) {
    read_slab(table.design, H5T_NATIVE_DOUBLE, at(rows.first, 0), at(rows.size(), width), buffer.design);
  } else {
    read_scattered(table, rows, buffer, block_bytes);
  }
  if (buffer.response != nullptr && table.has_response && table.response_column < 0) read_response(table, rows, buffer.response);
}

}  // namespace variscope::store
