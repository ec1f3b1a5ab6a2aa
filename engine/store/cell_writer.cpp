/// A cell's group of run.h5, written: dimensions first, then what lies along them.
#include <fmt/format.h>

#include <numeric>
#include <stdexcept>

#include "engine/store/record_arrays.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

struct Shape {
  std::size_t points = 0;
  std::size_t estimators = 0;
  std::size_t batches = 0;
  std::size_t parameters = 0;
  std::size_t blocks = 0;
};

Shape shape_of(const CellRecord& cell) {
  Shape shape{cell.points.size(), 0, 0, cell.parameter_names.size(), cell.blocks.size()};
  if (!cell.points.empty()) shape.estimators = cell.points.front().estimators.size();
  if (shape.estimators > 0) shape.batches = static_cast<std::size_t>(cell.points.front().estimators.front().moments.batches);
  return shape;
}

void require(bool holds, const CellRecord& cell, const std::string& what) {
  if (!holds) throw std::invalid_argument(fmt::format("cell '{}': {}", cell.id, what));
}

template <class Select>
std::vector<std::string> names_of(const auto& items, Select select) {
  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(select(item));
  return names;
}

std::vector<Index> counting(std::size_t size) {
  std::vector<Index> numbers(size);
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

/// One vector per point as rows of a (point, ...) variable, each from where it lies.
void write_per_point(Dimensions& dimensions, const CellRecord& cell, const std::string& name, const Meaning& meaning,
                     std::vector<double> PointRecord::*values) {
  auto variable = dimensions.declare(name, {"point", "parameter"}, meaning);
  const auto size = dimensions.extent({"parameter"}).front();
  for (std::size_t p = 0; p < cell.points.size(); ++p) {
    write_slab(variable, H5T_NATIVE_DOUBLE, {p, 0}, {1, size}, (cell.points[p].*values).data());
  }
  variable.close();
}

template <class Moments>
void write_moments(Dimensions& dimensions, const CellRecord& cell, Moments EstimatorRecord::*part) {
  for (const auto& array : moment_arrays<Moments>) {
    std::vector<std::string> along{"point", "estimator", "batch"};
    for (std::string& dimension : dimensions_of(array.entries)) along.push_back(std::move(dimension));
    auto variable = dimensions.declare(array.name, along, {array.meaning});
    auto count = dimensions.extent(along);
    count[0] = count[1] = 1;
    Extent offset(along.size(), 0);
    for (offset[0] = 0; offset[0] < cell.points.size(); ++offset[0]) {
      const auto& estimators = cell.points[offset[0]].estimators;
      for (offset[1] = 0; offset[1] < estimators.size(); ++offset[1]) {
        write_slab(variable, H5T_NATIVE_DOUBLE, offset, count, (estimators[offset[1]].*part.*array.values).data());
      }
    }
    variable.close();
  }
}

void write_points(Dimensions& dimensions, const CellRecord& cell) {
  write_per_point(dimensions, cell, "lambda", {"variational parameters"}, &PointRecord::lambda);
  write_per_point(dimensions, cell, "snapshot", {"variational parameters of an earlier step, which some control variates lean on"},
                  &PointRecord::snapshot);
  write_per_point(dimensions, cell, "reference", {"reference gradient of the objective"}, &PointRecord::reference);
  write_per_point(dimensions, cell, "reference_error", {"standard error or numerical error bound of the reference gradient"},
                  &PointRecord::reference_error);
  std::vector<double> objective;
  std::vector<double> objective_error;
  for (const auto& point : cell.points) {
    objective.push_back(point.objective);
    objective_error.push_back(point.objective_error);
  }
  dimensions.doubles("objective", {"point"}, {"evidence lower bound", "nat"}, objective.data());
  dimensions.doubles("objective_error", {"point"}, {"error of the evidence lower bound", "nat"}, objective_error.data());
  dimensions.texts("reference_method", "point", {"how the reference gradient was obtained"},
                   names_of(cell.points, [](const auto& point) { return point.reference_method; }));
}

void write_counts(Dimensions& dimensions, const CellRecord& cell) {
  std::vector<Index> counts;
  std::vector<Index> component_counts;
  std::vector<Index> preparation;
  std::vector<double> share;
  for (const auto& point : cell.points) {
    for (const auto& estimator : point.estimators) {
      append(counts, estimator.counts);
      append(component_counts, estimator.component_counts);
      append(preparation, estimator.preparation);
      share.push_back(estimator.preparation_share);
    }
  }
  dimensions.integers("preparation", {"point", "estimator", "kind"}, {"work done once, before the estimator was measured"},
                      preparation.data());
  dimensions.doubles("preparation_share", {"point", "estimator"}, {"share of the preparation that each replicate is charged with"},
                     share.data());
  dimensions.integers("counts", {"point", "estimator", "kind"}, {"work of all replicates together"}, counts.data());
  if (cell.designs > 0) {
    dimensions.integers("component_counts", {"point", "estimator", "kind"}, {"work of all crossed designs together"},
                        component_counts.data());
  }
}

void write_blocks(Dimensions& dimensions, const CellRecord& cell) {
  std::vector<Index> first;
  std::vector<Index> last;
  for (const auto& block : cell.blocks) {
    first.push_back(block.parameters.first);
    last.push_back(block.parameters.last);
  }
  dimensions.integers("block_first", {"block"}, {"first parameter of the block"}, first.data());
  dimensions.integers("block_last", {"block"}, {"one past the last parameter of the block"}, last.data());
}

void write_lists(Dimensions& dimensions, const CellRecord& cell) {
  if (!cell.settings.empty()) {
    dimensions.add("setting", names_of(cell.settings, [](const auto& setting) { return setting.first; }), {"setting of the plan"});
    dimensions.texts("setting_value", "setting", {"value of the setting, as text"},
                     names_of(cell.settings, [](const auto& setting) { return setting.second; }));
  }
  if (!cell.exclusions.empty()) {
    dimensions.add("exclusion", names_of(cell.exclusions, [](const auto& exclusion) { return exclusion.estimator; }),
                   {"estimator of the spec that was not run"});
    dimensions.texts("exclusion_reason", "exclusion", {"why it was not run"},
                     names_of(cell.exclusions, [](const auto& exclusion) { return exclusion.reason; }));
  }
}

/// As many batches as the moments have, of the cell's designs; without designs nothing at all, as it would be lost.
bool components_fit(const CellRecord& cell, const EstimatorRecord& estimator) {
  const auto& moments = estimator.moments;
  const auto& components = estimator.components;
  if (cell.designs == 0) return components.batches == 0 && estimator.component_counts == models::Counts{};
  return components.batches == moments.batches && components.parameters == moments.parameters && components.blocks == moments.blocks &&
         components.row_sets == cell.row_sets && components.noise_sets == cell.noise_sets && is_whole(components);
}

/// Likewise; shards without designs are as lost.
bool shard_components_fit(const CellRecord& cell, const EstimatorRecord& estimator) {
  const auto& components = estimator.shard_components;
  if (cell.shards == 0) return components.batches == 0 && cell.shard_row_sets == 0;
  return cell.designs > 0 && components.batches == estimator.moments.batches &&
         components.blocks == cell.shards * estimator.moments.blocks && components.parameters == components.blocks &&
         components.row_sets == cell.shard_row_sets && components.noise_sets == cell.noise_sets && is_whole(components);
}

}  // namespace

void check_cell(const CellRecord& cell) {
  const auto shape = shape_of(cell);
  require(!cell.id.empty() && cell.id != "." && cell.id.find('/') == std::string::npos, cell, "the id cannot name a group");
  for (const auto& point : cell.points) {
    const auto place = fmt::format("point '{}'", point.label);
    require(point.lambda.size() == shape.parameters, cell, place + ": lambda has not one entry per parameter");
    require(point.snapshot.size() == shape.parameters, cell, place + ": snapshot has not one entry per parameter");
    require(point.reference.size() == shape.parameters, cell, place + ": reference has not one entry per parameter");
    require(point.reference_error.size() == shape.parameters, cell, place + ": reference_error has not one entry per parameter");
    require(point.estimators.size() == shape.estimators, cell, place + ": other estimators than the first point");
    for (std::size_t e = 0; e < shape.estimators; ++e) {
      const auto& estimator = point.estimators[e];
      const auto& moments = estimator.moments;
      require(estimator.name == cell.points.front().estimators[e].name, cell, place + ": other estimators than the first point");
      const bool fits = moments.batches == static_cast<Index>(shape.batches) &&
                        moments.parameters == static_cast<Index>(shape.parameters) && moments.blocks == static_cast<Index>(shape.blocks) &&
                        is_whole(moments);
      require(fits, cell, fmt::format("{}, estimator '{}': moments of another shape", place, estimator.name));
      require(components_fit(cell, estimator), cell, fmt::format("{}, estimator '{}': components of another shape", place, estimator.name));
      require(shard_components_fit(cell, estimator), cell,
              fmt::format("{}, estimator '{}': components within shards of another shape", place, estimator.name));
    }
  }
}

void write_cell(const Handle& results, DimensionCounter& counter, const CellRecord& cell) {
  const auto shape = shape_of(cell);
  auto group = create_group(results, cell.id);
  write_attribute(group, "kind", "cell");
  write_attribute(group, "model", cell.model);
  write_attribute(group, "family", cell.family);
  write_attribute(group, "samples", cell.samples);
  write_attribute(group, "batch_rows", cell.batch_rows);
  write_attribute(group, "rows", cell.rows);
  write_attribute(group, "replicates", cell.replicates);
  write_attribute(group, "designs", cell.designs);
  write_attribute(group, "row_sets", cell.row_sets);
  write_attribute(group, "noise_sets", cell.noise_sets);
  if (cell.shards > 0) {
    write_attribute(group, "shards", cell.shards);
    write_attribute(group, "shard_row_sets", cell.shard_row_sets);
  }
  write_attribute(group, "replicas", cell.replicas);
  write_attribute(group, "noise_policy", cell.noise_policy);
  write_attribute(group, "row_policy", cell.row_policy);
  write_attribute(group, "objective", cell.objective);

  Dimensions dimensions(group, counter);
  dimensions.add("point", names_of(cell.points, [](const auto& point) { return point.label; }), {"point of the reference path"});
  dimensions.add("estimator",
                 shape.points == 0 ? std::vector<std::string>{}
                                   : names_of(cell.points.front().estimators, [](const auto& estimator) { return estimator.name; }),
                 {"gradient estimator"});
  dimensions.add("batch", counting(shape.batches), {"batch of replicates"});
  dimensions.add("parameter", cell.parameter_names, {"variational parameter"});
  dimensions.add("block", names_of(cell.blocks, [](const auto& block) { return block.name; }), {"block of variational parameters"});
  if (cell.shards > 0) dimensions.add("shard", counting(static_cast<std::size_t>(cell.shards)), {"fixed shard of rows"});
  dimensions.add("kind", names_of(models::Counts::kinds(), [](const auto& kind) { return std::string(kind.name); }), {"kind of work"});

  write_moments(dimensions, cell, &EstimatorRecord::moments);
  if (cell.designs > 0) write_moments(dimensions, cell, &EstimatorRecord::components);
  if (cell.shards > 0) write_moments(dimensions, cell, &EstimatorRecord::shard_components);
  write_points(dimensions, cell);
  write_counts(dimensions, cell);
  write_blocks(dimensions, cell);
  write_lists(dimensions, cell);
  dimensions.close();
  group.close();
}

void write_path(const Handle& results, DimensionCounter& counter, const PathRecord& path) {
  if (path.id.empty() || path.id.find('/') != std::string::npos || path.steps < 0 || path.parameters < 0 ||
      static_cast<Index>(path.lambda.size()) != path.steps * path.parameters) {
    throw std::invalid_argument(fmt::format("path '{}': lambda is not steps x parameters, or the id cannot name a group", path.id));
  }
  auto group = create_group(results, path.id);
  write_attribute(group, "kind", "path");
  write_attribute(group, "stride", path.stride);
  Dimensions dimensions(group, counter);
  auto step = counting(static_cast<std::size_t>(path.steps));
  for (auto& number : step) number *= path.stride;
  dimensions.add("step", step, {"optimisation step"});
  dimensions.add("parameter", counting(static_cast<std::size_t>(path.parameters)), {"variational parameter"});
  dimensions.doubles("lambda", {"step", "parameter"}, {"variational parameters"}, path.lambda.data());
  dimensions.close();
  group.close();
}

}  // namespace variscope::store
