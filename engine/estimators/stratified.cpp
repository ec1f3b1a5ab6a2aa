/// Stratified pathwise gradients of Gaussian mixtures.
#include "engine/estimators/stratified.hpp"

#include <algorithm>
#include <cmath>

#include "engine/families/gaussian_mixture.hpp"

namespace variscope::estimators {

namespace {

const families::GaussianMixture* mixture_of(const Context& context) {
  return dynamic_cast<const families::GaussianMixture*>(context.family);
}

/// With w_k, m_k, s_k a mixture's and z_k = m_k + s_k eps: E_q f = sum_k w_k E f(z_k), f = l - log q. Its gradient, the score of log q
/// inside f having mean zero over all components together:
///   logit j:      w_j (f(z_j) - sum_k w_k f(z_k))
///   mean k:       w_k grad f(z_k)
///   log scale k:  w_k grad f(z_k) s_k eps
/// The same eps serves all components: every stratum is there in every sample, so that no noise is left of which component is drawn.
class StratifiedPathwise final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    return {{.wanted = {true, true}, .columns = mixture_of(context)->components(), .at_sample = false}};
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const families::GaussianMixture& q = *mixture_of(context);
    for (Index s = at.first; s < at.last; ++s) {
      for (Index k = 0; k < q.components(); ++k) {
        const Index to = at.origin + (s - at.first) * q.components() + k;
        for (Index d = 0; d < q.dim(); ++d) {
          const std::size_t p = place_of(q, k, d);
          at.theta(d, to) = std::fma(q.scales()[p], at.noise(d, s), q.means()[p]);
        }
      }
    }
  }

  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const families::GaussianMixture& q = *mixture_of(context);
    const Index components = q.components();
    const Index dim = q.dim();
    const bool entropy = context.objective == Objective::elbo;
    const auto logits = static_cast<std::size_t>(components - 1);
    const std::size_t scales = logits + q.means().size();
    std::vector<double> f(static_cast<std::size_t>(components));
    std::vector<double> slope(static_cast<std::size_t>(dim));
    std::vector<double> eps(static_cast<std::size_t>(dim));
    for (Index s = block.first; s < block.last; ++s) {
      double mean = 0;
      for (Index d = 0; d < dim; ++d) eps[static_cast<std::size_t>(d)] = block.noise(d, s);
      for (Index k = 0; k < components; ++k) {
        const Index column = block.origins[0] + (s - block.first) * components + k;
        const double weight = q.weights()[static_cast<std::size_t>(k)];
        double& value = f[static_cast<std::size_t>(k)];
        value = block.densities[0](0, column);
        for (Index d = 0; d < dim; ++d) slope[static_cast<std::size_t>(d)] = block.densities[0](1 + d, column);
        if (entropy) value -= q.log_density_of_component(static_cast<std::size_t>(k), eps, slope);
        mean += weight * value;
        for (Index d = 0; d < dim; ++d) {
          const std::size_t p = place_of(q, k, d);
          const double step = weight * slope[static_cast<std::size_t>(d)];
          partial[logits + p] += step;
          partial[scales + p] += step * q.scales()[p] * eps[static_cast<std::size_t>(d)];
        }
      }
      for (std::size_t j = 0; j < logits; ++j) partial[j] += q.weights()[j] * (f[j] - mean);
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const auto m = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / m;
  }

 private:
  static std::size_t place_of(const families::GaussianMixture& q, Index component, Index d) {
    return static_cast<std::size_t>(component * q.dim() + d);
  }
};

}  // namespace

Entry stratified_pathwise_entry() {
  Entry entry =
      plain_entry("pw_stratified", "pathwise within every component of a mixture, the components summed over with their weights",
                  "Roeder, Wu, Duvenaud 2017 (NeurIPS), section 4 (mixtures); Morningstar et al. 2021 (AISTATS), stratified sampling",
                  "1 gradient of each component", [] { return std::make_unique<StratifiedPathwise>(); });
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (mixture_of(context) != nullptr) return std::nullopt;
    return "is written for gaussian_mixture";
  };
  return entry;
}

}  // namespace variscope::estimators
