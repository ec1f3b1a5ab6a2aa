/// Evaluations on the first rank along the sample axis, with its data shards; then broadcasts.
#include "experiments/run/preparation.hpp"

#include "engine/families/family.hpp"

namespace variscope::experiments {

PreparationRun::PreparationRun(const models::Model& model, const DataPlan* data, const cluster::Team& whole, int threads,
                               const families::Family& family, const estimators::Estimator& estimator, const CallSettings& call, Work& work)
    : model_(model),
      data_(data),
      whole_(whole),
      family_(family),
      estimator_(estimator),
      call_(call),
      total_(work),
      team_{cluster::Communicator::serial(), whole.shards},
      density_(model, team_.shards, cluster::Reduce::exact, threads, work_),
      estimates_(model, data, team_, cluster::Reduce::exact, threads, work_) {
  call_.noise = random::Purpose::training_noise;
  call_.rows = random::Purpose::training_rows;
  call_.design =
      Design::replicas(1, NoisePolicy::independent,
                       call.design.rows == RowPolicy::with_replacement ? RowPolicy::with_replacement : RowPolicy::without_replacement);
}

void PreparationRun::share(tiles::Batch& batch) {
  // On the first row of ranks the result lies with shard 0.
  const std::span<double> values(batch.data(), static_cast<std::size_t>(batch.size()));
  if (whole_.samples.rank() == 0) whole_.shards.broadcast(values);
  whole_.samples.broadcast(values);
}

void PreparationRun::evaluate(const models::Wanted& wanted, tiles::ConstBatchView theta, tiles::ConstBatchView direction,
                              tiles::Batch& out) {
  out.resize(wanted.rows(theta.dim), theta.count);
  if (whole_.samples.rank() == 0) {
    const RowTiles rows = data_ == nullptr ? RowTiles{} : RowTiles{data_->tiles(team_.shards.size(), 0), data_->row_tile};
    const Segment segment{0, theta.count, true, {}, 1.0};
    Columns columns;
    columns.theta = theta;
    columns.direction = direction;
    density_.evaluate(columns, {&segment, 1}, rows, wanted, true, out);
  }
  share(out);
}

void PreparationRun::row_gradients(tiles::ConstBatchView theta, std::span<const std::uint32_t> column, std::span<double> table) {
  std::fill(table.begin(), table.end(), 0.0);
  if (whole_.samples.rank() == 0 && data_ != nullptr) {
    const Index dim = theta.dim;
    const Range own = data_->share(team_.shards.size(), team_.shards.rank());
    tiles::Batch at(dim, 1);
    tiles::Batch out(1 + dim, 1);
    models::Evaluation evaluation{{false, true}, out.view(), {}};
    for (Index n = own.first; n < own.last; ++n) {
      for (Index d = 0; d < dim; ++d) at(d, 0) = theta(d, static_cast<Index>(column[static_cast<std::size_t>(n)]));
      out.set_zero();
      model_.log_likelihood({{n, n + 1}}, at.view(), evaluation);
      for (Index d = 0; d < dim; ++d) table[static_cast<std::size_t>(n * dim + d)] = out(1 + d, 0);
    }
    work_.counts += evaluation.counts;
    // Every entry has one rank that knows it: in any order the sum is the entry, and a negative zero becomes a zero with one rank too.
    for (double& entry : table) entry += 0.0;
    whole_.shards.sum_in_any_order(table);
  }
  whole_.samples.broadcast(table);
}

void PreparationRun::train(Index call, const std::vector<estimators::Request>& requests,
                           const std::function<void(const estimators::SampleBlock&)>& use) {
  std::vector<tiles::Batch> results(requests.size());
  const estimators::Context context{&family_, &model_, call_.objective, call_.samples, call_.batch_rows, {}};
  const Index extra = estimator_.extra_uniforms(context);
  tiles::Batch noise(family_.noise().rows() + extra, call_.samples);
  tiles::Batch position(model_.dim(), call_.samples);
  if (whole_.samples.rank() == 0) {
    estimates_.visit(family_, call_, call, estimator_.coupling(), extra, requests, results, [&](const estimators::SampleBlock& block) {
      std::copy_n(block.noise.data, noise.size(), noise.data());
      std::copy_n(block.position.data, position.size(), position.data());
    });
  }
  share(noise);
  share(position);
  std::vector<tiles::ConstBatchView> densities;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    results[r].resize(requests[r].wanted.rows(model_.dim()), call_.samples);
    share(results[r]);
    densities.push_back(results[r].view());
  }
  const std::vector<Index> origins(requests.size(), 0);
  use({noise.view(), position.view(), densities, origins, 0, call_.samples});
}

}  // namespace variscope::experiments
