/// Table S1: how well samplers mixed, and what an effective draw cost.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/table.hpp"
#include "experiments/run/sample_summary.hpp"

namespace variscope::experiments {

/// A sampler's chains, and what they took beside evaluations.
struct SamplerEntry {
  SamplerSummary summary;
  std::string problem;             ///< what the samplers of a section have in common: model and data
  std::string variant;             ///< tells rows of one sampler apart
  double core_seconds = 0;         ///< of the draws; 0: not known
  double warmup_core_seconds = 0;  ///< of the warm-up
  double bytes_sent = 0;           ///< between ranks, warm-up included; 0: none, or not known
  Index most_draws = 0;            ///< that chains might have made
  bool stops = false;              ///< a rule could end them earlier
  /// Of every stored scalar; empty: none. Errors 0: exact.
  std::vector<double> reference_mean, reference_sd, reference_mean_error, reference_sd_error;
  std::string reference{};  ///< where it is from, in words
};

/// A section for each problem, a row for each entry; sections and rows in the order of first appearance. Warnings stand on top, as notes.
Table sampler_table(const std::vector<SamplerEntry>& entries, const std::string& study);

/// Means and standard deviations of every scalar with their Monte Carlo errors, beside the reference where there is one.
Table sampler_moments(const std::vector<SamplerEntry>& entries, const std::string& study);

}  // namespace variscope::experiments
