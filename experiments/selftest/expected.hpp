/// What the oracles say about a catalogued estimator at a case, given the state it is measured at.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/oracles/estimator_truth.hpp"
#include "experiments/selftest/cases.hpp"

namespace variscope::experiments {

/// The oracle's truth, its variance empty where only the mean is known. Nothing if not even that is (a biased estimator without an oracle).
/// state: what the estimator prepared; it is measured under just these coefficients.
std::optional<oracles::EstimatorTruth> expected(const estimators::Entry& entry, const SelftestCase& at, const models::Model& model,
                                                std::span<const double> state);

}  // namespace variscope::experiments
