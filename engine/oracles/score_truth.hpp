/// Score-function estimates of M samples from one sample's moments, whatever the family.
#pragma once

#include <optional>
#include <string>

#include "engine/oracles/estimator_truth.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {

/// sf_raw, sf_mean, sf_rb or sf_loo.
bool is_score_estimator(const std::string& name);

/// Mean and variance of the M-sample estimate. Nothing if M is impossible. sf_rb throws std::invalid_argument unless options.coefficients
/// is empty or has one entry a parameter.
std::optional<EstimatorTruth> score_truth(const std::string& name, const OneSampleMoments& one, Index samples, const Options& options);

}  // namespace variscope::oracles
