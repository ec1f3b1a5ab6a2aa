/// Plain and importance-weighted moments.
#include "experiments/run/posterior.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/diagnostics/pareto.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::experiments {

namespace {

/// Weighted mean and standard deviation of each row of `values`; weights sum to one.
void moments(tiles::ConstBatchView values, std::span<const double> weights, double bessel, std::vector<double>& mean,
             std::vector<double>& sd) {
  for (Index v = 0; v < values.dim; ++v) {
    double sum = 0;
    for (Index s = 0; s < values.count; ++s) sum += weights[static_cast<std::size_t>(s)] * values(v, s);
    double square = 0;
    for (Index s = 0; s < values.count; ++s) square += weights[static_cast<std::size_t>(s)] * (values(v, s) - sum) * (values(v, s) - sum);
    mean[static_cast<std::size_t>(v)] = sum;
    sd[static_cast<std::size_t>(v)] = std::sqrt(square * bessel);
  }
}

}  // namespace

std::vector<double> correlations(tiles::ConstBatchView values, std::span<const double> mean, std::size_t pairs) {
  std::vector<double> all;
  for (Index a = 0; a < values.dim && all.size() < pairs; ++a) {
    for (Index b = a + 1; b < values.dim; ++b) {
      double product = 0;
      double first = 0;
      double second = 0;
      for (Index s = 0; s < values.count; ++s) {
        const double x = values(a, s) - mean[static_cast<std::size_t>(a)];
        const double y = values(b, s) - mean[static_cast<std::size_t>(b)];
        product += x * y;
        first += x * x;
        second += y * y;
      }
      all.push_back(product / std::sqrt(first * second));
    }
  }
  return all;
}

void summarise_draws(const models::Model& model, const families::Family& family, const estimators::SampleBlock& block, FitRecord& record) {
  const Index draws = block.last - block.first;
  tiles::Batch variables(model.constrained_dim(), block.position.count);
  model.constrain(block.position, variables.view());
  tiles::Batch log_q(1, block.position.count);
  family.log_density(block.noise, block.position, log_q.view());
  std::vector<double> log_ratio(static_cast<std::size_t>(draws));
  for (Index s = 0; s < draws; ++s) log_ratio[static_cast<std::size_t>(s)] = block.densities[0](0, s) - log_q(0, s);
  const tiles::ConstBatchView values = variables.view();
  const tiles::ConstBatchView drawn{values.data, values.dim, draws};
  const auto n = static_cast<double>(draws);
  const std::vector<double> equal(static_cast<std::size_t>(draws), 1 / n);
  moments(drawn, equal, n / (n - 1), record.mean, record.sd);

  record.correlation = correlations(drawn, record.mean, record.correlation.size());

  const diagnostics::SmoothedWeights smoothed = diagnostics::smooth_weights(log_ratio);
  record.k_hat = smoothed.shape;
  record.effective_draws = smoothed.effective_size;
  std::vector<double> weights(smoothed.log_weights.size());
  std::transform(smoothed.log_weights.begin(), smoothed.log_weights.end(), weights.begin(), [](double w) { return std::exp(w); });
  moments(drawn, weights, 1, record.weighted_mean, record.weighted_sd);
}

}  // namespace variscope::experiments
