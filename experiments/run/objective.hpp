/// The objective's value by Monte Carlo, in the shape of an estimator: so that samples, rows and ranks are divided as for gradients.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::experiments {

/// Its "gradient" begins with two numbers: the mean of f(z) over M >= 2 samples, f being l(z) - log q(z) (ELBO) or l(z) (expectation), and
/// the standard error of that mean. Zeros follow. The family needs two parameters or more. Cost: 1 value per sample.
class ObjectiveEstimator final : public estimators::Estimator {
 public:
  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index partial_size(const estimators::Context&) const override { return 3; }
  [[nodiscard]] bool plain_sum() const override { return false; }
  void accumulate(const estimators::Context& context, const estimators::SampleBlock& block, std::span<double> partial) const override;
  /// Count, mean and sum of squared deviations: Chan, Golub and LeVeque 1983.
  void merge(std::span<double> left, std::span<const double> right) const override;
  void finish(const estimators::Context& context, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override;
};

}  // namespace variscope::experiments
