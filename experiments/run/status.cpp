/// `variscope status`: the manifest says what is done, the lock whether anyone is at it, status.json how fast.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "engine/error.hpp"
#include "engine/store/fit_segments.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/parts.hpp"
#include "experiments/run/status_file.hpp"
#include "experiments/submit/submit.hpp"

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
    for (const auto* of_cell : {&cell.chains, &cell.shard_chains}) {
      for (const ChainsPlan& chains : *of_cell) {
        state.total += chains.settings.iterations() * chains.settings.count();
        const auto states = store::committed_states(run, manifest, chains.layout.id);
        if (!states.empty()) state.done += states.front().iteration * chains.settings.count();
      }
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

/// The word for a cell.
const char* state_text(const CellState& cell) {
  return cell.total > 0 && cell.done >= cell.total ? "done" : cell.done > 0 ? "begun" : "waiting";
}

/// What is known of a run or a part of one, its lock taken into account.
struct Condition {
  RunStatus status;
  std::string holder;
  bool at_it = false;  ///< someone works on it now
};

Condition condition_of(const fs::path& directory, const std::optional<RunStatus>& status) {
  Condition now{status.value_or(RunStatus{}), store::lock_holder(directory / "lock"), false};
  const bool working = now.status.state == "running" || now.status.state == "finishing" || now.status.state.empty();
  now.at_it = working && !now.holder.empty();
  if (working && now.holder.empty()) {
    now.status.state = "killed";
    now.status.reason = "its process is gone without a word";
  }
  return now;
}

std::string percent(double done, double total) { return total > 0 ? fmt::format("{:.0f} %", 100 * done / total) : "-"; }

/// What the scheduler says, of a run that was submitted and may still have jobs.
void print_jobs_of(const std::string& run) {
  if (!read_job_record(run)) return;
  fmt::print("\n");
  (void)print_jobs({run}, false);
}

/// A study in parts: a line for each part, a line for each cell.
int print_parts_status(const StatusOptions& options, const std::vector<PartFound>& parts) {
  const fs::path run = options.run;
  const auto joined = join_parts(run);
  const auto cells = joined ? cells_of(joined->base, joined->manifest) : std::map<std::string, CellState>{};
  std::map<std::string, const PartFound*> part_of;
  std::vector<Condition> conditions;
  Index done_parts = 0;
  double longest = -1;
  bool any_at_it = false;
  for (const PartFound& part : parts) {
    std::istringstream own(part.cells());
    for (std::string cell; own >> cell;) part_of[cell] = &part;
    Condition condition;
    if (part.manifest) condition = condition_of(part.directory, read_status(part.directory));
    if (part.done() && !condition.at_it) {
      condition.status.state = "committed";
      condition.status.reason.clear();
    }
    if (!part.manifest) condition.status.state = "waiting";
    done_parts += part.done() ? 1 : 0;
    any_at_it = any_at_it || condition.at_it;
    if (condition.at_it) longest = std::max(longest, condition.status.seconds_left);
    conditions.push_back(std::move(condition));
  }
  CellState all;
  for (const auto& [id, cell] : cells) {
    all.done += cell.done;
    all.total += cell.total;
  }
  const std::string next = any_at_it ? "" : fmt::format("variscope resume {}", options.run);
  const auto part_text = [&](const std::string& cell) {
    const auto found = part_of.find(cell);
    return found == part_of.end() ? std::string("-") : std::to_string(found->second->part.index);
  };
  const std::string state = any_at_it ? "running" : done_parts == static_cast<Index>(parts.size()) ? "committed" : "waiting";
  if (options.json) {
    auto part_list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const RunStatus& s = conditions[i].status;
      part_list.push_back({{"part", parts[i].part.index},
                           {"state", s.state},
                           {"reason", s.reason},
                           {"holder", conditions[i].holder},
                           {"done", s.done},
                           {"total", s.total},
                           {"unit", s.unit},
                           {"seconds_left", s.seconds_left},
                           {"hosts", s.hosts},
                           {"cells", parts[i].cells()}});
    }
    auto list = nlohmann::ordered_json::array();
    for (const auto& [id, cell] : cells)
      list.push_back({{"cell", id}, {"part", part_text(id)}, {"done", cell.done}, {"total", cell.total}});
    const nlohmann::ordered_json text{{"run", options.run}, {"state", state}, {"parts_done", done_parts},
                                      {"parts", part_list}, {"cells", list},  {"seconds_left", longest},
                                      {"next", next}};
    fmt::print("{}\n", text.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return 0;
  }
  fmt::print("run              {}\nstate            {} ({} of {} parts are done)\nprogress         {}\n", options.run, state, done_parts,
             parts.size(), percent(static_cast<double>(all.done), static_cast<double>(all.total)));
  if (longest >= 0) fmt::print("time left        {} (the parts that run now)\n", format_duration(longest));
  fmt::print("\n{:<5} {:<10} {:>8}  {:<10} {:<20} {}\n", "part", "state", "progress", "time left", "node", "why");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Condition& c = conditions[i];
    const bool timed = c.at_it && c.status.seconds_left >= 0;
    fmt::print("{:<5} {:<10} {:>8}  {:<10} {:<20} {}\n", parts[i].part.index, c.status.state, percent(c.status.done, c.status.total),
               timed ? format_duration(c.status.seconds_left) : "-", c.status.hosts.empty() ? "-" : c.status.hosts, c.status.reason);
  }
  fmt::print("\n{:<12} {:<5} {:<9} {}\n", "cell", "part", "state", "committed");
  for (const auto& [id, cell] : cells)
    fmt::print("{:<12} {:<5} {:<9} {}{}\n", id, part_text(id), state_text(cell), cell.done,
               cell.total > 0 ? fmt::format(" of {}", cell.total) : "");
  print_jobs_of(options.run);
  if (!next.empty()) fmt::print("\nnext: {}\n", next);
  return 0;
}

}  // namespace

int print_status(const StatusOptions& options) {
  const fs::path run = options.run;
  if (!fs::is_directory(run)) throw UserError(fmt::format("{}: is no run directory. Name the directory of a run.", options.run));
  if (!fs::exists(run / "run.h5") && !fs::exists(run / "MANIFEST")) {
    if (const auto parts = find_parts(run); !parts.empty()) return print_parts_status(options, parts);
  }
  const bool complete = store::is_complete(run);
  std::string warning;
  const auto manifest = complete ? std::nullopt : store::read_manifest(run, &warning);
  const auto told = read_status(run);
  if (!complete && !manifest && !told && !read_job_record(options.run))
    throw UserError(fmt::format("{}: there is no run here. Start one with `variscope run`.", options.run));
  Condition condition = condition_of(run, told);
  const bool at_it = condition.at_it;
  const std::string& holder = condition.holder;
  RunStatus* const status = &condition.status;
  if (complete && (!told || told->state != "finished")) {
    status->state = "finished";
    status->reason.clear();
    status->hash = store::read_provenance(run / "run.h5").at("results_hash");
  } else if (!complete && !manifest && !told) {
    status->state = "submitted";
    status->reason.clear();
  }
  const std::string next = complete                                ? fmt::format("variscope report {}", options.run)
                           : at_it || status->state == "submitted" ? ""
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
                                      {"hosts", status->hosts},
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
  if (!status->hosts.empty()) fmt::print("node             {}\n", status->hosts);
  if (at_it && status->seconds_left >= 0) fmt::print("time left        {}\n", format_duration(status->seconds_left));
  if (manifest) fmt::print("last checkpoint  {} ({})\n", manifest->checkpoint, status->last_checkpoint);
  if (!warning.empty()) fmt::print("warning          {}\n", warning);
  if (!status->hash.empty()) fmt::print("results hash     {}\n", status->hash);
  if (!cells.empty()) fmt::print("\n{:<12} {:<9} {}\n", "cell", "state", "committed");
  for (const auto& [id, cell] : cells) {
    fmt::print("{:<12} {:<9} {}{}\n", id, state_text(cell), cell.done, cell.total > 0 ? fmt::format(" of {}", cell.total) : "");
  }
  if (!complete) print_jobs_of(options.run);
  if (!next.empty()) fmt::print("\nnext: {}\n", next);
  return 0;
}

}  // namespace variscope::experiments
