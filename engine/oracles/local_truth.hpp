/// Exact noise of local reparameterisation under any normal family: rows have noise of their own, so their variances add up.
#pragma once

#include <span>
#include <string>

#include "engine/oracles/components.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// One row and one sample of pw_local, prior and entropy exact; z = m + F n with F = diag s (mean_field_gaussian), L (full_rank_gaussian)
/// or (diag d, B) (low_rank_gaussian). With eta = x'm + tau xi, tau = |F'x|, r = y - sigmoid(eta) and lambda_p moving entry (i, c) of F at
/// the rate `chain`, a row's gradient is x_i r for m_i and chain x_i (F'x)_c r xi / tau for lambda_p: integrals over one normal a row.
/// monte_carlo is N sum_n Var, which is s2_e + s2_ed (the two cannot be told apart); interaction is 0. Any number of rows.
/// Throws std::invalid_argument for other families, or a lambda that fits no member. Source: Kingma, Salimans, Welling 2015, eq. 6.
NoiseComponents logistic_local_components(const LogisticProblem& problem, const std::string& family, std::span<const double> lambda);

/// The same on all rows with M = samples: variance monte_carlo / (N M).
EstimatorTruth logistic_local_truth(const LogisticProblem& problem, const std::string& family, std::span<const double> lambda,
                                    Index samples);

}  // namespace variscope::oracles
