/// Effective sizes over work, of the scalar that is worst off.
#include "experiments/report/sampler_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/chain_record.hpp"
#include "experiments/report/entries.hpp"

namespace variscope::experiments {

namespace {

enum Panel { mixing_panel, cost_panel, reference_panel };

TableCell number_or_nothing(double value) { return std::isfinite(value) ? number(value) : words("n/a"); }

/// z-scores of means and of standard deviations: root mean square and largest in size, NaN without a reference.
struct Agreement {
  double rms = std::nan("");
  double largest = std::nan("");
};

Agreement agreement(const SamplerEntry& entry, diagnostics::ChainEstimate diagnostics::ChainSummary::*part,
                    const std::vector<double>& reference, const std::vector<double>& error) {
  const auto& variables = entry.summary.variables;
  if (reference.empty() || reference.size() != variables.size()) return {};
  double squares = 0;
  double largest = 0;
  for (std::size_t v = 0; v < variables.size(); ++v) {
    const diagnostics::ChainEstimate& found = variables[v].*part;
    const double z = (found.value - reference[v]) / std::hypot(found.error, error.empty() ? 0.0 : error[v]);
    squares += z * z;
    largest = std::max(largest, std::abs(z));
    if (std::isnan(z)) largest = z;
  }
  return {std::sqrt(squares / static_cast<double>(variables.size())), largest};
}

TableRow row_of(const SamplerEntry& entry, std::vector<Column>& columns) {
  const SamplerSummary& s = entry.summary;
  TableRow row{s.sampler, {}, entry.variant};
  RowBuilder build(columns, row, columns.empty());
  const bool any = !s.variables.empty();
  const std::size_t by_size = any ? s.worst_size() : 0;
  const std::size_t by_rhat = any ? s.worst_rhat() : 0;
  const double nothing = std::nan("");
  const double size = any ? s.size_of(by_size) : nothing;
  build.add("rhat_max", "R-hat", "", mixing_panel, number_or_nothing(any ? s.variables[by_rhat].rhat.value() : nothing));
  build.add("rhat_of", "of", "", mixing_panel, words(any ? s.names[by_rhat] : "n/a"));
  build.add("bulk_ess", "bulk ESS", "", mixing_panel, number_or_nothing(any ? s.variables[by_size].bulk_size : nothing));
  build.add("tail_ess", "tail ESS", "", mixing_panel, number_or_nothing(any ? s.variables[by_size].tail_size : nothing));
  build.add("ess_of", "of", "", mixing_panel, words(any ? s.names[by_size] : "n/a"));
  build.add("divergences", "divergences", "", mixing_panel, number_or_nothing(s.divergences));
  build.add("acceptance", "acceptance", "", mixing_panel, number_or_nothing(s.acceptance));
  build.add("e_bfmi", "E-BFMI", "", mixing_panel, number_or_nothing(s.energy_fraction));
  build.add("tree_depth_hits", "depth hits", "", mixing_panel, number_or_nothing(s.depth_hits));
  const auto weight = [&](const char* figure) {
    return s.weights.empty() ? absent() : number_or_nothing(s.weights[place_of(weight_figures, figure)]);
  };
  build.add("weight_ess", "weights' ESS", "", mixing_panel, weight("effective_size"));
  build.add("k_hat", "k-hat", "", mixing_panel, weight("k_hat"));
  build.add("log_evidence", "log evidence", "", mixing_panel, finely(weight("log_evidence")));
  build.add("log_evidence_error", "s.e.", "", mixing_panel, weight("log_evidence_error"));
  build.add("draws", "draws a chain", "", mixing_panel, number(static_cast<double>(s.iterations)));
  build.add("stop", "stopped", "", mixing_panel, !entry.stops ? absent() : words(s.stopped ? "by its rule" : "at the most"));
  build.add("failed", "failed chains", "", mixing_panel, number(static_cast<double>(s.failed)));

  const double work = s.work.equivalents();
  const double all_work = work + s.warmup_work.equivalents();
  const auto rows = static_cast<double>(s.rows);
  const auto per = [&](double cost) { return cost > 0 ? number_or_nothing(size / cost) : absent(); };
  build.add("gradients", "gradients", "", cost_panel, number(work));
  build.add("ess_per_gradient", "ESS/gradient", "", cost_panel, per(work));
  build.add("ess_per_gradient_all", "with warm-up", "", cost_panel, per(all_work));
  build.add("ess_per_row", "ESS/row touched", "", cost_panel, per(work * rows));
  build.add("ess_per_row_all", "with warm-up", "", cost_panel, per(all_work * rows));
  build.add("ess_per_byte_all", "ESS/byte sent", "1/B", cost_panel, per(entry.bytes_sent));
  build.add("ess_per_second", "ESS/core-second", "1/s", cost_panel, per(entry.core_seconds));
  build.add("ess_per_second_all", "with warm-up", "1/s", cost_panel,
            entry.core_seconds > 0 ? per(entry.core_seconds + entry.warmup_core_seconds) : absent());

  const Agreement means = agreement(entry, &diagnostics::ChainSummary::mean, entry.reference_mean, entry.reference_mean_error);
  const Agreement sds = agreement(entry, &diagnostics::ChainSummary::sd, entry.reference_sd, entry.reference_sd_error);
  const auto shown = [&](double value) { return entry.reference_mean.empty() ? absent() : number_or_nothing(value); };
  build.add("mean_z", "mean error in s.e.", "", reference_panel, shown(means.rms));
  build.add("mean_z_max", "largest", "", reference_panel, shown(means.largest));
  build.add("sd_z", "sd error in s.e.", "", reference_panel, shown(sds.rms));
  build.add("sd_z_max", "largest", "", reference_panel, shown(sds.largest));
  return row;
}

TableSection& section_of(Table& table, const SamplerEntry& entry, const std::string& point) {
  const auto found = std::find_if(table.sections.begin(), table.sections.end(), [&](const TableSection& section) {
    return section.cell_heading == entry.problem && section.point == point;
  });
  if (found != table.sections.end()) return *found;
  table.sections.push_back({entry.summary.cell, entry.problem, point, {}, {}});
  return table.sections.back();
}

}  // namespace

Table sampler_table(const std::vector<SamplerEntry>& entries, const std::string& study) {
  Table table;
  table.title = fmt::format("S1 samplers: {}", study);
  table.panels = {"mixing, of the scalars that are worst off", "effective draws and their cost", "moments against the reference"};
  table.place = "";
  table.essential = {"rhat_max", "bulk_ess", "tail_ess", "divergences", "ess_per_gradient", "ess_per_second"};
  for (const SamplerEntry& entry : entries) {
    TableSection& section = section_of(table, entry, "All chains");
    section.rows.push_back(row_of(entry, table.columns));
    for (const std::string& warning : entry.summary.warnings())
      section.notes.push_back(fmt::format("WARNING: {}: {}", section.rows.back().label(), warning));
    if (entry.stops && !entry.summary.stopped) {
      section.notes.push_back(fmt::format("WARNING: {}: the stopping rule did not hold twice in a row within {} draws",
                                          section.rows.back().label(), entry.most_draws));
    }
  }
  table.caption =
      "R-hat: the largest rank-normalised split R-hat, bulk or folded; above 1.01 the chains have not mixed. bulk and tail ESS: effective "
      "sizes of the scalar for which the lesser of the two is least (Vehtari et al. 2021). gradients: whole-data gradients of all chains "
      "behind the warm-up, a value being half of one. ESS per byte: of what ranks sent each other point to point, warm-up included. ESS "
      "per gradient, per data row touched and per core-second are of that lesser "
      "effective size; with warm-up: the warm-up's cost included. Draws that carry weights: moments by self-normalised importance "
      "sampling, "
      "effective size 1 / sum of squared weights, k-hat of the largest (above 0.7 nothing of them is to be trusted), log of the integral "
      "of "
      "the model's density. stopped: where a rule ends chains, estimates are biased by the choice of "
      "the moment ('variscope validate' measures it). E-BFMI: of the worst chain, below 0.3 energies are explored slowly. mean "
      "and sd error in s.e.: root mean square over scalars of the distance from the reference in Monte Carlo standard errors of both; "
      "about 1 means that no error can be seen.";
  return table;
}

Table sampler_moments(const std::vector<SamplerEntry>& entries, const std::string& study) {
  Table table;
  table.title = fmt::format("S1 variables: {}", study);
  table.panels = {"moments of the draws", "diagnostics"};
  table.place = "";
  table.essential = {"mean", "sd", "rhat"};
  for (const SamplerEntry& entry : entries) {
    const bool known = entry.reference_mean.size() == entry.summary.variables.size() && !entry.reference_mean.empty();
    for (std::size_t v = 0; v < entry.summary.variables.size(); ++v) {
      const diagnostics::ChainSummary& s = entry.summary.variables[v];
      TableSection& section = section_of(table, entry, entry.summary.names[v]);
      TableRow row{entry.summary.sampler, {}, entry.variant};
      RowBuilder build(table.columns, row, table.columns.empty());
      build.add("mean", "mean", "", 0, number_or_nothing(s.mean.value));
      build.add("mean_error", "MCSE", "", 0, number_or_nothing(s.mean.error));
      build.add("reference_mean", "reference", "", 0, known ? number(entry.reference_mean[v]) : absent());
      build.add("sd", "sd", "", 0, number_or_nothing(s.sd.value));
      build.add("sd_error", "MCSE", "", 0, number_or_nothing(s.sd.error));
      build.add("reference_sd", "reference", "", 0, known ? number(entry.reference_sd[v]) : absent());
      for (std::size_t q = 0; q < s.quantiles.size() && q < summary_probabilities().size(); ++q) {
        const double percent = 100 * summary_probabilities()[q];
        build.add(fmt::format("q{:g}", percent), fmt::format("{:g} %", percent), "", 0, number_or_nothing(s.quantiles[q].value));
        build.add(fmt::format("q{:g}_error", percent), "MCSE", "", 0, number_or_nothing(s.quantiles[q].error));
      }
      build.add("rhat", "R-hat", "", 1, number_or_nothing(s.rhat.value()));
      const bool nested = v < entry.summary.nested_rhat.size() && std::isfinite(entry.summary.nested_rhat[v]);
      build.add("nested_rhat", "nested R-hat", "", 1, nested ? number(entry.summary.nested_rhat[v]) : absent());
      build.add("bulk_ess", "bulk ESS", "", 1, number_or_nothing(s.bulk_size));
      build.add("tail_ess", "tail ESS", "", 1, number_or_nothing(s.tail_size));
      section.rows.push_back(std::move(row));
    }
  }
  table.caption =
      "Mean, standard deviation and quantiles of each stored scalar with their Monte Carlo standard errors (MCSE); R-hat and effective "
      "sizes "
      "of Vehtari et al. 2021.";
  return table;
}

}  // namespace variscope::experiments
