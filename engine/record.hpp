/// What a variance study stores: points, references and per-batch moments of every estimator. Everything a table needs is here.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/index.hpp"
#include "engine/models/model.hpp"

namespace variscope {

/// A named run of variational parameters that is reported on its own: "mean", "log_scale".
struct Block {
  std::string name;
  Range parameters;
};

/// Moments of one estimator at one point, one entry per fixed batch of replicates (set by the plan).
/// Deviations are taken about the point's stored reference gradient, so that nothing cancels.
struct BatchMoments {
  Index batches = 0;
  Index parameters = 0;
  Index blocks = 0;
  std::vector<double> count;        ///< [batch] replicates in it
  std::vector<double> sum;          ///< [batch x parameter] sum of (g - reference)
  std::vector<double> square;       ///< [batch x parameter] sum of (g - reference)^2
  std::vector<double> norm;         ///< [batch x block] sum over replicates of |g - reference|^2 over the block
  std::vector<double> norm_square;  ///< [batch x block] sum over replicates of the square of that norm

  void resize(Index batch_count, Index parameter_count, Index block_count) {
    batches = batch_count;
    parameters = parameter_count;
    blocks = block_count;
    const auto b = static_cast<std::size_t>(batch_count);
    count.assign(b, 0.0);
    sum.assign(b * static_cast<std::size_t>(parameter_count), 0.0);
    square.assign(b * static_cast<std::size_t>(parameter_count), 0.0);
    norm.assign(b * static_cast<std::size_t>(block_count), 0.0);
    norm_square.assign(b * static_cast<std::size_t>(block_count), 0.0);
  }
};

/// Mean squares of crossed designs of one estimator at one point, one entry per fixed batch of designs (set by the plan).
/// A design is every pair of K minibatches (drawn independently of each other) and L sample sets, one gradient estimate per pair.
struct ComponentMoments {
  Index batches = 0;
  Index parameters = 0;
  Index blocks = 0;
  Index row_sets = 0;                            ///< K; 1 where every estimate uses all rows
  Index noise_sets = 0;                          ///< L
  std::vector<double> count;                     ///< [batch] designs in it
  std::vector<double> mean_square_noise;         ///< [batch x parameter] sum over designs: between sample sets, L - 1 degrees of freedom
  std::vector<double> mean_square_rows;          ///< [batch x parameter] between minibatches, K - 1
  std::vector<double> mean_square_interaction;   ///< [batch x parameter] what neither explains, (K - 1)(L - 1)
  std::vector<double> trace_square_noise;        ///< [batch x block] sum over designs of the square of the block's trace of mean squares
  std::vector<double> trace_square_rows;         ///< [batch x block]
  std::vector<double> trace_square_interaction;  ///< [batch x block]

  void resize(Index batch_count, Index parameter_count, Index block_count, Index row_set_count, Index noise_set_count) {
    batches = batch_count;
    parameters = parameter_count;
    blocks = block_count;
    row_sets = row_set_count;
    noise_sets = noise_set_count;
    const auto b = static_cast<std::size_t>(batch_count);
    count.assign(b, 0.0);
    for (std::vector<double>* sums : {&mean_square_noise, &mean_square_rows, &mean_square_interaction}) {
      sums->assign(b * static_cast<std::size_t>(parameter_count), 0.0);
    }
    for (std::vector<double>* sums : {&trace_square_noise, &trace_square_rows, &trace_square_interaction}) {
      sums->assign(b * static_cast<std::size_t>(block_count), 0.0);
    }
  }
};

/// Crossed designs inside fixed shards, traces over blocks alone: parameter and block r x (blocks of q) + k are block k in shard r. A
/// design takes K minibatches of every shard, each with the same L sample sets; an estimate is that of the replica that owns the shard
/// (prior counted once, likelihood R N_r / B times), so that the mean over shards is the whole gradient.
struct ShardMoments : ComponentMoments {};

/// One estimator at one point of one cell.
struct EstimatorRecord {
  std::string name;
  BatchMoments moments;
  models::Counts counts;            ///< work of all replicates together, all ranks
  models::Counts preparation;       ///< work done once before measuring, all ranks
  double preparation_share = 0;     ///< share of it that each call is charged with
  ComponentMoments components;      ///< of the cell's crossed designs; batches 0 if it has none
  ShardMoments shard_components;    ///< within the cell's fixed shards; batches 0 if it has none, or no designs
  models::Counts component_counts;  ///< work of all designs together, all ranks
  double seconds_per_call = 0.0;    ///< a timing, never part of the results hash; 0 if unknown; preparation not included
  /// A timing of one preparation, by as many threads as make a call; 0 where no call is charged with any of it, NaN if unknown.
  double preparation_seconds = 0.0;
};

/// One point lambda of the reference path: where every estimator is measured.
struct PointRecord {
  std::string label;                    ///< "0 %", "50 %", "optimum"
  std::vector<double> lambda;           ///< variational parameters
  std::vector<double> snapshot;         ///< those of an earlier step, which some control variates lean on
  std::vector<double> reference;        ///< reference gradient
  std::vector<double> reference_error;  ///< its standard error or numerical error bound per coordinate
  std::string reference_method;         ///< "quadrature", "closed form", "monte carlo"
  double objective = 0.0;               ///< ELBO (or expectation) at lambda
  double objective_error = 0.0;
  std::vector<EstimatorRecord> estimators;
};

/// An estimator of the spec that was not run in a cell, and why.
struct Exclusion {
  std::string estimator;
  std::string reason;
};

/// One cell of the plan: one combination of all swept settings.
struct CellRecord {
  std::string id;                                             ///< "cell_000"
  std::vector<std::pair<std::string, std::string>> settings;  ///< all settings, dotted keys, as text
  std::vector<std::string> parameter_names;                   ///< 2 dim names: "mean[x]", "log_scale[x]", ...
  std::vector<Block> blocks;
  std::string family;
  std::string model;
  Index samples = 0;     ///< M
  Index batch_rows = 0;  ///< B; 0: all rows
  Index rows = 0;        ///< N
  Index replicates = 0;
  Index replicas = 1;        ///< R: estimates whose mean is one call
  Index designs = 0;         ///< crossed designs at each point; 0: none
  Index row_sets = 0;        ///< K of each
  Index noise_sets = 0;      ///< L of each
  Index shards = 0;          ///< fixed shards that have designs of their own; 0: none
  Index shard_row_sets = 0;  ///< K of these
  std::string noise_policy;  ///< of the replicas: "independent", ...
  std::string row_policy;    ///< "without_replacement", ...
  std::string objective;     ///< "elbo", ...
  std::vector<PointRecord> points;
  std::vector<Exclusion> exclusions;
};

}  // namespace variscope
