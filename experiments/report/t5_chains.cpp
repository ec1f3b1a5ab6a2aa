/// Distances from the reference, of all scalars together.
#include "experiments/report/t5_chains.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/entries.hpp"

namespace variscope::experiments {

namespace {

TableCell or_words(double value) { return std::isfinite(value) ? number(value) : words("n/a"); }

/// Mean squares and extremes over scalars.
struct Distance {
  double mean_rms = 0;
  double mean_max = 0;
  double mean_floor = 0;  ///< what mean_rms would be by Monte Carlo error alone
  double mean_z = 0;
  double sd_ratio = 0;
  double sd_worst = 0;
  double sd_z = 0;
};

Distance distance(const SamplerEntry& entry) {
  Distance d;
  const auto& variables = entry.summary.variables;
  double worst = 0;
  for (std::size_t v = 0; v < variables.size(); ++v) {
    const auto& [mean, sd] = std::pair(variables[v].mean, variables[v].sd);
    const double scaled = (mean.value - entry.reference_mean[v]) / entry.reference_sd[v];
    d.mean_rms += scaled * scaled;
    d.mean_max = std::max(d.mean_max, std::abs(scaled));
    const double noise = std::hypot(mean.error, entry.reference_mean_error[v]);
    d.mean_floor += std::pow(noise / entry.reference_sd[v], 2);
    d.mean_z += std::pow((mean.value - entry.reference_mean[v]) / noise, 2);
    const double ratio = std::log(sd.value / entry.reference_sd[v]);
    d.sd_ratio += ratio;
    if (!(std::abs(ratio) <= std::abs(worst))) worst = ratio;
    d.sd_z += std::pow((sd.value - entry.reference_sd[v]) / std::hypot(sd.error, entry.reference_sd_error[v]), 2);
  }
  const auto n = static_cast<double>(variables.size());
  for (double* square : {&d.mean_rms, &d.mean_floor, &d.mean_z, &d.sd_z}) *square = std::sqrt(*square / n);
  d.sd_ratio = std::exp(d.sd_ratio / n);
  d.sd_worst = std::exp(worst);
  return d;
}

TableRow row_of(const SamplerEntry& entry, std::vector<Column>& columns) {
  TableRow row{entry.summary.sampler, {}, entry.variant};
  RowBuilder build(columns, row, columns.empty());
  const SamplerSummary& s = entry.summary;
  const bool any = !s.variables.empty();
  const Distance d = any ? distance(entry) : Distance{NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  build.add("evaluations", "evaluations", "", 0, number(s.work.equivalents() + s.warmup_work.equivalents()));
  build.add("draws", "draws", "", 0, number(static_cast<double>((s.chains - s.failed) * s.draws)));
  build.add("rhat_worst", "R-hat", "", 0, or_words(any ? s.variables[s.worst_rhat()].rhat.value() : NAN));
  build.add("mean_error_rms", "mean error", "", 1, or_words(d.mean_rms));
  build.add("mean_error_max", "largest", "", 1, or_words(d.mean_max));
  build.add("mean_error_floor", "MCSE", "", 1, or_words(d.mean_floor));
  build.add("mean_error_z", "in s.e.", "", 1, or_words(d.mean_z));
  build.add("sd_ratio", "sd ratio", "", 1, or_words(d.sd_ratio));
  build.add("sd_ratio_worst", "worst", "", 1, or_words(d.sd_worst));
  build.add("sd_error_z", "in s.e.", "", 1, or_words(d.sd_z));
  return row;
}

}  // namespace

Table t5_chains(const std::vector<SamplerEntry>& entries, const std::string& study) {
  Table table;
  table.title = fmt::format("T5 posterior quality: {}", study);
  table.panels = {"draws and what they took", "moments against the reference"};
  table.place = "";
  table.essential = {"evaluations", "mean_error_rms", "mean_error_z", "sd_ratio", "sd_error_z"};
  for (const SamplerEntry& entry : entries) {
    if (entry.reference_mean.empty()) continue;
    auto section =
        std::find_if(table.sections.begin(), table.sections.end(), [&](const TableSection& s) { return s.cell_heading == entry.problem; });
    if (section == table.sections.end()) {
      const std::string from = entry.reference.empty() ? "from the spec" : entry.reference;
      table.sections.push_back({entry.summary.cell, entry.problem, "All chains", {}, {"reference moments: " + from}});
      section = table.sections.end() - 1;
    }
    section->rows.push_back(row_of(entry, table.columns));
  }
  table.caption =
      "evaluations: whole-data gradients of all chains, warm-up included, a value being half of one: the axis on which fits are compared "
      "too. mean error: root mean square over scalars of (mean - reference) / reference sd; largest: its largest absolute value; MCSE: "
      "what "
      "Monte Carlo errors of draws and reference alone would make it. sd ratio: geometric mean over scalars of sd / reference sd; worst: "
      "farthest from 1. in s.e.: root mean square of the error in Monte Carlo standard errors of draws and reference; about 1 means that "
      "no "
      "error can be seen. Where R-hat is above 1.01 the standard errors are too small.";
  return table;
}

}  // namespace variscope::experiments
