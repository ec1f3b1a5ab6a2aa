/// A fit's numbers as named arrays: the one list that segments and run.h5 go by.
#pragma once

#include <array>
#include <vector>

#include "engine/fit_record.hpp"

namespace variscope::store {

/// What an array has an entry for.
enum class FitEntries { step, step_parameter, variable, pair, part, predicted, function };

struct FitArray {
  const char* name;
  const char* meaning;
  const char* units;
  std::vector<double> FitRecord::*values;
  FitEntries entries;
};

/// Results, in the order in which they are stored.
inline constexpr std::array<FitArray, 11> fit_arrays{
    {{"lambda", "variational parameters that the fit would answer with; NaN behind its end", "1", &FitRecord::lambda,
      FitEntries::step_parameter},
     {"objective", "objective at them", "nat", &FitRecord::objective, FitEntries::step},
     {"objective_error", "standard error of the objective, or a bound of its numerical error", "nat", &FitRecord::objective_error,
      FitEntries::step},
     {"mean", "mean of the posterior draws", "1", &FitRecord::mean, FitEntries::variable},
     {"sd", "standard deviation of the posterior draws", "1", &FitRecord::sd, FitEntries::variable},
     {"correlation", "correlation of two variables under the posterior draws", "1", &FitRecord::correlation, FitEntries::pair},
     {"weighted_mean", "mean with Pareto-smoothed importance weights", "1", &FitRecord::weighted_mean, FitEntries::variable},
     {"weighted_sd", "standard deviation with Pareto-smoothed importance weights", "1", &FitRecord::weighted_sd, FitEntries::variable},
     {"predictive", "figures of the posterior predictive of all rows of a part", "1", &FitRecord::predictive, FitEntries::part},
     {"predicted_rows", "posterior predictive of a row", "1", &FitRecord::predicted_rows, FitEntries::predicted},
     {"functions", "mean response along the grid under one draw of the parameters", "1", &FitRecord::functions, FitEntries::function}}};

struct FitNumber {
  const char* name;
  const char* meaning;
  double FitRecord::*value;
};
inline constexpr std::array<FitNumber, 3> fit_numbers{
    {{"k_hat", "Pareto k of the importance ratios of the posterior draws", &FitRecord::k_hat},
     {"effective_draws", "effective number of the importance-weighted draws", &FitRecord::effective_draws},
     {"chosen_step_size", "step size that a search over step sizes chose", &FitRecord::step_size}}};

struct FitStateArray {
  const char* name;
  const char* meaning;
  std::vector<double> FitState::*values;
};
inline constexpr std::array<FitStateArray, 3> state_arrays{
    {{"lambda", "iterate after the last step", &FitState::lambda},
     {"optimizer", "numbers that the optimizer and its averages keep", &FitState::optimizer},
     {"stopping", "numbers that the stopping rule keeps", &FitState::stopping}}};

/// Length of an array of a cell with these extents.
inline Index fit_width(FitEntries entries, const FitExtents& extents) {
  switch (entries) {
    case FitEntries::step:
      return extents.trace;
    case FitEntries::step_parameter:
      return extents.trace * extents.parameters;
    case FitEntries::variable:
      return extents.variables;
    case FitEntries::pair:
      return extents.pairs();
    case FitEntries::part:
      return extents.parts * static_cast<Index>(predictive_figures.size());
    case FitEntries::predicted:
      return extents.predicted * static_cast<Index>(prediction_columns.size());
    case FitEntries::function:
      break;
  }
  return extents.functions;
}

/// Whether every array has the length that the extents ask for.
inline bool is_whole(const FitRecord& fit, const FitExtents& extents) {
  bool whole = static_cast<Index>(fit.counts.size()) == extents.trace && static_cast<Index>(fit.seconds.size()) == extents.trace;
  for (const FitArray& array : fit_arrays)
    whole = whole && static_cast<Index>((fit.*array.values).size()) == fit_width(array.entries, extents);
  return whole;
}

}  // namespace variscope::store
