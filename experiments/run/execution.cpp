/// Figures as one line of text per rank.
#include "experiments/run/execution.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace variscope::experiments {

store::ExecutionTable execution_table(const cluster::Communicator& world, const std::vector<data::Table>& tables, const Work& work,
                                      const std::vector<std::pair<std::string, double>>& more) {
  double data_bytes = 0;
  double data_rows = 0;
  for (const data::Table& table : tables) {
    data_bytes += static_cast<double>(table.bytes());
    data_rows += static_cast<double>(table.held.size());
  }
  std::vector<std::pair<std::string, double>> figures;
  for (const auto& kind : models::Counts::kinds()) figures.emplace_back(kind.name, static_cast<double>(work.counts.*kind.count));
  const std::vector<std::pair<std::string, double>> others = {
      {"data_rows_held", data_rows},
      {"data_bytes_held", data_bytes},
      {"bytes_sent", static_cast<double>(world.bytes_sent())},
      {"messages_sent", static_cast<double>(world.messages_sent())},
      {"kernel_seconds", work.kernel_s},
      {"draw_seconds", work.draw_s},
      {"estimator_seconds", work.estimator_s},
      {"communication_seconds", work.communication_s},
  };
  figures.insert(figures.end(), others.begin(), others.end());
  figures.insert(figures.end(), more.begin(), more.end());
  std::string line;
  store::ExecutionTable table;
  for (const auto& [name, value] : figures) {
    table.names.push_back(name);
    line += fmt::format("{} ", value);
  }
  for (const std::string& text : world.all_gather(line)) {
    ++table.ranks;
    const char* at = text.c_str();
    for (std::size_t i = 0; i < figures.size(); ++i) {
      char* end = nullptr;
      table.values.push_back(std::strtod(at, &end));
      at = end;
    }
  }
  return table;
}

}  // namespace variscope::experiments
