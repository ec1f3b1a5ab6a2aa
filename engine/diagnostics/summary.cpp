/// Everything a variance table says about one point: each estimator's variances, ratios, signal-to-noise, bias gate and work.
#include "engine/diagnostics/summary.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "engine/diagnostics/fisher.hpp"
#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/square_error.hpp"
#include "engine/diagnostics/variance.hpp"

namespace variscope::diagnostics {

namespace {

/// "PW-CFE" and "pw_cfe" are the same name.
std::string plain_name(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != ' ') {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

/// |G|^2 from whichever of the reference and the estimator's own mean has the smaller error to subtract.
/// bound: of what |G|^2 is measured to be where G is zero: the mean of the errors' squares and three standard errors (of independent normal
/// errors), or what was measured if that is more.
Signal signal_of(const PointRecord& point, const PooledMoments& pooled, double& bound) {
  double reference = 0;
  double reference_error = 0;
  double reference_spread = 0;
  double own = 0;
  double own_error = 0;
  double own_spread = 0;
  for (std::size_t p = 0; p < point.reference.size(); ++p) {
    const double mean = point.reference[p] + pooled.deviation[p];
    reference += point.reference[p] * point.reference[p];
    const double reference_square = point.reference_error[p] * point.reference_error[p];
    reference_error += reference_square;
    reference_spread += 2 * reference_square * reference_square;
    own += mean * mean;
    const double own_square = pooled.variance[p] / pooled.count;
    own_error += own_square;
    own_spread += 2 * own_square * own_square;
  }
  Signal signal;
  signal.from_reference = !(own_error < reference_error) || reference_error < 0.1 * reference;
  const double square = signal.from_reference ? reference : own;
  const double error = signal.from_reference ? reference_error : own_error;
  constexpr double errors = 3;
  bound = error + errors * std::sqrt(signal.from_reference ? reference_spread : own_spread);
  signal.norm_square = std::max(square - error, 0.0);
  signal.separated = square > bound && point.label != "optimum";
  bound = std::max(bound, signal.norm_square);
  return signal;
}

Estimate inverted(const Estimate& estimate) {
  Estimate inverse = estimate;
  inverse.value = 1 / estimate.value;
  inverse.lower = 1 / estimate.upper;
  inverse.upper = 1 / estimate.lower;
  inverse.error = inverse.value * estimate.log_error;
  return inverse;
}

/// Fills the signal-to-noise ratio and its inverse. Their intervals carry the error of tr Var alone.
void add_signal(const PointRecord& point, const PooledMoments& pooled, EstimatorSummary& summary) {
  double bound = 0;
  summary.signal = signal_of(point, pooled, bound);
  if (summary.total.reliability == Reliability::zero || !summary.total.defined()) {
    return;
  }
  if (summary.signal.separated) {
    summary.noise_scale = scaled(summary.total, 1 / summary.signal.norm_square);
    if (summary.noise_scale.defined()) {
      summary.signal_to_noise = inverted(summary.noise_scale);
    }
    return;
  }
  summary.signal_to_noise.value = 0;
  summary.signal_to_noise.floor = bound / summary.total.value;
  summary.signal_to_noise.reliability = Reliability::zero;
}

/// Value equivalents of a preparation that the calls get for nothing.
double training_of(const EstimatorRecord& record, const CellRecord& cell) {
  EstimatorRecord alone;
  if (record.preparation_share == 0) {
    alone.counts = record.preparation;
  }
  return work_per_call(alone, 1, cell.rows, cell.batch_rows).value_equivalents;
}

/// k of ratio (work + training / k) = work of the baseline.
double break_even_calls(const EstimatorSummary& summary, double base_work) {
  const bool told_apart =
      summary.work_ratio.reliability == Reliability::zero || (summary.work_ratio.reliable() && summary.work_ratio.upper < 1);
  if (!told_apart) {
    return std::numeric_limits<double>::infinity();
  }
  return summary.ratio.value * summary.training / base_work / (1 - summary.work_ratio.value);
}

Ranking ranking_of(const EstimatorSummary& summary) {
  const Estimate& ratio = summary.ratio;
  if (ratio.reliability == Reliability::zero) {
    return Ranking::lower;
  }
  if (!ratio.reliable()) {
    return Ranking::not_ranked;
  }
  if (ratio.lower > 1) {
    return Ranking::higher;
  }
  return ratio.upper < 1 ? Ranking::lower : Ranking::indistinguishable;
}

}  // namespace

PointSummary summarise(const CellRecord& cell, const PointRecord& point, const SummaryOptions& options) {
  PointSummary result;
  result.label = point.label;
  const std::vector<double> floor = rounding_floor(point, is_mean_field(cell, point));
  const std::vector<double> weights = fisher_weights(cell, point);
  const auto own = static_cast<Index>(point.reference.size() * point.estimators.size());
  const Index compared = options.comparisons > 0 ? options.comparisons : own;

  std::vector<VarianceStatistics> statistics;
  std::vector<SquareErrorStatistics> errors;
  std::optional<std::size_t> baseline;
  for (const EstimatorRecord& record : point.estimators) {
    if (plain_name(record.name) == plain_name(options.baseline)) {
      baseline = statistics.size();
      result.baseline = record.name;
    }
    statistics.push_back(variance_statistics(record.moments, cell.blocks, floor, weights));
    const VarianceStatistics& variance = statistics.back();
    const PooledMoments pooled = pool(record.moments);

    EstimatorSummary summary;
    summary.name = record.name;
    summary.declared_biased = std::find(options.biased.begin(), options.biased.end(), record.name) != options.biased.end();
    summary.bias = bias_gate(record.moments, point, floor, compared);
    for (std::size_t k = 0; k < cell.blocks.size(); ++k) {
      BlockSummary block;
      block.name = cell.blocks[k].name;
      block.trace = jackknife(variance.trace[k], variance.count);
      block.mean = scaled(block.trace, 1 / static_cast<double>(cell.blocks[k].parameters.size()));
      block.maximum = jackknife(variance.maximum[k], variance.count);
      summary.blocks.push_back(std::move(block));
    }
    summary.total = jackknife(variance.total, variance.count);
    summary.maximum = jackknife(variance.total_maximum, variance.count);
    summary.fisher = jackknife(variance.fisher, variance.count);
    summary.work = work_per_call(record, pooled.count, cell.rows, cell.batch_rows);
    summary.training = training_of(record, cell);
    summary.seconds_per_call = seconds_per_call(record);
    summary.well_timed = well_timed(summary.seconds_per_call, pooled.count);
    add_signal(point, pooled, summary);
    errors.emplace_back();
    if (summary.declared_biased) {
      errors.back() = square_error(record.moments, point, variance);
      summary.square_error.total = jackknife(errors.back().total, variance.count);
      summary.square_error.bias_square = bias_square_estimate(errors.back());
    }
    result.estimators.push_back(std::move(summary));
  }
  if (!baseline) {
    return result;
  }
  const EstimatorSummary& base = result.estimators[*baseline];
  const double base_work = base.work.value_equivalents;
  const double base_seconds = base.seconds_per_call;
  const bool usable = base.bias.verdict == Verdict::unbiased;
  for (std::size_t e = 0; e < statistics.size() && usable; ++e) {
    EstimatorSummary& summary = result.estimators[e];
    summary.ratio = jackknife_ratio(statistics[e].total, statistics[*baseline].total, statistics[e].count);
    const double more_work = summary.work.value_equivalents / base_work;
    const double more_seconds = summary.seconds_per_call / base_seconds;
    summary.work_ratio = scaled(summary.ratio, more_work);
    if (summary.training > 0 && e != *baseline) {
      summary.break_even_calls = break_even_calls(summary, base_work);
    }
    const bool timed = summary.well_timed && base.well_timed;
    summary.time_ratio = timed ? scaled(summary.ratio, more_seconds) : Estimate{};
    if (summary.declared_biased) {
      SquareErrorSummary& error = summary.square_error;
      error.ratio = jackknife_ratio(errors[e].total, statistics[*baseline].total, statistics[e].count);
      error.work_ratio = scaled(error.ratio, more_work);
      error.time_ratio = timed ? scaled(error.ratio, more_seconds) : Estimate{};
    }
    const bool unbiased = summary.bias.verdict == Verdict::unbiased && !summary.declared_biased;
    summary.ranking = e == *baseline ? Ranking::baseline : (unbiased ? ranking_of(summary) : Ranking::not_ranked);
  }
  return result;
}

}  // namespace variscope::diagnostics
