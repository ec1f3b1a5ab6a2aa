/// Reading, folding column moments, standardising.
#include "experiments/run/load.hpp"

#include <algorithm>

#include "cluster/topology/fold_across.hpp"
#include "engine/data/standardize.hpp"

namespace variscope::experiments {

data::Table load_share(const DataPlan& plan, const cluster::Communicator& shards, std::vector<double>* wanted) {
  data::Table table = read_share(plan.dataset, plan.settings, plan.response, plan.share(shards.size(), shards.rank()));
  std::vector<double> moments;
  if (plan.settings.standardize || wanted != nullptr) {
    const auto size = data::ColumnMoments::size(table.width());
    const auto ownership = plan.tiles(shards.size(), 0);
    const auto nodes = ownership.nodes(shards.rank());
    AlignedVector partials(nodes.size() * size);
    tiles::NodeFolder folder;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      folder.fold(
          ownership.tree(), nodes[n],
          [&](Index tile, std::span<double> out) {
            data::ColumnMoments::of_tile(table, data::row_tile_range(plan.rows, plan.row_tile, tile), out);
          },
          data::ColumnMoments::merge, std::span<double>(partials).subspan(n * size, size));
    }
    moments.resize(size);
    cluster::fold_across(shards, ownership, static_cast<Index>(size), partials, data::ColumnMoments::merge, cluster::Reduce::exact,
                         moments);
    shards.broadcast(std::span<double>(moments));
  }
  finish_share(table, plan.dataset, plan.settings, moments);
  if (wanted != nullptr) *wanted = moments;
  return table;
}

data::Table load_test_share(const DataPlan& plan, const cluster::Communicator& shards, std::span<const double> moments) {
  const Index rows = plan.dataset.test_rows;
  const Range tiles = balanced_range(data::row_tiles(rows, plan.row_tile), shards.size(), shards.rank());
  const Range share{std::min(tiles.first * plan.row_tile, rows), std::min(tiles.last * plan.row_tile, rows)};
  data::Table table = read_share(plan.dataset, plan.settings, plan.response, share, DataPart::test);
  finish_share(table, plan.dataset, plan.settings, moments);
  return table;
}

data::Table grid_table(const DataPlan& plan, std::span<const double> moments, Index column, Index points, double margin) {
  const data::ColumnMoments columns{moments};
  data::Table table = plan.dataset.shape(plan.settings);
  table.rows = points;
  table.held = {0, points};
  table.columns.resize(plan.dataset.design.size());
  const auto axis = static_cast<std::size_t>(column);
  const double beyond = margin * (columns.maximum(axis) - columns.minimum(axis));
  const double lowest = columns.minimum(axis) - beyond;
  const double highest = columns.maximum(axis) + beyond;
  for (Index k = 0; k < points; ++k) {
    for (std::size_t c = 0; c < plan.dataset.design.size(); ++c) {
      const double share = static_cast<double>(k) / static_cast<double>(points - 1);
      table.design.push_back(c == axis ? lowest + share * (highest - lowest) : columns.mean(c));
    }
  }
  table.response.assign(static_cast<std::size_t>(points), 0.0);
  finish_share(table, plan.dataset, plan.settings, moments);
  return table;
}

}  // namespace variscope::experiments
