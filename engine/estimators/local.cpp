/// Every data row draws its own noise, in the one direction it sees: Cov between rows vanishes.
#include "engine/estimators/local.hpp"

#include <algorithm>
#include <vector>

namespace variscope::estimators {

namespace {

/// Kingma, Salimans and Welling 2015 (NeurIPS), section 2.2, eq. 6: x_n'z is normal under any normal q. The model draws and differentiates,
/// in (mean, log scale) of a mean-field q, else in (mean, covariance); prior and entropy in closed form. Partial: sums of those
/// derivatives.
class LocalReparameterisation final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    const bool covariance = context.family->mean_field_gaussian() == nullptr;
    return {{.wanted = {.value = false, .gradient = false, .local = true, .covariance = covariance}, .prior = false}};
  }
  [[nodiscard]] Index partial_size(const Context& context) const override {
    return requests(context)[0].wanted.rows(context.family->dim()) - 1;
  }

  void accumulate(const Context&, const SampleBlock& block, std::span<double> partial) const override {
    for (std::size_t p = 0; p < partial.size(); ++p) {
      double sum = 0;
      for (Index k = 0; k < block.last - block.first; ++k) sum += block.densities[0](1 + static_cast<Index>(p), block.origins[0] + k);
      partial[p] += sum;
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const auto samples = static_cast<double>(context.samples);
    if (context.family->mean_field_gaussian() != nullptr) {
      for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / samples;
    } else {
      const auto dim = static_cast<std::size_t>(context.family->dim());
      std::vector<double> by_mean(dim);
      std::vector<double> by_covariance(dim * dim);
      std::size_t next = dim;
      for (std::size_t i = 0; i < dim; ++i) {
        by_mean[i] = partial[i] / samples;
        for (std::size_t j = 0; j <= i; ++j) by_covariance[i * dim + j] = by_covariance[j * dim + i] = partial[next++] / samples;
      }
      std::fill(gradient.begin(), gradient.end(), 0.0);
      context.family->add_gaussian_chain(by_mean, by_covariance, false, gradient);
    }
    const models::GaussianPrior& prior = *context.model->gaussian_prior();
    context.family->add_normal_gradient(prior.mean, prior.sd, gradient);
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }
};

}  // namespace

Entry local_reparameterisation_entry() {
  Entry entry =
      plain_entry("pw_local", "local reparameterisation: own noise for every data row; KL to the prior in closed form",
                  "Kingma, Salimans, Welling 2015 (NeurIPS), eq. 6", "1 likelihood gradient; beside it D / 2 values if q has correlations",
                  [] { return std::make_unique<LocalReparameterisation>(); });
  entry.own_noise_per_row = true;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (!context.family->gaussian() || !context.family->has_normal_gradient())
      return "needs a normal family: under no other is a row's x'z normal";
    if (!context.model->has_local_gradient()) return "needs a likelihood that depends on z through x'z alone, which this model has not";
    if (context.model->gaussian_prior() == nullptr) return "needs a model with an independent normal prior, and this one has none";
    return std::nullopt;
  };
  return entry;
}

}  // namespace variscope::estimators
