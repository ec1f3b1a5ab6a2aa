/// Two runs side by side: which results differ beyond their noise, and which timings moved.
#pragma once

#include <string>
#include <vector>

#include "engine/store/run_file.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// How often a comparison of two runs that measure the same shall find any difference at all.
inline constexpr double compare_false_alarm_rate = 0.01;

struct RunComparison {
  bool same_bits = false;          ///< one results hash: nothing else to say about results
  Index compared = 0;              ///< numbers that were held against each other
  Index differing = 0;             ///< beyond noise, Holm's correction over all that were compared
  Index not_judged = 0;            ///< intervals too unreliable for a verdict
  std::vector<std::string> apart;  ///< what only one run has, or what cannot be compared, in sentences
  Table results;                   ///< a row per number; empty sections if same_bits
  Table timings;                   ///< seconds a call of both, and the ratio
};

/// Cells are matched by their settings (seed and numbers of replicates, repeats and batches apart), points by their label, rows by
/// estimator.
///
/// Variance studies: the ratio of total variances and, for the mean gradient, the largest standardised difference of a coordinate
/// (Bonferroni over coordinates). Where both runs have the same batches of replicates the two are paired batch by batch (jackknife), so
/// that common random numbers cancel; otherwise they are independent. Points whose parameters differ are not compared: a variance belongs
/// to its point. Fits: objective and posterior means at the end, over repeats, paired where both have as many. Family-wise error by Holm
/// 1979 (Scandinavian Journal of Statistics 6:65-70). Cost O(batches x parameters) for each estimator and point.
RunComparison compare_runs(const store::RunRecord& a, const store::RunRecord& b);

}  // namespace variscope::experiments
