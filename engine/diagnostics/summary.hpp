/// Everything a variance table says about one point: each estimator's variances, ratios, signal-to-noise, bias gate and work.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "engine/diagnostics/bias.hpp"
#include "engine/diagnostics/estimate.hpp"
#include "engine/diagnostics/work.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

/// How an estimator's total variance compares with the baseline's.
enum class Ranking { baseline, lower, higher, indistinguishable, not_ranked };

struct BlockSummary {
  std::string name;
  Estimate trace;
  Estimate mean;  ///< trace over the number of parameters
  Estimate maximum;
};

/// The squared length of the true gradient, as far as it is known.
struct Signal {
  double norm_square = 0;      ///< error subtracted; 0 if the error exceeds it
  bool from_reference = true;  ///< false: |mean|^2 - tr Var / n of the estimator itself
  /// Told apart from zero. Not if within three standard errors of it, nor at the optimum, whose gradient is what the search left.
  bool separated = false;
};

/// Of an estimator that is declared biased: variance alone would flatter it.
struct SquareErrorSummary {
  Estimate total;        ///< E|g - G|^2
  Estimate bias_square;  ///< |E g - G|^2
  Estimate ratio;        ///< total over the baseline's variance
  Estimate work_ratio;   ///< ratio x evaluations over the baseline's
  Estimate time_ratio;   ///< ratio x seconds over the baseline's
};

struct EstimatorSummary {
  std::string name;
  bool declared_biased = false;
  BiasGate bias;
  std::vector<BlockSummary> blocks;
  Estimate total;       ///< trace over all parameters
  Estimate maximum;     ///< over all parameters
  Estimate fisher;      ///< undefined for families without Fisher weights
  Estimate ratio;       ///< total over the baseline's total
  Estimate work_ratio;  ///< ratio x evaluations over the baseline's
  Estimate time_ratio;  ///< ratio x seconds over the baseline's; undefined unless both are well timed
  Signal signal;
  Estimate signal_to_noise;         ///< |G|^2 / tr Var; zero with a bound unless the signal is separated
  Estimate noise_scale;             ///< tr Var / |G|^2: calls to average until noise equals signal; undefined unless separated
  SquareErrorSummary square_error;  ///< only if declared biased
  Work work;
  double training = 0;  ///< value equivalents of a preparation that no call is charged with
  /// Calls of one state after which its training is paid, had it been charged: ratio x evaluations, the training among them, is 1 then.
  /// Infinite unless the interval of work_ratio lies below 1 and is reliable; NaN for the baseline and where nothing is owed.
  double break_even_calls = std::numeric_limits<double>::quiet_NaN();
  double seconds_per_call = 0;  ///< the share of the preparation's seconds included
  bool well_timed = false;      ///< long enough in all to be compared by time
  Ranking ranking = Ranking::not_ranked;
};

struct PointSummary {
  std::string label;
  std::vector<EstimatorSummary> estimators;  ///< in the record's order
  std::string baseline;                      ///< the name found in the record; empty if it was not run
};

struct SummaryOptions {
  std::string baseline = "pw_cfe";       ///< compared without regard to case, '-' and '_'
  Index comparisons = 0;                 ///< of the whole report; 0: of this point alone
  std::vector<std::string> biased = {};  ///< estimators that are declared biased
};

/// Cost O(estimators x batches x parameters).
PointSummary summarise(const CellRecord& cell, const PointRecord& point, const SummaryOptions& options);

}  // namespace variscope::diagnostics
