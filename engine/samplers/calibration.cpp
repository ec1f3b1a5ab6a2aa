/// One chain a replication, ranks, verdict.
#include "engine/samplers/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/rank_uniformity.hpp"
#include "engine/error.hpp"
#include "engine/samplers/meetings.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

/// Of one replication: the rank and the effective size of each quantity; empty ranks: it failed.
struct Replication {
  std::vector<Index> ranks;
  std::vector<double> effective;
};

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

Replication replicate(const CalibrationTarget& target, const CalibrationSettings& settings, Index r) {
  const auto major = static_cast<std::uint32_t>(r);
  data::Table table = *target.table;
  table.response.assign(static_cast<std::size_t>(table.rows), 0.0);
  std::vector<double> truth;
  {
    // Models may read their responses when they are made: this one only simulates.
    const auto simulator = target.model(*target.table);
    truth.resize(static_cast<std::size_t>(simulator->dim()));
    simulator->simulate_prior({settings.seed, Purpose::prior_draw, 0, major, 0}, truth);
    simulator->simulate_responses({{0, table.rows}, nullptr, 0}, truth, {settings.seed, Purpose::response_draw, 0, major, 0},
                                  table.response);
  }
  const auto model = target.model(table);
  const auto posterior = target.posterior ? target.posterior(table) : nullptr;
  const models::Model& density_model = posterior ? *posterior : *model;
  const approximations::Density density = approximations::density_of(density_model);
  const auto sampler = target.sampler(density_model);
  const Run run{settings.seed, settings.warmup};
  std::vector<Chain> chains;
  try {
    chains = start_chains(*sampler, density, density_model, run, settings.start, {r, r + 1});
  } catch (const UserError&) {
    return {};
  }
  std::vector<double> shared(static_cast<std::size_t>(sampler->shared_size()));
  sampler->start_shared(shared);
  Schedule schedule(*sampler, density, run);
  std::vector<std::vector<double>> points = {truth};
  const Observe observe = [&](Index, const Chain& chain, std::span<const double>) {
    const Index of_draws = chain.iteration - settings.warmup;
    if (of_draws > 0 && of_draws % settings.thin == 0) points.push_back(chain.position);
  };
  run_chains(*sampler, run, schedule, chains, settings.warmup + settings.draws * settings.thin, shared, observe, fold_here(1));
  if (chains[0].status != ChainStatus::running) return {};
  const std::vector<double> likelihoods = log_likelihoods(*model, points);
  Replication result;
  for (std::size_t q = 0; q <= truth.size(); ++q) {
    const auto value = [&](std::size_t k) { return q < truth.size() ? points[k][q] : likelihoods[k]; };
    std::vector<double> draws;
    for (std::size_t k = 1; k < points.size(); ++k) draws.push_back(value(k));
    // Iterations end long before this one.
    const random::Stream own{settings.seed, Purpose::chain_choice, major & 0xffffffU, 0xffffffffU, static_cast<std::uint32_t>(q)};
    result.ranks.push_back(rank_of(value(0), draws, random::uniform(own, 0)));
    result.effective.push_back(diagnostics::bulk_effective_size({draws, 1, settings.draws}));
  }
  return result;
}

void check(const CalibrationTarget& target, const CalibrationSettings& settings) {
  const auto model = target.model(*target.table);
  if (!model->has_prior_simulation()) throw UserError("calibration: the model cannot be drawn from its prior. Give proper priors.");
  if (!model->has_response_simulation() || model->rows() == 0)
    throw UserError("calibration: the model cannot simulate responses, so that no data follow from a draw of its prior. Use another.");
  if (settings.replications < 1 || settings.draws < 4 || settings.thin < 1 || settings.warmup < 0)
    throw UserError("calibration: it takes a replication, four draws of each, and a thinning of 1, at least. Give more.");
  if (settings.replications >= Index{1} << 24)
    throw UserError("calibration: random numbers are kept apart for fewer than 2^24 replications. Use fewer.");
}

}  // namespace

bool Calibration::calibrated() const { return failed == 0 && !p_values.empty() && p_values[worst()] > bound; }

std::size_t Calibration::worst() const {
  return static_cast<std::size_t>(std::min_element(p_values.begin(), p_values.end()) - p_values.begin());
}

Calibration simulation_based_calibration(const CalibrationTarget& target, const CalibrationSettings& settings) {
  check(target, settings);
  std::vector<Replication> all(static_cast<std::size_t>(settings.replications));
  std::vector<std::exception_ptr> errors(all.size());
#pragma omp parallel for num_threads(settings.threads) schedule(dynamic, 1) if (settings.threads > 1)
  for (Index r = 0; r < settings.replications; ++r) {
    try {
      all[static_cast<std::size_t>(r)] = replicate(target, settings, r);
    } catch (...) {
      errors[static_cast<std::size_t>(r)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  Calibration result;
  result.names = target.model(*target.table)->parameter_names();
  result.names.emplace_back("log_likelihood");
  result.ranks.resize(result.names.size());
  result.bound = settings.false_alarm / static_cast<double>(result.names.size());
  std::vector<double> effective(result.names.size(), 0.0);
  for (const Replication& replication : all) {
    if (replication.ranks.empty()) {
      ++result.failed;
      continue;
    }
    for (std::size_t q = 0; q < result.names.size(); ++q) {
      result.ranks[q].push_back(replication.ranks[q]);
      // Draws that are all equal know nothing.
      if (std::isfinite(replication.effective[q])) effective[q] += replication.effective[q];
    }
  }
  for (const auto& ranks : result.ranks) result.p_values.push_back(diagnostics::rank_uniformity(ranks, settings.draws));
  const double draws = static_cast<double>((settings.replications - result.failed) * settings.draws);
  result.effective_share = *std::min_element(effective.begin(), effective.end()) / std::max(draws, 1.0);
  return result;
}

}  // namespace variscope::samplers
