/// Exact variance of pathwise gradients on Owen-scrambled Sobol nets: pairs of points know of each other only which digits they share.
#pragma once

#include <optional>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// Mean and variance of pw_rqmc: the average of g(z(eps)) (closed-form entropy), eps = Phi^-1(u), over the first `samples` Sobol points
/// under nested uniform scrambling. Two points whose coordinates d agree in their first c_d digits and differ in the next are, scrambled,
/// uniform on a pair of boxes that differ in digit c_d + 1 of every d and are otherwise anywhere (Owen 1997, Ann. Stat. 25(4), section 3),
/// so that with g centred and L = sum_d (c_d + 1)
///   M^2 Var = M Var g + sum over pairs of 2^L sum over boxes I(box) I(its opposite),  I: integral of g over the box.
/// Integrals by Gaussian rules of the normal density cut to each dyadic interval, exact for polynomials: any model in one or two
/// dimensions, those of quadratic log density in three. Nothing in more, beyond 64 points or 2^12 boxes, or where two rules disagree by
/// more than 1e-6. parameters in q's order. Cost O((8 nodes 2^k)^dim) evaluations, k = log2 of the points, rounded up.
std::optional<EstimatorTruth> scrambled_net_truth(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                                  Index samples);

}  // namespace variscope::oracles
