/// One row of the self-test: an estimator at a target against what an oracle says, and how it is judged.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/record.hpp"

namespace variscope::experiments {

/// Chance that a row which is as it must be is reported: at most this, half of it for its mean and half for its variance. Every decision is
/// a t test of the mean over replicates, or over kSelftestBatches batches of them, so that its rate depends neither on the row's neighbours
/// nor on a judgement of how far an interval may be trusted.
inline constexpr double kFalseAlarm = 1e-6;

/// Seed of a row's random numbers: a function of its name alone, so that rows which come, go or move change no other (FNV-1a of the name,
/// then the finaliser of SplitMix64 with the run's seed; Fowler, Noll, Vo 1991; Steele, Lea, Flood 2014, OOPSLA).
std::uint64_t row_seed(std::uint64_t seed, std::string_view name);

struct SelftestRow {
  std::string target;
  std::string estimator;
  bool broken = false;                                           ///< a twin, which must be caught
  double exact = std::numeric_limits<double>::quiet_NaN();       ///< trace of the variance, or a component; NaN: not known
  double measured = std::numeric_limits<double>::quiet_NaN();    ///< the same, measured
  double mean_z = std::numeric_limits<double>::quiet_NaN();      ///< largest over coordinates; NaN: not checked
  double variance_z = std::numeric_limits<double>::quiet_NaN();  ///< likewise
  double threshold = std::numeric_limits<double>::quiet_NaN();   ///< of the variance's z, the mean's being no larger
  /// Relative error of `exact` that the row would find in four of five runs: its power. NaN: no exact value, or zero.
  double detectable = std::numeric_limits<double>::quiet_NaN();
  bool passed = false;
  std::string remark;  ///< what is special about the check

  [[nodiscard]] bool caught() const { return broken && passed; }
  [[nodiscard]] std::string verdict() const { return broken ? (passed ? "caught" : "NOT CAUGHT") : (passed ? "ok" : "FAILED"); }
};

/// Where a row's moments were taken, and the numerical error of its truth.
struct Judged {
  std::vector<double> lambda;
  std::vector<double> mean;  ///< exact: the centre of the moments
  double error = 0;          ///< of every exact entry
  bool mean_field = false;
};

/// Standard deviation of rounding per coordinate, as reports take it.
std::vector<double> floor_of(const BatchMoments& moments, const Judged& at);

/// Fills measured, mean_z and threshold: the bias gate of the reports, run at kFalseAlarm / 2 for the row. True if it finds a bias.
bool judge_mean(const BatchMoments& moments, const Judged& at, SelftestRow& row);

/// Fills exact and variance_z: the same gate on the batches' mean squares, whose exact mean is `variance`. True if they disagree.
bool judge_variance(const BatchMoments& moments, const Judged& at, std::span<const double> variance, SelftestRow& row);

/// Fills variance_z, threshold and detectable: the same gate on one number a batch, whose exact mean is `exact` within `error`. True if
/// they disagree. batches: independent, of one law, each the mean over many replicates. row.exact: filled by who knows what the number
/// stands for.
bool judge_batches(std::span<const double> batches, double exact, double error, SelftestRow& row);

}  // namespace variscope::experiments
