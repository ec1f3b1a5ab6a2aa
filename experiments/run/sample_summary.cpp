/// Diagnostics of stored draws, work and warnings from stored statistics.
#include "experiments/run/sample_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/chain_record.hpp"
#include "engine/diagnostics/energy.hpp"

namespace variscope::experiments {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestRhat = 1.01;         // Vehtari et al. 2021
constexpr double kLeastEnergyFraction = 0.3;  // Stan
constexpr double kLeastSizePerChain = 100;    // Vehtari et al. 2021: bulk and tail ESS

/// "theta[1,0]" of element 4 of theta (2 x 4) is theta[1,0].
std::string element_name(const store::TraceVariable& variable, Index element) {
  if (variable.shape.empty()) return variable.name;
  std::string index;
  for (std::size_t axis = variable.shape.size(); axis-- > 0;) {
    const Index extent = variable.shape[axis];
    index = fmt::format("{}{}{}", element % extent, index.empty() ? "" : ",", index);
    element /= extent;
  }
  return fmt::format("{}[{}]", variable.name, index);
}

const store::TraceGroup* group_of(const store::TraceLayout& layout, const std::string& name) {
  for (const store::TraceGroup& group : layout.groups) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum;
}

/// [chain x draw] of the chains that are kept.
std::vector<double> of_chains(const std::vector<double>& values, const std::vector<bool>& kept) {
  const std::size_t draws = values.size() / kept.size();
  std::vector<double> result;
  result.reserve(values.size());
  for (std::size_t c = 0; c < kept.size(); ++c) {
    if (!kept[c]) continue;
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(c * draws);
    result.insert(result.end(), first, first + static_cast<std::ptrdiff_t>(draws));
  }
  return result;
}

}  // namespace

const std::vector<double>& summary_probabilities() {
  static const std::vector<double> probabilities{0.05, 0.5, 0.95};
  return probabilities;
}

double SamplerSummary::size_of(std::size_t variable) const {
  const diagnostics::ChainSummary& s = variables[variable];
  return std::isnan(s.bulk_size) || s.bulk_size < s.tail_size ? s.bulk_size : s.tail_size;
}

std::size_t SamplerSummary::worst_size() const {
  std::size_t worst = 0;
  const auto key = [&](std::size_t v) { return std::isnan(size_of(v)) ? -1.0 : size_of(v); };
  for (std::size_t v = 1; v < variables.size(); ++v) {
    if (key(v) < key(worst)) worst = v;
  }
  return worst;
}

std::size_t SamplerSummary::worst_rhat() const {
  std::size_t worst = 0;
  const auto key = [&](std::size_t v) {
    const double rhat = variables[v].rhat.value();
    return std::isnan(rhat) ? std::numeric_limits<double>::infinity() : rhat;
  };
  for (std::size_t v = 1; v < variables.size(); ++v) {
    if (key(v) > key(worst)) worst = v;
  }
  return worst;
}

std::vector<std::string> SamplerSummary::warnings() const {
  std::vector<std::string> found;
  if (failed > 0)
    found.push_back(fmt::format("{} of {} chains failed: they met a state without a finite density and are left out", failed, chains));
  if (!weights.empty()) {
    const double shape = weights[place_of(weight_figures, "k_hat")];
    const double threshold = weights[place_of(weight_figures, "k_threshold")];
    if (!(shape <= threshold))
      found.push_back(
          fmt::format("k-hat is {:.2f} (> {:.2f}): the weights' tail is too heavy for any figure of these draws", shape, threshold));
    const double size = weights[place_of(weight_figures, "effective_size")];
    if (!(size >= kLeastSizePerChain))
      found.push_back(fmt::format("effective size of the weights is {:.1f} (< {:.0f})", size, kLeastSizePerChain));
    return found;
  }
  if (!variables.empty()) {
    const std::size_t r = worst_rhat();
    const double rhat = variables[r].rhat.value();
    if (std::isnan(rhat)) {
      found.push_back(fmt::format("R-hat of {} is undefined: its draws are all equal, not finite, or too few", names[r]));
    } else if (rhat > kLargestRhat) {
      found.push_back(fmt::format("R-hat of {} is {:.3f} (> {}): the chains have not mixed", names[r], rhat, kLargestRhat));
    }
    const std::size_t s = worst_size();
    const double least = kLeastSizePerChain * static_cast<double>(chains - failed);
    if (size_of(s) < least)
      found.push_back(
          fmt::format("effective size of {} is {:.0f} (< {:.0f}, {} a chain)", names[s], size_of(s), least, kLeastSizePerChain));
  }
  if (divergences > 0) found.push_back(fmt::format("{:.0f} divergences behind the warm-up: the draws may be biased", divergences));
  if (depth_hits > 0) found.push_back(fmt::format("{:.0f} trees stopped at the largest depth", depth_hits));
  if (energy_fraction < kLeastEnergyFraction)
    found.push_back(fmt::format("E-BFMI of a chain is {:.2f} (< {}): energies are explored slowly", energy_fraction, kLeastEnergyFraction));
  return found;
}

SamplerSummary summarise_trace(const store::TraceFile& file, const store::TraceLayout& layout, Index rows, int threads) {
  SamplerSummary summary;
  summary.cell = layout.id;
  if (const auto found = layout.attributes.find("sampler"); found != layout.attributes.end()) summary.sampler = found->second;
  summary.chains = layout.chains;
  summary.rows = rows;
  const store::TraceGroup& posterior = *group_of(layout, "posterior");
  const store::TraceGroup& statistics = *group_of(layout, "sample_stats");
  summary.draws = posterior.draws;
  summary.iterations = statistics.draws;

  const auto status = file.element("sample_stats", "status");
  std::vector<bool> kept;
  for (Index c = 0; c < layout.chains; ++c) kept.push_back(status[static_cast<std::size_t>((c + 1) * statistics.draws - 1)] == 0);
  summary.failed = std::count(kept.begin(), kept.end(), false);
  const Index running = layout.chains - summary.failed;

  const auto statistic = [&](const std::string& name) {
    return file.has("sample_stats", name) ? of_chains(file.element("sample_stats", name), kept) : std::vector<double>{};
  };
  const auto total = [&](const std::string& name) {
    const auto values = statistic(name);
    return values.empty() ? kNaN : sum_of(values);
  };
  const auto work_of = [&](const std::string& group) {
    SamplerWork work{sum_of(file.element(group, "n_grad")), sum_of(file.element(group, "n_value"))};
    // Minibatches, in gradients of all rows.
    if (rows > 0 && file.has(group, "n_grad_rows"))
      work.gradients += sum_of(file.element(group, "n_grad_rows")) / static_cast<double>(rows);
    return work;
  };
  summary.work = work_of("sample_stats");
  summary.warmup_work = work_of("warmup_sample_stats");
  summary.divergences = total("diverging");
  summary.depth_hits = total("reached_max_treedepth");
  summary.acceptance = total("acceptance_rate") / static_cast<double>(running * statistics.draws);
  summary.energy_fraction = kNaN;
  const auto energy = statistic("energy");
  for (Index c = 0; c < running && !energy.empty(); ++c) {
    const auto draws = static_cast<std::size_t>(statistics.draws);
    const double fraction = diagnostics::energy_fraction(std::span(energy).subspan(static_cast<std::size_t>(c) * draws, draws));
    if (!(summary.energy_fraction <= fraction)) summary.energy_fraction = fraction;
  }
  if (running == 0) return summary;

  std::vector<double> values;
  Index waiting = 0;
  const auto flush = [&] {
    auto more = diagnostics::summarize_chains(values, waiting, running, posterior.draws, summary_probabilities(), threads);
    summary.variables.insert(summary.variables.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    values.clear();
    waiting = 0;
  };
  for (const store::TraceVariable& variable : posterior.variables) {
    for (Index e = 0; e < variable.size(); ++e) {
      summary.names.push_back(element_name(variable, e));
      const auto draws = of_chains(file.element("posterior", variable.name, e), kept);
      values.insert(values.end(), draws.begin(), draws.end());
      if (++waiting == 2 * threads) flush();
    }
  }
  if (waiting > 0) flush();
  return summary;
}

}  // namespace variscope::experiments
