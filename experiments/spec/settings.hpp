/// One cell's settings, fully resolved and typed: what remains of a spec when every sweep has been expanded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/index.hpp"

namespace variscope::experiments {

/// Defaults here are the defaults of the spec language; the key of each is its place: data.row_tile.
struct Settings {
  struct Study {
    std::string name;
    std::string description;
    std::string kind = "variance";
    std::uint64_t seed = 1;
  } study;
  struct Data {
    std::string file;             ///< relative to the spec; empty: no data
    std::string format = "auto";  ///< auto: by the file's name
    std::string response;         ///< column that is explained
    std::string response_file;    ///< .npy: where the response is an array of its own
    bool standardize = true;
    bool intercept = true;
    Index row_tile = 256;                   ///< rows per leaf of the fold
    std::string missing = "refuse";         ///< or drop_rows
    std::vector<std::string> columns{"*"};  ///< of the design; "*" alone: all that have no other use
    std::vector<std::string> side_columns;  ///< that models name: groups, offsets, trials
    std::vector<std::string> categorical;   ///< columns whose texts or whole numbers are levels
    std::vector<std::string> interactions;  ///< "x1*x2": products of design columns
    double test_fraction = 0;               ///< of the rows, held out; 0: none
  } data;
  struct Model {
    std::string name;
    std::map<std::string, std::vector<double>> numbers;
    std::map<std::string, std::string> words;
    std::map<std::string, std::vector<std::string>> lists;
    std::string directory;  ///< of the spec, which a model's files are relative to; no key
  } model;
  struct Family {
    std::string name = "mean_field_gaussian";
    std::vector<double> initial_mean = {0.0};  ///< one value for all coordinates, or one each
    std::vector<double> initial_sd = {1.0};
    Index rank = 2;                   ///< of low_rank_gaussian
    Index components = 2;             ///< of gaussian_mixture
    Index categories = 3;             ///< of categorical
    std::vector<std::string> point;   ///< coordinates that are optimised, without a distribution
    std::vector<Index> point_places;  ///< their positions among the model's, ascending; no key, the plan finds them
  } family;
  std::string objective = "elbo";  ///< "expectation": E_q[log density] alone, no entropy; "importance_bound": of M samples
  struct Path {
    Index steps = 1000;
    double step_size = 0.05;
    Index samples = 16;
    Index batch_rows = 0;                           ///< 0: all rows
    std::vector<double> points = {0, 10, 50, 100};  ///< percent of the steps
    bool optimum = true;
    Index snapshot_age = 20;  ///< steps between a point and the earlier parameters that some control variates lean on
  } path;
  struct Reference {
    std::string method = "auto";  ///< auto, exact, monte_carlo
    Index samples = 65536;        ///< of the Monte Carlo reference
    /// What posterior moments of the model's variables are held against; empty: nothing.
    std::vector<double> mean;
    std::vector<double> sd;
    std::vector<double> mean_error;  ///< standard errors of the two above; empty: exact
    std::vector<double> sd_error;
    bool quadrature = false;  ///< instead: by quadrature, in three dimensions or less
    std::string run;          ///< instead: a run of fits, relative to the spec
  } reference;
  struct Estimators {
    std::vector<std::string> names;
    Index samples = 16;
    Index batch_rows = 0;                            ///< 0: all rows
    std::string row_policy = "without_replacement";  ///< or with_replacement, disjoint, shards, epoch
    Index replicas = 1;                              ///< R: estimates of M samples and B rows whose mean is the estimate
    std::string noise_policy = "independent";        ///< of the replicas; or shared, split_net
  } estimators;
  struct Replicates {
    Index count = 1024;
    Index batches = 128;  ///< at most 256
  } replicates;
  /// A crossed design beside the replicates: it tells Monte Carlo, data and interaction noise apart.
  struct Components {
    Index designs = 0;     ///< independent designs; 0: none
    Index row_sets = 4;    ///< minibatches of each
    Index noise_sets = 4;  ///< sample sets of each, every one met by every minibatch
  } components;
  /// A fit: the objective climbed to its optimum, once for each estimator and repeat.
  struct Fit {
    std::string method = "vi";
    std::string optimizer = "adam";
    std::map<std::string, double> numbers;  ///< the optimizer's parameters, step_size among them
    Index search_steps = 0;                 ///< of each trial of the optimizer's step sizes; 0: no search
    Index particles = 100;                  ///< of svgd; draws of prior
    Index steps = 1000;
    double budget_evaluations = 0;    ///< whole-data gradient evaluations that a fit may take; 0: as many as its steps take
    Index repeats = 8;                ///< fits of each estimator, independent of each other
    Index trace_every = 0;            ///< steps between recorded ones; 0: a logarithmic grid
    Index evaluation_samples = 1024;  ///< of an estimate of the objective, where it is not exact
    Index posterior_draws = 4096;     ///< from the fitted approximation: moments, importance weights
    double tolerance = 0.1;           ///< nats from the optimum that count as having come there, in the report
  } fit;
  /// What the posterior says of rows, after a fit.
  struct Predictive {
    std::vector<std::string> rows;  ///< "training", "test", "grid"; empty: nothing is predicted
    std::string covariate;          ///< design column that bands are shown against, and the grid runs along
    Index grid_points = 101;
    double grid_margin = 0;  ///< how far the grid goes beyond the training rows on either side, in their range
    Index draws = 1000;      ///< of the posterior draws, the first
    Index kept_rows = 1000;  ///< of each part, whose bands are stored
    Index functions = 0;     ///< of the draws, the first, whose mean responses along the grid are stored
  } predictive;
  /// Chains on the target, those of each sampler named apart.
  struct Sampler {
    std::vector<std::string> names;
    /// Parameters: as given, "step_size" for all that know it or "nuts.step_size" for one; in a cell of one sampler each, all of them.
    std::map<std::string, double> numbers;
    std::map<std::string, std::string> words;
    Index chains = 4;
    Index warmup = 1000;
    bool adapt = true;   ///< during warm-up; false: it is burn-in alone
    Index draws = 1000;  ///< iterations behind the warm-up
    Index thin = 1;
    std::string stop = "never";  ///< or ess, rhat, both: when chains end before their draws do
    double stop_ess = 400;
    double stop_rhat = 1.01;
    Index stop_every = 100;        ///< iterations between looks
    std::string init = "uniform";  ///< or prior, given, map, pathfinder, run
    double init_radius = 2;
    std::vector<double> init_values;  ///< [dim] or [start x dim], unconstrained
    std::string init_run;             ///< of fits, relative to the spec
    Index chains_per_start = 1;
    std::vector<double> metric_variances;  ///< [dim], unconstrained; empty: 1
    std::vector<std::string> save;         ///< variables; empty: all
    bool save_warmup = false;
    bool save_data = true;
    bool unconstrained = false;
    bool single_precision = false;
  } sampler;
  /// Posteriors of shards of the rows, combined.
  struct Combine {
    std::vector<std::string> names;  ///< combiners; empty: none
    Index shards = 4;
    Index draws = 1000;    ///< of each shard that combiners are given, at the most
    Index chains = 4;      ///< of combiners that are Markov chains
    double bandwidth = 0;  ///< of kernel combiners, in units of the shards' spread; 0: shrinking
  } combine;
  /// When fits may end before their steps do.
  struct Stopping {
    std::string rule = "none";
    std::map<std::string, double> numbers;  ///< the rule's parameters
  } stopping;
  struct Output {
    std::string directory;  ///< default: runs/<study.name>
  } output;
  struct Limits {
    double memory_gib = 0;  ///< per rank; 0: what the machine has
  } limits;
};

}  // namespace variscope::experiments
