/// Tables T1: the variance of every unbiased estimator at every point of every cell; T1i: the same of importance-weighted bounds.
#include "experiments/report/t1.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "engine/diagnostics/fisher.hpp"
#include "engine/estimators/estimator.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/sampling_notes.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::EstimatorSummary;
using diagnostics::Verdict;

constexpr int variance_panel = 0;
constexpr int comparison_panel = 1;
constexpr int signal_panel = 2;

/// What is the same for all rows of a table.
struct Layout {
  std::vector<std::string> blocks;
  bool bounds = false;  ///< importance-weighted: signal-to-noise first
};

TableRow row_of(const EstimatorSummary& e, const Layout& layout, std::vector<Column>& columns) {
  TableRow row{e.name, {}};
  RowBuilder build(columns, row, columns.empty());
  const bool passed = e.bias.verdict == Verdict::unbiased;
  const std::string refusal = e.bias.verdict == Verdict::biased ? "biased" : "n/a";
  const auto guarded = [&](const TableCell& cell) { return passed ? cell : words(refusal); };
  const auto of_block = [&](const std::string& name, Estimate diagnostics::BlockSummary::*quantity) {
    for (const auto& block : e.blocks) {
      if (block.name == name) {
        return guarded(estimate(block.*quantity));
      }
    }
    return absent();
  };
  const std::string verdict = passed ? "" : (e.bias.verdict == Verdict::biased ? " biased" : " undecided");
  if (layout.bounds) {
    build.add("signal_to_noise", "SNR", "", variance_panel, guarded(estimate(e.signal_to_noise)));
  }
  build.add("bias_z", "bias |z|", "", variance_panel, number(e.bias.max_abs_z, verdict));
  for (const std::string& block : layout.blocks) {
    build.add("trace_" + block, "tr Var " + title_of(block), "", variance_panel, of_block(block, &diagnostics::BlockSummary::trace));
  }
  build.add("maximum", "max Var", "", variance_panel, guarded(estimate(e.maximum)));
  build.add("fisher_trace", "Fisher trace", "", variance_panel, e.fisher.defined() ? guarded(estimate(e.fisher)) : absent());
  build.add("trace_total", "tr Var", "", csv_only, guarded(estimate(e.total)));
  for (const std::string& block : layout.blocks) {
    build.add("mean_" + block, "mean Var " + title_of(block), "", csv_only, of_block(block, &diagnostics::BlockSummary::mean));
    build.add("maximum_" + block, "max Var " + title_of(block), "", csv_only, of_block(block, &diagnostics::BlockSummary::maximum));
  }

  build.add("ratio", "ratio", "", comparison_panel, guarded(finely(ratio(e.ratio))));
  build.add("work_ratio", "ratio x evals", "", comparison_panel, guarded(ratio(e.work_ratio)));
  build.add("time_ratio", "ratio x s", "", comparison_panel, guarded(if_timed(ratio(e.time_ratio), e.ratio)));
  build.add("evaluations", "evals", "", comparison_panel, passes(e.work));
  build.add("seconds", "s/call", "", comparison_panel, seconds(e.seconds_per_call, e.well_timed));
  const bool signal = e.signal.separated || !e.total.defined();
  if (!layout.bounds) {
    build.add("signal_to_noise", "SNR", "", signal_panel, guarded(signal ? estimate(e.signal_to_noise) : withheld()));
  }
  build.add("noise_scale", "noise scale", "", signal_panel, guarded(signal ? estimate(e.noise_scale) : withheld()));
  build.add("detectable_bias", "min bias", "", signal_panel, number(e.bias.detectable));
  build.add("detectable_bias_relative", "over |G|", "", signal_panel, e.signal.separated ? number(e.bias.detectable_relative) : withheld());
  build.add("value_passes", "value passes", "", csv_only, number(e.work.value_passes));
  build.add("gradient_passes", "gradient passes", "", csv_only, number(e.work.gradient_passes));
  build.add("hessian_passes", "Hessian-vector passes", "", csv_only, number(e.work.hessian_passes));
  build.add("work", "value equivalents", "", csv_only, number(e.work.value_equivalents));
  build.add("training", "value equivalents of training", "", csv_only, number(e.training));
  build.add("break_even", "calls that pay the training", "", csv_only,
            guarded(std::isfinite(e.break_even_calls) ? number(e.break_even_calls) : words("n/a")));
  build.add("bias_threshold", "threshold of |z|", "", csv_only, number(e.bias.threshold));
  return row;
}

/// The baseline's name if it is the same in all cells, otherwise words for it.
std::string baseline_name(const std::vector<CellSummary>& cells, const std::string& wanted) {
  std::set<std::string> names;
  for (const CellSummary& cell : cells) {
    for (const auto& point : cell.points) {
      names.insert(point.baseline);
    }
  }
  names.erase("");
  return names.empty() ? wanted : (names.size() == 1 ? *names.begin() : "the baseline named at each point");
}

/// all: what Bonferroni counts.
std::string caption_of(const std::vector<CellSummary>& all, const std::vector<CellSummary>& cells, const std::string& baseline) {
  Index compared = 0;
  for (const CellSummary& cell : all) {
    for (const PointRecord& point : cell.cell->points) {
      compared += static_cast<Index>(point.reference.size() * point.estimators.size());
    }
  }
  double lowest = INFINITY;
  double highest = 0;
  for (const CellSummary& cell : cells) {
    for (const auto& point : cell.points) {
      for (const auto& e : point.estimators) {
        if (e.bias.threshold > 0) {
          lowest = std::min(lowest, e.bias.threshold);
          highest = std::max(highest, e.bias.threshold);
        }
      }
    }
  }
  const std::string limit = highest - lowest < 0.005 ? fmt::format("{:.2f}", highest) : fmt::format("{:.2f} to {:.2f}", lowest, highest);
  return fmt::format(
      "Variance of one call of each estimator, all on the same random numbers in each replicate, at points of one common "
      "path. Brackets: 95 % intervals, jackknife over batches of replicates. "
      "ratio: total trace over that of {0}; ≈: its interval contains 1, not ranked. "
      "Fisher trace: sum of Var g_p / F_pp, F the family's Fisher matrix (mean-field Gaussian: sum s_i^2 Var g_m,i + 1/2 sum Var "
      "g_rho,i). "
      "bias |z|: largest deviation of the mean from the reference gradient in standard errors, the reference's own error "
      "included, corrected for skewness; beyond {1} the estimator is called biased (chance of any false alarm in this report "
      "{2}: Bonferroni over {3} comparisons). "
      "min bias: smallest bias of one coordinate, that this gate would catch with {4:.0f} % power, worst coordinate; over |G|: relative to "
      "the length of the gradient. "
      "SNR: |G|^2 / tr Var; noise scale: its inverse, the calls to average until noise equals signal; the brackets of both "
      "hold the error of tr Var, not that of |G|^2. "
      "evals: per call, passes of one sample over one batch (all rows if B is all rows); evals and s/call have their share of what is "
      "prepared beforehand. "
      "ratio x evals, ratio x s: ratio times work over that of {0}; a gradient pass counts as {5:.0f} value passes (4NDS "
      "against 2NDS flops), a Hessian-vector product as {6:.0f}; the error of the timing is not in the interval.",
      baseline, limit, diagnostics::family_false_alarm_rate, compared, 100 * diagnostics::detection_power, diagnostics::gradient_pass_cost,
      diagnostics::hessian_pass_cost);
}

/// "Failed the bias gate: sf_wrong (cell_000: 0 %, 50 %)." so that a point where the bias was too small to see is read with care.
std::vector<std::string> failures_of(const std::vector<CellSummary>& cells) {
  std::map<std::string, std::string> places;
  for (const CellSummary& cell : cells) {
    std::map<std::string, std::string> labels;
    for (const auto& point : cell.points) {
      for (const auto& e : point.estimators) {
        if (e.bias.verdict == Verdict::biased && !e.declared_biased) {
          labels[e.name] += (labels[e.name].empty() ? "" : ", ") + point.label;
        }
      }
    }
    for (const auto& [name, where] : labels) {
      places[name] += fmt::format("{}{}: {}", places[name].empty() ? "" : "; ", cell.cell->id, where);
    }
  }
  std::vector<std::string> notes;
  for (const auto& [name, where] : places) {
    notes.push_back(fmt::format("{} failed its bias gate ({}): read its variances at other points with care.", name, where));
  }
  return notes;
}

/// "128", or "128 to 512".
std::string span_of(const std::set<double>& values) {
  const std::string least = format_cell(number(*values.begin()));
  return values.size() == 1 ? least : fmt::format("{} to {}", least, format_cell(number(*values.rbegin())));
}

/// What one estimator was prepared by, over all cells and points.
struct Training {
  std::set<double> passes;
  std::set<double> shares;
  std::set<double> break_even;  ///< calls, at points where they are finite
  int compared = 0;             ///< points with a baseline to be better than
};

/// Calls that are charged with none of their training are compared as if it were for nothing: what if it is not?
std::string break_even_of(const Training& training) {
  std::string text = "none of them charged to the calls (share 0), as if learned from the samples of earlier calls";
  if (training.compared == 0) {
    return text;
  }
  if (training.break_even.empty()) {
    return text + "; by calls of its own it is never paid: ratio x evals is nowhere certainly below 1 even without it";
  }
  // Whole calls: with fewer the training is not yet paid.
  const auto whole = [](double calls) {
    calls = std::max(std::ceil(calls), 1.0);
    return calls < 1000 ? format_cell(number(calls)) : format_number(calls);
  };
  const std::string least = whole(*training.break_even.begin());
  const std::string most = whole(*training.break_even.rbegin());
  text += fmt::format("; by calls of its own it is paid, ratio x evals with it 1, after {}{}{} calls", least, least == most ? "" : " to ",
                      least == most ? "" : most);
  const auto paid = static_cast<int>(training.break_even.size());
  if (paid < training.compared) {
    text += fmt::format(" at {} of {} points, and never at the others, where ratio x evals is not certainly below 1 even without it", paid,
                        training.compared);
  }
  return text;
}

/// Estimators whose baselines, coefficients or expansions were made before measuring: by how many evaluations, and what a call is charged.
std::vector<std::string> training_of(const std::vector<CellSummary>& cells) {
  std::map<std::string, Training> trained;
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size(); ++i) {
      const PointRecord& point = cell.cell->points[i];
      for (std::size_t k = 0; k < point.estimators.size(); ++k) {
        const EstimatorRecord& e = point.estimators[k];
        const EstimatorSummary& summary = cell.points[i].estimators[k];
        EstimatorRecord alone;
        alone.counts = e.preparation;
        const diagnostics::Work work = diagnostics::work_per_call(alone, 1, cell.cell->rows, cell.cell->batch_rows);
        const double passes = work.value_passes + work.gradient_passes + work.hessian_passes;
        if (passes > 0) {
          trained[e.name].passes.insert(passes);
          trained[e.name].shares.insert(e.preparation_share);
          if (!std::isnan(summary.break_even_calls) && summary.work_ratio.defined() && summary.bias.verdict == Verdict::unbiased) {
            ++trained[e.name].compared;
            if (std::isfinite(summary.break_even_calls)) {
              trained[e.name].break_even.insert(summary.break_even_calls);
            }
          }
        }
      }
    }
  }
  std::vector<std::string> notes;
  for (const auto& [name, training] : trained) {
    const bool free = training.shares.size() == 1 && *training.shares.begin() == 0;
    notes.push_back(
        fmt::format("{}: trained for {} evaluations before measuring, anew at each point of each cell, then frozen; {}.", name,
                    span_of(training.passes),
                    free ? break_even_of(training)
                         : fmt::format("each call is charged with a share {} of them (in evals) and of their seconds (in s/call)",
                                       span_of(training.shares))));
  }
  return notes;
}

/// A setting that is a number; NaN if the file does not know it.
double number_of(const CellRecord& cell, const std::string& key) {
  const auto found = std::find_if(cell.settings.begin(), cell.settings.end(), [&](const auto& pair) { return pair.first == key; });
  return found == cell.settings.end() ? std::nan("") : std::strtod(found->second.c_str(), nullptr);
}

/// Where on the path the snapshot was taken: path.snapshot_age steps before the point, or at the start.
std::string age_of(const CellRecord& cell, const std::string& label) {
  if (label == "optimum") {
    return "of the path's last step, from which the optimum was sought";
  }
  const double step = std::round(std::strtod(label.c_str(), nullptr) / 100 * number_of(cell, "path.steps"));
  const double age = number_of(cell, "path.snapshot_age");
  return std::isnan(step + age) ? "of unknown age" : fmt::format("{:.0f} steps old", std::min(step, age));
}

/// How old the parameters are that some estimators of this point lean on, and how far lambda has moved since; nothing if none does.
std::string snapshot_of(const CellSummary& cell, std::size_t i) {
  const PointRecord& record = cell.cell->points[i];
  std::string names;
  for (const EstimatorRecord& e : record.estimators) {
    const estimators::Entry* entry = estimators::find(e.name);
    if (entry != nullptr && entry->snapshot) {
      names += (names.empty() ? "" : ", ") + e.name;
    }
  }
  if (names.empty() || record.snapshot.size() != record.lambda.size()) {
    return "";
  }
  double square = 0;
  double length = 0;
  for (std::size_t p = 0; p < record.lambda.size(); ++p) {
    const double moved = record.lambda[p] - record.snapshot[p];
    square += moved * moved;
    length += record.lambda[p] * record.lambda[p];
  }
  return fmt::format("{}: snapshot {}, |lambda - snapshot| = {}, |lambda| = {}", names, age_of(*cell.cell, record.label),
                     format_number(std::sqrt(square)), format_number(std::sqrt(length)));
}

/// Of a point that is called the optimum: half the squared gradient in units of the family's Fisher information is about how far below
/// one the objective is, in nats. Empty where that is little, or the gradient is an estimate.
std::string short_of_optimum(const CellRecord& cell, const PointRecord& record) {
  if (record.label != "optimum" || !std::isfinite(record.objective)) return "";
  const std::vector<double> weights = diagnostics::fisher_weights(cell, record);
  double gap = 0;
  for (std::size_t p = 0; p < weights.size(); ++p) gap += 0.5 * weights[p] * record.reference[p] * record.reference[p];
  if (gap <= 0.01) return "";
  return fmt::format("; NO OPTIMUM: the search ended about {} nats below one", format_number(gap, 2));
}

/// By which rows the tables of stored gradients are kept up; nothing if there are none.
std::string history_of(const CellSummary& cell, std::size_t i) {
  std::string names;
  for (const EstimatorRecord& e : cell.cell->points[i].estimators) {
    const estimators::Entry* entry = estimators::find(e.name);
    if (entry != nullptr && entry->history) names += (names.empty() ? "" : ", ") + e.name;
  }
  if (names.empty()) return "";
  const double own = number_of(*cell.cell, "path.batch_rows");  // "all" is none
  const double rows = own > 0 ? own : static_cast<double>(cell.cell->batch_rows);
  return fmt::format(
      "{}: every row's gradient as of the path's step that last drew it, {:.0f} rows a step{}: {:.3g} steps before on "
      "average, the start for rows that never were",
      names, rows, own > 0 ? "" : " (as if drawn along a path that used all rows)", static_cast<double>(cell.cell->rows) / rows);
}

std::string note_of(const CellSummary& cell, std::size_t i) {
  const PointRecord& record = cell.cell->points[i];
  double length = 0;
  for (const double g : record.reference) {
    length += g * g;
  }
  const std::string objective = std::isfinite(record.objective) ? fmt::format("objective {}, ", format_number(record.objective)) : "";
  return fmt::format("{}reference gradient by {}, |G| = {}{}", objective, record.reference_method, format_number(std::sqrt(length)),
                     short_of_optimum(*cell.cell, record));
}

/// Of the cells that bound by importance, or of all others.
Table variance_table(const std::vector<CellSummary>& all, const ReportContext& context, bool bounds) {
  std::vector<CellSummary> cells;
  std::vector<const CellRecord*> records;
  for (const CellSummary& cell : all) {
    if (bounds_by_importance(*cell.cell) == bounds) {
      cells.push_back(cell);
      records.push_back(cell.cell);
    }
  }
  const Layout layout{block_names(records), bounds};
  const std::string baseline = baseline_name(cells, context.baseline);
  Table table;
  table.caption = caption_of(all, cells, baseline);
  table.panels = {bounds ? "signal-to-noise and variance" : "variance", fmt::format("compared with {}; work", baseline),
                  bounds ? "noise scale; smallest bias that would be seen" : "signal; smallest bias that would be seen"};
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size(); ++i) {
      TableSection section{cell.cell->id, cell.heading, cell.cell->points[i].label, {}, {}};
      section.notes.push_back(note_of(cell, i));
      if (const std::string snapshot = snapshot_of(cell, i); !snapshot.empty()) {
        section.notes.push_back(snapshot);
      }
      if (const std::string history = history_of(cell, i); !history.empty()) {
        section.notes.push_back(history);
      }
      if (const std::string net = net_note(*cell.cell); !net.empty()) {
        section.notes.push_back(net);
      }
      const std::string& own = cell.points[i].baseline;
      const std::string usual = bounds ? std::string("iwae") : context.baseline;
      if (!own.empty() && own != usual) {
        section.notes.push_back(fmt::format("compared with {}: {} was not run", own, usual));
      }
      std::string elsewhere;
      for (const EstimatorSummary& e : cell.points[i].estimators) {
        if (e.declared_biased) {
          elsewhere += (elsewhere.empty() ? "" : ", ") + e.name;
          continue;
        }
        section.rows.push_back(row_of(e, layout, table.columns));
        if (e.name == cell.points[i].baseline && e.bias.verdict != Verdict::unbiased) {
          section.notes.push_back(fmt::format("no ratios: the baseline {} did not pass its bias gate here", e.name));
        }
      }
      if (!elsewhere.empty()) {
        section.notes.push_back(fmt::format("declared biased, see T1b: {}", elsewhere));
      }
      if (i + 1 == cell.points.size()) {
        for (const Exclusion& excluded : cell.cell->exclusions) {
          section.notes.push_back(fmt::format("not run: {} ({})", excluded.estimator, excluded.reason));
        }
      }
      table.sections.push_back(std::move(section));
    }
  }
  table.footnotes = mark_notes(table);
  if (const std::string entropy = entropy_note(cells); !entropy.empty()) {
    table.footnotes.push_back(entropy);
  }
  for (const std::vector<std::string>& notes : {training_of(cells), failures_of(cells)}) {
    table.footnotes.insert(table.footnotes.end(), notes.begin(), notes.end());
  }
  return table;
}

}  // namespace

Table t1(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table = variance_table(cells, context, false);
  table.title = fmt::format("T1 variance: {}", context.study);
  for (const std::string& cell : context.excluded) {
    table.footnotes.push_back("Not run: " + cell);
  }
  return table;
}

Table t1i(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table = variance_table(cells, context, true);
  table.title = fmt::format("T1i importance-weighted bounds, another objective: {}", context.study);
  table.caption +=
      " The objective is E log of the mean importance weight of M samples, so that G depends on M and nothing here compares with an ELBO "
      "gradient. Read SNR first: as M grows the signal may shrink faster than the noise (Rainforth et al. 2018, arXiv:1802.04537).";
  return table;
}

}  // namespace variscope::experiments
