/// One group of replicates through draws, density, sample fold and finish.
#include "experiments/run/estimates.hpp"

#include <omp.h>

#include <algorithm>

namespace variscope::experiments {

namespace {

Index padded(Index columns) { return (columns + tiles::kLanes - 1) / tiles::kLanes * tiles::kLanes; }

}  // namespace

Estimates::Estimates(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads,
                     Work& work)
    : model_(model),
      data_(data),
      team_(team),
      reduce_mode_(reduce),
      threads_(threads),
      work_(work),
      density_(model, team.shards, reduce, threads, work),
      scratch_(static_cast<std::size_t>(threads)) {}

Index Estimates::group(Index samples) const {
  return std::max<Index>(1, group_columns(model_.dim(), threads_) / std::max<Index>(samples, 1));
}

void Estimates::draw(const families::MeanFieldGaussian& family, const CallSettings& call, Range replicates, bool antithetic) {
  Draws& draws = draws_[antithetic ? 1 : 0];
  Stopwatch watch;
  const Index columns = replicates.size() * columns_each_;
  draws.noise.resize(model_.dim(), columns);
  draws.position.resize(model_.dim(), columns);
  const Index blocks = draws.noise.blocks();
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (Index b = 0; b < blocks; ++b) {
    const Index first = b * tiles::kLanes;
    const Index last = std::min(first + tiles::kLanes, columns);
    std::array<random::Stream, tiles::kLanes> streams;
    std::array<bool, tiles::kLanes> mirrored{};
    for (Index c = first; c < last; ++c) {
      // Lanes behind a replicate's samples repeat its last one.
      const Index sample = owned_samples_.first + std::min(c % columns_each_, owned_samples_.size() - 1);
      const Index replicate = replicates.first + c / columns_each_;
      const auto i = static_cast<std::size_t>(c - first);
      streams[i] = {call.seed, call.noise, call.task, static_cast<std::uint32_t>(replicate),
                    static_cast<std::uint32_t>(antithetic ? sample / 2 : sample)};
      mirrored[i] = antithetic && sample % 2 == 1;
    }
    tiles::BatchView noise = draws.noise.view().slice(b, b + 1);
    random::fill_normal(streams.data(), noise);
    for (Index c = 0; c < last - first; ++c) {
      if (!mirrored[static_cast<std::size_t>(c)]) continue;
      for (Index d = 0; d < noise.dim; ++d) noise(d, c) = -noise(d, c);
    }
    family.sample(noise, draws.position.view().slice(b, b + 1));
  }
  draws.ready = true;
  draws.seconds = watch.lap();
  work_.draw_s += draws.seconds;
}

void Estimates::draw_rows(const CallSettings& call, Range replicates) {
  segments_.clear();
  if (call.batch_rows == 0) {
    segments_.push_back({0, replicates.size() * columns_each_, true, {}});
    return;
  }
  const Range share = data_->share(team_.shards.size(), team_.shards.rank());
  batch_rows_.resize(static_cast<std::size_t>(replicates.size()));
  segments_.resize(batch_rows_.size());
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (Index j = 0; j < replicates.size(); ++j) {
    auto& rows = batch_rows_[static_cast<std::size_t>(j)];
    const random::Stream stream{call.seed, call.rows, call.task, static_cast<std::uint32_t>(replicates.first + j), 0};
    data::draw_minibatch(stream, data_->rows, call.batch_rows, call.replacement, scratch_[static_cast<std::size_t>(omp_get_thread_num())],
                         rows);
    segments_[static_cast<std::size_t>(j)] = {j * columns_each_ / tiles::kLanes, owned_samples_.size(), false, data::rows_in(rows, share)};
  }
}

void Estimates::reduce(const estimators::Context& context, const estimators::Estimator& estimator, const Draws& draws, Index replicates,
                       std::vector<double>& gradients) {
  Stopwatch watch;
  const auto size = static_cast<std::size_t>(estimator.partial_size(model_.dim()));
  const auto count = static_cast<std::size_t>(replicates);
  const auto ownership = sample_ownership(context.samples, team_.samples.size());
  const auto nodes = ownership.nodes(team_.samples.rank());
  partials_.resize(nodes.size() * count * size);
  folded_.resize(count * size);
  const auto merge = [&](std::span<double> left, std::span<const double> right) { estimator.merge(left, right); };
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
  {
    tiles::NodeFolder folder;
#pragma omp for schedule(static)
    for (Index j = 0; j < replicates; ++j) {
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        const auto leaf = [&](Index block, std::span<double> partial) {
          const Index first = block * kSampleBlock - owned_samples_.first;
          const Index last = std::min(first + kSampleBlock, owned_samples_.size());
          const Index column = j * columns_each_;
          estimator.accumulate(context, {draws.noise.view(), out_.view(), column + first, column + last}, partial);
        };
        folder.fold(ownership.tree(), nodes[n], leaf, merge,
                    std::span<double>(partials_).subspan((n * count + static_cast<std::size_t>(j)) * size, size));
      }
    }
  }
  work_.estimator_s += watch.lap();
  const auto merge_all = [&](std::span<double> left, std::span<const double> right) {
    for (std::size_t j = 0; j < count; ++j) estimator.merge(left.subspan(j * size, size), right.subspan(j * size, size));
  };
  const auto mode = estimator.plain_sum() ? reduce_mode_ : cluster::Reduce::exact;
  cluster::fold_across(team_.samples, ownership, static_cast<Index>(count * size), partials_, merge_all, mode, folded_);
  work_.communication_s += watch.lap();
  if (team_.samples.rank() != 0) return;
  const auto parameters = static_cast<std::size_t>(2 * model_.dim());
  gradients.resize(count * parameters);
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (std::size_t j = 0; j < count; ++j) {
    estimator.finish(context, std::span<const double>(folded_).subspan(j * size, size),
                     std::span<double>(gradients).subspan(j * parameters, parameters));
  }
  work_.estimator_s += watch.lap();
}

void Estimates::run(std::span<const double> lambda, const CallSettings& call, Range replicates,
                    const std::vector<const estimators::Estimator*>& estimators, std::vector<std::vector<double>>& gradients,
                    std::vector<models::Counts>& counts, std::vector<double>& seconds) {
  const families::MeanFieldGaussian family(lambda);
  const auto ownership = sample_ownership(call.samples, team_.samples.size());
  const Range blocks = ownership.range(team_.samples.rank());
  owned_samples_ = {std::min(blocks.first * kSampleBlock, call.samples), std::min(blocks.last * kSampleBlock, call.samples)};
  // Replicates with rows of their own cannot share lane blocks; with all rows they are packed side by side.
  columns_each_ = call.batch_rows > 0 ? padded(owned_samples_.size()) : owned_samples_.size();
  const RowTiles rows = data_ == nullptr ? RowTiles{}
                                         : RowTiles{data_->tiles(team_.shards.size(), call.batch_rows > 0 ? call.coarser : 0),
                                                    data_->row_tile << (call.batch_rows > 0 ? call.coarser : 0)};
  const double scale = call.batch_rows > 0 ? static_cast<double>(data_->rows) / static_cast<double>(call.batch_rows) : 1.0;
  for (Draws& d : draws_) d.ready = false;

  Stopwatch watch;
  const bool idle = owned_samples_.size() == 0;
  if (!idle) draw_rows(call, replicates);
  const double row_seconds = watch.lap();
  work_.draw_s += row_seconds;
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    const estimators::Estimator& estimator = *estimators[e];
    Draws& draws = draws_[estimator.antithetic() ? 1 : 0];
    if (!idle && !draws.ready) draw(family, call, replicates, estimator.antithetic());
    const models::Counts before = work_.counts;
    watch.lap();
    if (!idle) density_.evaluate(draws.position.view(), segments_, rows, scale, estimator.wanted(), estimator.sampled_prior(), out_);
    if (team_.shards.rank() == 0) {
      const estimators::Context context{&family, &model_, call.objective, call.samples};
      reduce(context, estimator, draws, replicates.size(), gradients[e]);
    }
    // Every estimator is charged for the draws it uses, as if it had been alone.
    seconds[e] += watch.lap() + draws.seconds + row_seconds;
    counts[e].value_evaluations += work_.counts.value_evaluations - before.value_evaluations;
    counts[e].gradient_evaluations += work_.counts.gradient_evaluations - before.gradient_evaluations;
    counts[e].value_rows += work_.counts.value_rows - before.value_rows;
    counts[e].gradient_rows += work_.counts.gradient_rows - before.gradient_rows;
  }
}

void add_moments(std::span<const double> gradients, std::span<const double> reference, const std::vector<Block>& blocks, Index batch,
                 BatchMoments& moments) {
  const std::size_t parameters = reference.size();
  const auto b = static_cast<std::size_t>(batch);
  double* sum = moments.sum.data() + b * parameters;
  double* square = moments.square.data() + b * parameters;
  for (std::size_t at = 0; at < gradients.size(); at += parameters) {
    moments.count[b] += 1;
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      double norm = 0;
      for (Index p = blocks[k].parameters.first; p < blocks[k].parameters.last; ++p) {
        const auto i = static_cast<std::size_t>(p);
        const double deviation = gradients[at + i] - reference[i];
        sum[i] += deviation;
        square[i] += deviation * deviation;
        norm += deviation * deviation;
      }
      moments.norm[b * blocks.size() + k] += norm;
      moments.norm_square[b * blocks.size() + k] += norm * norm;
    }
  }
}

}  // namespace variscope::experiments
