/// Columns in groups, rows by the fold, results by one sum.
#include "experiments/run/team_density.hpp"

#include <algorithm>
#include <limits>

#include "experiments/plan/cost.hpp"
#include "experiments/run/team_share.hpp"

namespace variscope::experiments {

TeamDensity::TeamDensity(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads,
                         Work& work)
    : model_(model), data_(data), team_(team), threads_(threads), work_(work), density_(model, team.shards, reduce, threads, work) {}

approximations::Density TeamDensity::density() {
  return {model_.dim(),
          [this](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction, tiles::BatchView out) {
            evaluate(theta, wanted, direction, out);
          },
          model_.has_hessian_vector()};
}

Range TeamDensity::blocks(Index count) const {
  return balanced_range((count + tiles::kLanes - 1) / tiles::kLanes, team_.samples.size(), team_.samples.rank());
}

void TeamDensity::evaluate(tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction,
                           tiles::BatchView out) {
  const Index size = out.blocks() * out.dim * tiles::kLanes;
  std::fill_n(out.data, size, 0.0);
  if (team_.replicas.rank() == 0) {
    const RowTiles rows = data_ == nullptr ? RowTiles{} : RowTiles{data_->tiles(team_.shards.size(), 0), data_->row_tile};
    const Range own = blocks(theta.count);
    const Index step = std::max<Index>(1, group_columns(model_.dim(), threads_) / tiles::kLanes);
    for (Index first = own.first; first < own.last; first += step) {
      const Index last = std::min(first + step, own.last);
      Columns columns;
      columns.theta = theta.slice(first, last);
      if (wanted.hessian_vector) columns.direction = direction.slice(first, last);
      const Segment segment{0, columns.theta.count, true, {}, 1.0};
      density_.evaluate(columns, {&segment, 1}, rows, wanted, true, some_);
      if (team_.shards.rank() == 0) std::copy_n(some_.data(), some_.size(), out.block(first));
    }
  }
  gather(team_, {out.data, static_cast<std::size_t>(size)}, work_);
}

}  // namespace variscope::experiments
