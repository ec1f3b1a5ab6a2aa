/// Independent beta variables on (0, 1), as densities of their log odds.
#pragma once

#include "engine/models/catalogue.hpp"
#include "engine/models/separable.hpp"

namespace variscope::models {

/// u = log(t / (1 - t)) with t ~ Beta(a, b): log p(u) = -a log(1 + exp(-u)) - b log(1 + exp(u)) - log B(a, b), normalised; the Jacobian
/// t (1 - t) has raised both powers by one. E u = digamma(a) - digamma(b), Var u = trigamma(a) + trigamma(b).
class LogitBetaDensity {
 public:
  /// Throws UserError unless a > 0 and b > 0, both finite.
  LogitBetaDensity(double a, double b);

  [[nodiscard]] simd::Pack value(simd::Pack u) const {
    return -(a_ * transforms::packs::softplus(-u) + b_ * transforms::packs::softplus(u)) - log_beta_;
  }
  [[nodiscard]] simd::Pack gradient(simd::Pack u) const {
    return a_ * transforms::packs::logistic(-u) - b_ * transforms::packs::logistic(u);
  }
  [[nodiscard]] simd::Pack curvature(simd::Pack u) const {
    return -(a_ + b_) * transforms::packs::logistic(-u) * transforms::packs::logistic(u);
  }
  /// Below 0.1 a draw's odds would leave the range of double.
  [[nodiscard]] bool has_draws() const { return a_ >= 0.1 && b_ >= 0.1; }
  /// By the quantile function.
  [[nodiscard]] double draw(const random::Stream& stream, std::uint32_t lane) const;

  [[nodiscard]] double a() const { return a_; }
  [[nodiscard]] double b() const { return b_; }

 private:
  double a_;
  double b_;
  double log_beta_;
};

/// The variable t is on (0, 1): mean a / (a + b), variance a b / ((a + b)^2 (a + b + 1)).
class Beta final : public Separable<LogitBetaDensity> {
 public:
  Beta(Index dim, double a, double b) : Separable(dim, "t", {a, b}) {}

  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;
};

Entry beta_entry();

}  // namespace variscope::models
