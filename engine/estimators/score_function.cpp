/// Score-function estimators. f(z) = l(z) - log q(z) (ELBO) or l(z) (expectation); score = (eps / s, eps^2 - 1).
#include "engine/estimators/score_function.hpp"

#include <algorithm>
#include <array>

#include "engine/estimators/turned_block.hpp"

namespace variscope::estimators {

namespace {

/// f(z) of samples [first, last), at most a lane block of them.
std::array<double, tiles::kLanes> integrands(const Context& context, const SampleBlock& block, Index first, Index last) {
  std::array<double, tiles::kLanes> f{};
  if (context.objective == Objective::elbo) context.family->log_densities(block.noise, {first, last}, f);
  for (Index i = 0; i < last - first; ++i) {
    const double l = block.density(0, first + i);
    f[static_cast<std::size_t>(i)] = context.objective == Objective::elbo ? l - f[static_cast<std::size_t>(i)] : l;
  }
  return f;
}

/// Ranganath, Gerrish and Blei 2014 (AISTATS), eq. 2: mean of f(z) grad log q(z). Partial: sum of f times score.
class Raw final : public Estimator {
 public:
  [[nodiscard]] models::Wanted wanted() const override { return {true, false}; }
  [[nodiscard]] Index partial_size(Index dim) const override { return 2 * dim; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = block.noise.dim;
    const auto& scale = context.family->scale();
    TurnedBlock noise;
    for (Index first = block.first; first < block.last; first += tiles::kLanes) {
      const Index last = std::min(first + tiles::kLanes, block.last);
      const auto f = integrands(context, block, first, last);
      for (Index d = 0; d < dim; d += simd::kWidth) {
        const Index live = dim - d;
        const simd::Pack s = load_live(scale.data() + d, live);
        simd::Pack location = load_live(partial.data() + d, live);
        simd::Pack log_scale = load_live(partial.data() + dim + d, live);
        noise.take(block.noise, d, first, last);
        for (Index i = 0; i < last - first; ++i) {
          const simd::Pack eps = noise[i];
          const simd::Pack weight = simd::broadcast(f[static_cast<std::size_t>(i)]);
          location += weight * (eps / s);
          log_scale += weight * (eps * eps - 1.0);
        }
        store_live(partial.data() + d, location, live);
        store_live(partial.data() + dim + d, log_scale, live);
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
    const auto& scale = context.family->scale();
    double* mean = partial.data() + 2;
    double* comoment = mean + 2 * dim;
    TurnedBlock noise;
    for (Index first = block.first; first < block.last; first += tiles::kLanes) {
      const Index last = std::min(first + tiles::kLanes, block.last);
      const auto f = integrands(context, block, first, last);
      std::array<double, tiles::kLanes> count{};
      std::array<double, tiles::kLanes> delta{};
      for (std::size_t i = 0; i < static_cast<std::size_t>(last - first); ++i) {
        count[i] = partial[0] += 1;
        delta[i] = f[i] - partial[1];
        partial[1] += delta[i] / count[i];
      }
      for (Index d = 0; d < dim; d += simd::kWidth) {
        const Index live = dim - d;
        const simd::Pack s = load_live(scale.data() + d, live);
        simd::Pack mean_location = load_live(mean + d, live);
        simd::Pack mean_scale = load_live(mean + dim + d, live);
        simd::Pack comoment_location = load_live(comoment + d, live);
        simd::Pack comoment_scale = load_live(comoment + dim + d, live);
        noise.take(block.noise, d, first, last);
        for (Index i = 0; i < last - first; ++i) {
          const simd::Pack n = simd::broadcast(count[static_cast<std::size_t>(i)]);
          const simd::Pack change = simd::broadcast(delta[static_cast<std::size_t>(i)]);
          // Welford: the change of f is from its old mean, that of the score h from its new one.
          const auto update = [&](simd::Pack h, simd::Pack& mean_h, simd::Pack& comoment_h) {
            mean_h += (h - mean_h) / n;
            comoment_h += change * (h - mean_h);
          };
          const simd::Pack eps = noise[i];
          update(eps / s, mean_location, comoment_location);
          update(eps * eps - 1.0, mean_scale, comoment_scale);
        }
        store_live(mean + d, mean_location, live);
        store_live(mean + dim + d, mean_scale, live);
        store_live(comoment + d, comoment_location, live);
        store_live(comoment + dim + d, comoment_scale, live);
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
