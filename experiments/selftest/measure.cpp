/// Lanes with estimates of their own, as in a study that no ranks share.
#include "experiments/selftest/measure.hpp"

#include <omp.h>

#include <memory>

#include "engine/diagnostics/strata.hpp"
#include "experiments/run/first_error.hpp"
#include "experiments/run/preparation.hpp"

namespace variscope::experiments {

namespace {

const cluster::Team& nobody() {
  static const cluster::Team team;
  return team;
}

struct Lane {
  Work work;
  Estimates estimates;
  std::vector<std::vector<double>> gradients;
  std::vector<models::Counts> counts;
  std::vector<double> seconds;

  Lane(const Subject& at, std::size_t list)
      : estimates(*at.model, at.data, nobody(), cluster::Reduce::exact, 1, work), gradients(list), counts(list), seconds(list, 0.0) {}
};

/// use(batch, replicates of the group, lane) for all batches, each of them by one thread from its first replicate to its last.
template <class Use>
void for_all_batches(const Subject& at, const std::vector<Measured>& list, Index count, int threads, Use&& use) {
  Index columns = at.call.samples;
  for (const Measured& m : list) {
    const estimators::Context context{at.family, at.model, at.call.objective, at.call.samples, at.call.batch_rows, m.state, m.snapshot};
    for (const estimators::Request& request : m.estimator->requests(context))
      columns = std::max(columns, at.call.samples * request.columns);
  }
  const Index each = count / kSelftestBatches;
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < threads; ++i) lanes.push_back(std::make_unique<Lane>(at, list.size()));
  FirstError error;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic, 1)
  for (Index batch = 0; batch < kSelftestBatches; ++batch) {
    error.catch_from([&] {
      Lane& lane = *lanes[static_cast<std::size_t>(omp_get_thread_num())];
      const Range all{batch * each, (batch + 1) * each};
      const Index step = lane.estimates.group(columns, at.call.design);
      for (Index first = all.first; first < all.last; first += step) {
        const Range group{first, std::min(first + step, all.last)};
        lane.estimates.run(*at.family, at.call, group, list, lane.gradients, lane.counts, lane.seconds);
        use(batch, group, lane);
      }
    });
  }
  error.rethrow();
}

}  // namespace

DataPlan plan_of(const data::Table& table) {
  DataPlan plan;
  plan.rows = table.rows;
  plan.row_tile = table.rows;
  plan.width = table.width();
  return plan;
}

std::vector<double> prepared_state(const Subject& at, const estimators::Estimator& estimator) {
  const estimators::Context context{at.family,          at.model, at.call.objective, at.call.samples,
                                    at.call.batch_rows, {},       at.snapshot,       at.history};
  std::vector<double> state(static_cast<std::size_t>(estimator.state_size(context)), 0.0);
  if (state.empty()) return state;
  Work work;
  PreparationRun run(*at.model, at.data, nobody(), 1, *at.family, estimator, at.call, work);
  estimator.prepare(context, run, state);
  return state;
}

std::vector<BatchMoments> measure(const Subject& at, const std::vector<Measured>& list, const std::vector<std::vector<double>>& centres,
                                  Index replicates, int threads) {
  const std::vector<Block> blocks = at.family->blocks();
  std::vector<BatchMoments> moments(list.size());
  for (BatchMoments& m : moments) m.resize(kSelftestBatches, at.family->parameters(), static_cast<Index>(blocks.size()));
  for_all_batches(at, list, replicates, threads, [&](Index batch, Range group, Lane& lane) {
    std::vector<double> mean;
    for (std::size_t e = 0; e < list.size(); ++e) {
      lane.estimates.average_units(at.call, lane.gradients[e], group.size(), at.family->parameters(), mean);
      add_moments(mean, centres[e], blocks, batch, moments[e]);
    }
  });
  return moments;
}

ComponentMoments measure_components(const Subject& at, const Measured& estimator, Index designs, int threads) {
  const std::vector<Block> blocks = at.family->blocks();
  const auto size = static_cast<std::size_t>(at.family->parameters() * at.call.design.units());
  ComponentMoments moments;
  moments.resize(kSelftestBatches, at.family->parameters(), static_cast<Index>(blocks.size()), at.call.design.row_sets,
                 at.call.design.noise_sets);
  for_all_batches(at, {estimator}, designs, threads, [&](Index batch, Range group, Lane& lane) {
    for (std::size_t j = 0; j < static_cast<std::size_t>(group.size()); ++j)
      diagnostics::add_design(moments, batch, blocks, std::span<const double>(lane.gradients[0]).subspan(j * size, size));
  });
  return moments;
}

ShardMoments measure_shards(const Subject& at, const Measured& estimator, Index designs, int threads) {
  const std::vector<Block> blocks = at.family->blocks();
  const Design& design = at.call.design;
  const auto size = static_cast<std::size_t>(at.family->parameters() * design.units());
  const Index traces = design.shards() * static_cast<Index>(blocks.size());
  ShardMoments moments;
  moments.resize(kSelftestBatches, traces, traces, design.sets_per_shard, design.noise_sets);
  for_all_batches(at, {estimator}, designs, threads, [&](Index batch, Range group, Lane& lane) {
    for (std::size_t j = 0; j < static_cast<std::size_t>(group.size()); ++j)
      diagnostics::add_shard_designs(moments, batch, blocks, std::span<const double>(lane.gradients[0]).subspan(j * size, size));
  });
  return moments;
}

}  // namespace variscope::experiments
