/// What a study of fits stores: every fit's way to its optimum, and the posterior approximation it ended in.
#pragma once

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/index.hpp"
#include "engine/models/model.hpp"
#include "engine/record.hpp"

namespace variscope {

/// How a fit ended. `diverged` is a result, not an error.
enum class FitStatus { finished, diverged };

/// Figures of a part's posterior predictive, and what is predicted of one row: names and order of what records hold.
inline constexpr std::array predictive_figures = {"rows",        "log_density", "log_density_error", "monte_carlo_error",
                                                  "rmse",        "rmse_error",  "coverage_50",       "coverage_90",
                                                  "coverage_95", "width_50",    "width_90",          "width_95"};
inline constexpr std::array prediction_columns = {"covariate",        "response", "mean",     "sd",       "median",   "lower_50",
                                                  "upper_50",         "lower_90", "upper_90", "lower_95", "upper_95", "log_density",
                                                  "log_density_error"};

/// A part of the rows that a study predicts: training or held-out rows, or a grid.
struct PredictedPart {
  std::string name;  ///< "training", "test", "grid"
  Index rows = 0;    ///< all of them, which the figures are of
  Index kept = 0;    ///< the first, whose bands are kept
};

/// Variables of which correlations are kept; of more the pairs are too many to be read.
inline constexpr Index kMostCorrelated = 16;

/// What the arrays of a fit have entries for.
struct FitExtents {
  Index trace = 0;
  Index parameters = 0;
  Index variables = 0;
  Index parts = 0;      ///< predicted
  Index predicted = 0;  ///< rows kept, of all parts
  Index functions = 0;  ///< values of functions on the grid: functions x grid points
  /// Pairs (0, 1), (0, 2), ..., (1, 2), ... of variables; none where there are too many.
  [[nodiscard]] Index pairs() const { return variables > kMostCorrelated ? 0 : variables * (variables - 1) / 2; }
};

/// Why. The first three are ends of finished fits; stored as numbers, so new ones come last.
enum class FitEnding {
  all_steps,      ///< its steps or its budget were used up
  stopped,        ///< its stopping rule held
  converged,      ///< its search came to an end of its own
  out_of_bounds,  ///< a parameter beyond its bound
  refused,        ///< too many steps in a row without a finite gradient
  not_finite,     ///< the objective
  no_answer       ///< the search came to no point that an approximation could be made at: no maximum, no curvature
};

/// Where an optimizer stood after a record's steps, before it recorded the last: beside the record all that further steps depend on. A fit
/// goes on from here as if it had never been interrupted. Searches by L-BFGS have none: they are made anew.
struct FitState {
  Index refused_in_a_row = 0;     ///< steps up to the last
  Index recorded = 0;             ///< first entries of the record that were there
  bool held = false;              ///< whether the stopping rule asked for an end after the last step
  double seconds = 0;             ///< a timing: that the steps took
  std::vector<double> lambda;     ///< [parameter] the iterate; empty: there is no state
  std::vector<double> optimizer;  ///< its state, the averages of iterates included
  std::vector<double> stopping;   ///< the rule's; empty: no rule
  models::Counts own;             ///< work of the steps, all ranks
  models::Counts evaluation;      ///< and of the objectives recorded

  [[nodiscard]] bool exists() const { return !lambda.empty(); }
};

/// One fit: one estimator, one repeat. Behind the end of a fit that ended early its entries repeat its last answer; behind that of one that
/// diverged they are NaN (counts: those at its end).
struct FitRecord {
  FitStatus status = FitStatus::finished;
  FitEnding ending = FitEnding::all_steps;
  Index steps = 0;                      ///< taken, refused ones included
  Index refused = 0;                    ///< steps not taken since the gradient was not finite
  std::vector<double> lambda;           ///< [trace x parameter] what the fit would answer with
  std::vector<double> objective;        ///< [trace]
  std::vector<double> objective_error;  ///< [trace] standard error, or a bound of the numerical error where it is exact
  std::vector<models::Counts> counts;   ///< [trace] work of all steps so far, all ranks
  models::Counts evaluation;            ///< work of objectives and posterior draws, which no optimizer needs
  std::vector<double> mean;             ///< [variable] of the posterior draws
  std::vector<double> sd;               ///< [variable]
  std::vector<double> correlation;      ///< [pair] of variables, of the posterior draws
  std::vector<double> weighted_mean;    ///< [variable] with Pareto-smoothed importance weights
  std::vector<double> weighted_sd;      ///< [variable]
  double k_hat = 0;                     ///< of the importance ratios; NaN if unknown
  double effective_draws = 0;           ///< of the smoothed weights; NaN if unknown
  std::vector<double> predictive;       ///< [part x predictive_figures] of all rows of each predicted part
  std::vector<double> predicted_rows;   ///< [row x prediction_columns] of the kept rows of each part
  std::vector<double> functions{};      ///< [function x grid point] mean responses under single draws of the parameters
  double step_size = 0;                 ///< that a search over step sizes chose; NaN: there was none
  std::vector<double> seconds;          ///< [trace] a timing: wall time of the steps so far, objectives excluded
  FitState state;                       ///< from which it can be continued; no result

  /// All arrays sized; NaN and zeros.
  void resize(const FitExtents& extents);
};

/// Sets why a fit ended, and with it whether it diverged.
inline void end_as(FitRecord& fit, FitEnding ending) {
  fit.ending = ending;
  fit.status = ending >= FitEnding::out_of_bounds ? FitStatus::diverged : FitStatus::finished;
}

/// The best that is known of a problem before any fit.
struct FitTarget {
  std::string method;          ///< of the optimum: "closed form", "quadrature", "all states"; empty: unknown
  double objective = 0;        ///< at the optimum of the family
  double objective_error = 0;  ///< bound of its numerical error
  double gradient_norm = 0;    ///< there; rounding if it is an optimum
  std::vector<double> lambda;  ///< of the optimum
  std::vector<double> mean;    ///< [variable] of the posterior; empty: unknown
  std::vector<double> sd;
  std::vector<double> mean_error;
  std::vector<double> sd_error;
  std::vector<double> correlation{};  ///< [pair]; empty: unknown
  std::string moments{};              ///< where they are from, in words; empty: the spec states them
};

/// One cell of a study of fits.
struct FitCellRecord {
  std::string id;                                             ///< "cell_000"
  std::vector<std::pair<std::string, std::string>> settings;  ///< all settings, dotted keys, as text
  std::vector<std::string> parameter_names;
  std::vector<std::string> variable_names;  ///< the model's variables, element by element
  std::string family;
  std::string model;
  std::string method = "vi";  ///< fit.method
  std::string optimizer;
  Index samples = 0;     ///< M
  Index batch_rows = 0;  ///< B; 0: all rows
  Index rows = 0;        ///< N
  Index repeats = 0;
  Index posterior_draws = 0;
  std::string objective;                ///< "elbo", ...; "log_density" of a point, "none" of particles
  std::vector<std::string> estimators;  ///< those that were run; the method's own name where it takes none
  std::vector<Index> trace;             ///< recorded steps, ascending
  FitTarget target;
  std::vector<PredictedPart> predicted;
  std::string covariate;        ///< of the predicted rows; empty: none named
  Index predictive_draws = 0;   ///< S
  Index functions = 0;          ///< of the draws, the first, whose mean responses along the grid are kept
  std::vector<FitRecord> fits;  ///< [estimator x repeat]
  std::vector<Exclusion> exclusions;

  [[nodiscard]] FitExtents extents() const {
    FitExtents e{static_cast<Index>(trace.size()),
                 static_cast<Index>(parameter_names.size()),
                 static_cast<Index>(variable_names.size()),
                 static_cast<Index>(predicted.size()),
                 0,
                 0};
    for (const PredictedPart& part : predicted) {
      e.predicted += part.kept;
      if (part.name == "grid") e.functions += functions * part.rows;
    }
    return e;
  }

  /// Whether its fits climb an objective that others of the family share.
  [[nodiscard]] bool has_bound() const { return objective != "log_density" && objective != "none"; }
  [[nodiscard]] const FitRecord& fit(std::size_t estimator, Index repeat) const {
    return fits[estimator * static_cast<std::size_t>(repeats) + static_cast<std::size_t>(repeat)];
  }
};

inline void FitRecord::resize(const FitExtents& extents) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const auto points = static_cast<std::size_t>(extents.trace);
  lambda.assign(points * static_cast<std::size_t>(extents.parameters), unknown);
  for (std::vector<double>* values : {&objective, &objective_error, &seconds}) values->assign(points, unknown);
  counts.assign(points, {});
  for (std::vector<double>* values : {&mean, &sd, &weighted_mean, &weighted_sd})
    values->assign(static_cast<std::size_t>(extents.variables), unknown);
  correlation.assign(static_cast<std::size_t>(extents.pairs()), unknown);
  k_hat = effective_draws = step_size = unknown;
  predictive.assign(static_cast<std::size_t>(extents.parts) * predictive_figures.size(), unknown);
  predicted_rows.assign(static_cast<std::size_t>(extents.predicted) * prediction_columns.size(), unknown);
  functions.assign(static_cast<std::size_t>(extents.functions), unknown);
}

}  // namespace variscope
