/// Trace files of what is there, then the same figures as of whole ones.
#include "experiments/run/partial_chains.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include "engine/store/trace_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/plan/chains.hpp"
#include "experiments/plan/expand.hpp"
#include "experiments/plan/reference.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/sample_record.hpp"

namespace variscope::experiments {

namespace {

namespace fs = std::filesystem;

/// The layout cut to the draws that all chains have in every group; nothing if they are too few.
std::optional<store::TraceLayout> as_far_as(const fs::path& run, const store::Manifest& manifest, store::TraceLayout layout) {
  std::vector<std::vector<Index>> last(layout.groups.size(), std::vector<Index>(static_cast<std::size_t>(layout.chains), 0));
  for (const store::SegmentEntry& entry : manifest.segments) {
    store::visit_trace_segment(run, entry, layout.id, [&](store::TraceBlock&& block) {
      auto& of_group = last.at(static_cast<std::size_t>(block.group));
      for (Index c = block.chains.first; c < block.chains.last; ++c) {
        Index& of_chain = of_group.at(static_cast<std::size_t>(c));
        of_chain = std::max(of_chain, block.draws.last);
      }
    });
  }
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    layout.groups[g].draws = *std::min_element(last[g].begin(), last[g].end());
    if (layout.groups[g].name == "posterior" && layout.groups[g].draws < kLeastDraws) return std::nullopt;
  }
  return layout;
}

const store::TraceGroup& group_of(const store::TraceLayout& layout, const std::string& name) {
  return *std::find_if(layout.groups.begin(), layout.groups.end(), [&](const store::TraceGroup& g) { return g.name == name; });
}

/// Everything of a cell but its samplers.
ChainCellRecord shape_of(const CellPlan& cell, const PathPlan& path, const DataPlan* data, const store::TraceLayout& layout) {
  const auto model = shape_model(cell.settings, data);
  const store::TraceGroup& posterior = group_of(layout, "posterior");
  ChainCellRecord record;
  record.id = cell.id;
  record.settings = to_pairs(cell.settings);
  record.model = cell.settings.model.name;
  record.dim = model->dim();
  record.rows = model->rows();
  record.chains = layout.chains;
  record.first_chain = layout.first_chain;
  record.warmup = cell.chains.front().settings.warmup;
  record.draws = group_of(layout, "sample_stats").draws;
  record.stored = posterior.draws;
  record.chains_per_start = cell.chains.front().settings.start.chains_per_start;
  record.processors = 1;
  record.exclusions = cell.exclusions;
  record.target.moments = path.moments.moments;
  const std::vector<std::string> names = element_names(*model);
  std::size_t place = 0;
  for (const models::Variable& variable : model->variables()) {
    const bool stored = std::any_of(posterior.variables.begin(), posterior.variables.end(),
                                    [&](const store::TraceVariable& v) { return v.name == variable.name; });
    if (stored) record.variables.push_back({variable.name, variable.shape});
    for (Index e = 0; e < variable.size(); ++e, ++place) {
      if (!stored) continue;
      record.scalar_names.push_back(names[place]);
      if (path.moments.mean.empty()) continue;
      record.target.mean.push_back(path.moments.mean[place]);
      record.target.sd.push_back(path.moments.sd[place]);
      record.target.mean_error.push_back(path.moments.mean_error[place]);
      record.target.sd_error.push_back(path.moments.sd_error[place]);
    }
  }
  return record;
}

}  // namespace

std::vector<ChainCellRecord> partial_chains(const fs::path& run, const store::Manifest& manifest, const Plan& plan,
                                            const fs::path& scratch) {
  // Traces are merged from segments/ of the directory that they are written to.
  fs::create_directory_symlink(fs::absolute(run / "segments"), scratch / "segments");
  std::vector<ChainCellRecord> cells;
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)];
    // By iterations behind the warm-up: a cell's samplers have equally many.
    std::map<Index, ChainCellRecord, std::greater<>> by_draws;
    for (const ChainsPlan& chains : cell.chains) {
      const auto layout = as_far_as(run, manifest, chains.layout);
      if (!layout) continue;
      store::merge_trace(scratch, manifest, *layout, utc_now());
      const store::TraceFile file(store::trace_path(scratch, layout->id));
      const Index draws = group_of(*layout, "sample_stats").draws;
      auto place = by_draws.find(draws);
      if (place == by_draws.end()) {
        place = by_draws.emplace(draws, shape_of(cell, path, data, *layout)).first;
        if (draws < chains.settings.draws) place->second.id += " so far";
      }
      ChainsRecord record = record_of_trace(file, *layout, chains.settings, place->second.rows, plan.threads);
      record.seconds = record.warmup_seconds = std::numeric_limits<double>::quiet_NaN();
      record.bytes_sent = record.messages_sent = std::numeric_limits<double>::quiet_NaN();
      place->second.samplers.push_back(std::move(record));
    }
    for (auto& [draws, record] : by_draws) cells.push_back(std::move(record));
  }
  return cells;
}

}  // namespace variscope::experiments
