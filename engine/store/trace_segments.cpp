/// Blocks of draws as one long array, a table that says what lies where, states behind it.
#include "engine/store/trace_segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/segment_file.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope trace segment";
constexpr Index format_version = 1;

/// A block's row of the table, and a state's.
enum BlockEntry : std::size_t { group, first_chain, last_chain, first_draw, last_draw, block_numbers, block_entries };
enum StateEntry : std::size_t { iteration, state_first, state_last, state_numbers, state_entries };

std::array<Index, block_entries> row_of(const TraceBlock& block) {
  const Index rows = block.chains.size() * block.draws.size();
  const auto numbers = static_cast<Index>(block.values.size());
  if (block.chains.size() < 1 || block.draws.size() < 1 || numbers % rows != 0)
    throw std::invalid_argument(fmt::format("block of trace '{}': {} values for {} draws", block.trace, numbers, rows));
  return {block.group, block.chains.first, block.chains.last, block.draws.first, block.draws.last, numbers};
}

}  // namespace

SegmentEntry write_trace_segment(const std::filesystem::path& run, Index checkpoint, Index writer, const std::vector<TraceBlock>& blocks,
                                 const std::vector<TraceState>& states) {
  std::vector<Index> table;
  std::vector<std::string> traces;
  hsize_t total = 0;
  for (const TraceBlock& block : blocks) {
    const auto row = row_of(block);
    table.insert(table.end(), row.begin(), row.end());
    traces.push_back(block.trace);
    total += block.values.size();
  }
  std::vector<Index> state_table;
  std::vector<std::string> state_traces;
  std::vector<double> numbers;
  for (const TraceState& state : states) {
    state_table.insert(state_table.end(),
                       {state.iteration, state.chains.first, state.chains.last, static_cast<Index>(state.numbers.size())});
    state_traces.push_back(state.trace);
    numbers.insert(numbers.end(), state.numbers.begin(), state.numbers.end());
  }
  return write_segment_file(run, checkpoint, writer, [&](const Handle& file) {
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", format_version);
    write_integers(file, "blocks", {blocks.size(), block_entries}, table.data()).close();
    write_texts(file, "traces", traces).close();
    auto values = create_dataset(file, "values", H5T_NATIVE_DOUBLE, {total});
    hsize_t offset = 0;
    for (const TraceBlock& block : blocks) {
      write_slab(values, H5T_NATIVE_DOUBLE, {offset}, {block.values.size()}, block.values.data());
      offset += block.values.size();
    }
    values.close();
    write_integers(file, "states", {states.size(), state_entries}, state_table.data()).close();
    write_texts(file, "state_traces", state_traces).close();
    write_doubles(file, "state_numbers", {numbers.size()}, numbers.data()).close();
  });
}

void visit_trace_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::string& trace,
                         const std::function<void(TraceBlock&&)>& visit) {
  const auto file = open_segment_file(run, entry, format_name, format_version);
  const auto table = read_integers(file, "blocks");
  const auto traces = read_texts(file, "traces");
  const auto values = open_dataset(file, "values");
  hsize_t offset = 0;
  for (std::size_t b = 0; b < traces.size(); ++b) {
    const Index* row = table.data() + b * block_entries;
    const auto count = static_cast<hsize_t>(row[block_numbers]);
    if (traces[b] == trace) {
      TraceBlock block{trace, row[group], {row[first_chain], row[last_chain]}, {row[first_draw], row[last_draw]}, {}};
      block.values.resize(count);
      read_slab(values, H5T_NATIVE_DOUBLE, {offset}, {count}, block.values.data());
      visit(std::move(block));
    }
    offset += count;
  }
}

VisitBlocks committed_blocks(const std::filesystem::path& run, const Manifest& manifest, const std::string& trace) {
  return [run, segments = manifest.segments, trace](const std::function<void(const TraceBlock&)>& visit) {
    for (const SegmentEntry& entry : segments) visit_trace_segment(run, entry, trace, [&](TraceBlock&& block) { visit(block); });
  };
}

std::vector<TraceState> committed_states(const std::filesystem::path& run, const Manifest& manifest, const std::string& trace) {
  std::vector<TraceState> latest;
  for (const SegmentEntry& entry : manifest.segments) {
    const auto file = open_segment_file(run, entry, format_name, format_version);
    const auto table = read_integers(file, "states");
    const auto traces = read_texts(file, "state_traces");
    const auto numbers = read_doubles(file, "state_numbers");
    auto next = numbers.begin();
    for (std::size_t s = 0; s < traces.size(); ++s) {
      const Index* row = table.data() + s * state_entries;
      const auto end = next + static_cast<std::ptrdiff_t>(row[state_numbers]);
      if (traces[s] == trace && (latest.empty() || row[iteration] >= latest.front().iteration)) {
        if (!latest.empty() && row[iteration] > latest.front().iteration) latest.clear();
        latest.push_back({trace, row[iteration], {row[state_first], row[state_last]}, {next, end}});
      }
      next = end;
    }
  }
  std::sort(latest.begin(), latest.end(), [](const TraceState& a, const TraceState& b) { return a.chains.first < b.chains.first; });
  return latest;
}

}  // namespace variscope::store
