/// Expected log likelihood by row tiles, in the same tree as everything else.
#include "experiments/run/expectation.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "cluster/topology/fold_across.hpp"

namespace variscope::experiments {

namespace {

/// Flat partial: value, value error, gradient, error.
models::GaussianExpectation unpack(std::span<const double> flat) {
  const std::size_t parameters = (flat.size() - 2) / 2;
  models::GaussianExpectation e;
  e.value = flat[0];
  e.value_error = flat[1];
  e.gradient.assign(flat.begin() + 2, flat.begin() + 2 + static_cast<std::ptrdiff_t>(parameters));
  e.error.assign(flat.begin() + 2 + static_cast<std::ptrdiff_t>(parameters), flat.end());
  return e;
}

void pack(const models::GaussianExpectation& e, std::span<double> flat) {
  flat[0] = e.value;
  flat[1] = e.value_error;
  std::copy(e.gradient.begin(), e.gradient.end(), flat.begin() + 2);
  std::copy(e.error.begin(), e.error.end(), flat.begin() + 2 + static_cast<std::ptrdiff_t>(e.gradient.size()));
}

}  // namespace

models::GaussianExpectation exact_expectation(const models::Model& model, const DataPlan* data, estimators::Objective objective,
                                              std::span<const double> lambda, const cluster::Team& team, int threads, Work& work) {
  Stopwatch watch;
  const families::MeanFieldGaussian family(lambda);
  const double* mean = family.mean().data();
  const double* scale = family.scale().data();
  const auto parameters = lambda.size();
  const auto empty = [&] {
    models::GaussianExpectation e;
    e.gradient.assign(parameters, 0.0);
    e.error.assign(parameters, 0.0);
    return e;
  };
  std::vector<double> flat(2 + 2 * parameters, 0.0);
  if (data != nullptr) {
    const auto ownership = data->tiles(team.shards.size(), 0);
    const auto nodes = ownership.nodes(team.shards.rank());
    AlignedVector partials(nodes.size() * flat.size());
    // Tiles are computed in parallel, then folded: the tiles of one rank fit in memory, one flat partial each.
    const Range owned = ownership.range(team.shards.rank());
    std::vector<std::vector<double>> leaves(static_cast<std::size_t>(owned.size()));
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic)
    for (Index tile = owned.first; tile < owned.last; ++tile) {
      models::GaussianExpectation e = empty();
      model.expected_log_likelihood({tile * data->row_tile, std::min((tile + 1) * data->row_tile, data->rows)}, mean, scale, e);
      auto& leaf = leaves[static_cast<std::size_t>(tile - owned.first)];
      leaf.resize(flat.size());
      pack(e, leaf);
    }
    tiles::NodeFolder folder;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      folder.fold(
          ownership.tree(), nodes[n],
          [&](Index tile, std::span<double> out) {
            const auto& leaf = leaves[static_cast<std::size_t>(tile - owned.first)];
            std::copy(leaf.begin(), leaf.end(), out.begin());
          },
          tiles::add, std::span<double>(partials).subspan(n * flat.size(), flat.size()));
    }
    work.kernel_s += watch.lap();
    cluster::fold_across(team.shards, ownership, static_cast<Index>(flat.size()), partials, tiles::add, cluster::Reduce::exact, flat);
    team.shards.broadcast(std::span<double>(flat));
    work.communication_s += watch.lap();
  }
  models::GaussianExpectation result = unpack(flat);
  models::GaussianExpectation prior = empty();
  model.expected_log_prior(mean, scale, prior);
  result.value += prior.value;
  result.value_error += prior.value_error;
  for (std::size_t i = 0; i < parameters; ++i) {
    result.gradient[i] += prior.gradient[i];
    result.error[i] += prior.error[i];
  }
  if (objective == estimators::Objective::elbo) {
    result.value += family.entropy();
    for (std::size_t i = parameters / 2; i < parameters; ++i) result.gradient[i] += 1;
  }
  return result;
}

}  // namespace variscope::experiments
