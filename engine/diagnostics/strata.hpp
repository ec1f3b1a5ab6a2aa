/// Variance components inside fixed shards: what replicas that each own a shard of the rows have for noise, whatever the order of the rows.
///
/// Replica r's estimate x_r takes its minibatch from shard r alone, and the mean over the R replicas is the whole gradient. Given the
/// noise, shards are drawn independently and without bias, so that within-shard data noise and interaction add up over replicas, times 1 /
/// R^2; so does each shard's own Monte Carlo noise where replicas have noise of their own. Shared noise leaves the Monte Carlo noise of the
/// whole gradient (noise.hpp, predicted_variance() of shards; Cochran 1977, Sampling Techniques, section 5.3). No assumption on how rows
/// fell into shards is made.
#pragma once

#include <span>
#include <vector>

#include "engine/diagnostics/components.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

/// Adds one design of every shard to a batch. gradients: [shard x K x L x parameter]. moments: resized for shards x blocks traces.
/// std::invalid_argument unless K, L >= 2 and sizes agree. Cost O(shards K L parameters) time, O((K + L) parameters) memory.
void add_shard_designs(ShardMoments& moments, Index batch, const std::vector<Block>& blocks, std::span<const double> gradients);

/// Components of replica r's estimate over the rows of shard r = balanced_range(N, R, r), traces of all parameters: x_r has variance
/// s2_e / M + s2_d f / B + s2_ed f / (B M), f = fpc(N_r, B). setting: N, M and B of the designs, R. floor: [parameter] of rounding_floor().
/// Data and interaction cannot be had of shards that every minibatch takes whole; they have none. Cost O(R batches blocks).
std::vector<ComponentStatistics> shard_statistics(const ShardMoments& moments, const Setting& setting, std::span<const double> floor);

/// What a study recorded of all rows together and of every fixed shard, from the same designs' noise.
struct Strata {
  ComponentStatistics whole;
  std::vector<ComponentStatistics> shards;
};

/// tr Var of the mean over R replicas that own a shard each, with and without each batch of designs. setting: N, M, B, R. Empty `without`
/// if the components of some shard tell nothing of this B (designs took it whole), for split nets, and where R is not that of the shards.
LeaveOneOut predicted_statistic(const Strata& strata, const Setting& setting, NoisePolicy noise);

/// The same against a variance measured there. check.strata is set if something is predicted.
Check check_prediction(const Strata& strata, const Setting& setting, const Policy& policy, const Estimate& measured, Index comparisons);

}  // namespace variscope::diagnostics
