/// Pathwise estimators: (dz / d lambda)' grad l(z) at z(lambda, eps), plus the entropy's share.
#include "engine/estimators/pathwise.hpp"

namespace variscope::estimators {

namespace {

/// Sum over samples of the pathwise derivative of l; the base of all pathwise estimators here.
class Pathwise : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    context.family->add_pathwise(block.noise, block.position, block.densities[0], 1, block.first, block.last, partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const auto m = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / m;
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }
};

/// Kingma and Welling 2014, section 2.3; Kucukelbir et al. 2017, JMLR 18(14), eqs. 7-8: entropy in closed form.
class ClosedFormEntropy final : public Pathwise {};

/// The same with pairs (eps, -eps): the odd part of the integrand cancels.
class Antithetic final : public Pathwise {
 public:
  [[nodiscard]] Coupling coupling() const override { return Coupling::antithetic; }
};

/// The same with the M samples on one scrambled net (Buchholz, Wenzel and Mandt 2018, ICML).
class ScrambledNet final : public Pathwise {
 public:
  [[nodiscard]] Coupling coupling() const override { return Coupling::scrambled_net; }
};

/// Kingma and Welling 2014, eq. 10 and appendix B: only the likelihood is sampled, -KL(q || prior) is exact.
class ClosedFormKl final : public Pathwise {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}, .prior = false}}; }

  void finish(const Context& context, const SampleBlock& call, std::span<const double> partial, std::span<double> gradient) const override {
    Pathwise::finish(context, call, partial, gradient);
    const models::GaussianPrior& prior = *context.model->gaussian_prior();
    context.family->add_normal_gradient(prior.mean, prior.sd, gradient);
  }
};

/// Roeder, Wu and Duvenaud 2017 (NeurIPS), eq. 8: grad_z (l - log q) through z, the score term dropped.
class StickingTheLanding final : public Pathwise {
 public:
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = block.position.dim;
    const Index first_block = block.first / tiles::kLanes;
    const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
    const auto noise = block.noise.slice(first_block, last_block);
    const auto position = block.position.slice(first_block, last_block);
    const auto density = block.densities[0].slice(first_block, last_block);
    thread_local tiles::Batch slope;
    slope.resize(dim, noise.count);
    context.family->grad_log_density(noise, position, slope.view());
    for (Index b = 0; b < noise.blocks(); ++b) {
      double* to = slope.view().block(b);
      const double* gradient = density.block(b) + tiles::kLanes;
      for (Index i = 0; i < dim * tiles::kLanes; ++i) to[i] = gradient[i] - to[i];
    }
    const Index shift = first_block * tiles::kLanes;
    context.family->add_pathwise(noise, position, slope.view(), 0, block.first - shift, block.last - shift, partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const auto m = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / m;
  }
};

std::optional<std::string> needs_path(const Context& context) {
  if (!context.family->reparameterisable())
    return "needs z as a differentiable function of the parameters, which this family does not offer";
  return std::nullopt;
}

/// For estimators that take the entropy in closed form.
std::optional<std::string> needs_path_and_entropy(const Context& context) {
  if (auto reason = needs_path(context)) return reason;
  if (context.objective == Objective::elbo && !context.family->entropy())
    return "needs the entropy in closed form, which this family has not";
  return std::nullopt;
}

}  // namespace

Entry pathwise_closed_form_entropy_entry() {
  Entry entry = plain_entry("pw_cfe", "pathwise with closed-form entropy (ADVI's estimator)",
                            "Kingma, Welling 2014 (ICLR), section 2.3; Kucukelbir et al. 2017, JMLR 18(14), eqs. 7-8", "1 gradient",
                            [] { return std::make_unique<ClosedFormEntropy>(); });
  entry.leads_path = 1;
  entry.incompatible = needs_path_and_entropy;
  return entry;
}

Entry pathwise_closed_form_kl_entry() {
  Entry entry =
      plain_entry("pw_kl", "pathwise likelihood, KL to the prior in closed form", "Kingma, Welling 2014 (ICLR), eq. 10, appendix B",
                  "1 likelihood gradient", [] { return std::make_unique<ClosedFormKl>(); });
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.model->gaussian_prior() == nullptr) return "needs a model with an independent normal prior, and this one has none";
    if (!context.family->has_normal_gradient()) return "needs E_q of a normal log density in closed form, which this family does not offer";
    return needs_path_and_entropy(context);
  };
  return entry;
}

Entry sticking_the_landing_entry() {
  Entry entry =
      plain_entry("stl", "sticking the landing: pathwise without the score term (path derivative)",
                  "Roeder, Wu, Duvenaud 2017 (NeurIPS), eq. 8", "1 gradient", [] { return std::make_unique<StickingTheLanding>(); });
  entry.leads_path = 2;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.objective != Objective::elbo) return "drops the score term of the entropy, and the objective 'expectation' has no entropy";
    return needs_path(context);
  };
  return entry;
}

Entry antithetic_pathwise_entry() {
  Entry entry = plain_entry("pw_antithetic", "pathwise with closed-form entropy on pairs (eps, -eps)",
                            "Hammersley, Morton 1956; Ren, Zhao, Ermon 2019 (ICML) for its use in VI", "1 gradient",
                            [] { return std::make_unique<Antithetic>(); });
  entry.makes_reference = true;
  entry.incompatible = needs_path_and_entropy;
  entry.bad_samples = [](Index samples) -> std::optional<std::string> {
    if (samples % 2 == 0) return std::nullopt;
    return "antithetic samples come in pairs, so their number must be even";
  };
  return entry;
}

Entry scrambled_net_pathwise_entry() {
  Entry entry = plain_entry("pw_rqmc", "pathwise with closed-form entropy on an Owen-scrambled Sobol net",
                            "Owen 1997, Ann. Stat. 25(4); Buchholz, Wenzel, Mandt 2018 (ICML), eq. 5", "1 gradient",
                            [] { return std::make_unique<ScrambledNet>(); });
  entry.incompatible = needs_path_and_entropy;
  return entry;
}

}  // namespace variscope::estimators
