/// Explore, swap, learn, weigh.
#include "engine/samplers/parallel_tempering.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/dual_averaging.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Initial temperatures are (k / (K - 1))^power.
constexpr double kPower = 3;
/// Added to every rejection: temperatures that reject nothing stay apart.
constexpr double kLeastRejection = 1e-3;

/// Whether the schedule is to be set behind this iteration: at 1/16, 1/8, 1/4, 1/2 and 3/4 of the warm-up.
bool schedule_is_due(Index iteration, Index warmup) {
  const Index done = iteration + 1;
  for (const Index sixteenths : {1, 2, 4, 8, 12}) {
    if (done == warmup * sixteenths / 16 && done >= 4) return true;
  }
  return false;
}

}  // namespace

Index Ladder::size(Index temperatures, Index dim) { return 2 + kKinds * temperatures + Particles::size(temperatures, dim); }

double Ladder::barrier() {
  double sum = 0;
  for (Index k = 0; k + 1 < count_; ++k) sum += swaps(k) > 0 ? rejections(k) / swaps(k) : 0;
  return sum;
}

double Ladder::log_evidence() {
  if (draws() == 0) return std::numeric_limits<double>::quiet_NaN();
  double total = 0;
  for (Index k = 0; k + 1 < count_; ++k) total += largest(k) + std::log(sum(k) / draws());
  return total;
}

ParallelTempering::ParallelTempering(Reference reference, const TemperingSettings& settings)
    : Sampler(reference.dim()), reference_(std::move(reference)), settings_(settings) {}

std::vector<Statistic> ParallelTempering::statistics() const {
  return {{"acceptance_rate", "of explorations, mean over temperatures", StatisticKind::real},
          {"swap_rate", "probability of the swaps tried, mean over them", StatisticKind::real},
          {"barrier", "sum over neighbouring temperatures of the rejection of swaps, since the schedule was set", StatisticKind::real},
          {"n_round_trips", "of replicas, from the reference to the target, behind the warm-up so far", StatisticKind::count},
          {"log_evidence", "by stepping stone over the draws behind the warm-up so far", StatisticKind::real}};
}

void ParallelTempering::start(const Run&, Chain& chain) const {
  Ladder all = ladder(chain);
  const Particles replicas = all.replicas();
  const Index n = all.count();
  for (Index k = 0; k < n; ++k) {
    all.place(k, k);
    all.beta(k) = std::pow(static_cast<double>(k) / static_cast<double>(n - 1), kPower);
    all.largest(k) = -kInfinity;
    DualAveraging(all.dual_averaging(k)).restart(settings_.step_size);
    replicas.value(k) = chain.log_density;
    replicas.log_reference(k) = reference_.log_density(chain.position.data());
    std::copy(chain.position.begin(), chain.position.end(), replicas.position(k));
    std::copy(chain.gradient.begin(), chain.gradient.end(), replicas.gradient(k));
  }
}

Transition ParallelTempering::explore(Step& step, double& rate) const {
  Ladder all = ladder(*step.chain);
  const Particles replicas = all.replicas();
  const Index lowest = all.replica_at(0);
  step.normals(Purpose::chain_proposal, 0, dim(), step.scratch);
  reference_.place(step.scratch);
  std::copy_n(step.scratch, dim(), replicas.position(lowest));
  replicas.log_reference(lowest) = reference_.log_density(step.scratch);
  replicas.value(lowest) = co_await step.gradient(replicas.position(lowest), replicas.gradient(lowest));
  std::vector<TemperedMove> moves;
  for (Index k = 1; k < all.count(); ++k)
    moves.push_back({all.replica_at(k), all.beta(k), DualAveraging(all.dual_averaging(k)).step_size(), static_cast<std::uint32_t>(k), 0});
  co_await move(step, reference_, replicas, reference_.sd(), settings_.steps, moves, settings_.flaw);
  rate = 0;
  for (Index k = 1; k < all.count(); ++k) {
    const double own = moves[static_cast<std::size_t>(k - 1)].rate;
    rate += own / static_cast<double>(all.count() - 1);
    if (!step.adapting() || settings_.target_acceptance == 0) continue;
    DualAveraging dual(all.dual_averaging(k));
    dual.learn(own, settings_.target_acceptance);
    if (step.iteration() + 1 == step.run.warmup) dual.finish();
  }
}

double ParallelTempering::swap(Step& step) const {
  Ladder all = ladder(*step.chain);
  const Particles replicas = all.replicas();
  double rates = 0;
  Index tried = 0;
  for (Index k = step.iteration() % 2; k + 1 < all.count(); k += 2, ++tried) {
    const double here = replicas.log_ratio(all.replica_at(k));
    const double there = replicas.log_ratio(all.replica_at(k + 1));
    // The colder replica has a density always.
    double rate = here == -kInfinity ? 0 : std::min(1.0, std::exp((all.beta(k + 1) - all.beta(k)) * (here - there)));
    all.rejections(k) += 1 - rate;
    all.swaps(k) += 1;
    rates += rate;
    if (settings_.flaw == Flaw::no_correction && here > -kInfinity) rate = 1;
    if (step.uniform(Purpose::chain_accept, static_cast<std::uint32_t>(all.count() + k)) < rate) all.exchange(k);
  }
  const Index bottom = all.replica_at(0);
  const Index top = all.replica_at(all.count() - 1);
  all.upward(bottom) = 1;
  if (!step.adapting() && all.upward(top) == 1) all.round_trips() += 1;
  all.upward(top) = 0;
  return rates / static_cast<double>(tried);
}

void ParallelTempering::learn_schedule(Ladder& all) const {
  const Index n = all.count();
  std::vector<double> betas;
  std::vector<double> lengths = {0};  // cumulative rejection
  std::vector<double> log_steps;
  for (Index k = 0; k < n; ++k) {
    betas.push_back(all.beta(k));
    log_steps.push_back(std::log(DualAveraging(all.dual_averaging(std::max(k, Index{1}))).step_size()));
    if (k + 1 < n) lengths.push_back(lengths.back() + kLeastRejection + (all.swaps(k) > 0 ? all.rejections(k) / all.swaps(k) : 0));
    all.rejections(k) = all.swaps(k) = 0;
  }
  std::size_t piece = 0;
  for (Index k = 1; k < n; ++k) {
    const double length = lengths.back() * static_cast<double>(k) / static_cast<double>(n - 1);
    while (piece + 2 < lengths.size() && lengths[piece + 1] < length) ++piece;
    const double share = std::min(1.0, (length - lengths[piece]) / (lengths[piece + 1] - lengths[piece]));
    if (k + 1 < n) all.beta(k) = betas[piece] + share * (betas[piece + 1] - betas[piece]);
    if (settings_.target_acceptance > 0)
      DualAveraging(all.dual_averaging(k)).restart(std::exp(log_steps[piece] + share * (log_steps[piece + 1] - log_steps[piece])));
  }
}

void ParallelTempering::weigh(Ladder& all) const {
  const Particles replicas = all.replicas();
  for (Index k = 0; k + 1 < all.count(); ++k) {
    const double term = (all.beta(k + 1) - all.beta(k)) * replicas.log_ratio(all.replica_at(k));
    if (term == -kInfinity) continue;
    if (term > all.largest(k)) {
      all.sum(k) = all.sum(k) * std::exp(all.largest(k) - term) + 1;
      all.largest(k) = term;
    } else {
      all.sum(k) += std::exp(term - all.largest(k));
    }
  }
  all.draws() += 1;
}

Transition ParallelTempering::step(Step& step) const {
  Chain& chain = *step.chain;
  Ladder all = ladder(chain);
  co_await explore(step, step.statistics[0]);
  // The law at every temperature is the same before the swaps and behind them.
  if (!step.adapting()) weigh(all);
  step.statistics[1] = swap(step);
  step.statistics[2] = all.barrier();
  step.statistics[3] = all.round_trips();
  step.statistics[4] = all.log_evidence();
  const Particles replicas = all.replicas();
  const Index cold = all.replica_at(all.count() - 1);
  std::copy_n(replicas.position(cold), dim(), chain.position.begin());
  std::copy_n(replicas.gradient(cold), dim(), chain.gradient.begin());
  chain.log_density = replicas.value(cold);
  if (settings_.learns_schedule && step.adapting() && schedule_is_due(step.iteration(), step.run.warmup)) learn_schedule(all);
}

Entry parallel_tempering_entry() {
  Entry entry;
  entry.name = "parallel_tempering";
  entry.summary = "non-reversible parallel tempering: every chain a ladder of replicas from a reference to the target, with log evidence";
  entry.source = "Syed, Bouchard-Cote, Deligiannidis, Doucet 2022, JRSS B 84(2); evidence: Xie et al. 2011, Systematic Biology 60(2)";
  entry.capabilities = {.gradient = true, .adapts = true, .exact = false, .independent = true};
  entry.parameters = {{"temperatures", "replicas of a chain, reference and target included", 10},
                      {"steps", "leapfrog steps of an exploration", 5},
                      {"step_size", "in standard deviations of the reference, before warm-up", 0.5},
                      {"target_acceptance", "of every temperature's step size in warm-up; 0: they stay", 0.8},
                      reference_parameter()};
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    const TemperingSettings settings{whole_number(arguments, "temperatures", 2, 10000), whole_number(arguments, "steps", 1, 1 << 20),
                                     number_within(arguments, "step_size", 1e-12, 1e6),
                                     number_within(arguments, "target_acceptance", 0, 0.9999)};
    return std::make_unique<ParallelTempering>(reference_of(arguments, model), settings);
  };
  entry.smoke = {{"five", {{"temperatures", 5}}, {}}, {"two", {{"temperatures", 2}, {"steps", 2}, {"reference_sd", 3.0}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
