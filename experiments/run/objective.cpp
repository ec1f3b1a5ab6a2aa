/// Mean and standard error of the integrand.
#include "experiments/run/objective.hpp"

#include <algorithm>
#include <cmath>

#include "engine/estimators/integrand.hpp"

namespace variscope::experiments {

void ObjectiveEstimator::accumulate(const estimators::Context& context, const estimators::SampleBlock& block,
                                    std::span<double> partial) const {
  const auto f = estimators::integrand(context, block);
  const auto count = static_cast<double>(f.size());
  // Relative to the first, so that a large constant in f costs no digits.
  const double first = f.span()[0];
  double mean = 0;
  for (const double value : f.span()) mean += value - first;
  mean = first + mean / count;
  partial[0] = count;
  partial[1] = mean;
  for (const double value : f.span()) partial[2] += (value - mean) * (value - mean);
}

void ObjectiveEstimator::merge(std::span<double> left, std::span<const double> right) const {
  if (right[0] == 0) return;
  const double total = left[0] + right[0];
  const double delta = right[1] - left[1];
  left[1] += delta * (right[0] / total);
  left[2] += right[2] + delta * delta * (left[0] * right[0] / total);
  left[0] = total;
}

void ObjectiveEstimator::finish(const estimators::Context&, const estimators::SampleBlock&, std::span<const double> partial,
                                std::span<double> gradient) const {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  gradient[0] = partial[1];
  gradient[1] = std::sqrt(partial[2] / (partial[0] - 1) / partial[0]);
}

}  // namespace variscope::experiments
