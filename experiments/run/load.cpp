/// Reading, folding column moments, standardising.
#include "experiments/run/load.hpp"

#include "cluster/topology/fold_across.hpp"
#include "engine/data/standardize.hpp"

namespace variscope::experiments {

data::Table load_share(const DataPlan& plan, const cluster::Communicator& shards) {
  data::Table table = read_share(plan.dataset, plan.settings, plan.response, plan.share(shards.size(), shards.rank()));
  std::vector<double> moments;
  if (plan.settings.standardize) {
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
  finish_share(table, plan.settings, moments, plan.dataset.path);
  return table;
}

}  // namespace variscope::experiments
