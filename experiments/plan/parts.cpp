/// Longest processing time first, with shared paths.
#include "experiments/plan/parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/error.hpp"

namespace variscope::experiments {

namespace {

/// A model without data costs by its coordinates.
double rows_of(const Plan& plan, const PathPlan& path) {
  if (path.data < 0) return static_cast<double>(std::max<Index>(path.dim, 1));
  return static_cast<double>(plan.data[static_cast<std::size_t>(path.data)].rows);
}

double work_of(const Plan& plan, const PathPlan& path, const models::Counts& counts) {
  if (path.data >= 0) return static_cast<double>(counts.value_rows + counts.gradient_rows + counts.hessian_rows);
  return static_cast<double>(counts.value_evaluations + counts.gradient_evaluations + counts.hessian_evaluations) * rows_of(plan, path);
}

}  // namespace

double cell_work(const Plan& plan, const CellPlan& cell) {
  const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
  if (!plan.of_chains()) return work_of(plan, path, cell.counts);
  double iterations = 0;
  for (const ChainsPlan& chains : cell.chains)
    iterations += static_cast<double>(chains.settings.iterations()) * static_cast<double>(chains.settings.count());
  return iterations * rows_of(plan, path);
}

double path_work(const Plan& plan, const PathPlan& path) {
  if (plan.of_chains() || plan.of_fits()) return 0;
  return work_of(plan, path, path.counts);
}

std::vector<Index> deal_cells(const Plan& plan, Index parts) {
  const auto cells = static_cast<Index>(plan.cells.size());
  if (parts > cells)
    throw UserError(fmt::format("{} parts: the study has {} cell{}, and a part works on whole cells. Use {}.", parts, cells,
                                cells == 1 ? "" : "s", cells));
  std::vector<std::size_t> order(plan.cells.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> work;
  for (const CellPlan& cell : plan.cells) work.push_back(cell_work(plan, cell));
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return work[a] > work[b]; });
  struct Load {
    double work = 0;
    Index cells = 0;
    std::vector<bool> has_path;
  };
  std::vector<Load> loads(static_cast<std::size_t>(parts));
  for (Load& load : loads) load.has_path.resize(plan.paths.size(), false);
  std::vector<Index> part_of(plan.cells.size(), 0);
  Index empty = parts;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const CellPlan& cell = plan.cells[order[i]];
    const auto p = static_cast<std::size_t>(cell.path);
    const double path = path_work(plan, plan.paths[p]);
    const auto loaded = [&](const Load& load) { return load.work + (load.has_path[p] ? 0.0 : path); };
    // So many cells are left as parts without one: these take them.
    const bool must_fill = static_cast<Index>(order.size() - i) <= empty;
    const Load* best = nullptr;
    for (const Load& load : loads) {
      if (must_fill && load.cells > 0) continue;
      if (best == nullptr || loaded(load) < loaded(*best)) best = &load;
    }
    Load& chosen = loads[static_cast<std::size_t>(best - loads.data())];
    chosen.work = loaded(chosen) + work[order[i]];
    chosen.has_path[p] = true;
    if (chosen.cells++ == 0) --empty;
    part_of[order[i]] = best - loads.data();
  }
  return part_of;
}

}  // namespace variscope::experiments
