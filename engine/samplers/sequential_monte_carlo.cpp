/// Weigh, resample, move.
#include "engine/samplers/sequential_monte_carlo.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/samplers/arguments.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// More temperatures than this and the population has failed to come to the target: the last one is then the target's.
constexpr std::uint32_t kMostTemperatures = 10000;

// Chain::state: log step size, log evidence, temperatures; then dim scales, then the particles.
constexpr Index kLogStep = 0;
constexpr Index kEvidence = 1;
constexpr Index kTemperatures = 2;
constexpr Index kScale = 3;

/// Sum of weights exp(log - largest), of their squares, and the largest log weight; weights of `share` times the log ratios.
struct Weights {
  double largest = -kInfinity;
  double sum = 0;
  double squares = 0;
  [[nodiscard]] double effective_size() const { return squares > 0 ? sum * sum / squares : 0; }
};

Weights weigh(const Particles& all, double share, std::span<double> weights = {}) {
  Weights found;
  for (Index i = 0; i < all.count(); ++i) found.largest = std::max(found.largest, share * all.log_ratio(i));
  for (Index i = 0; i < all.count(); ++i) {
    const double log_ratio = all.log_ratio(i);
    const double w = log_ratio == -kInfinity ? 0 : std::exp(share * log_ratio - found.largest);
    found.sum += w;
    found.squares += w * w;
    if (!weights.empty()) weights[static_cast<std::size_t>(i)] = w;
  }
  return found;
}

}  // namespace

SequentialMonteCarlo::SequentialMonteCarlo(Reference reference, const PopulationSettings& settings)
    : Sampler(reference.dim()), reference_(std::move(reference)), settings_(settings) {}

std::vector<Statistic> SequentialMonteCarlo::statistics() const {
  return {{"acceptance_rate", "of the iteration's moves, their mean", StatisticKind::real},
          {"step_size", "in standard deviations of the particles", StatisticKind::real},
          {"n_temperatures", "between reference and target, the target included", StatisticKind::count},
          {"log_evidence", "of the population: the same in every iteration", StatisticKind::real}};
}

Index SequentialMonteCarlo::state_size() const { return kScale + dim() + Particles::size(settings_.particles, dim()); }

Particles SequentialMonteCarlo::particles(Chain& chain) const { return {chain.state.data() + kScale + dim(), settings_.particles, dim()}; }

double SequentialMonteCarlo::next_beta(const Particles& all, double beta) const {
  const double wanted = settings_.effective_share * static_cast<double>(all.count());
  if (weigh(all, 1 - beta).effective_size() >= wanted) return 1;
  double low = beta;
  double high = 1;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (weigh(all, middle - beta).effective_size() >= wanted ? low : high) = middle;
  }
  // Rises always, if by less than the effective size allows.
  return low > beta ? low : high;
}

void SequentialMonteCarlo::measure(Chain& chain, std::span<const double> weights) const {
  const Particles all = particles(chain);
  double sum = 0;
  for (const double w : weights) sum += w;
  for (Index d = 0; d < dim(); ++d) {
    double mean = 0;
    for (Index i = 0; i < all.count(); ++i) mean += weights[static_cast<std::size_t>(i)] / sum * all.position(i)[d];
    double square = 0;
    for (Index i = 0; i < all.count(); ++i)
      square += weights[static_cast<std::size_t>(i)] / sum * (all.position(i)[d] - mean) * (all.position(i)[d] - mean);
    // Particles that agree have no spread to go by.
    if (square > 0) chain.state[static_cast<std::size_t>(kScale + d)] = std::sqrt(square);
  }
}

void SequentialMonteCarlo::resample(Step& step, std::span<const double> weights, std::uint32_t stage) const {
  const Particles all = particles(*step.chain);
  const Index count = all.count();
  std::vector<double> before(static_cast<std::size_t>(Particles::size(count, dim())));
  std::copy_n(&all.value(0), before.size(), before.begin());
  const Particles old(before.data(), count, dim());
  double sum = 0;
  for (const double w : weights) sum += w;
  const double start = step.uniform(Purpose::chain_choice, stage);
  Index from = 0;
  double passed = settings_.flaw == Flaw::no_correction ? 1 : weights[0] / sum * static_cast<double>(count);
  for (Index i = 0; i < count; ++i) {
    while (passed < start + static_cast<double>(i) && from + 1 < count) {
      ++from;
      passed += settings_.flaw == Flaw::no_correction ? 1 : weights[static_cast<std::size_t>(from)] / sum * static_cast<double>(count);
    }
    old.copy_to(from, all, i);
  }
}

Transition SequentialMonteCarlo::move_all(Step& step, Index first, Index last, double beta, std::uint32_t set, double& rate) const {
  Chain& chain = *step.chain;
  const Particles all = particles(chain);
  std::vector<TemperedMove> moves;
  const double size = std::exp(chain.state[kLogStep]);
  for (Index i = first; i < last; ++i)
    moves.push_back({i, beta, size, set * static_cast<std::uint32_t>(all.count()) + static_cast<std::uint32_t>(i), 0});
  co_await move(step, reference_, all, chain.state.data() + kScale, settings_.steps, moves, settings_.flaw);
  rate = 0;
  for (const TemperedMove& m : moves) rate += m.rate / static_cast<double>(moves.size());
}

Transition SequentialMonteCarlo::sweep(Step& step) const {
  Chain& chain = *step.chain;
  const Particles all = particles(chain);
  const Index count = all.count();
  chain.state[kLogStep] = std::log(settings_.step_size);
  std::copy_n(reference_.sd(), dim(), chain.state.data() + kScale);
  std::vector<double> z(static_cast<std::size_t>(padded(dim())));
  std::vector<Query> queries;
  for (Index i = 0; i < count; ++i) {
    step.normals(Purpose::chain_proposal, static_cast<std::uint32_t>(i), dim(), z.data());
    reference_.place(z.data());
    std::copy_n(z.begin(), dim(), all.position(i));
    all.log_reference(i) = reference_.log_density(z.data());
    queries.push_back({all.position(i), all.gradient(i), 0});
  }
  co_await step.query(queries);
  for (Index i = 0; i < count; ++i) all.value(i) = queries[static_cast<std::size_t>(i)].value;
  std::vector<double> weights(static_cast<std::size_t>(count));
  double beta = 0;
  std::uint32_t stage = 0;
  std::uint32_t set = 0;
  double rates = 0;
  while (beta < 1) {
    const double warmer = ++stage < kMostTemperatures ? next_beta(all, beta) : 1;
    const Weights found = weigh(all, warmer - beta, weights);
    chain.state[kEvidence] += found.largest + std::log(found.sum / static_cast<double>(count));
    beta = warmer;
    // No particle has a density: the chain fails.
    if (!(found.sum > 0)) {
      chain.log_density = -kInfinity;
      co_return;
    }
    measure(chain, weights);
    resample(step, weights, stage);
    for (Index m = 0; m < settings_.moves; ++m) {
      double rate = 0;
      co_await move_all(step, 0, count, beta, set++, rate);
      rates += rate;
      if (settings_.target_acceptance > 0) chain.state[kLogStep] += rate - settings_.target_acceptance;
    }
  }
  chain.state[kTemperatures] = stage;
  step.statistics[0] = rates / static_cast<double>(set);
}

Transition SequentialMonteCarlo::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index which = step.iteration() % settings_.particles;
  if (step.iteration() == 0) {
    co_await sweep(step);
    if (!std::isfinite(chain.log_density)) co_return;
  } else {
    double rates = 0;
    for (Index m = 0; m < settings_.moves; ++m) {
      double rate = 0;
      co_await move_all(step, which, which + 1, 1, static_cast<std::uint32_t>(m), rate);
      rates += rate / static_cast<double>(settings_.moves);
    }
    step.statistics[0] = rates;
  }
  const Particles all = particles(chain);
  std::copy_n(all.position(which), dim(), chain.position.begin());
  std::copy_n(all.gradient(which), dim(), chain.gradient.begin());
  chain.log_density = all.value(which);
  step.statistics[1] = std::exp(chain.state[kLogStep]);
  step.statistics[2] = chain.state[kTemperatures];
  step.statistics[3] = chain.state[kEvidence];
}

Entry sequential_monte_carlo_entry() {
  Entry entry;
  entry.name = "smc";
  entry.summary = "sequential Monte Carlo: every chain a population tempered from a reference to the target, with log evidence";
  entry.source = "Del Moral, Doucet, Jasra 2006, JRSS B 68(3); temperatures: Jasra et al. 2011, Scandinavian Journal of Statistics 38(1)";
  entry.capabilities = {.gradient = true, .exact = false};
  const PopulationSettings defaults;
  entry.parameters = {
      {"particles", "of a chain's population", static_cast<double>(defaults.particles)},
      {"effective_share", "temperatures rise until the effective size is this share of the particles", defaults.effective_share},
      {"moves", "Hamiltonian moves of every particle at every temperature", static_cast<double>(defaults.moves)},
      {"steps", "leapfrog steps of a move", static_cast<double>(defaults.steps)},
      {"step_size", "of the first moves, in standard deviations of the particles", defaults.step_size},
      {"target_acceptance", "mean over particles that step sizes are led to; 0: they stay", defaults.target_acceptance},
      reference_parameter()};
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    const PopulationSettings settings{
        whole_number(arguments, "particles", 2, 1 << 24),  number_within(arguments, "effective_share", 0.01, 0.99),
        whole_number(arguments, "moves", 1, 10000),        whole_number(arguments, "steps", 1, 1 << 20),
        number_within(arguments, "step_size", 1e-12, 1e6), number_within(arguments, "target_acceptance", 0, 0.9999)};
    return std::make_unique<SequentialMonteCarlo>(reference_of(arguments, model), settings);
  };
  entry.smoke = {{"twenty", {{"particles", 20}, {"moves", 1}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
