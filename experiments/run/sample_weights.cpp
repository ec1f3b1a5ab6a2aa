/// Self-normalised importance sampling from a trace.
#include "experiments/run/sample_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/diagnostics/pareto.hpp"
#include "experiments/run/sample_summary.hpp"

namespace variscope::experiments {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The least value at which the weights of all that are not larger come to p.
double quantile(const std::vector<double>& values, const std::vector<double>& log_weights, double p) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  double sum = 0;
  for (const std::size_t i : order) {
    sum += std::exp(log_weights[i]);
    if (sum >= p) return values[i];
  }
  return values[order.back()];
}

}  // namespace

bool is_weighted(const store::TraceFile& file) { return file.has("sample_stats", "log_weight"); }

void weigh(const store::TraceFile& file, const store::TraceLayout& layout, Index thin, ChainsRecord& record) {
  const auto posterior = std::find_if(layout.groups.begin(), layout.groups.end(), [](const auto& g) { return g.name == "posterior"; });
  const auto draws = static_cast<std::size_t>(posterior->draws);
  const auto chains = static_cast<std::size_t>(layout.chains);
  const auto status = file.element("sample_stats", "status");
  const auto all = file.element("sample_stats", "log_weight");
  const std::size_t iterations = status.size() / chains;
  std::vector<std::size_t> running;
  for (std::size_t c = 0; c < chains; ++c) {
    if (status[(c + 1) * iterations - 1] == 0) running.push_back(c);
  }
  record.weights.assign(weight_figures.size(), kNaN);
  for (std::size_t k = 0; k < record.scalars.size(); ++k) record.scalars[k] = kNaN;
  if (running.empty()) return;

  // Of the iterations whose draws are stored.
  std::vector<double> log_weights;
  for (const std::size_t c : running) {
    for (std::size_t i = 0; i < draws; ++i) log_weights.push_back(all[c * iterations + (i + 1) * static_cast<std::size_t>(thin) - 1]);
  }
  const diagnostics::SmoothedWeights smoothed = diagnostics::smooth_weights(log_weights);
  const double largest = *std::max_element(log_weights.begin(), log_weights.end());
  double sum = 0;
  for (const double w : log_weights) sum += std::exp(w - largest);
  const double log_sum = largest + std::log(sum);
  double squares = 0;
  for (double& w : log_weights) {
    w -= log_sum;
    squares += std::exp(2 * w);
  }
  const auto size = static_cast<double>(log_weights.size());
  record.weights[place_of(weight_figures, "k_hat")] = smoothed.shape;
  record.weights[place_of(weight_figures, "k_threshold")] = smoothed.threshold();
  record.weights[place_of(weight_figures, "effective_size")] = 1 / squares;
  record.weights[place_of(weight_figures, "log_evidence")] = log_sum - std::log(size);
  // Delta method: the relative standard error of the mean of independent weights.
  record.weights[place_of(weight_figures, "log_evidence_error")] = std::sqrt(std::max(squares - 1 / size, 0.0) * size / (size - 1));

  std::size_t row = 0;
  for (const store::TraceVariable& variable : posterior->variables) {
    for (Index e = 0; e < variable.size(); ++e, ++row) {
      const auto stored = file.element("posterior", variable.name, e);
      std::vector<double> values;
      for (const std::size_t c : running) {
        const auto first = stored.begin() + static_cast<std::ptrdiff_t>(c * draws);
        values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(draws));
      }
      const diagnostics::WeightedMoments m = diagnostics::weighted_moments(log_weights, values);
      const auto put = [&](const char* name, double value) {
        record.scalars[row * scalar_figures.size() + place_of(scalar_figures, name)] = value;
      };
      put("mean", m.mean);
      put("mean_error", m.mean_error);
      put("mean_size", std::pow(m.sd / m.mean_error, 2));
      put("sd", m.sd);
      put("sd_error", m.sd_error);
      put("q5", quantile(values, log_weights, summary_probabilities()[0]));
      put("q50", quantile(values, log_weights, summary_probabilities()[1]));
      put("q95", quantile(values, log_weights, summary_probabilities()[2]));
      put("bulk_size", 1 / squares);
      put("tail_size", 1 / squares);
    }
  }
}

}  // namespace variscope::experiments
