/// One fit: steps of an optimizer along estimated gradients, the objective on the way, the posterior approximation at its end.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/fit_record.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/estimates.hpp"
#include "experiments/run/objective.hpp"
#include "experiments/run/predictive.hpp"

namespace variscope::experiments {

/// Any variational parameter beyond this ends a fit as diverged; so does an objective that is not finite, or so many steps in a row that
/// had to be refused.
inline constexpr double kLambdaBound = 1e8;
inline constexpr Index kMostRefused = 100;

/// What the fits of a path's problem are held against: the optimum where it has an exact objective (L-BFGS from the start of the fits), the
/// reference moments of the spec. The same bits on all ranks. Collective over `whole`.
FitTarget find_target(const PathPlan& path, const models::Model& model, const DataPlan* data, bool exact, const cluster::Team& whole,
                      int threads, Work& work);

/// The record of a cell as the plan shapes it: everything but the fits.
FitCellRecord shape_of(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data);

/// Runs fits of one cell with one team of ranks. All members of the team call alike.
class FitRunner {
 public:
  /// Everything outlives the object. predictive: what each fit's posterior is to predict; nullptr: nothing. advance(steps): told now and
  /// then how many steps were taken since.
  FitRunner(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data, const cluster::Team& team,
            cluster::Reduce reduce, int threads, Work& work, std::function<void(double)> advance,
            const PredictiveProblem* predictive = nullptr);

  /// The record is complete on the team's root. A function of (settings, estimator, repeat) alone: streams are keyed by repeat and step.
  /// Cost: the plan's steps, evaluations and draws.
  FitRecord run(std::size_t estimator, Index repeat);

 private:
  /// Sum of a fit's work over the team.
  void add_up(std::vector<models::Counts>& counts) const;
  /// From the team's root to all its members.
  void share(std::span<double> values) const;
  /// One gradient, the same on the whole team.
  const std::vector<double>& gradient(const families::Family& family, const CallSettings& call, const estimators::Estimator& estimator,
                                      Index step);
  /// Objective and its error at a member of the family, the same on the whole team.
  std::array<double, 2> objective(const families::Family& family, Index repeat, Index step);
  /// Moments and importance weights of draws from the answer; on the team's root.
  void draw_posterior(const families::Family& family, Index repeat, FitRecord& record);
  [[nodiscard]] std::unique_ptr<families::Family> member(std::span<const double> lambda) const;
  [[nodiscard]] bool first_row() const { return team_.samples.rank() == 0 && team_.replicas.rank() == 0; }

  const CellPlan& cell_;
  const PathPlan& path_;
  const Settings& settings_;
  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Team& team_;
  int threads_;
  Work& work_;
  std::function<void(double)> advance_;
  const PredictiveProblem* predictive_;
  cluster::Team evaluation_team_;  ///< the first replica's ranks
  cluster::Team draw_team_;        ///< of those the first along the samples
  Estimates estimates_;
  Estimates evaluation_;
  Estimates drawing_;
  ObjectiveEstimator objective_;
  std::unique_ptr<optimizers::Optimizer> optimizer_;
  std::vector<std::vector<double>> gradients_{1};
  std::vector<models::Counts> counts_{1};
  std::vector<double> seconds_{0.0};
  std::vector<double> mean_;
};

}  // namespace variscope::experiments
