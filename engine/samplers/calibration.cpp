/// One chain a replication, ranks, verdict.
#include "engine/samplers/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/rank_uniformity.hpp"
#include "engine/error.hpp"
#include "engine/samplers/meetings.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

/// Of one replication: the rank and the effective size of each quantity, and whether the chain moved; empty ranks: it failed.
struct Replication {
  std::vector<Index> ranks;
  std::vector<double> effective;
  bool moved = false;
  Index iterations = 0;  ///< behind the warm-up
  bool stopped = false;
};

/// A draw from the prior and data from it.
struct Simulated {
  std::vector<double> theta;
  data::Table table;
};

/// task: 0 for what replications are made of, beyond that what they are held against.
Simulated simulate(const CalibrationTarget& target, std::uint64_t seed, std::uint32_t task, std::uint32_t major) {
  Simulated made{{}, *target.table};
  made.table.response.assign(static_cast<std::size_t>(made.table.rows), 0.0);
  const auto model = target.model(*target.table);
  made.theta.resize(static_cast<std::size_t>(model->dim()));
  model->simulate_prior({seed, Purpose::prior_draw, task, major, 0}, made.theta);
  // Rows beyond 2^32 would spill into the stream's task: nobody calibrates on so many.
  model->simulate_responses({{0, made.table.rows}, nullptr, 0}, made.theta, {seed, Purpose::response_draw, 0, major + (task << 20U), 0},
                            made.table.response);
  return made;
}

/// Log likelihoods at `points` (columns of dim entries).
std::vector<double> log_likelihoods(const models::Model& model, const std::vector<std::vector<double>>& points) {
  const auto count = static_cast<Index>(points.size());
  tiles::Batch theta(model.dim(), count);
  for (Index s = 0; s < count; ++s) {
    for (Index d = 0; d < model.dim(); ++d) theta(d, s) = points[static_cast<std::size_t>(s)][static_cast<std::size_t>(d)];
  }
  const models::Wanted wanted{.value = true, .gradient = false};
  tiles::Batch out(1, count);
  models::Evaluation evaluation{wanted, out.view(), {}};
  model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta.view(), evaluation);
  std::vector<double> values;
  for (Index s = 0; s < count; ++s) values.push_back(out(0, s));
  return values;
}

/// Draws below the truth, and of those equal to it a share at random.
Index rank_of(double truth, const std::vector<double>& draws, double uniform) {
  const auto below = std::count_if(draws.begin(), draws.end(), [truth](double x) { return x < truth; });
  const auto equal = std::count(draws.begin(), draws.end(), truth);
  return below + static_cast<Index>(uniform * static_cast<double>(equal + 1));
}

/// The sampler of one replication, and what it needs.
struct Subject {
  std::unique_ptr<models::Model> model;
  std::unique_ptr<models::Model> posterior;
  approximations::Density density;
  std::unique_ptr<Sampler> sampler;
  std::vector<double> shared;

  Subject(const CalibrationTarget& target, const data::Table& table)
      : model(target.model(table)),
        posterior(target.posterior ? target.posterior(table) : nullptr),
        density(approximations::density_of(sampled())),
        sampler(target.sampler(sampled())),
        shared(static_cast<std::size_t>(sampler->shared_size())) {
    sampler->start_shared(shared);
  }
  [[nodiscard]] const models::Model& sampled() const { return posterior ? *posterior : *model; }
  /// Chain r, started; none where there is no place to start.
  [[nodiscard]] std::vector<Chain> start(const Run& run, const Start& where, Index r) const {
    try {
      return start_chains(*sampler, density, sampled(), run, where, {r, r + 1});
    } catch (const UserError&) {
      return {};
    }
  }
};

/// Uniform number that places a rank among ties. Iterations end long before this one.
double tie(std::uint64_t seed, Index r, std::size_t quantity) {
  return random::uniform({seed, Purpose::chain_choice, static_cast<std::uint32_t>(r), 0xffffffffU, static_cast<std::uint32_t>(quantity)},
                         0);
}

/// Ranks and effective sizes of points [1 ..) against points[0].
void rank(const CalibrationSettings& settings, Index r, const std::vector<std::vector<double>>& points,
          const std::vector<double>& likelihoods, Replication& result) {
  const std::size_t dim = points.front().size();
  for (std::size_t q = 0; q <= dim; ++q) {
    const auto value = [&](std::size_t k) { return q < dim ? points[k][q] : likelihoods[k]; };
    std::vector<double> draws;
    for (std::size_t k = 1; k < points.size(); ++k) draws.push_back(value(k));
    result.ranks.push_back(rank_of(value(0), draws, tie(settings.seed, r, q)));
    result.effective.push_back(diagnostics::bulk_effective_size({draws, 1, settings.draws}));
  }
}

/// The rule, of all the model's variables as they are stored.
bool holds(const diagnostics::StoppingRule& rule, const models::Model& model, const std::vector<std::vector<std::vector<double>>>& kept) {
  const auto chains = static_cast<Index>(kept.size());
  const auto draws = static_cast<Index>(kept.front().size());
  if (draws == 0) return false;
  tiles::Batch theta(model.dim(), chains * draws);
  tiles::Batch variables(model.constrained_dim(), chains * draws);
  for (Index c = 0; c < chains; ++c) {
    for (Index i = 0; i < draws; ++i) {
      const auto& position = kept[static_cast<std::size_t>(c)][static_cast<std::size_t>(i)];
      for (Index d = 0; d < model.dim(); ++d) theta(d, c * draws + i) = position[static_cast<std::size_t>(d)];
    }
  }
  model.constrain(theta.view(), variables.view());
  diagnostics::MixingOfAll verdicts;
  std::vector<double> values(static_cast<std::size_t>(chains * draws));
  for (Index v = 0; v < model.constrained_dim() && !verdicts.unmet(); ++v) {
    for (Index s = 0; s < chains * draws; ++s) values[static_cast<std::size_t>(s)] = variables(v, s);
    verdicts.add(diagnostics::judge(rule, {values, chains, draws}));
  }
  return verdicts.hold();
}

/// Chains of one replication until the rule stops them. Its own chain numbers, so that no two replications share random numbers.
Replication replicate_stopped(const CalibrationTarget& target, const CalibrationSettings& settings, Index r) {
  const Simulated made = simulate(target, settings.seed, 0, static_cast<std::uint32_t>(r));
  const std::vector<double>& truth = made.theta;
  Subject subject(target, made.table);
  const models::Model& model = subject.sampled();
  const Run run{settings.seed, settings.warmup};
  std::vector<Chain> chains;
  try {
    chains = start_chains(*subject.sampler, subject.density, model, run, settings.start, {r * settings.chains, (r + 1) * settings.chains});
  } catch (const UserError&) {
    return {};
  }
  Schedule schedule(*subject.sampler, subject.density, run);
  std::vector<std::vector<std::vector<double>>> kept(chains.size());  // [chain][draw]
  const Observe observe = [&](Index place, const Chain& chain, std::span<const double>) {
    const Index of_draws = chain.iteration - settings.warmup;
    if (of_draws > 0 && of_draws % settings.thin == 0) kept[static_cast<std::size_t>(place)].push_back(chain.position);
  };
  Replication result;
  Index at = settings.warmup;
  bool held = false;
  while (!result.stopped && at < settings.warmup + settings.longest) {
    at = std::min(at + settings.stop.every, settings.warmup + settings.longest);
    run_chains(*subject.sampler, run, schedule, chains, at, subject.shared, observe, fold_here(settings.chains));
    if ((at - settings.warmup) % settings.stop.every != 0) break;
    const bool before = std::exchange(held, holds(settings.stop, model, kept));
    result.stopped = before && held;
  }
  result.iterations = at - settings.warmup;
  const auto failed = [](const Chain& chain) { return chain.status != ChainStatus::running; };
  if (std::any_of(chains.begin(), chains.end(), failed)) return {};
  const auto each = static_cast<Index>(kept.front().size());
  const Index all = each * settings.chains;
  if (all < settings.draws) return {};
  std::vector<std::vector<double>> points = {truth};
  for (Index s = 0; s < settings.draws; ++s) {
    const Index place = s * all / settings.draws;
    points.push_back(kept[static_cast<std::size_t>(place / each)][static_cast<std::size_t>(place % each)]);
  }
  rank(settings, r, points, log_likelihoods(*subject.model, points), result);
  return result;
}

Replication replicate(const CalibrationTarget& target, const CalibrationSettings& settings, Index r) {
  const Simulated made = simulate(target, settings.seed, 0, static_cast<std::uint32_t>(r));
  const std::vector<double>& truth = made.theta;
  Subject subject(target, made.table);
  const Run run{settings.seed, settings.warmup};
  auto chains = subject.start(run, settings.start, r);
  if (chains.empty()) return {};
  Schedule schedule(*subject.sampler, subject.density, run);
  std::vector<std::vector<double>> points = {truth};
  const Observe observe = [&](Index, const Chain& chain, std::span<const double>) {
    const Index of_draws = chain.iteration - settings.warmup;
    if (of_draws > 0 && of_draws % settings.thin == 0) points.push_back(chain.position);
  };
  run_chains(*subject.sampler, run, schedule, chains, settings.warmup + settings.draws * settings.thin, subject.shared, observe,
             fold_here(1));
  if (chains[0].status != ChainStatus::running) return {};
  Replication result;
  result.iterations = settings.draws * settings.thin;
  rank(settings, r, points, log_likelihoods(*subject.model, points), result);
  return result;
}

Replication step_once(const CalibrationTarget& target, const OneStepSettings& settings, Index r) {
  const auto major = static_cast<std::uint32_t>(r);
  const Simulated made = simulate(target, settings.seed, 0, major);
  const std::vector<double>& truth = made.theta;
  Subject subject(target, made.table);
  const Run run{settings.seed, settings.warmup};
  auto chains = subject.start(run, settings.start, r);
  if (chains.empty()) return {};
  Schedule schedule(*subject.sampler, subject.density, run);
  const Observe nothing = [](Index, const Chain&, std::span<const double>) {};
  run_chains(*subject.sampler, run, schedule, chains, settings.warmup, subject.shared, nothing, fold_here(1));
  // To the exact draw, with what the warm-up has adapted.
  chains[0].position = truth;
  evaluate_chains(*subject.sampler, subject.density, chains);
  if (chains[0].status != ChainStatus::running || !std::isfinite(chains[0].log_density)) return {};
  schedule.run(chains, settings.warmup + 1, subject.shared, nothing);
  if (chains[0].status != ChainStatus::running) return {};
  Replication result;
  result.moved = chains[0].position != truth;
  std::vector<std::vector<double>> fresh(truth.size() + 1);
  for (Index k = 0; k < settings.against; ++k) {
    const Simulated other = simulate(target, settings.seed, static_cast<std::uint32_t>(1 + k), major);
    for (std::size_t q = 0; q < truth.size(); ++q) fresh[q].push_back(other.theta[q]);
    fresh.back().push_back(log_likelihoods(*target.model(other.table), {other.theta})[0]);
  }
  for (std::size_t q = 0; q <= truth.size(); ++q) {
    const double value = q < truth.size() ? chains[0].position[q] : log_likelihoods(*subject.model, {chains[0].position})[0];
    result.ranks.push_back(rank_of(value, fresh[q], tie(settings.seed, r, q)));
  }
  return result;
}

void check(const CalibrationTarget& target, Index replications, Index draws, Index thin, Index warmup) {
  const auto model = target.model(*target.table);
  if (!model->has_prior_simulation()) throw UserError("calibration: the model cannot be drawn from its prior. Give proper priors.");
  if (!model->has_response_simulation() || model->rows() == 0)
    throw UserError("calibration: the model cannot simulate responses, so that no data follow from a draw of its prior. Use another.");
  if (replications < 1 || draws < 4 || thin < 1 || warmup < 0)
    throw UserError("calibration: it takes a replication, four draws of each, and a thinning of 1, at least. Give more.");
  if (replications >= Index{1} << 20 || draws >= 4096)
    throw UserError("calibration: random numbers are kept apart for fewer than 2^20 replications of 4096 draws. Use fewer.");
}

/// replicate(r) for all, by threads; rethrows what the first that threw has thrown.
template <class Body>
std::vector<Replication> replications(Index count, int threads, const Body& body) {
  std::vector<Replication> all(static_cast<std::size_t>(count));
  std::vector<std::exception_ptr> errors(all.size());
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
  for (Index r = 0; r < count; ++r) {
    try {
      all[static_cast<std::size_t>(r)] = body(r);
    } catch (...) {
      errors[static_cast<std::size_t>(r)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return all;
}

/// most: the largest rank.
void judge(const CalibrationTarget& target, const std::vector<Replication>& all, Index most, double false_alarm, RankVerdict& verdict) {
  verdict.names = target.model(*target.table)->parameter_names();
  verdict.names.emplace_back("log_likelihood");
  verdict.ranks.resize(verdict.names.size());
  verdict.bound = false_alarm / static_cast<double>(verdict.names.size());
  for (const Replication& replication : all) {
    verdict.failed += replication.ranks.empty() ? 1 : 0;
    for (std::size_t q = 0; q < replication.ranks.size(); ++q) verdict.ranks[q].push_back(replication.ranks[q]);
  }
  for (const auto& ranks : verdict.ranks) verdict.p_values.push_back(diagnostics::rank_uniformity(ranks, most));
}

}  // namespace

bool RankVerdict::calibrated() const { return failed == 0 && !p_values.empty() && p_values[worst()] > bound; }

std::size_t RankVerdict::worst() const {
  return static_cast<std::size_t>(std::min_element(p_values.begin(), p_values.end()) - p_values.begin());
}

Calibration simulation_based_calibration(const CalibrationTarget& target, const CalibrationSettings& settings) {
  check(target, settings.replications, settings.draws, settings.thin, settings.warmup);
  if (settings.stop.active() &&
      (settings.chains < 1 || settings.longest < settings.thin || settings.replications * settings.chains >= Index{1} << 24))
    throw UserError("calibration: chains that a rule stops are one at least, of a draw at least, and fewer than 2^24 in all. Mend that.");
  const auto all = replications(settings.replications, settings.threads, [&](Index r) {
    return settings.stop.active() ? replicate_stopped(target, settings, r) : replicate(target, settings, r);
  });
  Calibration result;
  judge(target, all, settings.draws, settings.false_alarm, result);
  std::vector<double> effective(result.names.size(), 0.0);
  for (const Replication& replication : all) {
    // Draws that are all equal know nothing.
    for (std::size_t q = 0; q < replication.effective.size(); ++q)
      effective[q] += std::isfinite(replication.effective[q]) ? replication.effective[q] : 0;
  }
  for (const Replication& replication : all) {
    if (replication.ranks.empty()) continue;
    const auto share = 1 / static_cast<double>(settings.replications - result.failed);
    result.iterations += share * static_cast<double>(replication.iterations);
    result.stopped_share += replication.stopped ? share : 0;
  }
  const auto draws = static_cast<double>((settings.replications - result.failed) * settings.draws);
  result.effective_share = *std::min_element(effective.begin(), effective.end()) / std::max(draws, 1.0);
  return result;
}

Invariance one_step_invariance(const CalibrationTarget& target, const OneStepSettings& settings) {
  check(target, settings.replications, settings.against, 1, settings.warmup);
  const auto all = replications(settings.replications, settings.threads, [&](Index r) { return step_once(target, settings, r); });
  Invariance result;
  judge(target, all, settings.against, settings.false_alarm, result);
  const auto moved = std::count_if(all.begin(), all.end(), [](const Replication& replication) { return replication.moved; });
  result.moved = static_cast<double>(moved) / static_cast<double>(std::max(Index{1}, settings.replications - result.failed));
  return result;
}

}  // namespace variscope::samplers
