/// Settings of one sampler out of a cell's, its trace, and a short run on a stand-in target.
#include "experiments/plan/chains.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/combiners/combiner.hpp"
#include "engine/diagnostics/predictive.hpp"
#include "engine/error.hpp"
#include "engine/random/stream.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/meetings.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/plan/starts.hpp"
#include "experiments/run/combine.hpp"
#include "experiments/run/sample_trace.hpp"

namespace variscope::experiments {

namespace {

/// Draws a rank holds at the most before it saves them, about (SamplePace::buffer_bytes).
constexpr double kBufferBytes = 256e6;
/// Data beyond this are not copied into every trace file.
constexpr double kMostDataBytes = 64.0 * 1024 * 1024;
/// Doubles of one variable's figures in run.h5, and of one chain's.
constexpr double kVariableDoubles = 24;
constexpr double kChainDoubles = 12;

/// The cell's settings for one of its samplers.
SampleSettings settings_of(const Settings& from, const std::string& sampler) {
  const Settings::Sampler& s = from.sampler;
  SampleSettings settings;
  settings.sampler = sampler;
  const std::string prefix = sampler + ".";
  for (const auto& [name, value] : s.numbers) {
    if (name.starts_with(prefix)) settings.numbers[name.substr(prefix.size())] = value;
  }
  for (const auto& [name, value] : s.words) {
    if (name.starts_with(prefix)) settings.words[name.substr(prefix.size())] = value;
  }
  settings.seed = from.study.seed;
  settings.chains = s.chains;
  settings.warmup = s.warmup;
  settings.adapt = s.adapt;
  settings.draws = s.draws;
  settings.thin = s.thin;
  if (s.stop == "ess" || s.stop == "both") settings.stop.effective_size = s.stop_ess;
  if (s.stop == "rhat" || s.stop == "both") settings.stop.rhat = s.stop_rhat;
  settings.stop.every = s.stop_every;
  settings.start.kind = s.init == "uniform" ? samplers::StartKind::uniform
                        : s.init == "prior" ? samplers::StartKind::prior
                                            : samplers::StartKind::given;
  settings.start.radius = s.init_radius;
  settings.start.chains_per_start = s.chains_per_start;
  settings.metric_variances = s.metric_variances;
  settings.save = s.save;
  settings.save_warmup = s.save_warmup;
  // Rows are predicted from positions, and shards combined.
  settings.unconstrained = s.unconstrained || !from.predictive.rows.empty() || !from.combine.names.empty();
  settings.single_precision = s.single_precision;
  return settings;
}

/// With the place of the key that the error begins with.
[[noreturn]] void at_its_place(const Spec& spec, const std::string& sampler, const UserError& error) {
  const std::string text = error.what();
  const std::string key = text.substr(0, text.find(':'));
  const std::size_t dot = key.find('.');
  const std::string own = dot == std::string::npos ? key : key.substr(0, dot + 1) + sampler + key.substr(dot);
  for (const std::string& name : {own, key}) {
    if (spec.where(name) != spec.file) throw UserError(fmt::format("{}: {}", spec.where(name), text));
  }
  throw UserError(fmt::format("{}: {}", spec.where("sampler.names"), text));
}

void check_start(const Spec& spec, const Settings& settings, const models::Model& model) {
  const Settings::Sampler& s = settings.sampler;
  if (s.init == "prior" && !model.has_prior_simulation()) {
    throw UserError(
        fmt::format("{}: sampler.init = \"prior\" (model {} cannot be drawn from its prior: it is improper, or its draws are "
                    "not known). Use \"uniform\".",
                    spec.where("sampler.init"), settings.model.name));
  }
  if (s.init != "given") return;
  const auto size = static_cast<Index>(s.init_values.size());
  const Index starts = s.chains / s.chains_per_start;
  if (size == model.dim() || size == starts * model.dim()) return;
  throw UserError(
      fmt::format("{}: sampler.init_values has {} values (the model has {} unconstrained coordinates, and there are {} starts). "
                  "Give {}, or {} rows of them.",
                  spec.where("sampler.init_values"), size, model.dim(), starts, model.dim(), starts));
}

/// Asked of a chain that is never run.
void check_variances(const SampleSettings& settings, const samplers::Sampler& sampler) {
  if (settings.metric_variances.empty()) return;
  if (static_cast<Index>(settings.metric_variances.size()) != sampler.dim()) {
    throw UserError(fmt::format("sampler.metric_variances: {} values (the model has {} unconstrained coordinates). Give as many.",
                                settings.metric_variances.size(), sampler.dim()));
  }
  samplers::Chain chain;
  chain.position.resize(static_cast<std::size_t>(sampler.dim()));
  chain.gradient.resize(chain.position.size());
  chain.state.resize(static_cast<std::size_t>(sampler.state_size()));
  sampler.start({settings.seed, settings.adapting()}, chain);
  if (sampler.set_variances(chain, settings.metric_variances)) return;
  throw UserError(
      fmt::format("sampler.metric_variances: they are given ({} has no metric that takes variances, or it is \"unit\"). Remove "
                  "them, or leave the sampler out.",
                  settings.sampler));
}

void check_prediction(const Spec& spec, const Settings& settings) {
  if (settings.predictive.rows.empty() || predictive_draws(settings) >= diagnostics::kLeastPredictiveDraws) return;
  throw UserError(fmt::format("{}: predictive.rows is given (chains store {} draws, and bands need {}). Remove it, or store more.",
                              spec.where("predictive.rows"), predictive_draws(settings), diagnostics::kLeastPredictiveDraws));
}

/// Why chains of shards would not be the sampler's; empty: they are.
std::string reason_against_shards(const samplers::Entry& entry) {
  // These ask the model for its prior, of which shards have a fraction.
  const std::set<std::string> own_prior = {"elliptical_slice", "parallel_tempering", "sequential_monte_carlo", "annealed_importance"};
  if (own_prior.contains(entry.name)) return "it asks the model for its prior, of which a shard has a fraction";
  if (entry.capabilities.weighted) return "its draws carry weights";
  if (!entry.capabilities.exact) return "it does not draw from a density that it is given";
  return "";
}

/// Chains of different shards must share no random numbers: combiners average over shards, and what they had in common would not average
/// out. Beside the combiners' own streams, whose tasks are below 2^32 - 1.
std::uint64_t seed_of_shard(std::uint64_t seed, const RowShard& rows) {
  const random::Stream stream{seed, random::Purpose::combiner, 0xffffffffU, static_cast<std::uint32_t>(rows.shard),
                              static_cast<std::uint32_t>(rows.prior_fraction ? 1 : 0)};
  std::uint64_t bits = 0;
  random::fill_bits(stream, 0, {&bits, 1});
  return bits >> 1U;
}

/// Chains of shards, for the combiners that are asked for.
void plan_shards(const Spec& spec, const models::Model& model, const DataPlan* data, Range only, CellPlan& cell) {
  const Settings::Combine& combine = cell.settings.combine;
  if (combine.names.empty() || only.size() > 0) return;
  if (data == nullptr || data->rows < combine.shards) {
    throw UserError(fmt::format("{}: combine.shards = {} (there are {} rows). Use fewer.", spec.where("combine.shards"), combine.shards,
                                data == nullptr ? 0 : data->rows));
  }
  std::set<bool> kinds;
  for (const std::string& name : combine.names)
    kinds.insert(combiners::find(name)->subposterior == combiners::Subposterior::prior_fraction);
  for (const ChainsPlan& chains : cell.chains) {
    const std::string reason = reason_against_shards(*samplers::find(chains.sampler));
    if (!reason.empty()) {
      cell.exclusions.push_back({chains.sampler + " on shards", reason});
      continue;
    }
    const store::TraceGroup& posterior = chains.layout.groups.front();
    const Index least = std::min(combine.draws, chains.settings.count() * posterior.draws);
    if (least < kCombinedBatches * (model.dim() + 4)) {
      throw UserError(
          fmt::format("{}: shards have {} draws of {} coordinates (their covariances, and errors by {} batches, need {}). "
                      "Draw more, or raise combine.draws.",
                      spec.where("combine.names"), least, model.dim(), kCombinedBatches, kCombinedBatches * (model.dim() + 4)));
    }
    for (const bool fraction : kinds) {
      for (Index m = 0; m < combine.shards; ++m) {
        ChainsPlan part = chains;
        part.settings.rows = {m, combine.shards, fraction};
        part.settings.seed = seed_of_shard(part.settings.seed, part.settings.rows);
        part.layout.id = fmt::format("{}_{}_{}_{:03}", cell.id, chains.sampler, fraction ? "shard" : "power", m);
        part.data_bytes = 0;
        cell.shard_chains.push_back(std::move(part));
      }
    }
  }
  if (cell.shard_chains.empty()) {
    throw UserError(fmt::format("{}: no sampler of this study can draw from posteriors of shards ({}: {}). Add one that can, such as nuts.",
                                spec.where("combine.names"), cell.exclusions.back().estimator, cell.exclusions.back().reason));
  }
}

}  // namespace

Index predictive_draws(const Settings& settings) {
  return std::min(settings.predictive.draws, settings.sampler.chains * (settings.sampler.draws / settings.sampler.thin));
}

void plan_chains(const Spec& spec, const models::Model& model, const DataPlan* data, Range only, CellPlan& cell) {
  const Settings& s = cell.settings;
  check_start(spec, s, model);
  check_predictive(spec, s, model, data);
  check_prediction(spec, s);
  const std::vector<double> starts = s.sampler.init == "run" ? starts_of_run(spec, s, model) : s.sampler.init_values;
  if (only.size() > 0 && only.last > s.sampler.chains) {
    throw UserError(
        fmt::format("--chains: there is no chain {} (the cell has {}, counted from 0). Name another.", only.last - 1, s.sampler.chains));
  }
  for (const std::string& name : s.sampler.names) {
    const samplers::Entry& entry = *samplers::find(name);
    std::string reason = entry.reason_against ? entry.reason_against(model) : "";
    if (entry.capabilities.weighted && !s.predictive.rows.empty()) reason = "its draws carry weights, which predictions do not know";
    if (only.size() > 0 && entry.capabilities.cross_chain) reason = "its chains adapt together, and none can be run without the others";
    if (!reason.empty()) {
      cell.exclusions.push_back({name, reason});
      continue;
    }
    ChainsPlan chains{name, settings_of(s, name), {}};
    chains.settings.only = only;
    // Some chains alone cannot know when all would have stopped; weighted draws are independent, and have no R-hat.
    if (only.size() > 0 || entry.capabilities.weighted) chains.settings.stop = {};
    chains.settings.start.given = starts;
    try {
      const auto sampler = entry.make(samplers::arguments_of(entry, chains.settings.numbers, chains.settings.words), model);
      check_variances(chains.settings, *sampler);
      chains.layout = trace_layout(fmt::format("{}_{}", cell.id, name), chains.settings, model, *sampler);
      chains.state = 4 + 2 * model.dim() + sampler->state_size();
      chains.counted = entry.capabilities.independent;
    } catch (const UserError& error) {
      at_its_place(spec, name, error);
    }
    if (data != nullptr && s.sampler.save_data) {
      const double bytes = 8 * static_cast<double>(data->rows) * static_cast<double>(data->width + 1);
      chains.data_bytes = bytes <= kMostDataBytes ? bytes : 0;
    }
    cell.estimators.push_back(name);
    cell.chains.push_back(std::move(chains));
  }
  plan_shards(spec, model, data, only, cell);
  if (cell.chains.empty()) {
    throw UserError(fmt::format("{}: no sampler of this list can serve {} ({}: {}). Add one that can, such as nuts.",
                                spec.where("sampler.names"), s.model.name, cell.exclusions.front().estimator,
                                cell.exclusions.front().reason));
  }
}

double chain_file_bytes(const CellPlan& cell) {
  double bytes = 0;
  for (const ChainsPlan& chains : cell.chains) {
    bytes += static_cast<double>(chains.layout.bytes()) + chains.data_bytes;
    bytes += 8 * (kChainDoubles * static_cast<double>(chains.settings.count()) +
                  kVariableDoubles * static_cast<double>(chains.layout.groups.front().width()));
  }
  for (const ChainsPlan& chains : cell.shard_chains) bytes += static_cast<double>(chains.layout.bytes());
  return bytes;
}

double chain_work_bytes(const CellPlan& cell, const cluster::Layout& layout, int threads) {
  double most = 0;
  for (const ChainsPlan& chains : cell.chains) {
    const Index count = chains.settings.count();
    const auto own = static_cast<double>(balanced_range(count, std::min(layout.replicates, count), 0).size());
    const double share = own / static_cast<double>(count);
    // Held as doubles until a checkpoint, and once more while they are written.
    const double buffered = 2 * std::min(kBufferBytes, static_cast<double>(chains.layout.bytes()) * share);
    const double of_figures = 8.0 * 4 * threads * static_cast<double>(count * chains.layout.groups.front().draws);
    // A rule that looks at draws holds them all, divided over the ranks; judging one scalar takes a few copies of it.
    const store::TraceGroup& posterior = chains.layout.groups.front();
    const double looked_at = chains.settings.stop.active()
                                 ? 8 * static_cast<double>(count * posterior.draws) * static_cast<double>(posterior.width()) * share
                                 : 0;
    most = std::max(most, 8 * own * static_cast<double>(2 * chains.state) + looked_at + std::max(buffered, of_figures));
  }
  if (!cell.shard_chains.empty()) {
    // Positions of all shards, once as they were drawn and once more for the combiner.
    const store::TraceLayout& layout_of_shard = cell.shard_chains.front().layout;
    const auto positions = std::find_if(layout_of_shard.groups.begin(), layout_of_shard.groups.end(),
                                        [](const store::TraceGroup& group) { return group.name == "unconstrained_posterior"; });
    most += 8.0 * 2 * static_cast<double>(cell.settings.combine.shards * layout_of_shard.chains * positions->draws) *
            static_cast<double>(positions->width());
  }
  return most;
}

IterationWork iteration_work(const ChainsPlan& plan, const models::Model& model) {
  constexpr Index kMostState = 100000;
  constexpr Index kMostChains = 16;
  constexpr Index kWarmup = 150;
  constexpr Index kDraws = 50;
  IterationWork result;
  if (plan.state > kMostState) return result;
  const SampleSettings& s = plan.settings;
  const samplers::Entry& entry = *samplers::find(s.sampler);
  try {
    const auto sampler = entry.make(samplers::arguments_of(entry, s.numbers, s.words), model);
    approximations::Density density;
    density.dim = model.dim();
    density.evaluate = [](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView, tiles::BatchView out) {
      for (Index c = 0; c < theta.count; ++c) {
        double square = 0;
        for (Index d = 0; d < theta.dim; ++d) {
          const double x = theta(d, c);
          square += x * x;
          if (wanted.gradient) out(1 + d, c) = -x;
        }
        out(0, c) = -0.5 * square;
      }
    };
    // Rows are as good as each other here.
    density.rows = model.rows();
    density.evaluate_rows = [&density](tiles::ConstBatchView theta, std::span<const approximations::BlockRows>,
                                       const models::Wanted& wanted, tiles::BatchView out) { density.evaluate(theta, wanted, {}, out); };
    const auto statistics = samplers::recorded_statistics(*sampler);
    const auto of_rows =
        std::find_if(statistics.begin(), statistics.end(), [](const auto& statistic) { return statistic.name == "n_grad_rows"; }) -
        statistics.begin();
    const samplers::Run run{s.seed, std::min(s.adapting(), kWarmup)};
    const Index chains = std::min(s.chains, kMostChains);
    samplers::Start start;
    auto states = samplers::start_chains(*sampler, density, model, run, start, {0, chains});
    std::vector<double> shared(static_cast<std::size_t>(sampler->shared_size()));
    sampler->start_shared(shared);
    samplers::Schedule schedule(*sampler, density, run);
    const Index iterations = run.warmup + std::min(s.draws, kDraws);
    std::vector<double> counts(2, 0.0);
    samplers::run_chains(
        *sampler, run, schedule, states, iterations, shared,
        [&](Index, const samplers::Chain& chain, std::span<const double> record) {
          // lp, n_grad, n_value come first.
          if (chain.iteration <= run.warmup) return;
          counts[0] += record[1];
          counts[1] += record[2];
          if (of_rows < std::ssize(record) && model.rows() > 0)
            counts[0] += record[static_cast<std::size_t>(of_rows)] / static_cast<double>(model.rows());
        },
        samplers::fold_here(chains));
    const auto counted = static_cast<double>(chains * (iterations - run.warmup));
    result = {counts[0] / counted, counts[1] / counted, true};
  } catch (const std::exception&) {
    // It may ask the model for what a model without rows does not have.
    return {};
  }
  return result;
}

}  // namespace variscope::experiments
