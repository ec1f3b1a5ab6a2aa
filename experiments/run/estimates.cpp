/// One group of replicates through draws, density, sample fold and finish.
#include "experiments/run/estimates.hpp"

#include <omp.h>

#include <algorithm>
#include <stdexcept>

#include "engine/estimators/row_table.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "experiments/run/first_error.hpp"

namespace variscope::experiments {

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

Index Estimates::group(Index columns, const Design& design) const {
  // The first part is the largest: the whole team must agree.
  const Index units = replica_ownership(design, team_.replicas.size()).range(0).size() * design.units_per_row_set();
  return std::max<Index>(1, group_columns(model_.dim(), threads_) / std::max<Index>(columns * units, 1));
}

Range Estimates::owned_units(const Design& design) const {
  const Range sets = replica_ownership(design, team_.replicas.size()).range(team_.replicas.rank());
  return {sets.first * design.units_per_row_set(), sets.last * design.units_per_row_set()};
}

Estimates::Geometry Estimates::geometry(const CallSettings& call, Index width) const {
  return {owned_units(call.design).size(), call.design.units_per_row_set(), call.batch_rows > 0, width};
}

RowTiles Estimates::row_tiles(const CallSettings& call) const {
  if (data_ == nullptr) return {};
  const int coarser = call.batch_rows > 0 ? call.coarser : 0;
  return {data_->tiles(team_.shards.size(), coarser), data_->row_tile << coarser};
}

void Estimates::draw(const families::Family& family, const CallSettings& call, Range replicates, estimators::Coupling coupling,
                     Index extra) {
  if (extra > 0 && coupling != estimators::Coupling::independent)
    throw std::logic_error("Estimates: extra uniforms are drawn for independent samples alone");
  Draws& draws = draws_of(coupling);
  Stopwatch watch;
  const Geometry at = geometry(call, owned_samples_.size());
  const Index columns = at.columns(replicates.size());
  const families::NoiseShape shape = family.noise();
  draws.noise.resize(shape.rows() + extra, columns);
  draws.position.resize(model_.dim(), columns);
  const Index blocks = draws.noise.blocks();
  const Index segment = at.drawn ? at.segment() : at.units * at.width;
  const Index units = at.drawn ? at.per_segment : at.units;
  const Index first_unit = owned_units(call.design).first;
  if (coupling == estimators::Coupling::scrambled_net) {
    const bool pieces = call.design.noise == NoisePolicy::split_net && !call.design.crossed;
    const Index net = pieces ? call.samples * call.design.noise_sets : call.samples;
    if (!net_ || net_->dim() != shape.rows() || net_->points() != net) net_.emplace(shape.rows(), net);
  }
  // Streams of block b's columns, and which of them are mirrored.
  const auto name_lanes = [&](Index b, LaneStreams& streams, std::array<bool, tiles::kLanes>& mirrored) {
    const Index first = b * tiles::kLanes;
    const Index last = std::min(first + tiles::kLanes, columns);
    for (Index c = first; c < last; ++c) {
      // Lanes behind a segment's columns repeat its last one.
      const Index within = std::min(c % segment, units * at.width - 1);
      const Index whole = c / segment;
      const Index replicate = replicates.first + (at.drawn ? whole / at.segments() : whole);
      const Index unit = (at.drawn ? whole % at.segments() * at.per_segment : 0) + within / at.width;
      const Index sample = owned_samples_.first + within % at.width;
      const Index set = call.design.noise_of(first_unit + unit);
      const auto i = static_cast<std::size_t>(c - first);
      streams[i] = {call.seed, call.noise, call.task, static_cast<std::uint32_t>(replicate), 0};
      if (coupling == estimators::Coupling::scrambled_net) {
        // One net for each noise set, or disjoint pieces of a common one.
        const bool pieces = call.design.noise == NoisePolicy::split_net && !call.design.crossed;
        streams[i].purpose = random::Purpose::net_noise;
        streams[i].task = shared_task(call.noise, call.task, pieces ? 0 : set);
        streams[i].minor = static_cast<std::uint32_t>(sample + (pieces ? set * call.samples : 0));
      } else {
        const bool antithetic = coupling == estimators::Coupling::antithetic;
        streams[i].minor = static_cast<std::uint32_t>(set * call.samples + (antithetic ? sample / 2 * 2 : sample));
        mirrored[i] = antithetic && sample % 2 == 1;
      }
    }
  };
  FirstError error;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (Index b = 0; b < blocks; ++b) {
    error.catch_from([&] {
      LaneStreams streams;
      std::array<bool, tiles::kLanes> mirrored{};
      name_lanes(b, streams, mirrored);
      tiles::BatchView noise = draws.noise.view().slice(b, b + 1);
      if (coupling == estimators::Coupling::scrambled_net)
        fill_net(shape, *net_, streams, noise);
      else
        fill_independent(shape, streams, noise);
      for (Index c = 0; c < noise.count; ++c) {
        if (!mirrored[static_cast<std::size_t>(c)]) continue;
        for (Index d = 0; d < shape.normals; ++d) noise(d, c) = -noise(d, c);
        for (Index d = shape.normals; d < shape.rows(); ++d) noise(d, c) = 1 - noise(d, c);
      }
      family.sample(noise, draws.position.view().slice(b, b + 1));
    });
  }
  error.rethrow();
  draws.ready = true;
  draws.seconds = watch.lap();
  draws.extra_seconds = 0;
  work_.draw_s += draws.seconds;
  if (extra == 0) return;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (Index b = 0; b < blocks; ++b) {
    error.catch_from([&] {
      LaneStreams streams;
      std::array<bool, tiles::kLanes> mirrored{};
      name_lanes(b, streams, mirrored);
      fill_uniforms(shape, {shape.uniforms, shape.uniforms + extra}, streams, draws.noise.view().slice(b, b + 1));
    });
  }
  error.rethrow();
  const double extra_seconds = watch.lap();
  draws.extra_seconds = extra_seconds / static_cast<double>(extra);
  work_.draw_s += extra_seconds;
}

void Estimates::draw_rows(const CallSettings& call, Range replicates) {
  if (call.batch_rows == 0) return;
  row_sets_.resize(static_cast<std::size_t>(replicates.size()));
  FirstError error;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (Index j = 0; j < replicates.size(); ++j) {
    error.catch_from([&] {
      const random::Stream stream{call.seed, call.rows, call.task, static_cast<std::uint32_t>(replicates.first + j), 0};
      draw_row_sets(stream, data_->rows, call.batch_rows, call.design, scratch_[static_cast<std::size_t>(omp_get_thread_num())],
                    row_sets_[static_cast<std::size_t>(j)]);
    });
  }
  error.rethrow();
}

void Estimates::segments(const CallSettings& call, const Geometry& at, Index replicates) {
  segments_.clear();
  if (!at.drawn) {
    segments_.push_back({0, at.columns(replicates), true, {}, 1.0});
    return;
  }
  const Range share = data_->share(team_.shards.size(), team_.shards.rank());
  const Index first_set = owned_units(call.design).first / call.design.units_per_row_set();
  for (Index j = 0; j < replicates; ++j) {
    const auto& sets = row_sets_[static_cast<std::size_t>(j)];
    for (Index r = 0; r < at.segments(); ++r) {
      const Index set = first_set + r;
      segments_.push_back({(j * at.segments() + r) * at.segment() / tiles::kLanes, at.per_segment * at.width, false,
                           data::rows_in(sets[static_cast<std::size_t>(set)], share),
                           row_set_scale(data_->rows, call.batch_rows, call.design, set)});
    }
  }
}

void Estimates::local_of(const families::Family& family, const models::Wanted& wanted, Columns& what) {
  if (const families::MeanFieldGaussian* q = family.mean_field_gaussian(); q != nullptr && !wanted.covariance) {
    what.mean = q->mean().data();
    what.scale = q->scale().data();
    return;
  }
  if (!family.gaussian() || !wanted.covariance) throw std::logic_error("Estimates: local gradients are of normal families alone");
  const auto dim = static_cast<std::size_t>(family.dim());
  std::vector<double> sd(dim);
  local_mean_.resize(dim);
  local_covariance_.resize(dim * dim);
  family.moments(local_mean_, sd);
  family.covariance(local_covariance_);
  what.mean = local_mean_.data();
  what.covariance = local_covariance_.data();
}

void Estimates::evaluate(const estimators::Context& context, const estimators::Estimator* estimator,
                         const std::vector<estimators::Request>& requests, const CallSettings& call, const Draws& draws, Range replicates,
                         std::vector<tiles::Batch>& results) {
  const RowTiles rows = row_tiles(call);
  results.resize(std::max(results.size(), requests.size()));
  widths_.resize(requests.size());
  const Geometry samples = geometry(call, owned_samples_.size());
  const Index first_unit = owned_units(call.design).first;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    const estimators::Request& request = requests[r];
    Geometry& at = widths_[r] = geometry(call, (request.per_sample ? owned_samples_.size() : 1) * request.columns);
    const Index columns = at.columns(replicates.size());
    // What belongs to the call and not to its samples is evaluated once, by the first rank along the sample axis.
    const bool mine = request.per_sample || team_.samples.rank() == 0;
    if (mine) {
      Columns what;
      what.theta = draws.position.view();
      const bool placed = !request.stored && (!request.at_sample || request.wanted.hessian_vector);
      if (request.stored || !request.at_sample) {
        theta_.resize(model_.dim(), columns);
        theta_.set_zero();
        what.theta = theta_.view();
      }
      if (request.wanted.hessian_vector) {
        direction_.resize(model_.dim(), columns);
        direction_.set_zero();
        what.direction = direction_.view();
      }
      if (request.wanted.local) {
        streams_.resize(static_cast<std::size_t>((columns + tiles::kLanes - 1) / tiles::kLanes * tiles::kLanes));
        what.streams = streams_.data();
        local_of(*context.family, request.wanted, what);
      }
      if (placed || request.wanted.local) {
        FirstError error;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
        for (Index j = 0; j < replicates.size(); ++j) {
          error.catch_from([&] {
            for (Index unit = 0; unit < at.units; ++unit) {
              const Index first = samples.origin(j, unit);
              const Index origin = at.origin(j, unit);
              if (placed) {
                const Index last = request.per_sample ? first + samples.width : first;
                estimator->place(context, r,
                                 {draws.noise.view(), draws.position.view(), first, last, theta_.view(), direction_.view(), origin});
              }
              for (Index c = 0; request.wanted.local && c < at.width; ++c) {
                const Index sample = call.design.noise_of(first_unit + unit) * call.samples + owned_samples_.first + c;
                streams_[static_cast<std::size_t>(origin + c)] = {
                    call.seed, random::Purpose::local_noise, shared_task(call.noise, call.task, 0),
                    static_cast<std::uint32_t>(replicates.first + j), static_cast<std::uint32_t>(sample)};
              }
            }
          });
        }
        error.rethrow();
      }
      segments(call, at, replicates.size());
      if (request.stored) {
        const estimators::RowTable table(context.state, model_.rows(), model_.dim());
        Density stored(table, team_.shards, reduce_mode_, threads_, work_);
        stored.evaluate(what, segments_, rows, request.wanted, request.prior, results[r]);
      } else {
        density_.evaluate(what, segments_, rows, request.wanted, request.prior, results[r]);
      }
    } else if (team_.shards.rank() == 0) {
      results[r].resize(request.wanted.rows(model_.dim()), columns);
    }
    if (!request.per_sample && team_.shards.rank() == 0) {
      Stopwatch watch;
      team_.samples.broadcast(std::span<double>(results[r].data(), static_cast<std::size_t>(results[r].size())));
      work_.communication_s += watch.lap();
    }
  }
}

void Estimates::reduce(const estimators::Context& context, const estimators::Estimator& estimator, const CallSettings& call,
                       const Draws& draws, Index replicates, std::vector<double>& gradients) {
  Stopwatch watch;
  const auto size = static_cast<std::size_t>(estimator.partial_size(context));
  const Index units = owned_units(call.design).size();
  const auto count = static_cast<std::size_t>(replicates * units);
  const auto ownership = sample_ownership(context.samples, team_.samples.size());
  const auto nodes = ownership.nodes(team_.samples.rank());
  const Geometry samples = geometry(call, owned_samples_.size());
  partials_.resize(nodes.size() * count * size);
  folded_.resize(count * size);
  std::vector<tiles::ConstBatchView> densities;
  const auto requests = estimator.requests(context);
  for (std::size_t r = 0; r < requests.size(); ++r) densities.push_back(results_[r].view());
  const auto block_of = [&](Index j, Index unit, Index first, Index last, std::vector<Index>& origins) {
    origins.resize(requests.size());
    for (std::size_t r = 0; r < requests.size(); ++r) {
      origins[r] = widths_[r].origin(j, unit) + (requests[r].per_sample ? first * requests[r].columns : 0);
    }
    const Index column = samples.origin(j, unit);
    return estimators::SampleBlock{draws.noise.view(), draws.position.view(), densities, origins, column + first, column + last};
  };
  const auto merge = [&](std::span<double> left, std::span<const double> right) { estimator.merge(left, right); };
  FirstError error;
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
  {
    tiles::NodeFolder folder;
    std::vector<Index> origins;
#pragma omp for schedule(static)
    for (Index i = 0; i < replicates * units; ++i) {
      error.catch_from([&] {
        for (std::size_t n = 0; n < nodes.size(); ++n) {
          const auto leaf = [&](Index block, std::span<double> partial) {
            const Index first = block * kSampleBlock - owned_samples_.first;
            const Index last = std::min(first + kSampleBlock, owned_samples_.size());
            estimator.accumulate(context, block_of(i / units, i % units, first, last, origins), partial);
          };
          folder.fold(ownership.tree(), nodes[n], leaf, merge,
                      std::span<double>(partials_).subspan((n * count + static_cast<std::size_t>(i)) * size, size));
        }
      });
    }
  }
  error.rethrow();
  work_.estimator_s += watch.lap();
  const auto merge_all = [&](std::span<double> left, std::span<const double> right) {
    for (std::size_t j = 0; j < count; ++j) estimator.merge(left.subspan(j * size, size), right.subspan(j * size, size));
  };
  const auto mode = estimator.plain_sum() ? reduce_mode_ : cluster::Reduce::exact;
  cluster::fold_across(team_.samples, ownership, static_cast<Index>(count * size), partials_, merge_all, mode, folded_);
  work_.communication_s += watch.lap();
  if (team_.samples.rank() != 0) return;
  const auto parameters = static_cast<std::size_t>(context.family->parameters());
  gradients.resize(count * parameters);
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
  {
    std::vector<Index> origins;
#pragma omp for schedule(static)
    for (std::size_t i = 0; i < count; ++i) {
      error.catch_from([&] {
        const auto call_block = block_of(static_cast<Index>(i) / units, static_cast<Index>(i) % units, 0, 0, origins);
        estimator.finish(context, call_block, std::span<const double>(folded_).subspan(i * size, size),
                         std::span<double>(gradients).subspan(i * parameters, parameters));
      });
    }
  }
  error.rethrow();
  work_.estimator_s += watch.lap();
}

void Estimates::begin(const CallSettings& call, Range replicates) {
  const Range blocks = sample_ownership(call.samples, team_.samples.size()).range(team_.samples.rank());
  owned_samples_ = {std::min(blocks.first * kSampleBlock, call.samples), std::min(blocks.last * kSampleBlock, call.samples)};
  for (Draws& d : draws_) d.ready = false;
  draw_rows(call, replicates);
}

void Estimates::run(const families::Family& family, const CallSettings& call, Range replicates, const std::vector<Measured>& estimators,
                    std::vector<std::vector<double>>& gradients, std::vector<models::Counts>& counts, std::vector<double>& seconds) {
  Stopwatch watch;
  begin(call, replicates);
  const double row_seconds = watch.lap();
  work_.draw_s += row_seconds;
  std::vector<Index> extra;
  for (const Measured& m : estimators)
    extra.push_back(m.estimator->extra_uniforms({&family, &model_, call.objective, call.samples, call.batch_rows, m.state, m.snapshot}));
  const Index most = estimators.empty() ? 0 : *std::max_element(extra.begin(), extra.end());
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    const estimators::Estimator& estimator = *estimators[e].estimator;
    const estimators::Context context{
        &family, &model_, call.objective, call.samples, call.batch_rows, estimators[e].state, estimators[e].snapshot};
    Draws& draws = draws_of(estimator.coupling());
    if (!draws.ready)
      draw(family, call, replicates, estimator.coupling(), estimator.coupling() == estimators::Coupling::independent ? most : extra[e]);
    const models::Counts before = work_.counts;
    watch.lap();
    evaluate(context, &estimator, estimator.requests(context), call, draws, replicates, results_);
    if (team_.shards.rank() == 0) reduce(context, estimator, call, draws, replicates.size(), gradients[e]);
    // Every estimator is charged for the draws it uses, as if it had been alone.
    seconds[e] += watch.lap() + draws.seconds + static_cast<double>(extra[e]) * draws.extra_seconds + row_seconds;
    counts[e] += work_.counts - before;
  }
}

void Estimates::average_units(const CallSettings& call, std::span<const double> gradients, Index replicates, Index parameters,
                              std::vector<double>& mean) {
  if (!team_.has_replica()) return;
  Stopwatch watch;
  const auto size = static_cast<std::size_t>(parameters);
  const auto count = static_cast<std::size_t>(replicates * parameters);
  const auto ownership = replica_ownership(call.design, team_.replicas.size());
  const auto nodes = ownership.nodes(team_.replicas.rank());
  const Range own = ownership.range(team_.replicas.rank());
  partials_.resize(nodes.size() * count);
  mean.resize(count);
  tiles::NodeFolder folder;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (Index j = 0; j < replicates; ++j) {
      const auto leaf = [&](Index unit, std::span<double> partial) {
        tiles::add(partial, gradients.subspan(static_cast<std::size_t>(j * own.size() + unit - own.first) * size, size));
      };
      folder.fold(ownership.tree(), nodes[n], leaf, tiles::add,
                  std::span<double>(partials_).subspan(n * count + static_cast<std::size_t>(j) * size, size));
    }
  }
  work_.estimator_s += watch.lap();
  cluster::fold_across(team_.replicas, ownership, replicates * parameters, partials_, tiles::add, reduce_mode_, mean);
  work_.communication_s += watch.lap();
  for (double& value : mean) value /= static_cast<double>(call.design.units());
}

void Estimates::gather_units(const CallSettings& call, std::span<const double> gradients, Index replicates, Index parameters,
                             std::vector<double>& all) {
  if (!team_.has_replica()) return;
  Stopwatch watch;
  const Range own = owned_units(call.design);
  const auto piece = static_cast<std::size_t>(own.size() * parameters);
  const auto count = static_cast<std::size_t>(replicates * call.design.units() * parameters);
  // Zero where others own the units: adding a zero changes no bit but a negative zero's, and that on a single rank too.
  partials_.assign(count, 0.0);
  all.resize(count);
  for (Index j = 0; j < replicates; ++j) {
    tiles::add(std::span<double>(partials_).subspan(static_cast<std::size_t>((j * call.design.units() + own.first) * parameters), piece),
               gradients.subspan(static_cast<std::size_t>(j) * piece, piece));
  }
  const Index parts = team_.replicas.size();
  cluster::fold_across(team_.replicas, {parts, 1, parts}, static_cast<Index>(count), partials_, tiles::add, reduce_mode_, all);
  work_.communication_s += watch.lap();
}

void Estimates::visit(const families::Family& family, const CallSettings& call, Index replicate, estimators::Coupling coupling, Index extra,
                      const std::vector<estimators::Request>& requests, std::vector<tiles::Batch>& results,
                      const std::function<void(const estimators::SampleBlock&)>& use) {
  for (const estimators::Request& request : requests) {
    if (!request.per_sample || request.columns != 1 || !request.at_sample || request.wanted.hessian_vector || request.wanted.local)
      throw std::logic_error("Estimates: visits evaluate once at each sample and nowhere else");
  }
  const Range replicates{replicate, replicate + 1};
  begin(call, replicates);
  draw(family, call, replicates, coupling, extra);
  const estimators::Context context{&family, &model_, call.objective, call.samples, call.batch_rows, {}};
  evaluate(context, nullptr, requests, call, draws_of(coupling), replicates, results);
  const std::vector<Index> origins(requests.size(), 0);
  std::vector<tiles::ConstBatchView> densities;
  for (std::size_t r = 0; r < requests.size(); ++r) densities.push_back(results[r].view());
  const Draws& draws = draws_of(coupling);
  use({draws.noise.view(), draws.position.view(), densities, origins, 0, call.samples});
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
