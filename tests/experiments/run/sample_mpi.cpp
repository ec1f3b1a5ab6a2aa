/// Chains on ranks, threads and data shards: one hash; so are runs that were interrupted and went on elsewhere, and a chain alone.
#include <omp.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "engine/diagnostics/chain_summary.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/random/stream.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/trace_file.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/run/sample_cells.hpp"
#include "experiments/run/sample_summary.hpp"
#include "tests/cluster/check.hpp"

namespace {

using namespace variscope;
using variscope::cluster::Communicator;
using variscope::test::Checks;
namespace ex = variscope::experiments;
namespace fs = std::filesystem;

constexpr Index kRows = 203;
constexpr Index kTile = 16;

/// All rows, or those of one shard.
data::Table table_of(Range held) {
  data::Table table;
  table.rows = kRows;
  table.held = held;
  table.columns = {"a", "b", "c"};
  for (Index row = held.first; row < held.last; ++row) {
    const random::Stream stream{9, random::Purpose::testing, 0, static_cast<std::uint32_t>(row), 0};
    double linear = 0.3;
    for (std::uint32_t d = 0; d < 3; ++d) {
      table.design.push_back(random::normal(stream, d));
      linear += (d == 0 ? 1.0 : -0.5) * table.design.back();
    }
    table.response.push_back(random::uniform(stream, 100) < 1 / (1 + std::exp(-linear)) ? 1.0 : 0.0);
  }
  return table;
}

struct Setting {
  std::string sampler;
  cluster::Layout layout;
  ex::SamplePace pace;
  Index stop_after = 0;  ///< iterations before it is interrupted and resumed; 0: never
  std::uint64_t seed = 1;
  diagnostics::StoppingRule stop{};
};

struct Outcome {
  std::string hash;
  ex::SamplerSummary summary;
  std::vector<std::vector<double>> draws;  ///< [scalar][chain x draw]
  bool stopped = false;
};

/// On all ranks of `world`; the layout may have fewer, the others then run nothing. Rank 0's outcome.
Outcome run(const Communicator& world, const fs::path& root, const Setting& setting) {
  const Communicator ranks = world.split(world.rank() < setting.layout.ranks() ? 0 : 1);
  Outcome outcome;
  if (world.rank() < setting.layout.ranks()) {
    const fs::path path = root / "run";
    if (ranks.rank() == 0) {
      fs::remove_all(path);
      fs::create_directories(path / "segments");
    }
    ranks.barrier();
    ex::SampleSettings s;
    s.sampler = setting.sampler;
    s.seed = setting.seed;
    s.chains = 6;
    s.warmup = 60;
    s.draws = 100;
    s.thin = 2;
    s.save_warmup = true;
    s.unconstrained = true;
    s.stop = setting.stop;
    const ex::SampleTeam team(ranks, setting.layout);
    const cluster::Ownership tiles{(kRows + kTile - 1) / kTile, 1, setting.layout.shards};
    const Range leaves = tiles.range(team.shards.rank());
    const data::Table table = table_of({leaves.first * kTile, std::min(leaves.last * kTile, kRows)});
    const models::LogisticRegression model(table, 0.0, 1.0);
    const ex::RowTiles rows{tiles, kTile};
    ex::Work work;
    store::Manifest manifest{"test", 0, {}, {}};
    const auto make = [&] {
      return std::make_unique<ex::SampleCell>("cell_000", s, model, rows, team, cluster::Reduce::exact, omp_get_max_threads(), work);
    };
    auto cell = make();
    cell->start();
    if (setting.stop_after > 0) {
      cell->advance(setting.stop_after);
      const auto blocks = cell->take_blocks();
      const auto states = cell->states();
      std::string entry;
      if (!states.empty()) entry = store::encode(store::write_trace_segment(path, ++manifest.checkpoint, ranks.rank(), blocks, states));
      manifest.checkpoint = 1;
      for (const std::string& text : ranks.all_gather(entry)) {
        if (!text.empty()) manifest.segments.push_back(store::decode_segment_entry(text));
      }
      cell->advance(7);  // lost
      cell = make();
      cell->resume(store::committed_states(path, manifest, "cell_000"), store::committed_blocks(path, manifest, "cell_000"));
    }
    ex::run_cell(ranks, path, *cell, setting.pace, manifest);
    if (ranks.rank() == 0) {
      outcome.hash = store::merge_trace(path, manifest, cell->layout(), "now");
      const store::TraceFile file(store::trace_path(path, "cell_000"), true);
      outcome.summary = ex::summarise_trace(file, cell->layout(), kRows, omp_get_max_threads());
      for (const auto& variable : cell->layout().groups.front().variables)
        outcome.draws.push_back(file.element("posterior", variable.name));
    }
    outcome.stopped = cell->stopped();
    ranks.barrier();
  }
  world.broadcast(outcome.hash);
  return outcome;
}

void one_hash(const Communicator& world, const fs::path& root, const std::string& sampler, Checks& check) {
  // On one rank, one block, no interruption.
  const Outcome reference = run(world, root, {sampler, {1, 1, 1, 1}, {1000, 1e9, 1e12, {}}, 0});
  const auto same = [&](const cluster::Layout& layout, Index block, double checkpoint_s, Index stop_after) {
    const Outcome other = run(world, root, {sampler, layout, {block, checkpoint_s, 1e12, {}}, stop_after});
    check.equal(other.hash, reference.hash, sampler + " on " + layout.text() + ", blocks of " + std::to_string(block));
  };
  const Index ranks = world.size();
  same({1, 1, 1, 1}, 13, 0, 0);
  same({ranks, 1, 1, 1}, 37, 1e9, 0);
  same({1, 1, ranks, 1}, 50, 0, 0);
  same({ranks, 1, 1, 1}, 50, 1e9, 90);
  // The broken twin: draws that differ have another hash.
  const Outcome other = run(world, root, {sampler, {1, 1, 1, 1}, {1000, 1e9, 1e12, {}}, 0, 2});
  check.that(other.hash != reference.hash, "another seed has another hash");
  if (ranks == 4) same({2, 1, 2, 1}, 64, 1e9, 30);
  if (world.rank() != 0) return;
  const ex::SamplerSummary& s = reference.summary;
  check.equal(s.names.size(), std::size_t{3}, "stored scalars");
  check.equal(s.failed, Index{0}, "failed chains");
  check.equal(s.draws, Index{50}, "stored draws");
  check.equal(s.iterations, Index{100}, "iterations");
  check.that(s.work.equivalents() >= (sampler == "sgld" ? 6 * 100 * 20.0 / kRows : 6 * 50), "work is counted");
  if (sampler == "nuts") {
    check.that(s.energy_fraction > 0.3, "E-BFMI of an easy target");
    check.that(s.variables[s.worst_rhat()].rhat.value() < 1.1, "R-hat of an easy target");
    check.equal(s.divergences, 0.0, "divergences of an easy target");
  }
}

/// The first draws of each chain.
std::vector<double> prefix(const std::vector<double>& values, Index chains, Index draws) {
  const Index each = static_cast<Index>(values.size()) / chains;
  std::vector<double> first;
  for (Index c = 0; c < chains; ++c) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(c * each);
    first.insert(first.end(), at, at + static_cast<std::ptrdiff_t>(draws));
  }
  return first;
}

/// Chains that a rule ends: where the diagnostics of the draws that were made without it say, on any ranks, and after a resume.
void stopping(const Communicator& world, const fs::path& root, Checks& check) {
  const ex::SamplePace pace{1000, 1e9, 1e12, {}};
  const Outcome whole = run(world, root, {"nuts", {1, 1, 1, 1}, pace});
  const diagnostics::StoppingRule rule{70, 1.2, 10};
  // Six chains, every second draw stored, looks at every tenth iteration.
  Index expected = 0;
  if (world.rank() == 0) {
    bool before = false;
    for (Index made = rule.every; made <= 100 && expected == 0; made += rule.every) {
      bool holds = true;
      for (const auto& scalar : whole.draws) {
        const auto first = prefix(scalar, 6, made / 2);
        const auto s = diagnostics::summarize_chains({first, 6, made / 2}, std::vector<double>{0.5});
        holds = holds && std::min(s.bulk_size, s.tail_size) >= rule.effective_size && s.rhat.value() <= rule.rhat;
      }
      if (holds && before) expected = made;
      before = holds;
    }
    check.that(expected > 2 * rule.every && expected < 100, "the rule ends chains neither at once nor never: " + std::to_string(expected));
  }
  const Outcome reference = run(world, root, {"nuts", {1, 1, 1, 1}, pace, 0, 1, rule});
  if (world.rank() == 0) {
    check.that(reference.stopped, "stopped");
    check.equal(reference.summary.iterations, expected, "iterations until the stop");
    check.equal(reference.summary.draws, expected / 2, "draws until the stop");
    for (std::size_t d = 0; d < 3; ++d)
      check.that(reference.draws[d] == prefix(whole.draws[d], 6, expected / 2), "draws are those without a rule");
  }
  const auto same = [&](const cluster::Layout& layout, Index block, double checkpoint_s, Index stop_after) {
    const Outcome other = run(world, root, {"nuts", layout, {block, checkpoint_s, 1e12, {}}, stop_after, 1, rule});
    check.equal(other.hash, reference.hash, "stopped on " + layout.text() + ", blocks of " + std::to_string(block));
  };
  const Index ranks = world.size();
  same({ranks, 1, 1, 1}, 7, 0, 0);
  same({1, 1, ranks, 1}, 1000, 1e9, 0);
  // Interrupted in the warm-up, and between looks.
  same({ranks, 1, 1, 1}, 1000, 1e9, 30);
  same({ranks, 1, 1, 1}, 9, 0, 75);
  // Another number of looks is another stop: the hash knows.
  const Outcome other = run(world, root, {"nuts", {1, 1, 1, 1}, pace, 0, 1, {70, 1.2, 6}});
  check.that(other.hash != reference.hash, "other looks have another hash");
}

}  // namespace

int main() {
  const Communicator world = Communicator::world();
  Checks check(world);
  std::string name;
  if (world.rank() == 0) {
    auto pattern = (fs::temp_directory_path() / "variscope-sample-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) name = pattern;
  }
  world.broadcast(name);
  for (const char* sampler : {"random_walk_metropolis", "nuts", "chees_hmc", "sgld"}) one_hash(world, name, sampler, check);
  stopping(world, name, check);
  world.barrier();
  if (world.rank() == 0) fs::remove_all(name);
  return check.status();
}
