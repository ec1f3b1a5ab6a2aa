/// A cell's group of run.h5, read back.
#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/store/record_arrays.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

/// A dataset of doubles with the extent it must have, read slice by slice.
class Variable {
 public:
  Variable(const Handle& group, const std::string& name, Extent extent) : dataset_(open_dataset(group, name)), extent_(std::move(extent)) {
    if (extent_of(dataset_) != extent_)
      throw SystemError(fmt::format("read: {} (its shape does not match its dimensions)", dataset_.where()));
  }
  /// The slice at leading indices `at`.
  void read(const Extent& at, std::vector<double>& values) const {
    Extent offset(extent_.size(), 0);
    Extent count = extent_;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      offset[axis] = at[axis];
      count[axis] = 1;
    }
    values.resize(element_count(count));
    read_slab(dataset_, H5T_NATIVE_DOUBLE, offset, count, values.data());
  }

 private:
  Handle dataset_;
  Extent extent_;
};

/// Moments whose sizes are not set yet. leading: points, estimators, batches. parameters, blocks: of each.
template <class Moments>
void read_moments(const Handle& group, CellRecord& cell, const Extent& leading, Moments EstimatorRecord::*part, std::size_t parameters,
                  std::size_t blocks) {
  for (const auto& array : moment_arrays<Moments>) {
    Extent extent = leading;
    if (array.entries == Entries::parameter) extent.push_back(cell.parameter_names.size());
    if (array.entries == Entries::shard_block) extent.push_back(static_cast<hsize_t>(cell.shards));
    if (array.entries == Entries::block || array.entries == Entries::shard_block) extent.push_back(cell.blocks.size());
    const Variable variable(group, array.name, extent);
    for (std::size_t p = 0; p < cell.points.size(); ++p) {
      auto& estimators = cell.points[p].estimators;
      for (std::size_t e = 0; e < estimators.size(); ++e) variable.read({p, e}, estimators[e].*part.*array.values);
    }
  }
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) {
      auto& moments = estimator.*part;
      moments.batches = static_cast<Index>(leading[2]);
      moments.parameters = static_cast<Index>(parameters);
      moments.blocks = static_cast<Index>(blocks);
    }
  }
}

void read_per_point(const Handle& group, CellRecord& cell, const std::string& name, std::vector<double> PointRecord::*values) {
  const Variable variable(group, name, {cell.points.size(), cell.parameter_names.size()});
  for (std::size_t p = 0; p < cell.points.size(); ++p) variable.read({p}, cell.points[p].*values);
}

template <class Value>
std::vector<Value> sized(std::vector<Value> values, std::size_t size, const Handle& group, const std::string& name) {
  if (values.size() != size) throw SystemError(fmt::format("read: {}/{} (its shape does not match its dimensions)", group.where(), name));
  return values;
}

void read_points(const Handle& group, CellRecord& cell) {
  const auto points = cell.points.size();
  read_per_point(group, cell, "lambda", &PointRecord::lambda);
  read_per_point(group, cell, "snapshot", &PointRecord::snapshot);
  read_per_point(group, cell, "reference", &PointRecord::reference);
  read_per_point(group, cell, "reference_error", &PointRecord::reference_error);
  const auto objective = sized(read_doubles(group, "objective"), points, group, "objective");
  const auto objective_error = sized(read_doubles(group, "objective_error"), points, group, "objective_error");
  const auto method = sized(read_texts(group, "reference_method"), points, group, "reference_method");
  for (std::size_t p = 0; p < points; ++p) {
    cell.points[p].objective = objective[p];
    cell.points[p].objective_error = objective_error[p];
    cell.points[p].reference_method = method[p];
  }
}

void read_counts(const Handle& group, CellRecord& cell, std::size_t estimators) {
  const auto size = cell.points.size() * estimators;
  const auto kinds = models::Counts::kinds().size();
  const auto table = [&](const std::string& name) { return sized(read_integers(group, name), size * kinds, group, name); };
  const auto counts = table("counts");
  const auto component_counts = cell.designs > 0 ? table("component_counts") : std::vector<Index>(size * kinds, 0);
  const auto preparation = table("preparation");
  const auto share = sized(read_doubles(group, "preparation_share"), size, group, "preparation_share");
  std::size_t next = 0;
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) {
      estimator.counts = counts_at(counts, next);
      estimator.component_counts = counts_at(component_counts, next);
      estimator.preparation = counts_at(preparation, next);
      estimator.preparation_share = share[next++];
    }
  }
}

void read_blocks(const Handle& group, CellRecord& cell) {
  const auto names = read_texts(group, "block");
  const auto first = sized(read_integers(group, "block_first"), names.size(), group, "block_first");
  const auto last = sized(read_integers(group, "block_last"), names.size(), group, "block_last");
  for (std::size_t b = 0; b < names.size(); ++b) cell.blocks.push_back({names[b], {first[b], last[b]}});
}

void read_lists(const Handle& group, CellRecord& cell) {
  if (exists(group, "setting")) {
    const auto keys = read_texts(group, "setting");
    const auto values = sized(read_texts(group, "setting_value"), keys.size(), group, "setting_value");
    for (std::size_t s = 0; s < keys.size(); ++s) cell.settings.emplace_back(keys[s], values[s]);
  }
  if (exists(group, "exclusion")) {
    const auto estimators = read_texts(group, "exclusion");
    const auto reasons = sized(read_texts(group, "exclusion_reason"), estimators.size(), group, "exclusion_reason");
    for (std::size_t e = 0; e < estimators.size(); ++e) cell.exclusions.push_back({estimators[e], reasons[e]});
  }
}

}  // namespace

CellRecord read_cell(const Handle& results, const std::string& id) {
  const auto group = open_group(results, id);
  CellRecord cell;
  cell.id = id;
  cell.model = read_text_attribute(group, "model");
  cell.family = read_text_attribute(group, "family");
  cell.samples = read_integer_attribute(group, "samples");
  cell.batch_rows = read_integer_attribute(group, "batch_rows");
  cell.rows = read_integer_attribute(group, "rows");
  cell.replicates = read_integer_attribute(group, "replicates");
  cell.designs = read_integer_attribute(group, "designs");
  cell.row_sets = read_integer_attribute(group, "row_sets");
  cell.noise_sets = read_integer_attribute(group, "noise_sets");
  if (has_attribute(group, "shards")) {
    cell.shards = read_integer_attribute(group, "shards");
    cell.shard_row_sets = read_integer_attribute(group, "shard_row_sets");
  }
  cell.replicas = read_integer_attribute(group, "replicas");
  cell.noise_policy = read_text_attribute(group, "noise_policy");
  cell.row_policy = read_text_attribute(group, "row_policy");
  cell.objective = read_text_attribute(group, "objective");
  cell.parameter_names = read_texts(group, "parameter");
  read_blocks(group, cell);

  const auto estimators = read_texts(group, "estimator");
  const auto batches = extent_of(open_dataset(group, "batch")).front();
  for (const auto& label : read_texts(group, "point")) {
    auto& point = cell.points.emplace_back();
    point.label = label;
    for (const auto& name : estimators) {
      auto& estimator = point.estimators.emplace_back();
      estimator.name = name;
      if (cell.designs == 0) continue;
      estimator.components.row_sets = cell.row_sets;
      estimator.components.noise_sets = cell.noise_sets;
      if (cell.shards == 0) continue;
      estimator.shard_components.row_sets = cell.shard_row_sets;
      estimator.shard_components.noise_sets = cell.noise_sets;
    }
  }
  const Extent leading{cell.points.size(), estimators.size(), batches};
  const std::size_t parameters = cell.parameter_names.size();
  const std::size_t blocks = cell.blocks.size();
  read_moments(group, cell, leading, &EstimatorRecord::moments, parameters, blocks);
  if (cell.designs > 0) read_moments(group, cell, leading, &EstimatorRecord::components, parameters, blocks);
  if (cell.shards > 0) {
    const std::size_t traces = static_cast<std::size_t>(cell.shards) * blocks;
    read_moments(group, cell, leading, &EstimatorRecord::shard_components, traces, traces);
  }
  read_points(group, cell);
  read_counts(group, cell, estimators.size());
  read_lists(group, cell);
  return cell;
}

PathRecord read_path(const Handle& results, const std::string& id) {
  const auto group = open_group(results, id);
  PathRecord path;
  path.id = id;
  path.stride = read_integer_attribute(group, "stride");
  const auto extent = extent_of(open_dataset(group, "lambda"));
  if (extent.size() != 2) throw SystemError(fmt::format("read: {}/lambda (not two-dimensional)", group.where()));
  path.steps = static_cast<Index>(extent[0]);
  path.parameters = static_cast<Index>(extent[1]);
  path.lambda = read_doubles(group, "lambda");
  return path;
}

}  // namespace variscope::store
