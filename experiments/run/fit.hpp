/// One fit: steps of an optimizer along gradients, or a search of its own; the objective on the way, the approximation at its end.
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
#include "experiments/run/fit_course.hpp"
#include "experiments/run/objective.hpp"
#include "experiments/run/predictive.hpp"
#include "experiments/run/team_density.hpp"

namespace variscope::experiments {

/// Any variational parameter beyond this ends a fit as diverged; so does an objective that is not finite, or so many steps in a row that
/// had to be refused.
inline constexpr double kLambdaBound = 1e8;
inline constexpr Index kMostRefused = 100;

/// The record of a cell as the plan shapes it: everything but the fits.
FitCellRecord shape_of(const CellPlan& cell, const PathPlan& path, const models::Model& model, const DataPlan* data);

/// A fit that is to be taken up where it ended, or was saved.
struct FitBefore {
  const std::vector<Index>* trace = nullptr;  ///< the steps that its entries stand for
  const FitRecord* fit = nullptr;
};

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
  /// before: with a state, from which the fit is continued to the same bits as if it were begun anew; it is begun anew where its record
  /// lacks steps that this one has, or was made of other numbers (data, program).
  FitRecord run(std::size_t estimator, Index repeat, const FitBefore& before = {});

  /// Whether the last run() began from a state.
  [[nodiscard]] bool resumed() const { return resumed_; }

  /// keep(fit so far, with the state that a later run continues from; whole on the team's root) after every so many steps of an optimizer;
  /// all members of the team call it alike. Objectives, draws and predictions of the end are not there yet.
  void keep_every(Index steps, std::function<void(const FitRecord&)> keep) {
    keep_steps_ = steps;
    keep_ = std::move(keep);
  }

 private:
  /// The same on the whole team, in place until the next call. step: also its place among the random numbers.
  using Gradient = std::function<const std::vector<double>&(std::span<const double> lambda, Index step)>;
  /// lambda moved by the optimizer for so many steps or until something ends it.
  struct Climb {
    Gradient gradient;
    std::vector<double> lambda;
    Index steps = 0;
    bool density = true;  ///< lambda is a family's
    Index repeat = 0;
  };
  /// The optimizer's side of a FitState.
  struct Stand {
    std::vector<double> optimizer;
    std::vector<double> stopping;
    Index refused_in_a_row = 0;
    bool held = false;
  };

  /// Takes up before_, if it can be. lambda: of the start, then of that state.
  bool take_up(FitCourse& course, std::vector<double>& lambda, Stand& stand) const;
  /// The state marked, whole.
  [[nodiscard]] FitState state_of(const FitCourse& course, std::span<const double> lambda, const Stand& stand) const;
  /// Fills the course, its end included. Returns the answer; empty if it diverged.
  std::vector<double> climb(FitCourse& course, Climb climb);
  [[nodiscard]] std::unique_ptr<optimizers::Optimizer> optimizer_of_step_size(double chosen) const;
  /// The optimizer whose step size came best out of short trials; its step size goes into the record.
  std::unique_ptr<optimizers::Optimizer> best_of_trials(FitCourse& course, const Climb& climb);
  /// Searches by L-BFGS. Each fills the course and returns the answer; empty: there is none.
  std::vector<double> fixed_sample(FitCourse& course, Index repeat);
  std::vector<double> exact_mean_field(FitCourse& course);
  std::vector<double> mode(FitCourse& course);
  std::vector<double> laplace(FitCourse& course);
  std::vector<double> pathfinder(FitCourse& course, Index repeat);
  /// By the downhill simplex on quadrature.
  std::vector<double> simplex(FitCourse& course);
  std::vector<double> search(FitCourse& course, Index repeat);
  /// `inner`, each evaluation of which is a step; `best` is the best point so far, recorded where `answers`.
  optimizers::Objective watched(FitCourse& course, const optimizers::Objective& inner, std::vector<double>& best, bool answers);
  /// Evaluations that a search may take of the steps: its end takes one more.
  [[nodiscard]] int most_evaluations() const;

  std::vector<double> run_estimator(FitCourse& course, std::size_t estimator, Index repeat);
  std::vector<double> run_exact(FitCourse& course);
  std::vector<double> run_particles(FitCourse& course, Index repeat);
  /// Draws from the prior: no step, no evaluation.
  std::vector<double> draw_prior(FitCourse& course, Index repeat);

  /// Sum of a fit's work over the team.
  void add_up(std::vector<models::Counts>& counts) const;
  void add_up(FitRecord& record) const;
  /// One gradient, the same on the whole team.
  const std::vector<double>& gradient(const families::Family& family, const CallSettings& call, const estimators::Estimator& estimator,
                                      Index step);
  /// Exact objective and gradient at a member of the family; counted as one gradient, which it passes over the rows like.
  models::GaussianExpectation expectation(const families::Family& family);
  /// Objective and its error at a member of the family, the same on the whole team.
  std::array<double, 2> objective(const families::Family& family, Index repeat, Index step);
  /// Moments and importance weights of draws from the answer; on the team's root.
  void draw_posterior(const families::Family& family, Index repeat, FitRecord& record);
  /// Moments of points that stand for the posterior ([particle x coordinate]); of one alone no sd.
  void take_moments(std::span<const double> particles, FitRecord& record) const;
  /// What particles predict, the first of them.
  void predict_from(std::span<const double> particles, Index repeat, FitRecord& record);
  [[nodiscard]] std::unique_ptr<families::Family> member(std::span<const double> lambda) const;
  [[nodiscard]] bool first_of_sample() const { return team_.replicas.rank() == 0 && team_.shards.rank() == 0; }
  [[nodiscard]] bool first_row() const { return team_.samples.rank() == 0 && team_.replicas.rank() == 0; }
  /// Where searches for a mode start: family.initial_mean, `repeat` >= 0 adding a draw of sd family.initial_sd.
  [[nodiscard]] std::vector<double> start_point(Index repeat) const;
  /// Number k of the spec's start, one for all coordinates or one each.
  static double spread(const std::vector<double>& values, Index k) {
    return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(k)];
  }

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
  TeamDensity team_density_;
  const approximations::Density density_;
  std::vector<std::vector<double>> gradients_{1};
  std::vector<models::Counts> counts_{1};
  std::vector<double> seconds_{0.0};
  std::vector<double> mean_;
  double best_value_ = 0;  ///< of the search under way
  FitBefore before_;       ///< of the fit under way
  bool resumed_ = false;
  Index keep_steps_ = 0;  ///< 0: nothing is kept
  std::function<void(const FitRecord&)> keep_;
};

}  // namespace variscope::experiments
