/// HMC of many chains in step.
#include "engine/samplers/ensemble_hmc.hpp"

#include <algorithm>
#include <cmath>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/dual_averaging.hpp"
#include "engine/samplers/hmc.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

/// Iterations of one step each at the start of SNAPER's warm-up.
constexpr Index kShortIterations = 100;
/// Largest change of log T in one update.
constexpr double kMostChange = 0.35;

// Chain::state: acceptance probability, then position before the iteration, proposal, momenta at the start and at the end.
constexpr Index kAcceptance = 0;
constexpr Index kBefore = 1;

// Partials of both stages.
constexpr Index kCount = 0;
constexpr Index kWeight = 1;   // sum of acceptances
constexpr Index kInverse = 2;  // sum of 1 / acceptance
constexpr Index kSlope = 3;    // acceptance-weighted sum of slopes
constexpr Index kSums = 4;

/// The Halton sequence of base 2 (van der Corput), in (0, 1); t >= 1.
double halton(Index t) {
  double value = 0;
  double digit = 0.5;
  for (auto rest = static_cast<std::uint64_t>(t); rest > 0; rest >>= 1, digit /= 2) {
    if ((rest & 1U) != 0) value += digit;
  }
  return value;
}

double length_factor(Index iteration) { return halton(iteration % (Index{1} << 40) + 1); }

}  // namespace

std::vector<Statistic> EnsembleHmc::statistics() const {
  return {{"acceptance_rate", "probability with which the end of the trajectory is accepted", StatisticKind::real},
          {"step_size", "of the leapfrog, common to all chains", StatisticKind::real},
          {"trajectory_length", "intended: step size times steps before rounding up", StatisticKind::real},
          {"n_steps", "leapfrog steps taken", StatisticKind::count},
          {"diverging", "whether the energy error went beyond 1000, or the density was not finite", StatisticKind::boolean},
          {"energy", "Hamiltonian of the draw", StatisticKind::real},
          {"energy_error", "Hamiltonian at the end of the trajectory less that at its start", StatisticKind::real}};
}

Transition EnsembleHmc::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const auto size = static_cast<std::size_t>(n);
  const double* scale = vector(step.shared, kScale);
  const double epsilon = step.shared[0];
  const double length = length_factor(step.iteration()) * std::exp(step.shared[kLogLength]);
  const bool short_one = settings_.criterion == LengthCriterion::snaper && step.adapting() && step.iteration() < kShortIterations;
  const Index steps = short_one ? 1 : std::clamp(static_cast<Index>(std::ceil(length / epsilon)), Index{1}, settings_.most_steps);
  double* x = step.scratch;
  double* g = x + padded(n);
  double* p = g + padded(n);
  step.normals(Purpose::chain_momentum, 0, n, p);
  std::copy_n(chain.position.begin(), size, x);
  std::copy_n(chain.gradient.begin(), size, g);
  double* before = chain.state.data() + kBefore;
  double* proposal = before + n;
  double* first_momentum = proposal + n;
  double* last_momentum = first_momentum + n;
  std::copy_n(x, size, before);
  std::copy_n(p, size, first_momentum);
  const double start = 0.5 * dot(p, p, n) - chain.log_density;
  double value = chain.log_density;
  double energy = start;
  Index taken = 0;
  bool diverging = false;
  for (; taken < steps && !diverging; ++taken) {
    for (Index d = 0; d < n; ++d) {
      p[d] += 0.5 * epsilon * scale[d] * g[d];
      x[d] += epsilon * scale[d] * p[d];
    }
    value = co_await step.gradient(x, g);
    const double kick = settings_.flaw == Flaw::half_step_missing ? 0 : 0.5 * epsilon;
    for (Index d = 0; d < n; ++d) p[d] += kick * scale[d] * g[d];
    energy = 0.5 * dot(p, p, n) - value;
    diverging = !std::isfinite(energy) || energy - start > kDivergence;
  }
  double error = energy - start;
  if (settings_.flaw == Flaw::accept_sign) error = -error;
  if (settings_.flaw == Flaw::no_correction) error = chain.log_density - value;
  double acceptance = diverging ? 0 : std::min(1.0, std::exp(-error));
  if (settings_.flaw == Flaw::never_rejects && !diverging) acceptance = 1;
  std::copy_n(x, size, proposal);
  std::copy_n(p, size, last_momentum);
  chain.state[kAcceptance] = acceptance;
  const bool accepted = step.uniform(Purpose::chain_accept) < acceptance;
  if (accepted) {
    std::copy_n(x, size, chain.position.begin());
    std::copy_n(g, size, chain.gradient.begin());
    chain.log_density = value;
  }
  step.statistics[0] = acceptance;
  step.statistics[1] = epsilon;
  step.statistics[2] = length;
  step.statistics[3] = static_cast<double>(taken);
  step.statistics[4] = diverging ? 1 : 0;
  step.statistics[5] = accepted ? energy : start;
  step.statistics[6] = energy - start;
}

Index EnsembleHmc::shared_size() const { return kVectors + kVectorCount * dim(); }

void EnsembleHmc::start_shared(std::span<double> shared) const {
  std::fill(shared.begin(), shared.end(), 0.0);
  DualAveraging(shared.data()).restart(settings_.step_size);
  shared[kLogLength] = std::log(settings_.trajectory_length > 0 ? settings_.trajectory_length : settings_.step_size);
  std::fill_n(vector(shared, kScale), dim(), 1.0);
  std::fill_n(vector(shared, kVariance), dim(), 1.0);
  std::fill_n(vector(shared, kComponent), dim(), 1 / std::sqrt(static_cast<double>(dim())));
}

Index EnsembleHmc::next_meeting(const Run& run, Index iteration) const { return iteration < run.warmup ? iteration + 1 : kNever; }

Index EnsembleHmc::partial_size() const { return kSums + 2 * dim(); }

double EnsembleHmc::slope(Index iteration, const double* from, const double* to, const double* velocity, double sign,
                          std::span<const double> shared) const {
  const double* scale = vector(shared, kScale);
  const double* mean = vector(shared, kMean);
  const double factor = length_factor(iteration);
  const double length = std::exp(shared[kLogLength]);
  double gradient = 0;
  if (settings_.criterion == LengthCriterion::chees) {
    // Equation 7 there; the mean of the ends is a mean of its own.
    const double* end_mean = vector(shared, kProposalMean);
    double change = 0;
    double moving = 0;
    for (Index d = 0; d < dim(); ++d) {
      const double start = (from[d] - mean[d]) / scale[d];
      const double end = (to[d] - end_mean[d]) / scale[d];
      change += end * end - start * start;
      moving += end * sign * velocity[d];
    }
    gradient = factor * change * moving;
  } else {
    const double* component = vector(shared, kComponent);
    double start = 0;
    double end = 0;
    double moving = 0;
    for (Index d = 0; d < dim(); ++d) {
      start += (from[d] - mean[d]) / scale[d] * component[d];
      end += (to[d] - mean[d]) / scale[d] * component[d];
      moving += sign * velocity[d] * component[d];
    }
    const double change = end * end - start * start;
    const double time = factor * length + shared[0];
    gradient = factor * (4 * change * end * moving / time - change * change / (time * time));
  }
  return gradient * length;
}

void EnsembleHmc::contribute(Index stage, const Chain& chain, std::span<const double> shared, std::span<double> partial) const {
  const Index n = dim();
  const double acceptance = chain.state[kAcceptance];
  const double* before = chain.state.data() + kBefore;
  const double* proposal = before + n;
  const double* first_momentum = proposal + n;
  const double* last_momentum = first_momentum + n;
  const bool counts = acceptance > 1e-4;
  partial[kCount] += 1;
  if (counts) partial[kWeight] += acceptance;
  double* sums = partial.data() + kSums;
  if (stage == 0) {
    for (Index d = 0; d < n; ++d) {
      sums[d] += before[d];
      if (counts) sums[n + d] += acceptance * proposal[d];
    }
    return;
  }
  // An acceptance of 0 makes the harmonic mean 0, which no finite number here would.
  partial[kInverse] += 1 / std::max(acceptance, 1e-300);
  // The iteration that ended.
  const Index iteration = chain.iteration - 1;
  if (counts) {
    double gradient = slope(iteration, before, proposal, last_momentum, 1, shared);
    if (settings_.criterion == LengthCriterion::snaper) {
      gradient = 0.5 * (gradient + slope(iteration, proposal, before, first_momentum, -1, shared));
    }
    if (std::isfinite(gradient)) partial[kSlope] += acceptance * gradient;
  }
  if (settings_.criterion == LengthCriterion::chees) return;
  const double* scale = vector(shared, kScale);
  const double* mean = vector(shared, kMean);
  const double* component = vector(shared, kComponent);
  double along = 0;
  for (Index d = 0; d < n; ++d) along += (before[d] - mean[d]) / scale[d] * component[d];
  for (Index d = 0; d < n; ++d) {
    const double apart = before[d] - mean[d];
    sums[d] += apart * apart;
    sums[n + d] += apart / scale[d] * along;
  }
}

void EnsembleHmc::center(Index iteration, std::span<const double> folded, std::span<double> shared) const {
  const Index n = dim();
  double memory = 0;
  if (settings_.criterion == LengthCriterion::snaper) {
    memory = shared[kMemory] = std::min(shared[kMemory] + 1, static_cast<double>(std::max(Index{1}, iteration / 8)));
    if (iteration == 1) memory = 0;  // nothing before it
  }
  const double old = memory / (memory + 1);
  double* mean = vector(shared, kMean);
  double* proposal_mean = vector(shared, kProposalMean);
  for (Index d = 0; d < n; ++d) {
    mean[d] = old * mean[d] + (1 - old) * folded[static_cast<std::size_t>(kSums + d)] / folded[kCount];
    if (folded[kWeight] > 0) proposal_mean[d] = folded[static_cast<std::size_t>(kSums + n + d)] / folded[kWeight];
  }
}

void EnsembleHmc::learn(const Run& run, Index iteration, std::span<const double> folded, std::span<double> shared) const {
  const Index n = dim();
  const bool snaper = settings_.criterion == LengthCriterion::snaper;
  DualAveraging step_size(shared.data());
  // One update a meeting, with the harmonic mean: the arithmetic one hides chains that stand still.
  step_size.learn(folded[kCount] / folded[kInverse], settings_.target_acceptance);
  if (folded[kWeight] > 0) {
    const double gradient = folded[kSlope] / folded[kWeight];
    const double keep = snaper ? 0.5 : 0.95;
    const double rate = snaper ? 0.05 : 0.025;
    const double updates = shared[kUpdates] += 1;
    shared[kSquare] = keep * shared[kSquare] + (1 - keep) * gradient * gradient;
    const double size = std::sqrt(shared[kSquare] / (1 - std::pow(keep, updates)));
    if (size > 0) shared[kLogLength] += std::clamp(rate * gradient / size, -kMostChange, kMostChange);
  }
  const double log_step = std::log(step_size.step_size());
  shared[kLogLength] = std::clamp(shared[kLogLength], log_step, log_step + std::log(static_cast<double>(settings_.most_steps)));
  const double weight = 1 / std::sqrt(static_cast<double>(iteration));
  shared[kMeanLogLength] = weight * shared[kLogLength] + (1 - weight) * shared[kMeanLogLength];
  if (snaper) {
    const double memory = iteration == 1 ? 0 : shared[kMemory];
    const double old = memory / (memory + 1);
    double* variance = vector(shared, kVariance);
    double* component = vector(shared, kComponent);
    const double* turned = folded.data() + kSums + n;
    const double size = std::sqrt(dot(turned, turned, n));
    double largest = 0;
    for (Index d = 0; d < n; ++d) {
      variance[d] = old * variance[d] + (1 - old) * folded[static_cast<std::size_t>(kSums + d)] / folded[kCount];
      largest = std::max(largest, variance[d]);
      if (size > 0) component[d] = old * component[d] + (1 - old) * turned[d] / size;
    }
    const double norm = std::sqrt(dot(component, component, n));
    for (Index d = 0; d < n; ++d) {
      if (norm > 0) component[d] /= norm;
      // A coordinate in which all chains agree has no scale yet.
      if (largest > 0) vector(shared, kScale)[d] = std::sqrt(std::max(variance[d] / largest, 1e-20));
    }
  }
  if (iteration == run.warmup) {
    step_size.finish();
    shared[kLogLength] = shared[kMeanLogLength];
  }
}

void EnsembleHmc::adapt(const Run& run, Index stage, Index iteration, std::span<const double> folded, std::span<double> shared) const {
  if (folded[kCount] == 0) return;  // all chains failed
  if (stage == 0) {
    center(iteration, folded, shared);
  } else {
    learn(run, iteration, folded, shared);
  }
}

namespace {

Entry entry_of(LengthCriterion criterion, double target) {
  Entry entry;
  entry.capabilities = {.gradient = true, .adapts = true, .cross_chain = true};
  entry.parameters = {{"step_size", "of the leapfrog, where warm-up starts", 0.1},
                      {"trajectory_length", "step size times steps, where warm-up starts; 0: one step", 0},
                      {"target_acceptance", "harmonic mean over the chains that warm-up aims at", target},
                      {"most_steps", "leapfrog steps of one iteration at most", 1000}};
  entry.make = [criterion](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<EnsembleHmc>(model.dim(), EnsembleHmcSettings{criterion, number_within(arguments, "step_size", 1e-10, 1e10),
                                                                          number_within(arguments, "trajectory_length", 0, 1e10),
                                                                          number_within(arguments, "target_acceptance", 0.01, 0.99),
                                                                          whole_number(arguments, "most_steps", 1, 1000000)});
  };
  entry.smoke = {{"frozen", {{"step_size", 0.4}, {"trajectory_length", 2.0}}, {}}};
  return entry;
}

}  // namespace

Entry chees_hmc_entry() {
  Entry entry = entry_of(LengthCriterion::chees, 0.651);
  entry.name = "chees_hmc";
  entry.summary = "HMC of many chains in step, trajectory length by the change of squared distances";
  entry.source = "Hoffman, Radul, Sountsov 2021, AISTATS (ChEES-HMC)";
  return entry;
}

Entry snaper_hmc_entry() {
  Entry entry = entry_of(LengthCriterion::snaper, 0.8);
  entry.name = "snaper_hmc";
  entry.summary = "HMC of many chains in step, trajectory length by the principal component, scales from the ensemble";
  entry.source = "Sountsov and Hoffman 2021, arXiv 2110.11576 (SNAPER-HMC); criterion and component in scaled coordinates";
  return entry;
}

}  // namespace variscope::samplers
