/// Stored iterations counted within each phase; positions turned into variables block by block.
#include "experiments/run/sample_trace.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::experiments {

namespace {

/// Draws that thinning leaves of the first `iterations` of a phase.
Index stored(Index iterations, Index thin) { return iterations / thin; }

/// The part of [first, last) that lies in the warm-up, or behind it, counted from the phase's start.
Range in_warmup(Range iterations, Index warmup) { return {std::min(iterations.first, warmup), std::min(iterations.last, warmup)}; }
Range behind_warmup(Range iterations, Index warmup) {
  return {std::max(iterations.first, warmup) - warmup, std::max(iterations.last, warmup) - warmup};
}

bool is_saved(const SampleSettings& settings, const std::string& name) {
  return settings.save.empty() || std::find(settings.save.begin(), settings.save.end(), name) != settings.save.end();
}

void check_save(const SampleSettings& settings, const std::vector<models::Variable>& variables) {
  for (const std::string& name : settings.save) {
    if (std::any_of(variables.begin(), variables.end(), [&](const models::Variable& v) { return v.name == name; })) continue;
    std::string known;
    for (const models::Variable& v : variables) known += (known.empty() ? "" : ", ") + v.name;
    throw UserError(fmt::format("sampler.save: there is no variable '{}' (the model has {}). Name one of these.", name, known));
  }
}

}  // namespace

store::TraceLayout trace_layout(const std::string& id, const SampleSettings& settings, const models::Model& model,
                                const samplers::Sampler& sampler) {
  const auto variables = model.variables();
  check_save(settings, variables);
  const auto type = settings.single_precision ? store::TraceType::single : store::TraceType::real;
  store::TraceLayout layout;
  layout.id = id;
  layout.chains = settings.count();
  layout.first_chain = settings.running().first;
  store::TraceGroup draws{"posterior", stored(settings.draws, settings.thin), settings.thin - 1, settings.thin, {}};
  for (const models::Variable& v : variables) {
    if (is_saved(settings, v.name)) draws.variables.push_back({v.name, "variable of the model", "1", v.shape, type});
  }
  store::TraceGroup positions = draws;
  positions.name = "unconstrained_posterior";
  positions.variables = {{"theta", "position on the unconstrained scale", "1", {model.dim()}, type}};
  store::TraceGroup statistics{"sample_stats", settings.draws, 0, 1, {}};
  for (const samplers::Statistic& s : samplers::recorded_statistics(sampler)) {
    const auto kind = s.kind == samplers::StatisticKind::count     ? store::TraceType::count
                      : s.kind == samplers::StatisticKind::boolean ? store::TraceType::boolean
                                                                   : store::TraceType::real;
    statistics.variables.push_back({s.name, s.description, "1", {}, kind});
  }
  const auto of_warmup = [&](store::TraceGroup group, Index count) {
    group.name = "warmup_" + group.name;
    group.draws = count;
    return group;
  };
  layout.groups.push_back(draws);
  layout.groups.push_back(statistics);
  if (settings.save_warmup) layout.groups.push_back(of_warmup(draws, stored(settings.warmup, settings.thin)));
  layout.groups.push_back(of_warmup(statistics, settings.warmup));
  if (settings.unconstrained) layout.groups.push_back(positions);
  if (settings.unconstrained && settings.save_warmup) layout.groups.push_back(of_warmup(positions, stored(settings.warmup, settings.thin)));
  layout.attributes = {{"inference_library", "variscope"},
                       {"sampler", settings.sampler},
                       {"tuning_steps", fmt::format("{}", settings.warmup)},
                       {"seed", fmt::format("{}", settings.seed)}};
  return layout;
}

TraceBuffer::TraceBuffer(const store::TraceLayout& layout, const SampleSettings& settings, const models::Model& model, Range chains)
    : layout_(layout), settings_(settings), model_(model), chains_(chains), rows_(static_cast<std::size_t>(chains.size())) {
  Index row = 0;
  for (const models::Variable& v : model.variables()) {
    for (Index i = 0; i < v.size(); ++i, ++row) {
      if (is_saved(settings, v.name)) saved_.push_back(row);
    }
  }
}

void TraceBuffer::observe(Index place, const samplers::Chain& chain, std::span<const double> record) {
  ChainRows& rows = rows_[static_cast<std::size_t>(place)];
  const bool warmup = chain.iteration <= settings_.warmup;
  auto& statistics = warmup ? rows.warmup_statistics : rows.statistics;
  statistics.insert(statistics.end(), record.begin(), record.end());
  const Index of_phase = warmup ? chain.iteration : chain.iteration - settings_.warmup;
  if (of_phase % settings_.thin != 0 || (warmup && !settings_.save_warmup)) return;
  auto& positions = warmup ? rows.warmup_positions : rows.positions;
  positions.insert(positions.end(), chain.position.begin(), chain.position.end());
}

double TraceBuffer::bytes() const {
  std::size_t numbers = 0;
  for (const ChainRows& rows : rows_)
    numbers += rows.positions.size() + rows.statistics.size() + rows.warmup_positions.size() + rows.warmup_statistics.size();
  return 8 * static_cast<double>(numbers);
}

std::vector<double> TraceBuffer::joined(const std::vector<double> ChainRows::*rows) const {
  std::vector<double> all;
  for (const ChainRows& chain : rows_) all.insert(all.end(), (chain.*rows).begin(), (chain.*rows).end());
  return all;
}

std::vector<double> TraceBuffer::constrained(const std::vector<double> ChainRows::*positions) const {
  const Index dim = model_.dim();
  const Index all = model_.constrained_dim();
  const auto width = static_cast<Index>(saved_.size());
  Index total = 0;
  for (const ChainRows& rows : rows_) total += static_cast<Index>((rows.*positions).size()) / dim;
  std::vector<double> values(static_cast<std::size_t>(total * width));
  // Small enough for the second cache: positions go into lanes and variables come out of them.
  constexpr Index kAtOnce = 64;
  tiles::Batch theta(dim, kAtOnce);
  tiles::Batch variables(all, kAtOnce);
  double* to = values.data();
  for (const ChainRows& rows : rows_) {
    const std::vector<double>& from = rows.*positions;
    const Index count = static_cast<Index>(from.size()) / dim;
    for (Index first = 0; first < count; first += kAtOnce) {
      const Index here = std::min(kAtOnce, count - first);
      theta.resize(dim, here);
      variables.resize(all, here);
      for (Index s = 0; s < here; ++s) {
        const double* position = from.data() + (first + s) * dim;
        double* lane = theta.data() + s / tiles::kLanes * dim * tiles::kLanes + s % tiles::kLanes;
        for (Index d = 0; d < dim; ++d) lane[d * tiles::kLanes] = position[d];
      }
      model_.constrain(theta.view(), variables.view());
      for (Index s = 0; s < here; ++s) {
        const double* lane = variables.data() + s / tiles::kLanes * all * tiles::kLanes + s % tiles::kLanes;
        for (const Index row : saved_) *to++ = lane[row * tiles::kLanes];
      }
    }
  }
  return values;
}

void TraceBuffer::add_block(std::vector<store::TraceBlock>& blocks, const std::string& group, Range draws,
                            std::vector<double> values) const {
  if (draws.size() == 0) return;
  const auto found =
      std::find_if(layout_.groups.begin(), layout_.groups.end(), [&](const store::TraceGroup& g) { return g.name == group; });
  if (found == layout_.groups.end()) return;
  const Range chains{chains_.first - layout_.first_chain, chains_.last - layout_.first_chain};
  blocks.push_back({layout_.id, found - layout_.groups.begin(), chains, draws, std::move(values)});
}

std::vector<store::TraceBlock> TraceBuffer::take(Index iteration) {
  std::vector<store::TraceBlock> blocks;
  const Range done{taken_, iteration};
  const Range warmup = in_warmup(done, settings_.warmup);
  const Range sampling = behind_warmup(done, settings_.warmup);
  const auto thinned = [&](Range r) { return Range{stored(r.first, settings_.thin), stored(r.last, settings_.thin)}; };
  add_block(blocks, "warmup_sample_stats", warmup, joined(&ChainRows::warmup_statistics));
  add_block(blocks, "sample_stats", sampling, joined(&ChainRows::statistics));
  if (settings_.save_warmup) add_block(blocks, "warmup_posterior", thinned(warmup), constrained(&ChainRows::warmup_positions));
  add_block(blocks, "posterior", thinned(sampling), constrained(&ChainRows::positions));
  if (settings_.unconstrained && settings_.save_warmup)
    add_block(blocks, "warmup_unconstrained_posterior", thinned(warmup), joined(&ChainRows::warmup_positions));
  if (settings_.unconstrained) add_block(blocks, "unconstrained_posterior", thinned(sampling), joined(&ChainRows::positions));
  taken_ = iteration;
  for (ChainRows& rows : rows_) {
    for (auto part : {&ChainRows::positions, &ChainRows::statistics, &ChainRows::warmup_positions, &ChainRows::warmup_statistics})
      (rows.*part).clear();
  }
  return blocks;
}

}  // namespace variscope::experiments
