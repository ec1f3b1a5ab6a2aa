/// Rows gathered by one sum, of which each has one term.
#include "experiments/run/sample_data.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace variscope::experiments {

namespace {

/// `width` numbers a row, of all rows; held: those of this rank, one row `stride` after the other.
std::vector<double> gathered(const data::Table& table, const double* held, Index width, Index stride, const cluster::Communicator& shards) {
  std::vector<double> all(static_cast<std::size_t>(table.rows * width), 0.0);
  for (Index n = 0; n < table.held.size(); ++n) std::copy_n(held + n * stride, width, all.begin() + (table.held.first + n) * width);
  // Adding zeros is exact in any order.
  if (shards.size() > 1) shards.sum_in_any_order(all);
  return all;
}

}  // namespace

std::map<std::string, std::vector<store::TraceConstant>> data_groups(const data::Table& table, const cluster::Communicator& shards) {
  std::map<std::string, std::vector<store::TraceConstant>> groups;
  const auto add = [&](const char* group, const std::string& name, const std::string& meaning, std::vector<Index> shape, const double* held,
                       Index stride) {
    Index width = 1;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) width *= shape[axis];
    auto values = gathered(table, held, width, stride, shards);
    if (shards.rank() != 0) return;
    std::string stored = name;
    std::replace(stored.begin(), stored.end(), '/', '_');  // a path in HDF5
    groups[group].push_back({{stored, meaning, "1", std::move(shape), store::TraceType::real}, std::move(values)});
  };
  if (!table.response.empty() || !table.response_name.empty())
    add("observed_data", table.response_name.empty() ? "response" : table.response_name, "response that the model explains", {table.rows},
        table.response.data(), 1);
  if (table.width() > 0)
    add("constant_data", "design", fmt::format("design as the model sees it; columns: {}", fmt::join(table.columns, ", ")),
        {table.rows, table.width()}, table.design.data(), table.stride());
  for (const data::SideColumn& column : table.side_columns) {
    const std::string levels = column.levels.empty() ? "" : fmt::format("; levels: {}", fmt::join(column.levels, ", "));
    add("constant_data", column.name, "column beside the design" + levels, {table.rows}, column.values.data(), 1);
  }
  return groups;
}

}  // namespace variscope::experiments
