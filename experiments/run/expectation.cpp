/// Expected log likelihood by row tiles, in the same tree as everything else.
#include "experiments/run/expectation.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cluster/topology/fold_across.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "experiments/run/density.hpp"

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

/// Both kinds of Gaussian expectation under one member of a family: by mean and scale, or by mean and covariance.
class Gaussian {
 public:
  Gaussian(const models::Model& model, const families::Family& family)
      : model_(model), family_(family), mean_field_(family.mean_field_gaussian()) {
    const auto dim = static_cast<std::size_t>(family.dim());
    if (mean_field_ != nullptr) {
      mean_ = mean_field_->mean();
      spread_ = mean_field_->scale();
      size_ = 2 * dim;
    } else {
      std::vector<double> sd(dim);
      mean_.resize(dim);
      family.moments(mean_, sd);
      spread_.resize(dim * dim);
      family.covariance(spread_);
      size_ = dim + dim * dim;
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] models::GaussianExpectation empty() const {
    models::GaussianExpectation e;
    e.gradient.assign(size_, 0.0);
    e.error.assign(size_, 0.0);
    return e;
  }
  void add_likelihood(Range rows, models::GaussianExpectation& e) const {
    if (mean_field_ != nullptr) return model_.expected_log_likelihood(rows, mean_.data(), spread_.data(), e);
    model_.expected_log_likelihood_under(rows, mean_.data(), spread_.data(), e);
  }
  void add_prior(models::GaussianExpectation& e) const {
    if (mean_field_ != nullptr) return model_.expected_log_prior(mean_.data(), spread_.data(), e);
    model_.expected_log_prior_under(mean_.data(), spread_.data(), e);
  }
  /// The gradient in lambda.
  void to_parameters(models::GaussianExpectation& e) const {
    if (mean_field_ != nullptr) return;
    const auto dim = static_cast<std::size_t>(family_.dim());
    const auto chain = [&](const std::vector<double>& from, bool magnitudes) {
      std::vector<double> to(static_cast<std::size_t>(family_.parameters()), 0.0);
      const std::span<const double> all(from);
      family_.add_gaussian_chain(all.first(dim), all.subspan(dim), magnitudes, to);
      return to;
    };
    e.gradient = chain(e.gradient, false);
    e.error = chain(e.error, true);
  }

 private:
  const models::Model& model_;
  const families::Family& family_;
  const families::MeanFieldGaussian* mean_field_;
  std::vector<double> mean_;
  std::vector<double> spread_;
  std::size_t size_ = 0;
};

models::GaussianExpectation gaussian_expectation(const models::Model& model, const DataPlan* data, const families::Family& family,
                                                 const cluster::Team& team, int threads, Work& work) {
  Stopwatch watch;
  const Gaussian q(model, family);
  std::vector<double> flat(2 + 2 * q.size(), 0.0);
  if (data != nullptr) {
    const auto ownership = data->tiles(team.shards.size(), 0);
    const auto nodes = ownership.nodes(team.shards.rank());
    AlignedVector partials(nodes.size() * flat.size());
    // Tiles are computed in parallel, then folded: the tiles of one rank fit in memory, one flat partial each.
    const Range owned = ownership.range(team.shards.rank());
    std::vector<std::vector<double>> leaves(static_cast<std::size_t>(owned.size()));
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic)
    for (Index tile = owned.first; tile < owned.last; ++tile) {
      models::GaussianExpectation e = q.empty();
      q.add_likelihood({tile * data->row_tile, std::min((tile + 1) * data->row_tile, data->rows)}, e);
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
  models::GaussianExpectation prior = q.empty();
  q.add_prior(prior);
  result.value += prior.value;
  result.value_error += prior.value_error;
  for (std::size_t i = 0; i < q.size(); ++i) {
    result.gradient[i] += prior.gradient[i];
    result.error[i] += prior.error[i];
  }
  q.to_parameters(result);
  return result;
}

/// sum over states of q(z) l(z), and of q(z) l(z) score(z). Errors: a few roundings of the sums of magnitudes.
models::GaussianExpectation discrete_expectation(const models::Model& model, const DataPlan* data, const families::Family& family,
                                                 const cluster::Team& team, int threads, Work& work) {
  const Index states = family.states();
  tiles::Batch z(family.dim(), states);
  family.list_states(z.view());
  Density density(model, team.shards, cluster::Reduce::exact, threads, work);
  const RowTiles rows = data == nullptr ? RowTiles{} : RowTiles{data->tiles(team.shards.size(), 0), data->row_tile};
  const Segment segment{0, states, true, {}, 1.0};
  tiles::Batch value;
  const models::Counts before = work.counts;
  Columns columns;
  columns.theta = z.view();
  density.evaluate(columns, {&segment, 1}, rows, {true, false}, true, value);
  // A reference is no part of the plan's evaluations: other ranks along the sample axis repeat it.
  work.counts = before;
  team.shards.broadcast(std::span<double>(value.data(), static_cast<std::size_t>(value.size())));
  tiles::Batch log_q(1, states);
  tiles::Batch score(family.parameters(), states);
  family.log_density({}, z.view(), log_q.view());
  family.score({}, z.view(), score.view());
  models::GaussianExpectation e;
  const auto parameters = static_cast<std::size_t>(family.parameters());
  e.gradient.assign(parameters, 0.0);
  e.error.assign(parameters, 0.0);
  const double rounding = 8 * std::numeric_limits<double>::epsilon() * (static_cast<double>(family.dim()) + 2);
  for (Index s = 0; s < states; ++s) {
    const double term = std::exp(log_q(0, s)) * value(0, s);
    e.value += term;
    e.value_error += rounding * std::abs(term);
    for (std::size_t p = 0; p < parameters; ++p) {
      e.gradient[p] += term * score(static_cast<Index>(p), s);
      e.error[p] += rounding * std::abs(term * score(static_cast<Index>(p), s));
    }
  }
  return e;
}

}  // namespace

models::GaussianExpectation exact_expectation(const models::Model& model, const DataPlan* data, estimators::Objective objective,
                                              const families::Family& family, const cluster::Team& team, int threads, Work& work) {
  models::GaussianExpectation result = family.states() > 0 ? discrete_expectation(model, data, family, team, threads, work)
                                                           : gaussian_expectation(model, data, family, team, threads, work);
  if (objective == estimators::Objective::elbo) {
    result.value += *family.entropy();
    family.add_entropy_gradient(result.gradient);
  }
  return result;
}

}  // namespace variscope::experiments
