/// Pathwise estimators: z = m + s eps, so grad_m = grad l(z) and grad_rho = grad l(z) eps s, plus the entropy's share.
#include "engine/estimators/pathwise.hpp"

#include <algorithm>

#include "engine/estimators/turned_block.hpp"

namespace variscope::estimators {

namespace {

/// partial += (sum of g, sum of g eps) over the block's samples, where g = sample_gradient(grad l(z), eps, scale).
template <class SampleGradient>
void add_sums(const SampleBlock& block, const double* scale, std::span<double> partial, SampleGradient sample_gradient) {
  const Index dim = block.noise.dim;
  TurnedBlock noise;
  TurnedBlock gradient;
  for (Index d = 0; d < dim; d += simd::kWidth) {
    const Index live = dim - d;
    const simd::Pack s = load_live(scale + d, live);
    simd::Pack location{};
    simd::Pack product{};
    for (Index first = block.first; first < block.last; first += tiles::kLanes) {
      const Index last = std::min(first + tiles::kLanes, block.last);
      noise.take(block.noise, d, first, last);
      gradient.take(block.density, 1 + d, first, last);
      for (Index i = 0; i < last - first; ++i) {
        const simd::Pack g = sample_gradient(gradient[i], noise[i], s);
        location += g;
        product += g * noise[i];
      }
    }
    double* locations = partial.data() + d;
    double* products = partial.data() + dim + d;
    store_live(locations, load_live(locations, live) + location, live);
    store_live(products, load_live(products, live) + product, live);
  }
}

/// Sums of grad l(z) and of grad l(z) eps over samples; the base of all pathwise estimators here.
class Pathwise : public Estimator {
 public:
  [[nodiscard]] models::Wanted wanted() const override { return {false, true}; }
  [[nodiscard]] Index partial_size(Index dim) const override { return 2 * dim; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    add_sums(block, context.family->scale().data(), partial, [](simd::Pack g, simd::Pack, simd::Pack) { return g; });
  }

  void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t dim = gradient.size() / 2;
    const auto m = static_cast<double>(context.samples);
    const auto& scale = context.family->scale();
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] = partial[d] / m;
      gradient[dim + d] = partial[dim + d] / m * scale[d] + entropy_gradient(context);
    }
  }

 protected:
  /// d entropy / d rho = 1 for every coordinate, if the objective has an entropy.
  static double entropy_gradient(const Context& context) { return context.objective == Objective::elbo ? 1.0 : 0.0; }
};

/// Kingma and Welling 2014, section 2.3; Kucukelbir et al. 2017, JMLR 18(14), eqs. 7-8: entropy in closed form.
class ClosedFormEntropy final : public Pathwise {};

/// The same with pairs (eps, -eps): the odd part of the integrand cancels.
class Antithetic final : public Pathwise {
 public:
  [[nodiscard]] bool antithetic() const override { return true; }
};

/// Kingma and Welling 2014, eq. 10 and appendix B: only the likelihood is sampled, -KL(q || prior) is exact.
class ClosedFormKl final : public Pathwise {
 public:
  [[nodiscard]] bool sampled_prior() const override { return false; }

  void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t dim = gradient.size() / 2;
    const auto m = static_cast<double>(context.samples);
    const auto& scale = context.family->scale();
    const auto& mean = context.family->mean();
    const models::GaussianPrior& prior = *context.model->gaussian_prior();
    for (std::size_t d = 0; d < dim; ++d) {
      const double variance = prior.sd[d] * prior.sd[d];
      gradient[d] = partial[d] / m - (mean[d] - prior.mean[d]) / variance;
      gradient[dim + d] = partial[dim + d] / m * scale[d] - scale[d] * scale[d] / variance + entropy_gradient(context);
    }
  }
};

/// Roeder, Wu and Duvenaud 2017 (NeurIPS), eq. 8: grad_z (l - log q), the score term dropped; -grad_z log q = eps / s.
class StickingTheLanding final : public Pathwise {
 public:
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    add_sums(block, context.family->scale().data(), partial,
             [](simd::Pack g, simd::Pack eps, simd::Pack scale) { return g + eps / scale; });
  }

  void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t dim = gradient.size() / 2;
    const auto m = static_cast<double>(context.samples);
    const auto& scale = context.family->scale();
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] = partial[d] / m;
      gradient[dim + d] = partial[dim + d] / m * scale[d];
    }
  }
};

std::optional<std::string> always(const models::Model&, Objective) { return std::nullopt; }

template <class Kind>
Entry entry(std::string name, std::string summary, std::string source, std::string cost) {
  Entry e;
  e.name = std::move(name);
  e.summary = std::move(summary);
  e.source = std::move(source);
  e.cost = std::move(cost);
  e.make = [] { return std::make_unique<Kind>(); };
  e.incompatible = always;
  e.bad_samples = [](Index) -> std::optional<std::string> { return std::nullopt; };
  return e;
}

}  // namespace

Entry pathwise_closed_form_entropy_entry() {
  return entry<ClosedFormEntropy>("pw_cfe", "pathwise with closed-form entropy (ADVI's estimator)",
                                  "Kingma, Welling 2014 (ICLR), section 2.3; Kucukelbir et al. 2017, JMLR 18(14), eqs. 7-8", "1 gradient");
}

Entry pathwise_closed_form_kl_entry() {
  Entry e = entry<ClosedFormKl>("pw_kl", "pathwise likelihood, KL to the prior in closed form",
                                "Kingma, Welling 2014 (ICLR), eq. 10, appendix B", "1 likelihood gradient");
  e.incompatible = [](const models::Model& model, Objective) -> std::optional<std::string> {
    if (model.gaussian_prior() != nullptr) return std::nullopt;
    return "needs a model with an independent normal prior, and this one has none";
  };
  return e;
}

Entry sticking_the_landing_entry() {
  Entry e = entry<StickingTheLanding>("stl", "sticking the landing: pathwise without the score term (path derivative)",
                                      "Roeder, Wu, Duvenaud 2017 (NeurIPS), eq. 8", "1 gradient");
  e.incompatible = [](const models::Model&, Objective objective) -> std::optional<std::string> {
    if (objective == Objective::elbo) return std::nullopt;
    return "drops the score term of the entropy, and the objective 'expectation' has no entropy";
  };
  return e;
}

Entry antithetic_pathwise_entry() {
  Entry e = entry<Antithetic>("pw_antithetic", "pathwise with closed-form entropy on pairs (eps, -eps)",
                              "Hammersley, Morton 1956; Ren, Zhao, Ermon 2019 (ICML) for its use in VI", "1 gradient");
  e.bad_samples = [](Index samples) -> std::optional<std::string> {
    if (samples % 2 == 0) return std::nullopt;
    return "antithetic samples come in pairs, so their number must be even";
  };
  return e;
}

}  // namespace variscope::estimators
