/// Variance components inside fixed shards: every shard is a population of its own, with designs of its own.
#include "engine/diagnostics/strata.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace variscope::diagnostics {

namespace {

std::size_t size(Index value) { return static_cast<std::size_t>(value); }

/// Blocks of one number each, in the place of blocks of parameters: their traces.
std::vector<Block> traces(std::size_t count) {
  std::vector<Block> blocks;
  for (std::size_t k = 0; k < count; ++k) {
    blocks.push_back({"", {static_cast<Index>(k), static_cast<Index>(k) + 1}});
  }
  return blocks;
}

/// The traces of shard r out of R.
ComponentMoments of_shard(const ShardMoments& moments, std::size_t shard, std::size_t blocks) {
  ComponentMoments one;
  one.resize(moments.batches, static_cast<Index>(blocks), static_cast<Index>(blocks), moments.row_sets, moments.noise_sets);
  one.count = moments.count;
  for (const auto values :
       {&ComponentMoments::mean_square_noise, &ComponentMoments::mean_square_rows, &ComponentMoments::mean_square_interaction,
        &ComponentMoments::trace_square_noise, &ComponentMoments::trace_square_rows, &ComponentMoments::trace_square_interaction}) {
    for (std::size_t b = 0; b < size(moments.batches); ++b) {
      const auto from = (moments.*values).begin() + static_cast<std::ptrdiff_t>(b * size(moments.blocks) + shard * blocks);
      std::copy_n(from, blocks, (one.*values).begin() + static_cast<std::ptrdiff_t>(b * blocks));
    }
  }
  return one;
}

/// Largest over blocks of the tail of designs' squared traces, all shards' designs of a batch together: what is asked for are sums over
/// shards.
double common_tail(const ShardMoments& moments, const std::vector<double>& squares, std::size_t blocks) {
  double tail = 0;
  for (std::size_t k = 0; k < blocks; ++k) {
    std::vector<double> sums(size(moments.batches), 0.0);
    for (std::size_t b = 0; b < sums.size(); ++b) {
      for (std::size_t at = k; at < size(moments.blocks); at += blocks) {
        sums[b] += squares[b * size(moments.blocks) + at];
      }
    }
    tail = std::max(tail, tail_index(std::move(sums)));
  }
  return tail;
}

/// Rows, M and B of shard r's replica as an estimate of its own.
Setting replica_of(const Setting& setting, std::size_t shard) {
  Setting one = setting;
  one.rows = balanced_range(setting.rows, setting.replicas, static_cast<Index>(shard)).size();
  one.replicas = 1;
  return one;
}

void add(const LeaveOneOut& part, double factor, LeaveOneOut& sum) {
  sum.value += factor * part.value;
  sum.floor += factor * part.floor;
  sum.tail = std::max(sum.tail, part.tail);
  for (std::size_t b = 0; b < sum.without.size(); ++b) {
    sum.without[b] += factor * part.without[b];
  }
}

}  // namespace

void add_shard_designs(ShardMoments& moments, Index batch, const std::vector<Block>& blocks, std::span<const double> gradients) {
  const std::size_t count = blocks.size();
  if (moments.row_sets < 2 || count == 0 || size(moments.blocks) % count != 0 || moments.blocks != moments.parameters) {
    throw std::invalid_argument("add_shard_designs: sizes of designs and blocks do not agree");
  }
  const std::size_t shards = size(moments.blocks) / count;
  if (shards == 0 || gradients.size() % shards != 0) {
    throw std::invalid_argument("add_shard_designs: gradients are not those of so many shards");
  }
  const std::size_t each = gradients.size() / shards;
  const std::size_t b = size(batch);
  moments.count[b] += 1;
  ComponentMoments one;
  for (std::size_t r = 0; r < shards; ++r) {
    one.resize(1, blocks.back().parameters.last, static_cast<Index>(count), moments.row_sets, moments.noise_sets);
    add_design(one, 0, blocks, gradients.subspan(r * each, each));
    const auto put = [&](const std::vector<double>& from, std::vector<double>& sums, std::vector<double>& squares) {
      for (std::size_t k = 0; k < count; ++k) {
        const auto first = from.begin() + blocks[k].parameters.first;
        const double trace = std::accumulate(first, from.begin() + blocks[k].parameters.last, 0.0);
        const std::size_t at = b * size(moments.blocks) + r * count + k;
        sums[at] += trace;
        squares[at] += trace * trace;
      }
    };
    put(one.mean_square_noise, moments.mean_square_noise, moments.trace_square_noise);
    put(one.mean_square_rows, moments.mean_square_rows, moments.trace_square_rows);
    put(one.mean_square_interaction, moments.mean_square_interaction, moments.trace_square_interaction);
  }
}

std::vector<ComponentStatistics> shard_statistics(const ShardMoments& moments, const Setting& setting, std::span<const double> floor) {
  const std::size_t shards = size(setting.replicas);
  const std::size_t blocks = size(moments.blocks) / shards;
  // Rounding of a trace: all of it falls to the first block, as only sums over blocks are asked for.
  std::vector<double> rounding(blocks, 0.0);
  for (const double f : floor) {
    rounding.front() = std::hypot(rounding.front(), f);
  }
  const double noise_tail = common_tail(moments, moments.trace_square_noise, blocks);
  const double rows_tail = common_tail(moments, moments.trace_square_rows, blocks);
  const double rest_tail = common_tail(moments, moments.trace_square_interaction, blocks);
  std::vector<ComponentStatistics> statistics;
  for (std::size_t r = 0; r < shards; ++r) {
    statistics.push_back(
        component_statistics(of_shard(moments, r, blocks), traces(blocks), replica_of(setting, r), RowPolicy::without_replacement, rounding)
            .back());
    statistics.back().monte_carlo.tail = noise_tail;
    statistics.back().data.tail = rows_tail;
    statistics.back().interaction.tail = rest_tail;
  }
  return statistics;
}

LeaveOneOut predicted_statistic(const Strata& strata, const Setting& setting, NoisePolicy noise) {
  const bool shared = noise == NoisePolicy::shared && !setting.own_noise_per_row;
  if (noise == NoisePolicy::split_net || strata.shards.size() != size(setting.replicas)) {
    return {};
  }
  LeaveOneOut sum;
  sum.without.assign(strata.whole.count.size(), 0.0);
  const double weight = 1 / (static_cast<double>(setting.replicas) * static_cast<double>(setting.replicas));
  for (std::size_t r = 0; r < strata.shards.size(); ++r) {
    Components factor = *coefficients(replica_of(setting, r), {NoisePolicy::independent, RowPolicy::without_replacement});
    if (shared) {
      factor.monte_carlo = 0;
    }
    const LeaveOneOut own = predicted_statistic(strata.shards[r], factor);
    if (own.without.size() != sum.without.size()) {
      return {};
    }
    add(own, weight, sum);
  }
  if (shared) {
    add(predicted_statistic(strata.whole, {1 / static_cast<double>(setting.samples), 0, 0}), 1, sum);
  }
  return sum;
}

Check check_prediction(const Strata& strata, const Setting& setting, const Policy& policy, const Estimate& measured, Index comparisons) {
  const LeaveOneOut there =
      policy.rows == RowPolicy::shards && setting.batch_rows > 0 ? predicted_statistic(strata, setting, policy.noise) : LeaveOneOut{};
  Check check{setting, policy, compare({}, measured, comparisons)};
  if (!there.without.empty()) {
    ComponentStatistics together = strata.whole;
    together.per_count = static_cast<double>(strata.shards.size()) * strata.shards.front().per_count;
    check.comparison = compare(component_interval(there, together), measured, comparisons);
    check.strata = check.comparison.predicted.defined();
  }
  return check;
}

}  // namespace variscope::diagnostics
