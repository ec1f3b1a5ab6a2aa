/// Every data row draws its own noise, in the one direction it sees: Cov between rows vanishes.
#include "engine/estimators/local.hpp"

#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

/// Kingma, Salimans and Welling 2015 (NeurIPS), section 2.2, eq. 6. The model draws and differentiates; prior and entropy in closed form.
class LocalReparameterisation final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {.value = false, .gradient = false, .local = true}, .prior = false}};
  }
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index parameters = context.family->parameters();
    for (Index p = 0; p < parameters; ++p) {
      double sum = 0;
      for (Index k = 0; k < block.last - block.first; ++k) sum += block.densities[0](1 + p, block.origins[0] + k);
      partial[static_cast<std::size_t>(p)] += sum;
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / static_cast<double>(context.samples);
    const models::GaussianPrior& prior = *context.model->gaussian_prior();
    context.family->add_normal_gradient(prior.mean, prior.sd, gradient);
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }
};

}  // namespace

Entry local_reparameterisation_entry() {
  Entry entry = plain_entry("pw_local", "local reparameterisation: own noise for every data row; KL to the prior in closed form",
                            "Kingma, Salimans, Welling 2015 (NeurIPS), eq. 6", "1 likelihood gradient",
                            [] { return std::make_unique<LocalReparameterisation>(); });
  entry.own_noise_per_row = true;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.family->mean_field_gaussian() == nullptr)
      return "is written for mean_field_gaussian: with correlations a row's predictor has D (D + 1) / 2 derivatives in the scale in place "
             "of D";
    if (!context.model->has_local_gradient()) return "needs a likelihood that depends on z through x'z alone, which this model has not";
    if (context.model->gaussian_prior() == nullptr) return "needs a model with an independent normal prior, and this one has none";
    return std::nullopt;
  };
  return entry;
}

}  // namespace variscope::estimators
