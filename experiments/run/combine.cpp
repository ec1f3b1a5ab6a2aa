/// Combinations of all draws, and of batches of them.
#include "experiments/run/combine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/combiners/shard_moments.hpp"
#include "engine/diagnostics/chain_summary.hpp"
#include "engine/diagnostics/rhat.hpp"
#include "engine/error.hpp"

namespace variscope::experiments {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> column(const dense::Matrix& draws, Index d) {
  std::vector<double> values;
  for (Index i = 0; i < draws.rows; ++i) values.push_back(draws(i, d));
  return values;
}

struct Moments {
  double mean = 0;
  double sd = 0;
};

/// Of each coordinate.
std::vector<Moments> moments_of(const combiners::Combination& combination) {
  const dense::Matrix& draws = combination.draws;
  std::vector<Moments> all;
  for (Index d = 0; d < draws.columns; ++d) {
    const auto weight = [&](Index i) {
      return combination.weights.empty() ? 1 / static_cast<double>(draws.rows) : combination.weights[static_cast<std::size_t>(i)];
    };
    double mean = 0;
    for (Index i = 0; i < draws.rows; ++i) mean += weight(i) * draws(i, d);
    double square = 0;
    for (Index i = 0; i < draws.rows; ++i) square += weight(i) * (draws(i, d) - mean) * (draws(i, d) - mean);
    all.push_back({mean, std::sqrt(square)});
  }
  return all;
}

/// Rows balanced_range(rows, kCombinedBatches, batch).
dense::Matrix batch_of(const dense::Matrix& draws, Index batch) {
  const Range rows = balanced_range(draws.rows, kCombinedBatches, batch);
  return {rows.size(), draws.columns, {draws.row(rows.first), static_cast<std::size_t>(rows.size() * draws.columns)}};
}

double largest_rhat(const combiners::Combination& combination) {
  if (combination.chains < 2) return kNaN;
  double largest = 0;
  for (Index d = 0; d < combination.draws.columns; ++d) {
    const auto values = column(combination.draws, d);
    const double rhat = diagnostics::rank_rhat({values, combination.chains, combination.draws.rows / combination.chains}).value();
    if (!(largest >= rhat)) largest = rhat;
  }
  return largest;
}

}  // namespace

ChainPositions chain_positions(const store::TraceFile& file, const store::TraceLayout& layout) {
  const auto group =
      std::find_if(layout.groups.begin(), layout.groups.end(), [](const auto& g) { return g.name == "unconstrained_posterior"; });
  const Index dim = group->width();
  const Index draws = group->draws;
  const auto status = file.element("sample_stats", "status");
  const std::size_t iterations = status.size() / static_cast<std::size_t>(layout.chains);
  std::vector<Index> running;
  for (Index c = 0; c < layout.chains; ++c) {
    if (status[static_cast<std::size_t>(c + 1) * iterations - 1] == 0) running.push_back(c);
  }
  ChainPositions positions{static_cast<Index>(running.size()), dense::Matrix(static_cast<Index>(running.size()) * draws, dim)};
  for (Index d = 0; d < dim; ++d) {
    const auto values = file.element("unconstrained_posterior", "theta", d);
    Index row = 0;
    for (const Index c : running) {
      for (Index i = 0; i < draws; ++i, ++row) positions.draws(row, d) = values[static_cast<std::size_t>(c * draws + i)];
    }
  }
  return positions;
}

CombinedRecord combine_shards(const combiners::Entry& combiner, std::span<const ChainPositions> shards, Index most,
                              const combiners::Arguments& arguments) {
  const Index dim = shards.front().draws.columns;
  CombinedRecord record;
  record.combiner = combiner.name;
  record.coordinates.assign(static_cast<std::size_t>(dim) * combined_figures.size(), kNaN);
  record.figures.assign(combination_figures.size(), kNaN);
  std::vector<dense::Matrix> draws;
  for (const ChainPositions& shard : shards) {
    if (shard.chains == 0) return record;
    draws.push_back(combiners::thinned(shard.draws, most));
  }
  const combiners::Combination all = combiner.combine(draws, arguments);
  const std::vector<Moments> whole = moments_of(all);
  std::vector<std::vector<Moments>> parts;
  for (Index b = 0; b < kCombinedBatches; ++b) {
    std::vector<dense::Matrix> batch;
    for (const dense::Matrix& shard : draws) batch.push_back(batch_of(shard, b));
    combiners::Arguments own = arguments;
    own.task = arguments.task + 1 + static_cast<std::uint32_t>(b);
    try {
      parts.push_back(moments_of(combiner.combine(batch, own)));
    } catch (const UserError&) {
      // Chains that stood still for a batch have no covariance there, and the moments no error.
      parts.emplace_back(whole.size(), Moments{kNaN, kNaN});
    }
  }
  const auto error = [&](std::size_t d, double Moments::*moment) {
    double mean = 0;
    for (const auto& part : parts) mean += part[d].*moment / static_cast<double>(kCombinedBatches);
    double square = 0;
    for (const auto& part : parts) square += std::pow(part[d].*moment - mean, 2);
    return std::sqrt(square / static_cast<double>((kCombinedBatches - 1) * kCombinedBatches));
  };
  for (std::size_t d = 0; d < whole.size(); ++d) {
    double* row = record.coordinates.data() + d * combined_figures.size();
    row[place_of(combined_figures, "mean")] = whole[d].mean;
    row[place_of(combined_figures, "mean_error")] = error(d, &Moments::mean);
    row[place_of(combined_figures, "sd")] = whole[d].sd;
    row[place_of(combined_figures, "sd_error")] = error(d, &Moments::sd);
  }
  record.figures[place_of(combination_figures, "draws")] = static_cast<double>(all.draws.rows);
  record.figures[place_of(combination_figures, "acceptance")] = all.acceptance;
  record.figures[place_of(combination_figures, "rhat")] = largest_rhat(all);
  record.figures[place_of(combination_figures, "joint")] = all.joint ? 1 : 0;
  return record;
}

void add_full_posterior(const ChainPositions& full, CombinedRecord& combined) {
  if (full.chains == 0) return;
  for (Index d = 0; d < full.draws.columns; ++d) {
    const auto values = column(full.draws, d);
    const auto s = diagnostics::summarize_chains({values, full.chains, full.draws.rows / full.chains}, std::vector<double>{0.5});
    double* row = combined.coordinates.data() + d * static_cast<Index>(combined_figures.size());
    row[place_of(combined_figures, "full_mean")] = s.mean.value;
    row[place_of(combined_figures, "full_mean_error")] = s.mean.error;
    row[place_of(combined_figures, "full_sd")] = s.sd.value;
    row[place_of(combined_figures, "full_sd_error")] = s.sd.error;
  }
}

}  // namespace variscope::experiments
