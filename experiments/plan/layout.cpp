/// Layouts are refused, not repaired: an idle rank would make every efficiency figure wrong.
#include "experiments/plan/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/error.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

namespace {

constexpr double kMostImbalance = 1.1;
constexpr double kImpossible = std::numeric_limits<double>::infinity();

/// Cells that ranks along the sample and replica axes divide: where some steps are made of many samples, searches of single points do not
/// bar these axes (their rows and repeats are divided all the same).
std::vector<const CellPlan*> divided_cells(const Plan& plan) {
  std::vector<const CellPlan*> cells;
  if (plan.of_chains()) return cells;
  for (const CellPlan& cell : plan.cells) {
    if (fit_method(cell.settings.fit.method).estimators || step_columns(cell.settings) > 1) cells.push_back(&cell);
  }
  if (cells.empty()) {
    for (const CellPlan& cell : plan.cells) cells.push_back(&cell);
  }
  return cells;
}

double ratio(Index most, Index total, Index parts) {
  return static_cast<double>(most) * static_cast<double>(parts) / static_cast<double>(total);
}

/// Of the ranks that take most work and of all.
double fit_imbalance(const Plan& plan, Index parts) {
  if (parts > static_cast<Index>(plan.fits.size())) return kImpossible;
  const std::vector<Index> part = place_fits(plan.fits, parts);
  std::vector<double> loads(static_cast<std::size_t>(parts), 0.0);
  double total = 0;
  for (std::size_t i = 0; i < part.size(); ++i) {
    loads[static_cast<std::size_t>(part[i])] += plan.fits[i].work;
    total += plan.fits[i].work;
  }
  return *std::max_element(loads.begin(), loads.end()) * static_cast<double>(parts) / total;
}

/// All chains of a cell run at once, cell after cell.
double chain_imbalance(const Plan& plan, Index parts) {
  double worst = 1;
  for (const CellPlan& cell : plan.cells) {
    const Index chains = cell.chains.front().settings.count();
    if (parts > chains) return kImpossible;
    worst = std::max(worst, ratio(balanced_range(chains, parts, 0).size(), chains, parts));  // the first part is the largest
  }
  return worst;
}

double replicate_imbalance(const Plan& plan, Index parts) {
  if (plan.of_fits()) return fit_imbalance(plan, parts);
  if (plan.of_chains()) return chain_imbalance(plan, parts);
  double worst = 1;
  for (const CellPlan& cell : plan.cells) {
    const auto& r = cell.settings.replicates;
    if (parts > r.batches) return kImpossible;
    Index most = 0;
    const Range batches = owned_batches(r.batches, parts, 0);  // the first part is the largest
    for (Index b = batches.first; b < batches.last; ++b) most += batch_replicates(r.count, r.batches, b).size();
    worst = std::max(worst, ratio(most, r.count, parts));
  }
  return worst;
}

/// The numbers of row sets that a cell's replica coordinates divide among themselves: of its replicates and of its crossed designs.
std::vector<Index> row_sets(const CellPlan& cell) {
  std::vector<Index> sets{cell.design.row_sets};
  if (cell.settings.components.designs > 0) sets.push_back(component_design(cell.settings).row_sets);
  if (const auto design = shard_design(cell.settings)) sets.push_back(design->row_sets);
  return sets;
}

double replica_imbalance(const Plan& plan, Index parts) {
  double worst = 1;
  if (plan.of_chains()) return parts == 1 ? 1 : kImpossible;
  for (const CellPlan* cell : divided_cells(plan)) {
    for (const Index sets : row_sets(*cell)) {
      if (parts > sets) return kImpossible;
      worst = std::max(worst, ratio(balanced_range(sets, parts, 0).size(), sets, parts));  // the first part is the largest
    }
  }
  return worst;
}

double sample_imbalance(const Plan& plan, Index parts) {
  double worst = 1;
  if (plan.of_chains()) return parts == 1 ? 1 : kImpossible;
  for (const CellPlan* divided : divided_cells(plan)) {
    const CellPlan& cell = *divided;
    const Index samples = step_columns(cell.settings);
    const auto ownership = sample_ownership(samples, parts);
    if (parts > ownership.leaves) return kImpossible;
    const Range blocks = ownership.range(0);
    worst = std::max(worst, ratio(std::min(blocks.last * kSampleBlock, samples) - blocks.first * kSampleBlock, samples, parts));
    // Estimates of the objective are divided in the same way; how evenly matters little.
    if (plan.of_fits() && cell.fit.evaluation != models::Counts{} &&
        parts > sample_ownership(cell.settings.fit.evaluation_samples, parts).leaves)
      return kImpossible;
  }
  return worst;
}

/// Whether all processes must hold the whole table of a path; whether there is nothing to divide, that or no table.
bool undivided_rows(const PathPlan& path) { return path.data >= 0 && !models::find(path.settings.model.name)->divisible; }
bool indivisible(const PathPlan& path) { return path.data < 0 || undivided_rows(path); }

double shard_imbalance(const Plan& plan, Index parts) {
  if (parts == 1) return 1;
  double worst = 1;
  for (const PathPlan& path : plan.paths) {
    if (indivisible(path)) return kImpossible;
    const DataPlan& data = plan.data[static_cast<std::size_t>(path.data)];
    if (parts > data.tiles(parts, 0).units()) return kImpossible;
    Index most = 0;
    for (const Index part : {Index{0}, parts - 1}) most = std::max(most, data.share(parts, part).size());
    worst = std::max(worst, ratio(most, data.rows, parts));
  }
  return worst;
}

bool fits(const LayoutRequest& request, const cluster::Layout& layout) {
  return (request.replicates == 0 || request.replicates == layout.replicates) &&
         (request.replicas == 0 || request.replicas == layout.replicas) && (request.samples == 0 || request.samples == layout.samples) &&
         (request.shards == 0 || request.shards == layout.shards);
}

/// The most ranks that each axis can keep busy.
cluster::Layout widest(const Plan& plan) {
  constexpr Index kEndless = Index{1} << 20;
  cluster::Layout most{kEndless, kEndless, kEndless, kEndless};
  for (const CellPlan& cell : plan.cells) {
    const Index items = plan.of_fits()     ? static_cast<Index>(plan.fits.size())
                        : plan.of_chains() ? cell.chains.front().settings.count()
                                           : cell.settings.replicates.batches;
    most.replicates = std::min(most.replicates, items);
  }
  if (plan.of_chains()) most.replicas = most.samples = 1;
  for (const CellPlan* cell : divided_cells(plan)) {
    for (const Index sets : row_sets(*cell)) most.replicas = std::min(most.replicas, sets);
    most.samples = std::min(most.samples, sample_ownership(step_columns(cell->settings), 1).leaves);
  }
  for (const PathPlan& path : plan.paths)
    most.shards = std::min(most.shards, indivisible(path) ? 1 : plan.data[static_cast<std::size_t>(path.data)].tiles(1, 0).units());
  return most;
}

/// The first acceptable layout of `ranks` that fits into memory: most replicates, then most replicas, then most samples. If none fits, the
/// first acceptable one: what is wrong with it will be said with its figures.
std::optional<cluster::Layout> best_layout(const Plan& plan, Index ranks, const LayoutRequest& request) {
  std::string reason;
  std::optional<cluster::Layout> too_large;
  const cluster::Layout most = widest(plan);
  for (Index replicates = std::min(ranks, most.replicates); replicates >= 1; --replicates) {
    if (ranks % replicates != 0) continue;
    const Index of_replicate = ranks / replicates;
    for (Index replicas = std::min(of_replicate, most.replicas); replicas >= 1; --replicas) {
      if (of_replicate % replicas != 0) continue;
      const Index of_replica = of_replicate / replicas;
      for (Index samples = std::min(of_replica, most.samples); samples >= 1; --samples) {
        if (of_replica % samples != 0) continue;
        const cluster::Layout layout{replicates, samples, of_replica / samples, replicas};
        if (!fits(request, layout) || imbalance(plan, layout, reason) > kMostImbalance) continue;
        if (predict(plan, layout).memory_bytes() <= memory_limit(plan, layout)) return layout;
        if (!too_large) too_large = layout;
      }
    }
  }
  return too_large;
}

/// The number of ranks nearest to `ranks` that some layout keeps busy.
Index nearest_ranks(const Plan& plan, Index ranks) {
  const Index most = widest(plan).ranks();
  // Far beyond the work there is nothing to be found.
  Index below = std::min(ranks - 1, most);
  while (below > 1 && !best_layout(plan, below, {})) --below;
  for (Index above = ranks + 1; above < ranks + (ranks - below) && above <= std::min(most, ranks + 1024); ++above) {
    if (best_layout(plan, above, {})) return above;
  }
  return std::max<Index>(1, below);
}

}  // namespace

double imbalance(const Plan& plan, const cluster::Layout& layout, std::string& reason) {
  const double by_replicates = replicate_imbalance(plan, layout.replicates);
  const double by_replicas = replica_imbalance(plan, layout.replicas);
  const double by_samples = sample_imbalance(plan, layout.samples);
  const double by_shards = shard_imbalance(plan, layout.shards);
  if (by_replicates > kMostImbalance) {
    reason = fmt::format("the {} do not divide evenly by {}",
                         plan.of_fits()     ? "fits"
                         : plan.of_chains() ? "chains"
                                            : "batches of replicates",
                         layout.replicates);
  } else if (plan.of_chains() && (by_replicas > kMostImbalance || by_samples > kMostImbalance)) {
    reason = "chains divide over replicates and data shards alone";
  } else if (by_replicas > kMostImbalance) {
    reason = fmt::format("the replicas of an estimate do not divide evenly by {}", layout.replicas);
  } else if (by_samples > kMostImbalance) {
    reason = fmt::format("the blocks of {} samples do not divide evenly by {}", kSampleBlock, layout.samples);
  } else if (by_shards > kMostImbalance) {
    const bool divides = std::none_of(plan.paths.begin(), plan.paths.end(), undivided_rows);
    reason = divides ? fmt::format("the data's row tiles do not divide evenly by {}", layout.shards)
                     : std::string("a model's likelihood is no sum over rows that shards could divide");
  } else {
    reason = "the axes together leave ranks idle";
  }
  return by_replicates * by_replicas * by_samples * by_shards;
}

cluster::Layout choose_layout(const Plan& plan, Index ranks, const LayoutRequest& asked) {
  LayoutRequest request = asked;
  const bool complete = request.replicates > 0 && request.samples > 0 && request.shards > 0;
  if (complete) request.replicas = std::max<Index>(request.replicas, 1);
  const auto or_one = [](Index axis) { return std::max<Index>(axis, 1); };
  const cluster::Layout given{or_one(request.replicates), or_one(request.samples), or_one(request.shards), or_one(request.replicas)};
  const Index product = given.ranks();
  if (ranks % product != 0 || (complete && product != ranks)) {
    throw UserError(
        fmt::format("--layout: {} ranks asked for by the layout do not make {} ranks (the product must divide). Use --ranks {}.", product,
                    ranks, complete ? product : std::max<Index>(1, ranks / product) * product));
  }
  if (const auto layout = best_layout(plan, ranks, request)) return *layout;
  std::string reason = "no division over replicates, replicas, sample blocks and data shards keeps all ranks equally busy";
  std::string of_given;
  if (imbalance(plan, given, of_given) > kMostImbalance) reason = of_given;
  const auto alternative = best_layout(plan, ranks, {});
  throw UserError(fmt::format(
      "--ranks {}: more ranks than work ({}). Use {}.", ranks, reason,
      alternative ? "--layout " + alternative->text() : fmt::format("--ranks {}, the nearest that divides", nearest_ranks(plan, ranks))));
}

}  // namespace variscope::experiments
