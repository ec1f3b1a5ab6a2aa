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

/// The chains of one sampler.
struct ChainsRecord {
  std::string sampler;
  std::string trace;                   ///< "cell_000_nuts": traces/cell_000_nuts.nc
  std::string trace_hash;              ///< of draws and statistics
  std::vector<double> scalars;         ///< [scalar x scalar_figures], chains that failed left out
  std::vector<double> chains;          ///< [chain x chain_figures]
  std::vector<double> predictive;      ///< [part x predictive_figures], as of fits
  std::vector<double> predicted_rows;  ///< [row x prediction_columns]
  double seconds = 0;                  ///< a timing: wall time of the draws
  double warmup_seconds = 0;           ///< a timing
  double bytes_sent = 0;               ///< by all ranks, warm-up included; depends on the layout
  double messages_sent = 0;

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
  Index draws = 0;        ///< iterations behind the warm-up
  Index stored = 0;       ///< draws of each chain in the trace file
  Index chains_per_start = 1;
  Index processors = 0;  ///< ranks x threads that ran them: a timing
  std::vector<StoredVariable> variables;
  std::vector<std::string> scalar_names;  ///< "theta[1,0]": of all variables' elements
  FitTarget target;                       ///< mean, sd and their errors of every scalar, where known
  std::vector<PredictedPart> predicted;
  std::string covariate;       ///< of the predicted rows; empty: none named
  Index predictive_draws = 0;  ///< S
  std::vector<ChainsRecord> samplers;
  std::vector<Exclusion> exclusions;  ///< samplers of the spec that were not run

  /// Rows whose predictions are kept, of all parts.
  [[nodiscard]] Index predicted_rows() const {
    Index count = 0;
    for (const PredictedPart& part : predicted) count += part.kept;
    return count;
  }
};

}  // namespace variscope
