/// Figures into rows, and rows into figures.
#include "experiments/run/sample_record.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>

#include "engine/diagnostics/energy.hpp"
#include "engine/diagnostics/rhat.hpp"
#include "experiments/run/sample_weights.hpp"

namespace variscope::experiments {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// By place, so that a name that does not exist does not compile.
template <std::size_t place>
double& at(std::span<double> row) {
  return row[place];
}
template <std::size_t place>
double at(std::span<const double> row) {
  return row[place];
}

consteval std::size_t scalar_place(std::string_view name) {
  const std::size_t place = place_of(scalar_figures, name);
  if (place == scalar_figures.size()) throw std::logic_error("no such figure");
  return place;
}
consteval std::size_t chain_place(std::string_view name) {
  const std::size_t place = place_of(chain_figures, name);
  if (place == chain_figures.size()) throw std::logic_error("no such figure");
  return place;
}

void put(const diagnostics::ChainEstimate& from, std::span<double> row, std::size_t place) {
  row[place] = from.value;
  row[place + 1] = from.error;
  row[place + 2] = from.effective_size;
}
diagnostics::ChainEstimate get(std::span<const double> row, std::size_t place) { return {row[place], row[place + 1], row[place + 2]}; }

/// Chain by chain, the sum over iterations of a statistic; NaN where the sampler has none.
void add_sums(const store::TraceFile& file, const std::string& group, const std::string& name, std::size_t place, bool mean,
              std::vector<double>& chains) {
  const std::size_t width = chain_figures.size();
  const std::size_t count = chains.size() / width;
  const bool known = file.has(group, name);
  const std::vector<double> values = known ? file.element(group, name) : std::vector<double>{};
  const std::size_t draws = values.size() / count;
  for (std::size_t c = 0; c < count; ++c) {
    double sum = known ? 0 : kNaN;
    for (std::size_t i = 0; i < draws; ++i) sum += values[c * draws + i];
    chains[c * width + place] = mean && known ? sum / static_cast<double>(draws) : sum;
  }
}

/// Gradients of single rows, which minibatches take.
void add_rows(const store::TraceFile& file, const std::string& group, std::size_t place, Index rows, std::vector<double>& chains) {
  if (rows == 0 || !file.has(group, "n_grad_rows")) return;
  const std::size_t width = chain_figures.size();
  std::vector<double> sums(chains.size());
  add_sums(file, group, "n_grad_rows", place, false, sums);
  for (std::size_t at = place; at < chains.size(); at += width) chains[at] += sums[at] / static_cast<double>(rows);
}

void add_energy_fractions(const store::TraceFile& file, std::vector<double>& chains) {
  constexpr std::size_t place = chain_place("energy_fraction");
  const std::size_t width = chain_figures.size();
  const std::size_t count = chains.size() / width;
  const std::vector<double> energy = file.has("sample_stats", "energy") ? file.element("sample_stats", "energy") : std::vector<double>{};
  const std::size_t draws = energy.size() / count;
  for (std::size_t c = 0; c < count; ++c)
    chains[c * width + place] = draws == 0 ? kNaN : diagnostics::energy_fraction(std::span(energy).subspan(c * draws, draws));
}

/// Of every scalar, in the order of names; only while all chains run.
void add_nested(const store::TraceFile& file, const store::TraceLayout& layout, Index superchains, std::vector<double>& scalars) {
  constexpr std::size_t place = scalar_place("nested_rhat");
  std::size_t row = 0;
  const auto posterior = std::find_if(layout.groups.begin(), layout.groups.end(), [](const auto& g) { return g.name == "posterior"; });
  for (const store::TraceVariable& variable : posterior->variables) {
    for (Index e = 0; e < variable.size(); ++e, ++row) {
      const auto draws = file.element("posterior", variable.name, e);
      scalars[row * scalar_figures.size() + place] = diagnostics::nested_rhat({draws, layout.chains, posterior->draws}, superchains);
    }
  }
}

}  // namespace

ChainsRecord record_of_trace(const store::TraceFile& file, const store::TraceLayout& layout, const SampleSettings& settings, Index rows,
                             int threads) {
  const SamplerSummary summary = summarise_trace(file, layout, rows, threads);
  ChainsRecord record;
  record.sampler = summary.sampler;
  record.trace = layout.id;
  record.trace_hash = file.hash();
  record.draws = summary.iterations;
  record.stored = summary.draws;
  const auto& posterior = *std::find_if(layout.groups.begin(), layout.groups.end(), [](const auto& g) { return g.name == "posterior"; });
  // Where all chains failed there are no figures.
  record.scalars.assign(static_cast<std::size_t>(posterior.width()) * scalar_figures.size(), kNaN);
  for (std::size_t v = 0; v < summary.variables.size(); ++v) {
    const diagnostics::ChainSummary& s = summary.variables[v];
    const std::span<double> row = std::span(record.scalars).subspan(v * scalar_figures.size(), scalar_figures.size());
    put(s.mean, row, scalar_place("mean"));
    put(s.sd, row, scalar_place("sd"));
    put(s.quantiles[0], row, scalar_place("q5"));
    put(s.quantiles[1], row, scalar_place("q50"));
    put(s.quantiles[2], row, scalar_place("q95"));
    at<scalar_place("rhat_bulk")>(row) = s.rhat.bulk;
    at<scalar_place("rhat_folded")>(row) = s.rhat.folded;
    at<scalar_place("bulk_size")>(row) = s.bulk_size;
    at<scalar_place("tail_size")>(row) = s.tail_size;
  }
  if (is_weighted(file)) weigh(file, layout, settings.thin, record);
  const Index shared = settings.start.chains_per_start;
  if (record.weights.empty() && shared > 1 && summary.failed == 0 && settings.only.size() == 0 && layout.chains / shared >= 2)
    add_nested(file, layout, layout.chains / shared, record.scalars);

  record.chains.assign(static_cast<std::size_t>(layout.chains) * chain_figures.size(), kNaN);
  const auto sums = [&](const char* group, const char* name, std::size_t place) {
    add_sums(file, group, name, place, false, record.chains);
  };
  sums("sample_stats", "n_grad", chain_place("gradients"));
  sums("sample_stats", "n_value", chain_place("values"));
  sums("sample_stats", "diverging", chain_place("divergences"));
  sums("sample_stats", "reached_max_treedepth", chain_place("depth_hits"));
  add_sums(file, "sample_stats", "acceptance_rate", chain_place("acceptance"), true, record.chains);
  sums("warmup_sample_stats", "n_grad", chain_place("warmup_gradients"));
  sums("warmup_sample_stats", "n_value", chain_place("warmup_values"));
  sums("warmup_sample_stats", "diverging", chain_place("warmup_divergences"));
  add_rows(file, "sample_stats", chain_place("gradients"), rows, record.chains);
  add_rows(file, "warmup_sample_stats", chain_place("warmup_gradients"), rows, record.chains);
  add_energy_fractions(file, record.chains);
  const auto status = file.element("sample_stats", "status");
  const std::size_t iterations = status.size() / static_cast<std::size_t>(layout.chains);
  for (std::size_t c = 0; c < static_cast<std::size_t>(layout.chains); ++c)
    record.chains[c * chain_figures.size() + chain_place("failed")] = status[(c + 1) * iterations - 1] == 0 ? 0 : 1;
  return record;
}

SamplerSummary summary_of_record(const ChainCellRecord& cell, const ChainsRecord& chains) {
  SamplerSummary summary;
  summary.cell = cell.id;
  summary.sampler = chains.sampler;
  summary.chains = cell.chains;
  summary.draws = chains.stored;
  summary.iterations = chains.draws;
  summary.stopped = chains.stopped != 0;
  summary.weights = chains.weights;
  summary.rows = cell.rows;
  summary.divergences = summary.depth_hits = summary.acceptance = 0;
  summary.energy_fraction = kNaN;
  for (std::size_t c = 0; c < static_cast<std::size_t>(cell.chains); ++c) {
    const auto row = std::span(chains.chains).subspan(c * chain_figures.size(), chain_figures.size());
    summary.work.gradients += at<chain_place("gradients")>(row);
    summary.work.values += at<chain_place("values")>(row);
    summary.warmup_work.gradients += at<chain_place("warmup_gradients")>(row);
    summary.warmup_work.values += at<chain_place("warmup_values")>(row);
    if (at<chain_place("failed")>(row) != 0) {
      ++summary.failed;
      continue;
    }
    summary.divergences += at<chain_place("divergences")>(row);
    summary.depth_hits += at<chain_place("depth_hits")>(row);
    summary.acceptance += at<chain_place("acceptance")>(row);
    const double energy = at<chain_place("energy_fraction")>(row);
    if (!(summary.energy_fraction <= energy)) summary.energy_fraction = energy;
  }
  const Index running = summary.chains - summary.failed;
  summary.acceptance /= static_cast<double>(running);
  if (running == 0) {
    summary.divergences = summary.depth_hits = summary.acceptance = kNaN;
    return summary;
  }
  summary.names = cell.scalar_names;
  for (std::size_t v = 0; v < cell.scalar_names.size(); ++v) {
    const auto row = std::span(chains.scalars).subspan(v * scalar_figures.size(), scalar_figures.size());
    diagnostics::ChainSummary s;
    s.mean = get(row, scalar_place("mean"));
    s.sd = get(row, scalar_place("sd"));
    s.quantiles = {get(row, scalar_place("q5")), get(row, scalar_place("q50")), get(row, scalar_place("q95"))};
    s.rhat = {at<scalar_place("rhat_bulk")>(row), at<scalar_place("rhat_folded")>(row)};
    s.bulk_size = at<scalar_place("bulk_size")>(row);
    s.tail_size = at<scalar_place("tail_size")>(row);
    summary.variables.push_back(std::move(s));
    summary.nested_rhat.push_back(at<scalar_place("nested_rhat")>(row));
  }
  return summary;
}

}  // namespace variscope::experiments
