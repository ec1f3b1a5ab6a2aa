/// Score-function estimators. f(z) = l(z) - log q(z) (ELBO) or l(z) (expectation); score = (eps / s, eps^2 - 1).
#include "engine/estimators/score_function.hpp"

#include <cmath>

namespace variscope::estimators {

namespace {

double integrand(const Context& context, const SampleBlock& block, Index s) {
  const double l = block.density(0, s);
  return context.objective == Objective::elbo ? l - context.family->log_density(block.noise, s) : l;
}

/// Ranganath, Gerrish and Blei 2014 (AISTATS), eq. 2: mean of f(z) grad log q(z). Partial: sum of f times score.
class Raw final : public Estimator {
 public:
  [[nodiscard]] models::Wanted wanted() const override { return {true, false}; }
  [[nodiscard]] Index partial_size(Index dim) const override { return 2 * dim; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = block.noise.dim;
    const auto& scale = context.family->scale();
    for (Index s = block.first; s < block.last; ++s) {
      const double f = integrand(context, block, s);
      for (Index d = 0; d < dim; ++d) {
        const double eps = block.noise(d, s);
        partial[static_cast<std::size_t>(d)] += f * (eps / scale[static_cast<std::size_t>(d)]);
        partial[static_cast<std::size_t>(dim + d)] += f * (eps * eps - 1);
      }
    }
  }

  void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = partial[i] / static_cast<double>(context.samples);
  }
};

/// Kool, van Hoof and Welling 2019; Salimans and Knowles 2014, eq. (with b_i the mean of the others): since
/// 1/M sum_i (f_i - mean_{j != i} f_j) h_i = 1/(M-1) sum_i (f_i - mean f) h_i, it is a sample covariance of f and the score h.
/// Partial: count, mean f, mean h, co-moment; merged by Chan, Golub and LeVeque 1983, so that large f does not cancel.
class LeaveOneOut final : public Estimator {
 public:
  [[nodiscard]] models::Wanted wanted() const override { return {true, false}; }
  [[nodiscard]] Index partial_size(Index dim) const override { return 2 + 4 * dim; }
  [[nodiscard]] bool plain_sum() const override { return false; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = block.noise.dim;
    const auto parameters = static_cast<std::size_t>(2 * dim);
    const auto& scale = context.family->scale();
    const std::span<double> mean = partial.subspan(2, parameters);
    const std::span<double> comoment = partial.subspan(2 + parameters, parameters);
    for (Index s = block.first; s < block.last; ++s) {
      const double count = partial[0] += 1;
      const double delta = integrand(context, block, s) - partial[1];
      partial[1] += delta / count;
      const auto update = [&](std::size_t i, double h) {
        // Welford: delta uses the old mean of f, h minus the new mean of h.
        mean[i] += (h - mean[i]) / count;
        comoment[i] += delta * (h - mean[i]);
      };
      for (Index d = 0; d < dim; ++d) {
        const double eps = block.noise(d, s);
        update(static_cast<std::size_t>(d), eps / scale[static_cast<std::size_t>(d)]);
        update(static_cast<std::size_t>(dim + d), eps * eps - 1);
      }
    }
  }

  void merge(std::span<double> left, std::span<const double> right) const override {
    const std::size_t parameters = (left.size() - 2) / 2;
    const double a = left[0];
    const double b = right[0];
    if (b == 0) return;
    const double total = a + b;
    const double delta = right[1] - left[1];
    for (std::size_t i = 2; i < 2 + parameters; ++i) {
      const double shift = right[i] - left[i];
      left[i + parameters] += right[i + parameters] + delta * shift * (a * b / total);
      left[i] += shift * (b / total);
    }
    left[1] += delta * (b / total);
    left[0] = total;
  }

  void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t parameters = gradient.size();
    for (std::size_t i = 0; i < parameters; ++i) gradient[i] = partial[2 + parameters + i] / static_cast<double>(context.samples - 1);
  }
};

std::optional<std::string> always(const models::Model&, Objective) { return std::nullopt; }

}  // namespace

Entry score_function_raw_entry() {
  Entry entry;
  entry.name = "sf_raw";
  entry.summary = "score function (REINFORCE, black-box VI) without a baseline";
  entry.source = "Ranganath, Gerrish, Blei 2014 (AISTATS), eq. 2";
  entry.cost = "1 value";
  entry.make = [] { return std::make_unique<Raw>(); };
  entry.incompatible = always;
  entry.bad_samples = [](Index) -> std::optional<std::string> { return std::nullopt; };
  return entry;
}

Entry score_function_leave_one_out_entry() {
  Entry entry;
  entry.name = "sf_loo";
  entry.summary = "score function with the leave-one-out baseline (RLOO, VarGrad)";
  entry.source = "Salimans, Knowles 2014 (arXiv 1401.1022), section 4; Kool, van Hoof, Welling 2019 (ICLR workshop), eq. 8";
  entry.cost = "1 value";
  entry.make = [] { return std::make_unique<LeaveOneOut>(); };
  entry.incompatible = always;
  entry.bad_samples = [](Index samples) -> std::optional<std::string> {
    if (samples >= 2) return std::nullopt;
    return "the leave-one-out baseline needs at least 2 samples";
  };
  return entry;
}

}  // namespace variscope::estimators
