/// From cells with crossed designs to what they say about all cells of the same path: the contents of tables T2 and T3.
#include "experiments/report/predictions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/diagnostics/fisher.hpp"
#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/strata.hpp"
#include "engine/diagnostics/variance.hpp"
#include "experiments/report/dependence.hpp"
#include "experiments/report/same_path.hpp"
#include "experiments/report/sampling_notes.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Check;
using diagnostics::ComponentSummary;
using diagnostics::EstimatorSummary;
using diagnostics::MeasuredScaling;
using diagnostics::Policy;
using diagnostics::RowPolicy;
using diagnostics::Setting;
using diagnostics::Strata;
using diagnostics::Verdict;

bool has_designs(const EstimatorRecord& record) {
  const std::vector<double>& count = record.components.count;
  return std::any_of(count.begin(), count.end(), [](double designs) { return designs > 0; });
}

bool usable(const EstimatorSummary& e) { return !e.declared_biased && e.bias.verdict == Verdict::unbiased; }

std::vector<double> floor_of(const CellRecord& cell, const PointRecord& point) {
  return diagnostics::rounding_floor(point, diagnostics::is_mean_field(cell, point));
}

/// Sizes of the designs' own estimates.
Setting design_setting(const CellRecord& cell, const Dependence& dependence) {
  Setting setting = setting_of(cell, dependence);
  setting.replicas = 1;
  return setting;
}

ComponentSummary components_of(const CellRecord& cell, const PointRecord& point, const EstimatorRecord& record) {
  const Dependence dependence = dependence_of(record.name);
  // Minibatches of a design are drawn independently of each other, whatever the replicas do.
  const bool replaced = policy_of(cell, dependence).rows == RowPolicy::with_replacement;
  const RowPolicy rows = replaced ? RowPolicy::with_replacement : RowPolicy::without_replacement;
  return diagnostics::summarise(record.name, record.components, cell.blocks, design_setting(cell, dependence), rows, floor_of(cell, point),
                                dependence.set_size(cell.samples));
}

/// Whether components measured at the designs' M say anything about that of the other cell.
bool predicts(const CellRecord& designs, const CellRecord& other, const Dependence& dependence) {
  const bool whole = dependence.sets == Dependence::Sets::whole;
  return (!whole || designs.samples == other.samples) && other.samples % dependence.set_size(other.samples) == 0;
}

/// What this cell's designs say of all rows and of its fixed shards.
std::optional<Strata> strata_in(const CellRecord& cell, const PointRecord& point, const EstimatorRecord& record,
                                const Dependence& dependence) {
  if (cell.shards == 0 || !has_designs(record) || record.shard_components.batches == 0) {
    return std::nullopt;
  }
  Setting setting = design_setting(cell, dependence);
  const std::vector<double> floor = floor_of(cell, point);
  Strata strata;
  strata.whole = diagnostics::component_statistics(record.components, cell.blocks, setting, RowPolicy::without_replacement, floor).back();
  setting.replicas = cell.shards;
  strata.shards = diagnostics::shard_statistics(record.shard_components, setting, floor);
  return strata;
}

/// For replicas that own a shard each: from the cell itself, otherwise from one of the path with as many shards.
std::optional<Strata> strata_for(const CellRecord& cell, const PointRecord& point, const std::string& name,
                                 const std::vector<CellSummary>& cells, const Dependence& dependence) {
  if (policy_of(cell, dependence).rows != RowPolicy::shards || cell.replicas == 1) {
    return std::nullopt;
  }
  const auto found_in = [&](const CellRecord& from) -> std::optional<Strata> {
    const int i = from.shards == cell.replicas ? point_like(from, point) : -1;
    const int e = i < 0 ? -1 : place_of(from.points[static_cast<std::size_t>(i)], name);
    if (e < 0) {
      return std::nullopt;
    }
    const PointRecord& at = from.points[static_cast<std::size_t>(i)];
    return strata_in(from, at, at.estimators[static_cast<std::size_t>(e)], dependence);
  };
  if (std::optional<Strata> own = found_in(cell)) {
    return own;
  }
  for (const CellSummary& other : cells) {
    if (!same_but(*other.cell, cell, measuring) || !predicts(*other.cell, cell, dependence)) {
      continue;
    }
    if (std::optional<Strata> strata = found_in(*other.cell)) {
      return strata;
    }
  }
  return std::nullopt;
}

/// Why estimators are not in a table, or nothing.
std::string left_out(const CellSummary& cell, std::size_t point) {
  std::string failed;
  std::string declared;
  for (const EstimatorSummary& e : cell.points[point].estimators) {
    std::string& list = e.declared_biased ? declared : failed;
    if (!usable(e)) {
      list += (list.empty() ? "" : ", ") + e.name;
    }
  }
  std::string note;
  if (!declared.empty()) {
    note = "declared biased, see T1b: " + declared;
  }
  if (!failed.empty()) {
    note += fmt::format("{}did not pass the bias gate: {}", note.empty() ? "" : "; ", failed);
  }
  return note;
}

/// Whether a sweep of policies measures replicas under both to the same bits: no policy touches a single one, and some touch no estimator
/// but those with nets.
bool same_draws(const Policy& a, const Policy& b, Index replicas) { return replicas == 1 || (a.noise == b.noise && a.rows == b.rows); }

/// Every pair of a prediction and the measurement at some cell of the path, the designs' own included.
std::vector<Check> checks_of(const CellSummary& designs, const PointRecord& point, const ComponentSummary& components,
                             const std::vector<CellSummary>& cells, Index comparisons) {
  std::vector<Check> checks;
  const Dependence dependence = dependence_of(components.estimator);
  for (const CellSummary& other : cells) {
    const int i = same_but(*designs.cell, *other.cell, measuring) ? point_like(*other.cell, point) : -1;
    if (i < 0 || !predicts(*designs.cell, *other.cell, dependence)) {
      continue;
    }
    const auto p = static_cast<std::size_t>(i);
    const int e = place_of(other.cell->points[p], components.estimator);
    if (e < 0) {
      continue;
    }
    const EstimatorSummary& measured = other.points[p].estimators[static_cast<std::size_t>(e)];
    if (!usable(measured)) {
      continue;
    }
    const Setting setting = setting_of(*other.cell, dependence);
    const Policy policy = policy_of(*other.cell, dependence);
    Check check;
    if (const auto strata = strata_for(*other.cell, point, components.estimator, cells, dependence)) {
      check = diagnostics::check_prediction(*strata, setting, policy, measured.total, comparisons);
    }
    if (!check.strata) {
      check = diagnostics::check_prediction(components.total.statistics, setting, policy, measured.total, comparisons);
    }
    const bool again = std::any_of(checks.begin(), checks.end(), [&](const Check& c) {
      return c.setting.samples == check.setting.samples && c.setting.batch_rows == check.setting.batch_rows &&
             c.setting.replicas == check.setting.replicas && same_draws(c.policy, check.policy, check.setting.replicas) &&
             c.comparison.measured.value == measured.total.value;
    });
    if (check.comparison.predicted.defined() && !again) {
      checks.push_back(check);
    }
  }
  return checks;
}

/// Whether an earlier cell of the path holds the very same designs: cells that differ in replicas alone do.
bool repeats_designs(const CellSummary& cell, std::size_t point, const std::vector<CellSummary>& cells) {
  const PointRecord& own = cell.cell->points[point];
  for (const CellSummary& other : cells) {
    if (&other == &cell) {
      return false;
    }
    const int i = same_but(*cell.cell, *other.cell, measuring) ? point_like(*other.cell, own) : -1;
    if (i < 0 || other.cell->samples != cell.cell->samples || other.cell->batch_rows != cell.cell->batch_rows) {
      continue;
    }
    const PointRecord& there = other.cell->points[static_cast<std::size_t>(i)];
    const bool same = std::equal(own.estimators.begin(), own.estimators.end(), there.estimators.begin(), there.estimators.end(),
                                 [](const EstimatorRecord& a, const EstimatorRecord& b) {
                                   return a.name == b.name && a.components.count == b.components.count &&
                                          a.components.mean_square_noise == b.components.mean_square_noise &&
                                          a.components.mean_square_rows == b.components.mean_square_rows;
                                 });
    if (same) {
      return true;
    }
  }
  return false;
}

std::vector<ComponentPoint> component_points(const std::vector<CellSummary>& cells, Index comparisons) {
  std::vector<ComponentPoint> points;
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size(); ++i) {
      const PointRecord& record = cell.cell->points[i];
      ComponentPoint point{cell.cell->id, cell.heading, record.label, {}, {}};
      bool any = false;
      for (std::size_t e = 0; e < record.estimators.size(); ++e) {
        any = any || has_designs(record.estimators[e]);
        if (!has_designs(record.estimators[e]) || !usable(cell.points[i].estimators[e])) {
          continue;
        }
        point.estimators.push_back(components_of(*cell.cell, record, record.estimators[e]));
        point.estimators.back().checks = checks_of(cell, record, point.estimators.back(), cells, comparisons);
      }
      if (!any || repeats_designs(cell, i, cells)) {
        continue;
      }
      if (cell.cell->batch_rows == 0 && cell.cell->rows > 0) {
        point.notes.emplace_back("every estimate uses all rows, one minibatch in each design (K = 1): Monte Carlo noise alone");
      }
      if (const std::string note = left_out(cell, i); !note.empty()) {
        point.notes.push_back(note);
      }
      points.push_back(std::move(point));
    }
  }
  return points;
}

bool of_replicas(const std::string& key) {
  return key == "estimators.replicas" || key == "estimators.noise_policy" || key == "estimators.row_policy" || key == "estimators.names" ||
         (measuring(key) && !key.starts_with("estimators."));
}

/// One estimator in the cells of one group, at the place of `point` in each.
std::vector<MeasuredScaling> measured_of(const std::vector<const CellSummary*>& group, const std::vector<CellSummary>& cells,
                                         const PointRecord& point, const std::string& name, const Dependence& dependence) {
  std::vector<MeasuredScaling> measured;
  for (const CellSummary* cell : group) {
    const int i = point_like(*cell->cell, point);
    const int e = i < 0 ? -1 : place_of(cell->cell->points[static_cast<std::size_t>(i)], name);
    if (e < 0 || !usable(cell->points[static_cast<std::size_t>(i)].estimators[static_cast<std::size_t>(e)])) {
      continue;
    }
    const PointRecord& at = cell->cell->points[static_cast<std::size_t>(i)];
    const EstimatorRecord& record = at.estimators[static_cast<std::size_t>(e)];
    auto statistics = diagnostics::variance_statistics(record.moments, cell->cell->blocks, floor_of(*cell->cell, at), {});
    MeasuredScaling entry{setting_of(*cell->cell, dependence),   policy_of(*cell->cell, dependence),
                          std::move(statistics.total),           record.moments.count,
                          diagnostics::seconds_per_call(record), strata_for(*cell->cell, point, name, cells, dependence)};
    // One replica is the same under every policy but replacement.
    const auto replaced = [](const MeasuredScaling& m) { return m.policy.rows == RowPolicy::with_replacement; };
    const Index replicas = entry.setting.replicas;
    const bool again = std::any_of(measured.begin(), measured.end(), [&](const MeasuredScaling& m) {
      const bool same = replicas == 1 ? replaced(m) == replaced(entry) : m.trace.value == entry.trace.value;
      return m.setting.replicas == replicas && same_draws(m.policy, entry.policy, replicas) && same;
    });
    if (!again) {
      measured.push_back(std::move(entry));
    }
  }
  return measured;
}

/// Components of the estimator at this point: from the group itself, otherwise from any cell of the path that can say something.
std::optional<ComponentSummary> components_for(const std::vector<const CellSummary*>& group, const std::vector<CellSummary>& cells,
                                               const PointRecord& point, const std::string& name, const Dependence& dependence) {
  std::vector<const CellSummary*> candidates = group;
  for (const CellSummary& cell : cells) {
    if (same_but(*cell.cell, *group.front()->cell, measuring) && predicts(*cell.cell, *group.front()->cell, dependence)) {
      candidates.push_back(&cell);
    }
  }
  for (const CellSummary* cell : candidates) {
    const int i = point_like(*cell->cell, point);
    const int e = i < 0 ? -1 : place_of(cell->cell->points[static_cast<std::size_t>(i)], name);
    if (e < 0) {
      continue;
    }
    const PointRecord& at = cell->cell->points[static_cast<std::size_t>(i)];
    const EstimatorRecord& record = at.estimators[static_cast<std::size_t>(e)];
    if (has_designs(record) && usable(cell->points[static_cast<std::size_t>(i)].estimators[static_cast<std::size_t>(e)])) {
      return components_of(*cell->cell, at, record);
    }
  }
  return std::nullopt;
}

std::vector<ScalingSection> scaling_sections(const std::vector<CellSummary>& cells, Index comparisons) {
  std::vector<const CellRecord*> records;
  for (const CellSummary& cell : cells) {
    records.push_back(cell.cell);
  }
  const std::set<std::string> differing = differing_settings(records);
  std::vector<ScalingSection> sections;
  for (const auto& group : groups_of(cells, of_replicas)) {
    const auto replicated = [](const CellSummary* cell) { return cell->cell->replicas > 1; };
    if (std::none_of(group.begin(), group.end(), replicated)) {
      continue;
    }
    const bool base = !std::all_of(group.begin(), group.end(), replicated);
    const CellSummary& first = *group.front();
    const std::string ids = group.size() > 1 ? fmt::format("{} to {}", first.cell->id, group.back()->cell->id) : first.cell->id;
    for (std::size_t i = 0; i < first.points.size(); ++i) {
      const PointRecord& point = first.cell->points[i];
      ScalingSection section{ids, heading_of(*first.cell, differing, false), point.label, {}, {}, {}};
      for (const CellSummary* cell : group) {
        section.cells.insert(cell->cell->id);
      }
      for (std::size_t e = 0; e < point.estimators.size(); ++e) {
        const std::string& name = point.estimators[e].name;
        const Dependence dependence = dependence_of(name);
        const std::vector<MeasuredScaling> measured = measured_of(group, cells, point, name, dependence);
        if (measured.empty()) {
          continue;
        }
        const diagnostics::Signal& signal = first.points[i].estimators[e].signal;
        const std::optional<ComponentSummary> components = components_for(group, cells, point, name, dependence);
        section.estimators.push_back(diagnostics::scaling(name, measured, components ? &components->total.statistics : nullptr,
                                                          signal.separated ? signal.norm_square : 0.0, comparisons));
      }
      if (!base) {
        section.notes.emplace_back("no cell with R = 1 at these settings: no ratios (add 1 to estimators.replicas)");
      }
      std::set<std::string> nets;
      for (const CellSummary* cell : group) {
        if (std::string note = net_note(*cell->cell); !note.empty() && nets.insert(note).second) {
          section.notes.push_back(std::move(note));
        }
      }
      if (const std::string note = left_out(first, i); !note.empty()) {
        section.notes.push_back(note);
      }
      sections.push_back(std::move(section));
    }
  }
  return sections;
}

/// Shards' designs do not depend on how replicas share noise.
bool repeats_shards(const CellSummary& cell, std::size_t point, const std::vector<CellSummary>& cells) {
  const PointRecord& own = cell.cell->points[point];
  for (const CellSummary& other : cells) {
    if (&other == &cell) {
      return false;
    }
    const int i = same_but(*cell.cell, *other.cell, measuring) ? point_like(*other.cell, own) : -1;
    if (i < 0 || other.cell->samples != cell.cell->samples || other.cell->shards != cell.cell->shards) {
      continue;
    }
    const PointRecord& there = other.cell->points[static_cast<std::size_t>(i)];
    if (std::equal(own.estimators.begin(), own.estimators.end(), there.estimators.begin(), there.estimators.end(),
                   [](const EstimatorRecord& a, const EstimatorRecord& b) {
                     return a.name == b.name && a.shard_components.mean_square_rows == b.shard_components.mean_square_rows;
                   })) {
      return true;
    }
  }
  return false;
}

std::vector<ShardPoint> shard_points(const std::vector<CellSummary>& cells) {
  std::vector<ShardPoint> points;
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size() && cell.cell->shards > 0; ++i) {
      const PointRecord& record = cell.cell->points[i];
      if (repeats_shards(cell, i, cells)) {
        continue;
      }
      ShardPoint point{cell.cell->id, cell.heading, record.label, {}};
      for (std::size_t e = 0; e < record.estimators.size(); ++e) {
        const std::string& name = record.estimators[e].name;
        const Dependence dependence = dependence_of(name);
        const auto strata = strata_in(*cell.cell, record, record.estimators[e], dependence);
        if (!strata || !usable(cell.points[i].estimators[e])) {
          continue;
        }
        for (std::size_t r = 0; r < strata->shards.size(); ++r) {
          const Range rows = balanced_range(cell.cell->rows, cell.cell->shards, static_cast<Index>(r));
          Setting one = design_setting(*cell.cell, dependence);
          one.rows = rows.size();
          const auto call = *diagnostics::coefficients(one, {diagnostics::NoisePolicy::independent, RowPolicy::without_replacement});
          point.shards.push_back({name, static_cast<Index>(r), rows, diagnostics::component_estimates(strata->shards[r]),
                                  diagnostics::predicted(strata->shards[r], call)});
        }
      }
      points.push_back(std::move(point));
    }
  }
  return points;
}

Predictions predict(const std::vector<CellSummary>& cells, Index comparisons) {
  return {component_points(cells, comparisons), shard_points(cells), scaling_sections(cells, comparisons), comparisons};
}

}  // namespace

Predictions predict(const std::vector<CellSummary>& cells) {
  Predictions found = predict(cells, 1);
  Index comparisons = 0;
  for (const ComponentPoint& point : found.components) {
    for (const ComponentSummary& e : point.estimators) {
      comparisons += std::count_if(e.checks.begin(), e.checks.end(), [](const Check& check) { return check.judged(); });
    }
  }
  for (const ScalingSection& section : found.scaling) {
    for (const auto& summary : section.estimators) {
      comparisons += std::count_if(summary.points.begin(), summary.points.end(), [](const auto& point) { return point.check.judged(); });
    }
  }
  // The thresholds depend on how many comparisons there are.
  return comparisons > 1 ? predict(cells, comparisons) : found;
}

}  // namespace variscope::experiments
