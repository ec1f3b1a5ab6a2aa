/// Adam, for ascent.
#pragma once

#include <cmath>
#include <span>
#include <vector>

namespace variscope::optimizers {

/// Kingma and Ba 2015 (ICLR), algorithm 1, with its constants beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8; the sign is that of ascent.
class Adam {
 public:
  Adam(std::size_t parameters, double step_size) : step_size_(step_size), first_(parameters, 0.0), second_(parameters, 0.0) {}

  void set_step_size(double step_size) { step_size_ = step_size; }

  void step(std::span<double> lambda, std::span<const double> gradient) {
    beta1_power_ *= kBeta1;
    beta2_power_ *= kBeta2;
    for (std::size_t i = 0; i < lambda.size(); ++i) {
      first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * gradient[i];
      second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * gradient[i] * gradient[i];
      lambda[i] += step_size_ * (first_[i] / (1 - beta1_power_)) / (std::sqrt(second_[i] / (1 - beta2_power_)) + kEpsilon);
    }
  }

 private:
  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEpsilon = 1e-8;
  double step_size_;
  double beta1_power_ = 1;
  double beta2_power_ = 1;
  std::vector<double> first_;
  std::vector<double> second_;
};

}  // namespace variscope::optimizers
