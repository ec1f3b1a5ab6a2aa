/// `variscope status`: the manifest says what is done, the lock whether anyone is at it, status.json how fast.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.hpp"
#include "engine/store/fit_segments.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/status_file.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

/// Pieces of a cell: batches at its points, fits, or iterations of chains.
struct CellState {
  Index done = 0;
  Index total = 0;
};

/// Iterations of all chains that a study of chains has committed.
std::map<std::string, CellState> chains_of(const fs::path& run, const store::Manifest& manifest, const Plan& plan) {
  std::map<std::string, CellState> cells;
  for (const CellPlan& cell : plan.cells) {
    CellState& state = cells[cell.id];
    for (const ChainsPlan& chains : cell.chains) {
      state.total += chains.settings.iterations() * chains.settings.count();
      const auto states = store::committed_states(run, manifest, chains.layout.id);
      if (!states.empty()) state.done += states.front().iteration * chains.settings.count();
    }
  }
  return cells;
}

/// What the segments hold, cell by cell; files that cannot be read count as nothing.
std::map<std::string, CellState> cells_of(const fs::path& run, const store::Manifest& manifest) {
  std::map<std::string, CellState> cells;
  const auto text = manifest.state.find("spec_text");
  const auto path = manifest.state.find("spec_path");
  bool of_fits = false;
  if (text != manifest.state.end() && path != manifest.state.end()) {
    try {
      const Plan plan = make_plan(parse_spec(text->second, unescape_bytes(path->second)), 1, 1, {}, run.string());
      of_fits = plan.of_fits();
      if (plan.of_chains()) return chains_of(run, manifest, plan);
      for (const CellPlan& cell : plan.cells) {
        const auto points = static_cast<Index>(plan.paths[static_cast<std::size_t>(cell.path)].labels.size());
        const auto estimators = static_cast<Index>(cell.estimators.size());
        cells[cell.id].total = of_fits ? estimators * cell.settings.fit.repeats : points * cell.settings.replicates.batches;
      }
    } catch (const std::exception&) {
      // Without its data the plan is unknown, and with it how much there is to do.
    }
  }
  for (const store::SegmentEntry& entry : manifest.segments) {
    try {
      if (of_fits)
        store::visit_fit_segment(run, entry, [&](store::FitChunk&& chunk) { ++cells[chunk.cell].done; });
      else
        for (const store::ChunkKey& key : store::segment_keys(run, entry)) cells[key.cell].done += key.batches.size();
    } catch (const std::exception&) {
      continue;
    }
  }
  return cells;
}

}  // namespace

int print_status(const StatusOptions& options) {
  const fs::path run = options.run;
  if (!fs::is_directory(run)) throw UserError(fmt::format("{}: is no run directory. Name the directory of a run.", options.run));
  const std::string holder = store::lock_holder(run / "lock");
  const bool complete = store::is_complete(run);
  std::string warning;
  const auto manifest = complete ? std::nullopt : store::read_manifest(run, &warning);
  auto status = read_status(run);
  if (!complete && !manifest && !status)
    throw UserError(fmt::format("{}: there is no run here. Start one with `variscope run`.", options.run));
  if (!status) status.emplace();
  const bool at_it = status->state == "running" || status->state == "finishing" || status->state.empty();
  if (complete && status->state != "finished") {
    status->state = "finished";
    status->hash = store::read_provenance(run / "run.h5").at("results_hash");
  } else if (at_it && holder.empty()) {
    status->state = "killed";
    status->reason = "its process is gone without a word";
  }
  const std::string next = complete                   ? fmt::format("variscope report {}", options.run)
                           : at_it && !holder.empty() ? ""
                                                      : fmt::format("variscope resume {}", options.run);
  const auto cells = manifest ? cells_of(run, *manifest) : std::map<std::string, CellState>{};
  if (options.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [id, cell] : cells) list.push_back({{"cell", id}, {"done", cell.done}, {"total", cell.total}});
    const nlohmann::ordered_json text{{"run", options.run},
                                      {"state", status->state},
                                      {"reason", status->reason},
                                      {"holder", holder},
                                      {"updated", status->updated},
                                      {"checkpoint", manifest ? manifest->checkpoint : status->checkpoint},
                                      {"last_checkpoint", status->last_checkpoint},
                                      {"done", status->done},
                                      {"total", status->total},
                                      {"unit", status->unit},
                                      {"seconds_left", status->seconds_left},
                                      {"results_hash", status->hash},
                                      {"cells", std::move(list)},
                                      {"next", next}};
    fmt::print("{}\n", text.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return 0;
  }
  fmt::print("run              {}\nstate            {}{}\n", options.run, status->state,
             status->reason.empty() ? "" : fmt::format(" ({})", status->reason));
  if (!holder.empty()) fmt::print("held by          {}\n", holder);
  if (status->total > 0) {
    fmt::print("progress         {:.0f} % ({} of {} {})\n", 100 * status->done / status->total, format_count(status->done),
               format_count(status->total), status->unit);
  }
  if (at_it && !holder.empty() && status->seconds_left >= 0) fmt::print("time left        {}\n", format_duration(status->seconds_left));
  if (manifest) fmt::print("last checkpoint  {} ({})\n", manifest->checkpoint, status->last_checkpoint);
  if (!warning.empty()) fmt::print("warning          {}\n", warning);
  if (!status->hash.empty()) fmt::print("results hash     {}\n", status->hash);
  if (!cells.empty()) fmt::print("\n{:<12} {:<9} {}\n", "cell", "state", "committed");
  for (const auto& [id, cell] : cells) {
    const char* state = cell.total > 0 && cell.done >= cell.total ? "done" : cell.done > 0 ? "begun" : "waiting";
    fmt::print("{:<12} {:<9} {}{}\n", id, state, cell.done, cell.total > 0 ? fmt::format(" of {}", cell.total) : "");
  }
  if (!next.empty()) fmt::print("\nnext: {}\n", next);
  return 0;
}

}  // namespace variscope::experiments
