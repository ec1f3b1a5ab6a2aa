/// Names, settings and points.
#include "experiments/run/cell_shape.hpp"

#include "engine/families/family.hpp"

namespace variscope::experiments {

CellRecord shape_of(const CellPlan& cell, const PathPlan& path, const std::vector<PointRecord>& points, const models::Model& model) {
  CellRecord record;
  record.id = cell.id;
  record.settings = to_pairs(cell.settings);
  const auto family = make_family(cell.settings, path.dim, initial_lambda(cell.settings, path.dim));
  record.parameter_names = family->parameter_names(model.parameter_names());
  record.blocks = family->blocks();
  record.family = cell.settings.family.name;
  record.model = cell.settings.model.name;
  record.samples = cell.settings.estimators.samples;
  record.batch_rows = cell.settings.estimators.batch_rows;
  record.rows = model.rows();
  record.replicates = cell.settings.replicates.count;
  record.replicas = cell.settings.estimators.replicas;
  record.noise_policy = cell.settings.estimators.noise_policy;
  record.row_policy = cell.settings.estimators.row_policy;
  record.objective = cell.settings.objective;
  record.designs = cell.settings.components.designs;
  if (record.designs > 0) {
    record.row_sets = record.batch_rows > 0 ? cell.settings.components.row_sets : 1;
    record.noise_sets = cell.settings.components.noise_sets;
  }
  if (const auto within_shards = shard_design(cell.settings)) {
    record.shards = within_shards->shards();
    record.shard_row_sets = within_shards->sets_per_shard;
  }
  record.points = points;
  record.exclusions = cell.exclusions;
  for (PointRecord& point : record.points) {
    for (const std::string& name : cell.estimators) point.estimators.emplace_back().name = name;
  }
  return record;
}

void make_room(CellRecord& record, Index batches) {
  for (PointRecord& point : record.points) {
    const auto parameters = static_cast<Index>(point.reference.size());
    const auto blocks = static_cast<Index>(record.blocks.size());
    for (EstimatorRecord& e : point.estimators) {
      e.moments.resize(batches, parameters, blocks);
      if (record.designs == 0) continue;
      e.components.resize(batches, parameters, blocks, record.row_sets, record.noise_sets);
      const Index traces = record.shards * blocks;
      if (record.shards > 0) e.shard_components.resize(batches, traces, traces, record.shard_row_sets, record.noise_sets);
    }
  }
}

}  // namespace variscope::experiments
