/// Fits of a finished run, to be continued by a study whose fits are the same but for their length.
#pragma once

#include <string>

#include "engine/store/run_file.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/fit.hpp"

namespace variscope::experiments {

class FitsBefore {
 public:
  /// None.
  FitsBefore() = default;
  /// run: its directory or its run.h5. Throws UserError where that cannot be read, or holds no fit that can be continued.
  explicit FitsBefore(const std::string& run);

  /// The fit of the same settings, estimator and repeat; of all settings only lengths, numbers of repeats and what is done after a fit may
  /// differ. Nothing if there is none. Valid as long as the object.
  [[nodiscard]] FitBefore find(const CellPlan& cell, std::size_t estimator, Index repeat) const;
  /// Throws UserError if none of the plan's fits is among them.
  void check(const Plan& plan) const;

  [[nodiscard]] bool given() const { return !name_.empty(); }
  /// "runs/a/run.h5, results hash ...".
  [[nodiscard]] std::string name() const { return name_; }

 private:
  std::string name_;
  store::RunRecord run_;
};

}  // namespace variscope::experiments
