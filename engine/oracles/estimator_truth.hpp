/// What an oracle says about an estimator, and the settings of estimators that it must be told.
#pragma once

#include <optional>
#include <vector>

#include "engine/index.hpp"
#include "engine/oracles/location_scale.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {

/// Exact mean (for a biased estimator: its own mean, not the gradient) and variance of the whole M-sample estimate, lambda's order.
struct EstimatorTruth {
  std::vector<double> mean;
  std::vector<double> variance;  ///< empty where it is not known
  double error = 0;              ///< bounds the numerical error of every entry
};

/// How the second-order Taylor control variate treats the factor where only Hessian-vector products are to be had (taylor_hvp).
enum class TaylorScale {
  constant,  ///< grad l(m) dz/dlambda is subtracted, whose mean is 0
  none       ///< nothing is
};

/// Settings of the estimators that have some. What is not given takes the exact optimum or its limit.
struct Options {
  std::optional<double> baseline;      ///< sf_mean: the frozen b; default E f
  std::vector<double> coefficients;    ///< sf_rb: a_p, one a parameter; default Cov(f h, h) / Var h
  std::optional<double> mixture;       ///< mix: c of c STL + (1 - c) CFE; default that of the least total variance
  std::vector<double> surrogate;       ///< pw_quadratic: b, then B; default the least-squares fit
  double temperature = 1;              ///< gumbel_softmax, straight_through_gumbel, rebar
  Index importance_samples = 0;        ///< iwae, dreg: K of each bound, a divisor of M; 0: K = M
  Entropy entropy = Entropy::sampled;  ///< estimators that use values of f: score function, measure-valued, arm, disarm
  TaylorScale taylor_scale = TaylorScale::constant;
  FactorLayout layout = FactorLayout::log_diagonal;  ///< full_rank_gaussian's lambda
};

}  // namespace variscope::oracles
