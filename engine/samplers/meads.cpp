/// MEADS.
#include "engine/samplers/meads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

// Chain::state: the slice variable, the fold of the coming iteration, the momentum.
constexpr Index kSlice = 0;
constexpr Index kFold = 1;
constexpr Index kMomentum = 2;

// A fold's part of `shared`.
constexpr Index kStepSize = 0;
constexpr Index kDamping = 1;
constexpr Index kVectors = 2;

/// The largest eigenvalue of a covariance, n samples' second moments in a packed lower triangle: tr(C^2) / tr(C), section 3.1.
double largest_eigenvalue(const double* triangle, Index dim, double count) {
  double squares = 0;
  double trace = 0;
  for (Index i = 0, k = 0; i < dim; ++i) {
    for (Index j = 0; j <= i; ++j, ++k) {
      const double entry = triangle[k] / count;
      squares += (i == j ? 1 : 2) * entry * entry;
      if (i == j) trace += entry;
    }
  }
  return squares / trace;
}

}  // namespace

std::vector<Statistic> Meads::statistics() const {
  return {{"acceptance_rate", "probability with which the step is accepted", StatisticKind::real},
          {"step_size", "of the leapfrog step, in units of the scales", StatisticKind::real},
          {"damping", "of the momentum in one iteration", StatisticKind::real},
          {"frozen", "whether the chain's fold stood still", StatisticKind::boolean},
          {"diverging", "whether the density was not finite", StatisticKind::boolean},
          {"energy", "Hamiltonian of the draw", StatisticKind::real}};
}

Index Meads::fold_of(std::uint64_t seed, Index index, Index iteration) const {
  const Index folds = settings_.folds;
  const random::Stream stream{seed, Purpose::chain_exchange, static_cast<std::uint32_t>(index / folds),
                              static_cast<std::uint32_t>(iteration / folds), 0};
  std::vector<Index> order(static_cast<std::size_t>(folds));
  for (Index k = 0; k < folds; ++k) order[static_cast<std::size_t>(k)] = k;
  for (Index k = folds - 1; k > 0; --k) {
    const auto other = random::uniform_index(stream, static_cast<std::uint32_t>(k), static_cast<std::uint64_t>(k + 1));
    std::swap(order[static_cast<std::size_t>(k)], order[other]);
  }
  return order[static_cast<std::size_t>(index % folds)];
}

void Meads::start(const Run& run, Chain& chain) const {
  // Purposes of iterations have majors below 2^32 - 1.
  const random::Stream stream{run.seed, Purpose::chain_momentum, static_cast<std::uint32_t>(chain.index), 0xffffffffU, 0};
  for (Index d = 0; d < dim(); ++d) {
    chain.state[static_cast<std::size_t>(kMomentum + d)] = random::normal(stream, static_cast<std::uint32_t>(d));
  }
  chain.state[kSlice] =
      2 * random::uniform({run.seed, Purpose::chain_accept, static_cast<std::uint32_t>(chain.index), 0xffffffffU, 0}, 0) - 1;
  chain.state[kFold] = static_cast<double>(fold_of(run.seed, chain.index, chain.iteration));
}

Transition Meads::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const auto size = static_cast<std::size_t>(n);
  const auto fold = static_cast<Index>(chain.state[kFold]);
  double* p = chain.state.data() + kMomentum;
  double& slice = chain.state[kSlice];
  chain.state[kFold] = static_cast<double>(fold_of(step.run.seed, chain.index, step.iteration() + 1));
  const double* from = step.shared.data() + (fold + settings_.folds - 1) % settings_.folds * fold_size();
  const double epsilon = from[kStepSize];
  const double* scale = from + kVectors + n;
  step.statistics[1] = epsilon;
  step.statistics[2] = from[kDamping];
  const bool frozen = step.iteration() % settings_.folds == fold;
  step.statistics[3] = frozen ? 1 : 0;
  step.statistics[4] = 0;
  if (frozen) {
    step.statistics[5] = 0.5 * dot(p, p, n) - chain.log_density;
    co_return;
  }
  double* x = step.scratch;
  double* g = x + padded(n);
  double* moved = g + padded(n);
  double* z = moved + padded(n);
  const double fresh = 1 - std::exp(-2 * from[kDamping]);
  step.normals(Purpose::chain_momentum, 0, n, z);
  for (Index d = 0; d < n; ++d) p[d] = std::sqrt(1 - fresh) * p[d] + std::sqrt(fresh) * z[d];
  const double start = 0.5 * dot(p, p, n) - chain.log_density;
  for (Index d = 0; d < n; ++d) {
    moved[d] = p[d] + 0.5 * epsilon * scale[d] * chain.gradient[static_cast<std::size_t>(d)];
    x[d] = chain.position[static_cast<std::size_t>(d)] + epsilon * scale[d] * moved[d];
  }
  const double value = co_await step.gradient(x, g);
  const double kick = settings_.flaw == Flaw::half_step_missing ? 0 : 0.5 * epsilon;
  for (Index d = 0; d < n; ++d) moved[d] += kick * scale[d] * g[d];
  const double energy = 0.5 * dot(moved, moved, n) - value;
  double error = energy - start;
  if (settings_.flaw == Flaw::accept_sign) error = -error;
  if (settings_.flaw == Flaw::no_correction) error = chain.log_density - value;
  const bool finite = std::isfinite(error);
  const bool accepted = finite && (settings_.flaw == Flaw::never_rejects || std::log(std::abs(slice)) < -error);
  if (accepted) {
    std::copy_n(x, size, chain.position.begin());
    std::copy_n(g, size, chain.gradient.begin());
    std::copy_n(moved, size, p);
    chain.log_density = value;
    slice = std::clamp(slice * std::exp(error), -1.0, 1.0);
  } else {
    for (Index d = 0; d < n; ++d) p[d] = -p[d];
  }
  // Uniform on (-1, 1) it stays, moved on by a part of the damping.
  slice = std::fmod(slice + 0.5 * fresh + 1, 2) - 1;
  step.statistics[0] = finite ? std::min(1.0, std::exp(-error)) : 0;
  step.statistics[4] = finite ? 0 : 1;
  step.statistics[5] = 0.5 * dot(p, p, n) - chain.log_density;
}

void Meads::start_shared(std::span<double> shared) const {
  for (Index k = 0; k < settings_.folds; ++k) {
    double* fold = shared.data() + k * fold_size();
    fold[kStepSize] = settings_.step_size;
    fold[kDamping] = settings_.damping;
    std::fill_n(fold + kVectors, dim(), 0.0);
    std::fill_n(fold + kVectors + dim(), dim(), 1.0);
  }
}

void Meads::contribute(Index stage, const Chain& chain, std::span<const double> shared, std::span<double> partial) const {
  const auto fold = static_cast<Index>(chain.state[kFold]);
  double* own = partial.data() + fold * (1 + 2 * triangle());
  const double* mean = shared.data() + fold * fold_size() + kVectors;
  const double* scale = mean + dim();
  own[0] = 1;
  if (stage == 0) {
    for (Index d = 0; d < dim(); ++d) own[1 + d] = chain.position[static_cast<std::size_t>(d)];
    return;
  }
  std::vector<double> y(static_cast<std::size_t>(dim()));
  for (std::size_t d = 0; d < y.size(); ++d) y[d] = chain.position[d] - mean[d];
  if (stage == 1) {
    for (Index d = 0; d < dim(); ++d) own[1 + d] = y[static_cast<std::size_t>(d)] * y[static_cast<std::size_t>(d)];
    return;
  }
  double* of_gradient = own + 1;
  double* of_position = of_gradient + triangle();
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      *of_gradient++ = chain.gradient[i] * scale[i] * chain.gradient[j] * scale[j];
      *of_position++ = y[i] / scale[i] * (y[j] / scale[j]);
    }
  }
}

void Meads::adapt(const Run&, Index stage, Index iteration, std::span<const double> folded, std::span<double> shared) const {
  for (Index k = 0; k < settings_.folds; ++k) {
    const double* own = folded.data() + k * (1 + 2 * triangle());
    double* fold = shared.data() + k * fold_size();
    double* mean = fold + kVectors;
    double* scale = mean + dim();
    const double count = own[0];
    if (count < 2) continue;
    if (stage == 0) {
      for (Index d = 0; d < dim(); ++d) mean[d] = own[1 + d] / count;
    } else if (stage == 1) {
      for (Index d = 0; d < dim(); ++d) {
        const double variance = own[1 + d] / count;
        // Chains that agree have no scale yet: the old one stays.
        if (variance > 0 && std::isfinite(variance)) scale[d] = std::sqrt(variance);
      }
    } else {
      const double steepest = largest_eigenvalue(own + 1, dim(), count);
      const double widest = largest_eigenvalue(own + 1 + triangle(), dim(), count);
      if (!(steepest > 0) || !(widest > 0)) continue;
      fold[kStepSize] = std::min(1.0, 0.5 / std::sqrt(steepest));
      fold[kDamping] = std::max(1 / static_cast<double>(iteration), fold[kStepSize] / std::sqrt(widest));
    }
  }
}

Entry meads_entry() {
  Entry entry;
  entry.name = "meads";
  entry.summary = "generalised HMC of many chains; folds take step size, damping and scales from each other, without end";
  entry.source = "Hoffman and Sountsov 2022, AISTATS (PMLR 151), algorithm 3";
  entry.capabilities = {.gradient = true, .adapts = true, .cross_chain = true};
  entry.parameters = {{"folds", "of chains; each stands still once in so many iterations", 4},
                      {"step_size", "of the first iterations", 0.1},
                      {"damping", "of the first iterations", 0.5}};
  entry.reason_against = [](const models::Model& model) {
    if (model.dim() <= Meads::kMostDim) return std::string();
    return fmt::format("second moments of {} parameters would travel at every iteration; {} are the most", model.dim(), Meads::kMostDim);
  };
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<Meads>(model.dim(),
                                   MeadsSettings{whole_number(arguments, "folds", 2, 64), number_within(arguments, "step_size", 1e-10, 1),
                                                 number_within(arguments, "damping", 1e-10, 100)});
  };
  entry.smoke = {{"settled", {{"folds", 2}, {"step_size", 0.8}, {"damping", 0.3}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
