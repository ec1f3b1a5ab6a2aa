/// What `variscope plan` prints: data, paths, cells, ranks, cost.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "engine/data/standardize.hpp"
#include "engine/error.hpp"
#include "experiments/plan/chains.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/plan/expand.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/run/calibration.hpp"
#include "experiments/run/check_rows.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

namespace {

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g} {}", bytes, units[unit]);
}

std::string swept_text(const std::vector<std::pair<std::string, std::string>>& swept) {
  if (swept.empty()) return "no sweep";
  std::string text;
  for (const auto& [key, value] : swept) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, value);
  return text;
}

std::string rows_text(Index batch_rows) { return batch_rows == 0 ? "all" : std::to_string(batch_rows); }

/// A line for each estimator of each cell.
void describe_fits(const Plan& plan, std::string& text) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{:<9} {:<16} {:<18} {:>10} {:>7} {:>7} {:>7} {:>8} {:>8} {:>15}  {}\n", "cell", "estimator", "optimizer",
                 "parameters", "samples", "rows", "repeats", "steps", "recorded", "gradient rows", "settings that vary");
  for (const CellPlan& cell : plan.cells) {
    const Settings& s = cell.settings;
    for (std::size_t e = 0; e < cell.estimators.size(); ++e) {
      fmt::format_to(out, "{:<9} {:<16} {:<18} {:>10} {:>7} {:>7} {:>7} {:>8} {:>8} {:>15}  {}\n", cell.id, cell.estimators[e],
                     fit_method(s.fit.method).optimizer    ? s.fit.optimizer
                     : fit_method(s.fit.method).quadrature ? "simplex"
                     : fit_method(s.fit.method).particles  ? "none"
                                                           : "lbfgs",
                     cell.fit.parameters, step_columns(s), rows_text(s.estimators.batch_rows), s.fit.repeats, cell.fit.steps[e],
                     cell.fit.recorded(e), s.fit.repeats * cell.fit.steps[e] * cell.fit.step_counts[e].gradient_rows,
                     swept_text(cell.swept));
    }
    if (fit_method(s.fit.method).has_density()) {
      fmt::format_to(out, "          objective along a fit: {}; {} posterior draws of each\n",
                     cell.fit.exact ? "exact" : fmt::format("{} samples", s.fit.evaluation_samples), s.fit.posterior_draws);
    }
    if (cell.fit.may_end_early) fmt::format_to(out, "          may end before its steps do: its figures are the most it can take\n");
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)];
    for (const PredictedPart& part : predicted_parts(s, data)) {
      fmt::format_to(out, "          predicts {} {} rows from {} draws of each, the bands of {} kept\n", part.rows, part.name,
                     drawn_by_fits(s), part.kept);
    }
    for (const Exclusion& e : cell.exclusions) fmt::format_to(out, "          without {}: {}\n", e.estimator, e.reason);
  }
}

/// What chains are expected to take, by their iterations on a standard normal target. `all` false: some are not known.
struct ChainTotals {
  double gradients = 0;
  double values = 0;
  double gradient_rows = 0;
  double value_rows = 0;
  bool counted = true;
  bool all = true;
};

/// A line for each sampler of each cell.
ChainTotals describe_chains(const Plan& plan, std::string& text) {
  auto out = std::back_inserter(text);
  ChainTotals totals;
  fmt::format_to(out, "{:<9} {:<24} {:>7} {:>8} {:>8} {:>6} {:>8} {:>12} {:>12} {:>10}  {}\n", "cell", "sampler", "chains", "warm-up",
                 "draws", "stored", "scalars", "gradients", "values", "trace", "settings that vary");
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    const DataPlan* data = path.data < 0 ? nullptr : &plan.data[static_cast<std::size_t>(path.data)];
    const auto model = shape_model(cell.settings, data);
    for (const ChainsPlan& chains : cell.chains) {
      const SampleSettings& s = chains.settings;
      const IterationWork work = iteration_work(chains, *model);
      const double iterations = static_cast<double>(s.count()) * static_cast<double>(s.iterations());
      const char* about = chains.counted ? "" : "~";
      const auto count = [&](double each) {
        return work.known ? fmt::format("{}{:.4g}", about, each * iterations) : std::string("unknown");
      };
      fmt::format_to(out, "{:<9} {:<24} {:>7} {:>8} {:>8} {:>6} {:>8} {:>12} {:>12} {:>10}  {}\n", cell.id, chains.sampler, s.count(),
                     s.warmup, s.draws, chains.layout.groups.front().draws, chains.layout.groups.front().width(), count(work.gradients),
                     count(work.values), bytes_text(static_cast<double>(chains.layout.bytes()) + chains.data_bytes),
                     swept_text(cell.swept));
      totals.all = totals.all && work.known;
      totals.counted = totals.counted && chains.counted;
      const double rows = data == nullptr ? 0 : static_cast<double>(data->rows);
      totals.gradients += work.gradients * iterations;
      totals.values += work.values * iterations;
      totals.gradient_rows += work.gradients * iterations * rows;
      totals.value_rows += work.values * iterations * rows;
    }
    for (const PredictedPart& part : predicted_parts(cell.settings, data)) {
      fmt::format_to(out, "          predicts {} {} rows from {} draws of each, the bands of {} kept\n", part.rows, part.name,
                     predictive_draws(cell.settings), part.kept);
    }
    for (const Exclusion& e : cell.exclusions) fmt::format_to(out, "          without {}: {}\n", e.estimator, e.reason);
  }
  return totals;
}

void describe_chain_totals(const Plan& plan, const ChainTotals& totals, std::string& text) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "\ntotals over all ranks (rows: evaluations x data rows)\n");
  if (!totals.counted)
    fmt::format_to(out,
                   "  ~: what these samplers take depends on the target; here as on independent standard normals, warmed up briefly\n");
  const auto line = [&](const char* name, double value) {
    fmt::format_to(out, "  {:<21} {:>18}\n", name, fmt::format("{}{:.4g}", totals.counted ? "" : "~", value));
  };
  if (!totals.all) fmt::format_to(out, "  without those that are unknown\n");
  line("gradient evaluations", totals.gradients);
  line("value evaluations", totals.values);
  line("gradient rows", totals.gradient_rows);
  line("value rows", totals.value_rows);
  const Prediction& p = plan.prediction;
  const auto parts = static_cast<double>(plan.layout.ranks());
  fmt::format_to(out, "per rank, the busiest\n");
  line("gradient rows", totals.gradient_rows / parts);
  fmt::format_to(out, "  memory                {:>18} (data {}, work space {}, program {})\n", bytes_text(p.memory_bytes()),
                 bytes_text(p.data_bytes), bytes_text(p.work_bytes), bytes_text(kProgramBytes));
  fmt::format_to(out, "files\n  {}/run.h5 and traces/   {}, and as much again in segments while running\n", plan.directory,
                 bytes_text(plan.file_bytes));
}

/// "3 cells, 5 samplers".
std::string size_text(const Plan& plan) {
  const auto counted = [](std::size_t count, const char* what) { return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s"); };
  std::size_t samplers = 0;
  for (const CellPlan& cell : plan.cells) samplers += cell.chains.size();
  const std::string others = plan.of_fits()     ? counted(plan.fits.size(), "fit")
                             : plan.of_chains() ? counted(samplers, "run") + " of chains"
                                                : counted(plan.paths.size(), "path");
  return counted(plan.cells.size(), "cell") + ", " + others;
}

}  // namespace

std::string describe(const Plan& plan) {
  std::string text = fmt::format("study {}   ({})\n", plan.name, size_text(plan));
  auto out = std::back_inserter(text);
  const cluster::Layout& l = plan.layout;
  if (plan.of_chains())
    fmt::format_to(out, "ranks {} x {} threads: {} along chains, {} along data shards\n\n", l.ranks(), plan.threads, l.replicates,
                   l.shards);
  else
    fmt::format_to(out, "ranks {} x {} threads: {} along {}, {}{} along sample blocks, {} along data shards\n\n", l.ranks(), plan.threads,
                   l.replicates, plan.of_fits() ? "fits" : "replicates",
                   l.replicas > 1 ? fmt::format("{} along replicas, ", l.replicas) : "", l.samples, l.shards);

  for (const DataPlan& data : plan.data) {
    const Range share = data.share(l.shards, 0);
    fmt::format_to(out, "data   {}: {} rows x {} columns, {} row tiles of {}; {} rows per shard at most\n", data.dataset.path, data.rows,
                   data.width, data::row_tiles(data.rows, data.row_tile), data.row_tile, share.size());
    const Dataset& from = data.dataset;
    if (from.dropped_rows + from.test_rows > 0) {
      fmt::format_to(out, "       of {} rows in the file {} are dropped for a missing value, {} are held out\n", from.file.rows,
                     from.dropped_rows, from.test_rows);
    }
  }
  if (plan.of_chains()) {
    const ChainTotals totals = describe_chains(plan, text);
    for (const ExcludedCell& cell : plan.spec.excluded) fmt::format_to(out, "excluded  {}: {}\n", swept_text(cell.swept), cell.reason);
    describe_chain_totals(plan, totals, text);
    return text;
  }
  for (const PathPlan& path : plan.paths) {
    if (plan.of_fits()) break;
    fmt::format_to(out, "{}   {} on {} parameters: {} steps of Adam, M = {}, rows {}; points: {}; {} column-row evaluations\n", path.id,
                   path.settings.model.name, path.parameters,
                   path.stops.empty() ? 0 : *std::max_element(path.stops.begin(), path.stops.end()), path.settings.path.samples,
                   rows_text(path.settings.path.batch_rows), fmt::join(path.labels, ", "), path.counts.gradient_rows);
  }
  if (plan.of_fits()) describe_fits(plan, text);
  if (!plan.of_fits())
    fmt::format_to(out, "\n{:<9} {:<9} {:>7} {:>7} {:>10} {:>8} {:>7} {:>15} {:>15}  {}\n", "cell", "path", "samples", "rows", "replicates",
                   "batches", "points", "value rows", "gradient rows", "settings that vary");
  for (const CellPlan& cell : plan.cells) {
    if (plan.of_fits()) break;
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    fmt::format_to(out, "{:<9} {:<9} {:>7} {:>7} {:>10} {:>8} {:>7} {:>15} {:>15}  {}\n", cell.id, path.id,
                   cell.settings.estimators.samples, rows_text(cell.settings.estimators.batch_rows), cell.settings.replicates.count,
                   cell.settings.replicates.batches, path.labels.size(), cell.counts.value_rows, cell.counts.gradient_rows,
                   swept_text(cell.swept));
    for (const Exclusion& e : cell.exclusions) fmt::format_to(out, "          without {}: {}\n", e.estimator, e.reason);
  }
  for (const ExcludedCell& cell : plan.spec.excluded) fmt::format_to(out, "excluded  {}: {}\n", swept_text(cell.swept), cell.reason);

  const double parts = static_cast<double>(l.ranks());
  fmt::format_to(out, "\ntotals over all ranks (gradient and value evaluations are columns; rows are columns x data rows)\n");
  fmt::format_to(
      out,
      "  value evaluations     {:>18}\n  gradient evaluations  {:>18}\n  value rows            {:>18}\n  gradient rows         {:>18}\n",
      plan.counts.value_evaluations, plan.counts.gradient_evaluations, plan.counts.value_rows, plan.counts.gradient_rows);
  fmt::format_to(out,
                 "per rank, the busiest\n  gradient rows         {:>18.4g}\n  memory                {:>18} (data {}, work space {}, record "
                 "{}, program {})\n",
                 static_cast<double>(plan.counts.gradient_rows) / parts, bytes_text(plan.prediction.memory_bytes()),
                 bytes_text(plan.prediction.data_bytes), bytes_text(plan.prediction.work_bytes), bytes_text(plan.prediction.record_bytes),
                 bytes_text(kProgramBytes));
  fmt::format_to(out, "file\n  {}/run.h5   {}\n", plan.directory, bytes_text(plan.file_bytes));
  return text;
}

int print_plan(const PlanOptions& options) {
  const Plan plan = make_plan(options.spec, options.ranks, options.threads, options.layout, options.output);
  constexpr double kCheckedBytes = 1024.0 * 1024 * 1024;
  const CheckedRows checked = check_rows(plan, kCheckedBytes);
  fmt::print("{}", describe(plan));
  if (checked.rows < checked.all) fmt::print("rows\n  checked               {:>18} of {}\n", checked.rows, checked.all);
  if (!options.time) return 0;
  std::fflush(stdout);
  const TimePrediction time = predict_seconds(plan);
  fmt::print(
      "time, by the study's own calls on its first rows, timed here just now; for cores like this one that do nothing else\n"
      "  seconds               {:>18.3g} (start {:.3g}, loading {:.3g}, paths {:.3g}, {} {:.3g}, writing {:.3g})\n",
      time.seconds(), kStartSeconds, time.loading, time.paths,
      plan.of_fits()     ? "fits"
      : plan.of_chains() ? "chains"
                         : "replicates",
      time.replicates, time.writing);
  return 0;
}

}  // namespace variscope::experiments
