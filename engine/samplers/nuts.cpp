/// The No-U-Turn sampler, without recursion.
#include "engine/samplers/nuts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/hmc.hpp"
#include "engine/samplers/leapfrog.hpp"
#include "engine/samplers/u_turn.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr int kMostDepth = 20;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Vectors beside the pieces: two ends, two candidates, a velocity.
constexpr Index kVectors = 2 * 3 + 2 * 2 + 1;

/// One end of the trajectory.
struct End {
  double* q;
  double* p;
  double* g;
};

/// A state that the iteration may answer with.
struct Candidate {
  double* q;
  double* g;
  double log_density = 0;
  double energy_error = 0;

  void take(const End& end, double value, double error, Index dim) {
    std::copy_n(end.q, dim, q);
    std::copy_n(end.g, dim, g);
    log_density = value;
    energy_error = error;
  }
};

double log_sum_exp(double a, double b) {
  const double most = std::max(a, b);
  return most == -kInfinity ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}

/// What an iteration has seen so far.
struct Tally {
  Index steps = 0;
  double acceptance = 0;  ///< summed over steps
  double worst_error = 0;
  bool diverged = false;

  /// error: Hamiltonian minus that of the start; infinite where it is no number.
  void add(double error) {
    ++steps;
    acceptance += error > 0 ? std::exp(-error) : 1.0;
    if (std::abs(error) > std::abs(worst_error)) worst_error = error;
    diverged = error > kDivergence;
  }
};

}  // namespace

std::vector<Statistic> Nuts::statistics() const {
  return {{"acceptance_rate", "mean Metropolis acceptance over the tree", StatisticKind::real},
          {"step_size", "step size of the iteration", StatisticKind::real},
          {"tree_depth", "doublings that were completed", StatisticKind::count},
          {"n_steps", "leapfrog steps", StatisticKind::count},
          {"diverging", "whether an energy error exceeded 1000, or was no number", StatisticKind::boolean},
          {"energy", "Hamiltonian of the draw", StatisticKind::real},
          {"energy_error", "Hamiltonian of the draw minus that at the start", StatisticKind::real},
          {"max_energy_error", "the largest error of the tree, in size", StatisticKind::real},
          {"reached_max_treedepth", "whether the tree stopped for its depth alone", StatisticKind::boolean}};
}

Index Nuts::scratch_size() const { return (kVectors + UTurn::vectors(settings().metric) * (most_depth_ + 2)) * padded(dim()); }

Transition Nuts::step(Step& step) const {
  Chain& chain = *step.chain;
  if (step_size_is_due(step)) co_await find_step_size(step);
  const Metric sigma = metric(chain);
  const double size = step_size(step);
  const Index n = dim();
  const Index stride = padded(n);
  double* free = step.scratch;
  const auto vector = [&] { return std::exchange(free, free + stride); };
  std::array<End, 2> ends{};
  for (End& end : ends) end = {vector(), vector(), vector()};
  Candidate draw{vector(), vector()};
  Candidate proposal{vector(), vector()};
  double* v = vector();
  const UTurn turns(sigma, n, stride);
  Piece tree = turns.at(free);
  double* const stack = free + turns.piece_size();

  End& first = ends[0];
  std::copy_n(chain.position.begin(), n, first.q);
  std::copy_n(chain.gradient.begin(), n, first.g);
  step.normals(Purpose::chain_momentum, 0, n, first.p);
  sigma.momentum(first.p, first.p);
  const double start = kinetic_energy(sigma, first.p, n, v) - chain.log_density;
  turns.set_state(tree, first.p, v);
  draw.take(first, chain.log_density, 0, n);
  std::copy_n(first.q, n, ends[1].q);
  std::copy_n(first.p, n, ends[1].p);
  std::copy_n(first.g, n, ends[1].g);

  Tally tally;
  double log_weight = 0;
  int depth = 0;
  bool on = true;
  while (on && depth < most_depth_) {
    const auto doubling = static_cast<std::uint32_t>(depth);
    const bool forward = step.uniform(Purpose::chain_direction, doubling) < 0.5;
    const double signed_size = forward ? size : -size;
    End& end = ends[forward ? 1 : 0];
    const Index leaves = Index{1} << depth;
    double log_part = -kInfinity;
    std::array<int, kMostDepth + 2> heights{};
    Index pieces = 0;
    for (Index leaf = 0; on && leaf < leaves; ++leaf) {
      kick_and_drift(sigma, signed_size, end.g, n, end.q, end.p, v);
      const double value = co_await step.gradient(end.q, end.g);
      kick(0.5 * signed_size, end.g, n, end.p);
      double error = kinetic_energy(sigma, end.p, n, v) - value - start;
      if (!std::isfinite(value) || std::isnan(error)) error = kInfinity;
      tally.add(error);
      if (tally.diverged) {
        on = false;
        break;
      }
      log_part = log_sum_exp(log_part, -error);
      // The first leaf is taken whatever its weight.
      if (leaf == 0 || step.uniform(Purpose::chain_choice, doubling, static_cast<std::uint32_t>(1 + leaf)) < std::exp(-error - log_part))
        proposal.take(end, value, error, n);
      if (leaves == 1) {
        turns.set_state(turns.at(stack), end.p, v);
        continue;
      }
      // Two states make a piece of height 1; pieces of one height are joined.
      const Piece pair = turns.at(stack + pieces * turns.piece_size());
      if (leaf % 2 == 0) {
        turns.set_begin(pair, end.p, v);
        continue;
      }
      on = turns.set_second(pair, end.p, v);
      heights[static_cast<std::size_t>(pieces++)] = 1;
      while (on && pieces > 1 && heights[static_cast<std::size_t>(pieces - 1)] == heights[static_cast<std::size_t>(pieces - 2)]) {
        --pieces;
        on = turns.join(turns.at(stack + (pieces - 1) * turns.piece_size()), turns.at(stack + pieces * turns.piece_size()));
        ++heights[static_cast<std::size_t>(pieces - 1)];
      }
    }
    if (!on) break;
    ++depth;
    double log_odds = log_part - log_weight;
    if (settings().flaw == Flaw::accept_sign) log_odds = -log_odds;
    if (settings().flaw == Flaw::last_state || step.uniform(Purpose::chain_choice, doubling) < std::exp(std::min(0.0, log_odds))) {
      std::swap(draw, proposal);
    }
    log_weight = log_sum_exp(log_weight, log_part);
    // The new piece lies at the tree's other end if it was built backward.
    if (!forward) tree.turn();
    on = turns.join(tree, turns.at(stack));
    if (!forward) tree.turn();
  }
  const bool deepest = on && depth == most_depth_;
  std::copy_n(draw.q, n, chain.position.begin());
  std::copy_n(draw.g, n, chain.gradient.begin());
  chain.log_density = draw.log_density;
  const double acceptance = tally.acceptance / static_cast<double>(tally.steps);
  const double values[] = {acceptance,
                           size,
                           static_cast<double>(depth),
                           static_cast<double>(tally.steps),
                           tally.diverged ? 1.0 : 0.0,
                           start + draw.energy_error,
                           draw.energy_error,
                           tally.worst_error,
                           deepest ? 1.0 : 0.0};
  std::copy(std::begin(values), std::end(values), step.statistics.begin());
  if (step.adapting()) warm_up(step, acceptance);
}

Entry nuts_entry() {
  Entry entry;
  entry.name = "nuts";
  entry.summary = "the No-U-Turn sampler: trajectories that double until they turn back, multinomial choice, Stan's warm-up";
  entry.source = "Hoffman and Gelman 2014, JMLR 15; Betancourt 2017, arXiv:1701.02434; Stan 2.32";
  entry.capabilities = {.gradient = true, .adapts = true};
  entry.parameters = gradient_parameters({});
  entry.parameters.push_back({"max_depth", "doublings of a tree at the most", 10});
  entry.words = gradient_words();
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<Nuts>(model.dim(), gradient_settings(arguments),
                                  static_cast<int>(whole_number(arguments, "max_depth", 1, kMostDepth)));
  };
  entry.smoke = {{"unit", {{"step_size", 0.5}}, {{"metric", "unit"}}},
                 {"diagonal", {{"step_size", 0.8}, {"max_depth", 2}}, {{"metric", "diagonal"}}},
                 {"dense", {{"step_size", 0.3}, {"jitter", 0.2}}, {{"metric", "dense"}}}};
  return entry;
}

}  // namespace variscope::samplers
