/// A smooth target without data in any dimension: what a family is tried on whose coordinates no catalogued model has.
#pragma once

#include "engine/models/model.hpp"

namespace variscope::test {

/// log p(z) = sum_i a_i z_i - z_i^2 / 2 - z_i^4 / 20 + 3/10 z_i z_{i+1} (cyclic), a_i = 0.4, -0.3, 0.2 and again. No sums of squares, no
/// prior apart.
class Quartic final : public models::Model {
 public:
  explicit Quartic(Index dim) : dim_(dim) {}
  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override {
    for (Index s = 0; s < theta.count; ++s) {
      for (Index d = 0; d < dim_; ++d) {
        const double z = theta(d, s);
        const double next = theta((d + 1) % dim_, s);
        const double previous = theta((d + dim_ - 1) % dim_, s);
        const double a = 0.4 - 0.1 * static_cast<double>(d % 3) - (d % 3 == 1 ? 0.6 : 0.0);
        if (out.wanted.value) out.out(0, s) += a * z - z * z / 2 - z * z * z * z / 20 + 0.3 * z * next;
        if (out.wanted.gradient) out.out(1 + d, s) += a - z - z * z * z / 5 + 0.3 * (next + previous);
        if (out.wanted.hessian_vector) {
          const double across = out.direction((d + 1) % dim_, s) + out.direction((d + dim_ - 1) % dim_, s);
          out.out(out.wanted.hessian_row(dim_) + d, s) += (-1 - 3 * z * z / 5) * out.direction(d, s) + 0.3 * across;
        }
      }
    }
    out.counts.add_evaluations(out.wanted, theta.count);
  }

 private:
  Index dim_;
};

}  // namespace variscope::test
