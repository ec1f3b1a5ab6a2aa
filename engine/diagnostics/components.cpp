/// Variance components from crossed designs: Monte Carlo, data and interaction, unbiased, with jackknife intervals.
#include "engine/diagnostics/components.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace variscope::diagnostics {

namespace {

/// Where an interval is made on the log scale: value over standard error.
constexpr double errors_above_zero = 4;

std::size_t size(Index value) { return static_cast<std::size_t>(value); }

/// Mean squares of one design, per parameter.
struct MeanSquares {
  std::vector<double> noise;
  std::vector<double> rows;
  std::vector<double> interaction;
};

MeanSquares mean_squares(std::span<const double> x, std::size_t k_count, std::size_t l_count, std::size_t parameters) {
  std::vector<double> of_rows(k_count * parameters, 0.0);
  std::vector<double> of_noise(l_count * parameters, 0.0);
  std::vector<double> whole(parameters, 0.0);
  const auto k_real = static_cast<double>(k_count);
  const auto l_real = static_cast<double>(l_count);
  for (std::size_t k = 0; k < k_count; ++k) {
    for (std::size_t l = 0; l < l_count; ++l) {
      const double* value = &x[(k * l_count + l) * parameters];
      for (std::size_t p = 0; p < parameters; ++p) {
        of_rows[k * parameters + p] += value[p] / l_real;
        of_noise[l * parameters + p] += value[p] / k_real;
      }
    }
    for (std::size_t p = 0; p < parameters; ++p) {
      whole[p] += of_rows[k * parameters + p] / k_real;
    }
  }
  MeanSquares squares{std::vector<double>(parameters, 0.0), std::vector<double>(parameters, 0.0), std::vector<double>(parameters, 0.0)};
  for (std::size_t k = 0; k < k_count; ++k) {
    for (std::size_t l = 0; l < l_count; ++l) {
      const double* value = &x[(k * l_count + l) * parameters];
      for (std::size_t p = 0; p < parameters; ++p) {
        const double rest = value[p] - of_rows[k * parameters + p] - of_noise[l * parameters + p] + whole[p];
        squares.interaction[p] += rest * rest;
      }
    }
  }
  const auto between = [&](const std::vector<double>& means, std::size_t groups, double each, std::vector<double>& out) {
    for (std::size_t i = 0; i < groups; ++i) {
      for (std::size_t p = 0; p < parameters; ++p) {
        const double deviation = means[i * parameters + p] - whole[p];
        out[p] += deviation * deviation * each / static_cast<double>(groups - 1);
      }
    }
  };
  between(of_noise, l_count, k_real, squares.noise);
  if (k_count > 1) {
    between(of_rows, k_count, l_real, squares.rows);
    for (double& value : squares.interaction) {
      value /= (k_real - 1) * (l_real - 1);
    }
  } else {
    squares.interaction.assign(parameters, 0.0);  // rounding
  }
  return squares;
}

/// Sums over the parameters of a block, batch by batch and in all.
struct TraceSums {
  std::vector<double> batch;
  double all = 0;
};

TraceSums trace_sums(const std::vector<double>& sums, std::size_t batches, std::size_t parameters, Range block) {
  TraceSums traces;
  for (std::size_t b = 0; b < batches; ++b) {
    double trace = 0;
    for (Index p = block.first; p < block.last; ++p) {
      trace += sums[b * parameters + size(p)];
    }
    traces.batch.push_back(trace);
    traces.all += trace;
  }
  return traces;
}

/// Weights of the mean trace squares (noise, rows, interaction) in a component.
struct Contrast {
  double noise = 0;
  double rows = 0;
  double interaction = 0;
};

LeaveOneOut contrast_of(const Contrast& contrast, const TraceSums& noise, const TraceSums& rows, const TraceSums& interaction,
                        const std::vector<double>& count) {
  double designs = 0;
  for (const double c : count) {
    designs += c;
  }
  const double total = contrast.noise * noise.all + contrast.rows * rows.all + contrast.interaction * interaction.all;
  LeaveOneOut statistic;
  statistic.value = total / designs;
  for (std::size_t b = 0; b < count.size(); ++b) {
    const double own = contrast.noise * noise.batch[b] + contrast.rows * rows.batch[b] + contrast.interaction * interaction.batch[b];
    statistic.without.push_back((total - own) / (designs - count[b]));
  }
  return statistic;
}

std::vector<double> block_column(const std::vector<double>& values, std::size_t batches, std::size_t blocks, std::size_t block) {
  std::vector<double> column;
  for (std::size_t b = 0; b < batches; ++b) {
    column.push_back(values[b * blocks + block]);
  }
  return column;
}

LeaveOneOut share_of(const LeaveOneOut& part, double coefficient, const LeaveOneOut& whole) {
  LeaveOneOut share;
  if (part.without.empty() || !(whole.value > whole.floor)) {
    return share;
  }
  share.value = coefficient * part.value / whole.value;
  share.floor = coefficient * part.floor / whole.value;
  for (std::size_t b = 0; b < part.without.size(); ++b) {
    share.without.push_back(coefficient * part.without[b] / whole.without[b]);
  }
  share.tail = std::max(part.tail, whole.tail);
  return share;
}

}  // namespace

void add_design(ComponentMoments& moments, Index batch, const std::vector<Block>& blocks, std::span<const double> gradients) {
  const std::size_t parameters = size(moments.parameters);
  const std::size_t k_count = size(moments.row_sets);
  const std::size_t l_count = size(moments.noise_sets);
  if (k_count < 1 || l_count < 2 || gradients.size() != k_count * l_count * parameters || size(moments.blocks) != blocks.size()) {
    throw std::invalid_argument("add_design: sizes of design, gradients and blocks do not agree");
  }
  const MeanSquares squares = mean_squares(gradients, k_count, l_count, parameters);
  const std::size_t b = size(batch);
  moments.count[b] += 1;
  const auto add = [&](const std::vector<double>& from, std::vector<double>& sums, std::vector<double>& trace_squares) {
    for (std::size_t p = 0; p < parameters; ++p) {
      sums[b * parameters + p] += from[p];
    }
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      double trace = 0;
      for (Index p = blocks[k].parameters.first; p < blocks[k].parameters.last; ++p) {
        trace += from[size(p)];
      }
      trace_squares[b * blocks.size() + k] += trace * trace;
    }
  };
  add(squares.noise, moments.mean_square_noise, moments.trace_square_noise);
  add(squares.rows, moments.mean_square_rows, moments.trace_square_rows);
  add(squares.interaction, moments.mean_square_interaction, moments.trace_square_interaction);
}

std::vector<ComponentStatistics> component_statistics(const ComponentMoments& moments, const std::vector<Block>& blocks,
                                                      const Setting& setting, RowPolicy rows, std::span<const double> floor) {
  const std::size_t batches = size(moments.batches);
  const std::size_t parameters = size(moments.parameters);
  const auto k = static_cast<double>(moments.row_sets);
  const auto l = static_cast<double>(moments.noise_sets);
  Setting one = setting;
  one.replicas = 1;
  const Components factor = *coefficients(one, {NoisePolicy::independent, rows});
  const bool minibatch = factor.data > 0;
  const bool crossed = moments.row_sets > 1;

  std::vector<Range> ranges;
  for (const Block& block : blocks) {
    ranges.push_back(block.parameters);
  }
  ranges.push_back({0, moments.parameters});
  std::vector<ComponentStatistics> all;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const TraceSums noise = trace_sums(moments.mean_square_noise, batches, parameters, ranges[i]);
    const TraceSums data = trace_sums(moments.mean_square_rows, batches, parameters, ranges[i]);
    const TraceSums rest = trace_sums(moments.mean_square_interaction, batches, parameters, ranges[i]);
    double rounding = 0;
    for (Index p = ranges[i].first; p < ranges[i].last; ++p) {
      rounding += floor[size(p)] * floor[size(p)];
    }
    ComponentStatistics s;
    s.count = moments.count;
    s.per_count = k * l;
    s.joint = setting.own_noise_per_row;
    const auto fill = [&](LeaveOneOut& statistic, const Contrast& contrast, double scale) {
      statistic = contrast_of(contrast, noise, data, rest, moments.count);
      statistic.floor = scale * rounding;
    };
    if (crossed || !minibatch) {
      const double e = 1 / factor.monte_carlo;
      const bool own = setting.own_noise_per_row;
      // Own noise per row: t_e + t_ed is (s2_e + s2_ed) times one factor, whatever the split between them.
      fill(s.monte_carlo, {e / k, 0, own && crossed ? e * (1 - 1 / k) : -e / k}, e);
    }
    if (crossed && minibatch) {
      fill(s.data, {0, 1 / (l * factor.data), -1 / (l * factor.data)}, 1 / factor.data);
      if (!setting.own_noise_per_row) {
        fill(s.interaction, {0, 0, 1 / factor.interaction}, 1 / factor.interaction);
      }
    }
    if (i < blocks.size()) {
      const double noise_tail = tail_index(block_column(moments.trace_square_noise, batches, blocks.size(), i));
      const double rows_tail = tail_index(block_column(moments.trace_square_rows, batches, blocks.size(), i));
      const double rest_tail = tail_index(block_column(moments.trace_square_interaction, batches, blocks.size(), i));
      s.monte_carlo.tail = noise_tail;
      s.data.tail = rows_tail;
      s.interaction.tail = rest_tail;
    } else {
      for (const ComponentStatistics& block : all) {
        s.monte_carlo.tail = std::max(s.monte_carlo.tail, block.monte_carlo.tail);
        s.data.tail = std::max(s.data.tail, block.data.tail);
        s.interaction.tail = std::max(s.interaction.tail, block.interaction.tail);
      }
    }
    all.push_back(std::move(s));
  }
  return all;
}

Estimate component_interval(const LeaveOneOut& statistic, const ComponentStatistics& design) {
  Estimate estimate = jackknife_signed(statistic, design.count, design.per_count);
  const bool positive = !statistic.without.empty() && *std::min_element(statistic.without.begin(), statistic.without.end()) > 0;
  if (!positive || !estimate.has_interval() || !(estimate.value > errors_above_zero * estimate.error)) {
    return estimate;
  }
  Estimate on_logs = jackknife(statistic, design.count);
  on_logs.reliability = estimate.reliability;  // judged on the scale that is a mean over designs
  return on_logs;
}

ComponentEstimates component_estimates(const ComponentStatistics& statistics) {
  return {component_interval(statistics.monte_carlo, statistics), component_interval(statistics.data, statistics),
          component_interval(statistics.interaction, statistics)};
}

LeaveOneOut predicted_statistic(const ComponentStatistics& statistics, const Components& coefficients) {
  LeaveOneOut sum;
  sum.without.assign(statistics.count.size(), 0.0);
  bool known = !statistics.joint || coefficients.monte_carlo == coefficients.interaction;
  const auto add = [&](const LeaveOneOut& part, double coefficient) {
    if (coefficient == 0) {
      return;
    }
    known = known && part.without.size() == sum.without.size();
    if (!known) {
      return;
    }
    sum.value += coefficient * part.value;
    sum.floor += coefficient * part.floor;
    sum.tail = std::max(sum.tail, part.tail);
    for (std::size_t b = 0; b < sum.without.size(); ++b) {
      sum.without[b] += coefficient * part.without[b];
    }
  };
  add(statistics.monte_carlo, coefficients.monte_carlo);
  add(statistics.data, coefficients.data);
  add(statistics.interaction, statistics.joint ? 0.0 : coefficients.interaction);
  return known ? sum : LeaveOneOut{};
}

Estimate predicted(const ComponentStatistics& statistics, const Components& coefficients) {
  return component_interval(predicted_statistic(statistics, coefficients), statistics);
}

ComponentEstimates component_shares(const ComponentStatistics& statistics, const Components& coefficients) {
  const LeaveOneOut whole = predicted_statistic(statistics, coefficients);
  const auto share = [&](const LeaveOneOut& part, double coefficient) {
    return jackknife_signed(share_of(part, coefficient, whole), statistics.count, statistics.per_count);
  };
  return {share(statistics.monte_carlo, coefficients.monte_carlo), share(statistics.data, coefficients.data),
          share(statistics.interaction, coefficients.interaction)};
}

ComponentSummary summarise(const std::string& estimator, const ComponentMoments& moments, const std::vector<Block>& blocks,
                           const Setting& setting, RowPolicy rows, std::span<const double> floor, Index set_size) {
  ComponentSummary summary;
  summary.estimator = estimator;
  summary.setting = setting;
  summary.rows = rows;
  summary.set_size = set_size;
  Setting one = setting;
  one.replicas = 1;
  const Components call = *coefficients(one, {NoisePolicy::independent, rows});
  std::vector<ComponentStatistics> statistics = component_statistics(moments, blocks, setting, rows, floor);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    BlockComponents block;
    block.name = i < blocks.size() ? blocks[i].name : "total";
    block.estimates = component_estimates(statistics[i]);
    block.shares = component_shares(statistics[i], call);
    block.variance = predicted(statistics[i], call);
    block.statistics = std::move(statistics[i]);
    if (i < blocks.size()) {
      summary.blocks.push_back(std::move(block));
    } else {
      summary.total = std::move(block);
    }
  }
  const ComponentStatistics& total = summary.total.statistics;
  // Gradients that overflowed have no components.
  const Components values = total.values();
  if (total.monte_carlo.without.empty() || !std::isfinite(values.monte_carlo + values.data + values.interaction)) {
    return summary;
  }
  const Index drawn = setting.batch_rows > 0 ? setting.batch_rows : setting.rows;
  const bool known = !total.data.without.empty() || setting.rows == 0;
  if (known) {
    const bool replacement = rows == RowPolicy::with_replacement;
    summary.best =
        best_setting(total.values(), setting.rows, setting.samples * std::max<Index>(drawn, 1), replacement, setting.own_noise_per_row);
    const Setting at{setting.rows, summary.best.samples, summary.best.batch_rows, 1, setting.own_noise_per_row};
    const Components there = *coefficients(at, {NoisePolicy::independent, rows});
    summary.best_variance = predicted(total, there);
    summary.best_ratio = component_interval(share_of(predicted_statistic(total, there), 1, predicted_statistic(total, call)), total);
  }
  return summary;
}

Check check_prediction(const ComponentStatistics& statistics, const Setting& setting, const Policy& policy, const Estimate& measured,
                       Index comparisons) {
  const std::optional<Components> there = coefficients(setting, policy);
  Check check{setting, policy, compare(there ? predicted(statistics, *there) : Estimate{}, measured, comparisons)};
  if (!check.judged()) {
    check.comparison.agreement = Agreement::undecided;
  }
  return check;
}

}  // namespace variscope::diagnostics
