/// What a study of chains stores beside its trace files: figures of every scalar, what every chain did, and which draws they are from.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/fit_record.hpp"
#include "engine/index.hpp"
#include "engine/record.hpp"

namespace variscope {

/// Figures of one stored scalar: names and order of what records hold. *_error: Monte Carlo standard errors; *_size: effective sizes.
inline constexpr std::array scalar_figures = {"mean",     "mean_error", "mean_size",   "sd",          "sd_error",  "sd_size",  "q5",
                                              "q5_error", "q5_size",    "q50",         "q50_error",   "q50_size",  "q95",      "q95_error",
                                              "q95_size", "rhat_bulk",  "rhat_folded", "nested_rhat", "bulk_size", "tail_size"};

/// What one chain did; unknown where its sampler records no such thing: NaN.
inline constexpr std::array chain_figures = {"failed",      "gradients",  "values",     "warmup_gradients", "warmup_values",
                                             "divergences", "depth_hits", "acceptance", "energy_fraction",  "warmup_divergences"};

/// Of samplers whose draws carry weights. Of the raw weights of all chains' draws: effective size 1 / sum of squares, log evidence of the
/// model's density with its standard error; k-hat, and the threshold beyond which it says that none of the others can be trusted.
inline constexpr std::array weight_figures = {"k_hat", "k_threshold", "effective_size", "log_evidence", "log_evidence_error"};

/// One unconstrained coordinate of a combined posterior, beside that of all rows: errors of the combined by batches of the shards' draws,
/// of all rows by the chains' effective sizes.
inline constexpr std::array combined_figures = {"mean",      "mean_error",      "sd",      "sd_error",
                                                "full_mean", "full_mean_error", "full_sd", "full_sd_error"};

/// Of a combination. acceptance, rhat: of combiners that are Markov chains; joint: 0 where it gives marginals alone. shard_*: of the
/// shards' chains, the largest R-hat of any coordinate, the chains that failed, gradients in units of one of all rows, all shards' and
/// the largest shard's.
inline constexpr std::array combination_figures = {"draws",        "acceptance",      "rhat",         "joint", "shard_rhat",
                                                   "shard_failed", "shard_gradients", "shard_longest"};

/// The posteriors of all shards of the rows, put together.
struct CombinedRecord {
  std::string combiner;
  std::string sampler;              ///< of the shards' chains, and of those that have seen all rows
  std::vector<double> coordinates;  ///< [coordinate x combined_figures]
  std::vector<double> figures;      ///< [combination_figures]
  double seconds = 0;               ///< a timing: of the combination
  double shard_seconds = 0;         ///< a timing: wall time of the slowest shard's chains, on all ranks, with warm-up
  double full_seconds = 0;          ///< a timing: likewise of the chains that have seen all rows

  [[nodiscard]] double coordinate(std::size_t c, std::size_t figure) const { return coordinates[c * combined_figures.size() + figure]; }
};

/// The chains of one sampler.
struct ChainsRecord {
  std::string sampler;
  std::string trace;                   ///< "cell_000_nuts": traces/cell_000_nuts.nc
  std::string trace_hash;              ///< of draws and statistics
  std::vector<double> scalars;         ///< [scalar x scalar_figures], chains that failed left out
  std::vector<double> chains;          ///< [chain x chain_figures]
  std::vector<double> predictive;      ///< [part x predictive_figures], as of fits
  std::vector<double> predicted_rows;  ///< [row x prediction_columns]
  std::vector<double> weights;         ///< [weight_figures]; empty: draws carry none
  double seconds = 0;                  ///< a timing: wall time of the draws
  double warmup_seconds = 0;           ///< a timing
  double bytes_sent = 0;               ///< by all ranks, warm-up included; depends on the layout
  double messages_sent = 0;
  Index draws = 0;    ///< iterations behind the warm-up: fewer than the cell's where a rule stopped the chains
  Index stored = 0;   ///< draws of each chain in the trace file
  Index stopped = 0;  ///< 1: a rule held twice in a row; 0: there is none, or it did not

  [[nodiscard]] double scalar(std::size_t scalar, std::size_t figure) const { return scalars[scalar * scalar_figures.size() + figure]; }
  [[nodiscard]] double chain(std::size_t chain, std::size_t figure) const { return chains[chain * chain_figures.size() + figure]; }
};

/// Place of a figure in the lists above; their size if there is none.
template <class List>
constexpr std::size_t place_of(const List& list, const std::string_view name) {
  std::size_t place = 0;
  while (place < list.size() && name != list[place]) ++place;
  return place;
}

/// A stored variable, whose elements are consecutive scalars.
struct StoredVariable {
  std::string name;
  std::vector<Index> shape;
};

/// One cell of a study of chains.
struct ChainCellRecord {
  std::string id;                                             ///< "cell_000"
  std::vector<std::pair<std::string, std::string>> settings;  ///< all settings, dotted keys, as text
  std::string model;
  Index dim = 0;          ///< unconstrained coordinates
  Index rows = 0;         ///< N; 0: no data
  Index chains = 0;       ///< of each sampler, those that ran
  Index first_chain = 0;  ///< the number of the first; others than 0 are a replay of some
  Index warmup = 0;       ///< iterations of each chain
  Index draws = 0;        ///< iterations behind the warm-up, at the most
  Index stored = 0;       ///< draws of each chain in the trace file, at the most
  Index chains_per_start = 1;
  Index processors = 0;  ///< ranks x threads that ran them: a timing
  std::vector<StoredVariable> variables;
  std::vector<std::string> scalar_names;  ///< "theta[1,0]": of all variables' elements
  FitTarget target;                       ///< mean, sd and their errors of every scalar, where known
  std::vector<PredictedPart> predicted;
  std::string covariate;       ///< of the predicted rows; empty: none named
  Index predictive_draws = 0;  ///< S
  std::vector<ChainsRecord> samplers;
  std::vector<Exclusion> exclusions;       ///< samplers of the spec that were not run
  Index row_shards = 0;                    ///< parts of the rows that had chains of their own; 0: none
  std::vector<std::string> coordinates{};  ///< names of the unconstrained coordinates, where there are combinations
  std::vector<CombinedRecord> combined{};

  /// Rows whose predictions are kept, of all parts.
  [[nodiscard]] Index predicted_rows() const {
    Index count = 0;
    for (const PredictedPart& part : predicted) count += part.kept;
    return count;
  }
};

}  // namespace variscope
