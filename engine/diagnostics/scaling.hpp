/// How the variance of the mean over R replicas falls with R, against what the components predict.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/diagnostics/components.hpp"
#include "engine/diagnostics/jackknife.hpp"
#include "engine/diagnostics/noise.hpp"
#include "engine/diagnostics/strata.hpp"

namespace variscope::diagnostics {

/// Replicates of the averaged estimate at one setting.
struct MeasuredScaling {
  Setting setting;
  Policy policy;
  LeaveOneOut trace;                  ///< tr Var of the average, of variance_statistics()
  std::vector<double> count;          ///< [batch] replicates
  double seconds = 0;                 ///< of one averaged estimate, summed over all cores that make it; 0 if unknown
  std::optional<Strata> strata = {};  ///< of replicas that own a fixed shard each, where recorded
};

/// One line of table T3.
struct ScalingPoint {
  Check check;              ///< setting, policy, measured and predicted tr Var
  Estimate ratio;           ///< R Var_R / Var_1: 1 is ideal
  double seconds = 0;       ///< as measured
  bool well_timed = false;  ///< long enough in all to be compared by time
  Estimate noise_scale;     ///< tr Var / |G|^2
  /// Var_1 seconds_1 / (Var_R seconds_R): variance reduction per core-second, 1 is ideal; error of the timing not in it; undefined unless
  /// both are well timed.
  Estimate efficiency;
  double step_progress = 0;           ///< replica_efficiency() of the measured variances; NaN without R = 1
  std::optional<Index> useful;        ///< largest useful R: floor and signal; nothing: no limit
  std::optional<Index> useful_floor;  ///< the same without regard to the signal
};

struct ScalingSummary {
  std::string estimator;
  double norm_square = 0;  ///< |G|^2; 0: not told apart from zero
  double share = 0.5;      ///< what a useful replica pays at least
  std::vector<ScalingPoint> points;
};

/// Var_1 is the first entry with R = 1 and the same N, M, B and replacement; ratios are undefined without one. Ratios of two
/// entries with the same batches are paired (common random numbers cancel), others are taken as independent.
/// components: of the total trace, from other random numbers than the replicates; null: nothing is predicted but from strata.
/// comparisons: of the whole report. share: of largest_useful_replicas(). Cost O(entries x batches).
ScalingSummary scaling(const std::string& estimator, const std::vector<MeasuredScaling>& measured, const ComponentStatistics* components,
                       double norm_square, Index comparisons, double share = 0.5);

}  // namespace variscope::diagnostics
