/// Exact mean and variance of gradient estimators of the importance-weighted bound, one dimension and few importance samples.
#pragma once

#include <string>

#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// One bound log 1/K sum_k w_k, w = p / q, z_k = m + s eps_k, 1 <= K <= 3, mean-field q of one dimension (else std::invalid_argument).
/// Names:
///   iwae    sum w~_k d log w_k / d lambda, the total derivative      Burda, Grosse, Salakhutdinov 2016, ICLR
///   stl_iw  the same without the score term; biased for K > 1         Roeder, Wu, Duvenaud 2017, NeurIPS
///   dreg    sum w~_k^2 (d log w_k / dz)(dz_k / d lambda)               Tucker, Lawson, Gu, Maddison 2019, ICLR
/// By the trapezoidal rule over all K noises. Throws std::invalid_argument for any other name.
EstimatorTruth importance_truth(const std::string& estimator, const models::Model& model, const LocationScale& q, Index importance_samples);

}  // namespace variscope::oracles
