/// Minibatches and replicas against exact noise components: every policy's variance, the components from crossed designs, and the twins
/// that only a minibatch or a replica can have.
#pragma once

#include "experiments/selftest/cases.hpp"
#include "experiments/selftest/row.hpp"

namespace variscope::experiments {

/// A case with rows, and an estimator whose components are exact there.
struct NoiseCase {
  std::string name;
  SelftestCase at;
  std::string estimator;
  bool own_noise_per_row = false;
};

/// pw_cfe on a normal mean and on a logistic regression, pw_local on the latter; svrg, saga and joint_cv on a linear regression. pw_local
/// and joint_cv under a full-rank q too.
std::vector<NoiseCase> noise_cases();

/// Variances of minibatch estimates and of means over replicas under every policy for rows (fixed shards by their own components), the
/// components themselves (T2), and predictions made of them (T3). Twins, for pw_cfe on the normal mean: a wrong or truncated N / B for the
/// bias gate; replicas that share a stream, for T3. For controls at a snapshot: all rows' share left out, for the bias gate; the control at
/// half its weight, for the variance; with a table, its sum left out, and entries that are their neighbours'.
std::vector<SelftestRow> noise_rows(const NoiseCase& at, std::uint64_t seed, Index replicates, int threads);

}  // namespace variscope::experiments
