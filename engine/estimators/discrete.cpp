/// Bernoulli variables z_d = 1[u_d > sigmoid(-phi_d)], i.e. 1[phi_d + logit(u_d) > 0]. The entropy is in closed form throughout.
#include "engine/estimators/discrete.hpp"

#include <cmath>

#include "engine/families/bernoulli.hpp"

namespace variscope::estimators {

namespace {

/// Temperature of all relaxations here: REBAR's and Gumbel-softmax's.
constexpr double kTemperature = 0.5;

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double logit(double u) { return std::log(u) - std::log1p(-u); }

/// The base: partial sums are one number a parameter, divided by M in the end.
class Discrete : public Estimator {
 public:
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }
  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / static_cast<double>(context.samples);
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }
};

/// Two values a sample: at the sample, and at its antithetic twin 1[u < sigmoid(phi)].
class AntitheticPair : public Discrete {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {true, false}, .columns = 2, .at_sample = false}};
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const auto& p = context.family->bernoulli()->probabilities();
    for (Index s = at.first; s < at.last; ++s) {
      const Index to = at.origin + 2 * (s - at.first);
      for (Index d = 0; d < context.family->dim(); ++d) {
        at.theta(d, to) = at.position(d, s);
        at.theta(d, to + 1) = at.noise(d, s) < p[static_cast<std::size_t>(d)] ? 1.0 : 0.0;
      }
    }
  }

 protected:
  static double difference(const SampleBlock& block, Index s) {
    const Index from = block.origins[0] + 2 * (s - block.first);
    return block.densities[0](0, from) - block.densities[0](0, from + 1);
  }
};

/// Yin and Zhou 2019 (ICLR), eq. 6: (f(z) - f(z~)) (u - 1/2).
class Arm final : public AntitheticPair {
 public:
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    for (Index s = block.first; s < block.last; ++s) {
      const double f = difference(block, s);
      for (Index d = 0; d < context.family->dim(); ++d) partial[static_cast<std::size_t>(d)] += f * (block.noise(d, s) - 0.5);
    }
  }
};

/// Dong, Mnih and Tucker 2020 (NeurIPS), eq. 6; Yin, Ho, Yan, Qian and Zhou 2020 (U2G): ARM with u integrated out, given the pair.
class DisArm final : public AntitheticPair {
 public:
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto& q = *context.family->bernoulli();
    for (Index s = block.first; s < block.last; ++s) {
      const double f = difference(block, s);
      for (Index d = 0; d < context.family->dim(); ++d) {
        const auto i = static_cast<std::size_t>(d);
        const bool one = block.position(d, s) > 0.5;
        const bool twin = block.noise(d, s) < q.probabilities()[i];
        if (one == twin) continue;
        partial[i] += 0.5 * f * (one ? 1.0 : -1.0) * sigmoid(std::abs(q.logits()[i]));
      }
    }
  }
};

/// Position of the relaxed sample sigmoid((phi + logit u) / temperature), and its derivative in phi.
double relaxed(double phi, double u) { return sigmoid((phi + logit(u)) / kTemperature); }
double relaxed_slope(double y) { return y * (1 - y) / kTemperature; }

/// Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017 (NeurIPS), eq. 5, with eta = 1: the relaxed f, conditioned on the discrete
/// sample, as a control variate for REINFORCE. Three evaluations a sample: f(b), f(y) and f(y~) with gradients.
class Rebar final : public Discrete {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {true, false}}, {.wanted = {true, true}, .columns = 2, .at_sample = false}};
  }
  [[nodiscard]] Index extra_uniforms(const Context& context) const override { return context.family->dim(); }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const Index dim = context.family->dim();
    for (Index s = at.first; s < at.last; ++s) {
      const Index to = at.origin + 2 * (s - at.first);
      for (Index d = 0; d < dim; ++d) {
        const double phi = context.family->bernoulli()->logits()[static_cast<std::size_t>(d)];
        at.theta(d, to) = relaxed(phi, at.noise(d, s));
        at.theta(d, to + 1) = relaxed(phi, conditional(context, d, at.position(d, s), at.noise(dim + d, s)));
      }
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto& q = *context.family->bernoulli();
    const Index dim = q.dim();
    for (Index s = block.first; s < block.last; ++s) {
      const Index k = s - block.first;
      const Index from = block.origins[1] + 2 * k;
      const auto& density = block.densities[1];
      const double f = block.densities[0](0, block.origins[0] + k) - density(0, from + 1);
      for (Index d = 0; d < dim; ++d) {
        const auto i = static_cast<std::size_t>(d);
        const double p = q.probabilities()[i];
        const double b = block.position(d, s);
        const double v = block.noise(dim + d, s);
        const double u = conditional(context, d, b, v);
        const double y = relaxed(q.logits()[i], block.noise(d, s));
        const double twin = relaxed(q.logits()[i], u);
        // z~ = phi + logit(u~), and u~ depends on phi too: du~/dphi = p (1-p) (v - 1) where b = 1 (u~ = v p + 1 - p), -v p (1 - p) where
        // b = 0 (u~ = v (1 - p)).
        const double slope = p * (1 - p) * (b > 0.5 ? v - 1 : -v);
        const double twin_slope = relaxed_slope(twin) * (1 + slope / (u * (1 - u)));
        partial[i] += f * (b - p) + density(1 + d, from) * relaxed_slope(y) - density(1 + d, from + 1) * twin_slope;
      }
    }
  }

 private:
  /// u given b: uniform on (1 - p, 1) or (0, 1 - p).
  static double conditional(const Context& context, Index d, double b, double v) {
    const double p = context.family->bernoulli()->probabilities()[static_cast<std::size_t>(d)];
    return b > 0.5 ? v * p + (1 - p) : v * (1 - p);
  }
};

/// Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017 (ICLR): the pathwise derivative of f at the relaxed sample. Biased.
class GumbelSoftmax final : public Discrete {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}, .at_sample = false}}; }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const auto& logits = context.family->bernoulli()->logits();
    for (Index s = at.first; s < at.last; ++s) {
      for (Index d = 0; d < context.family->dim(); ++d)
        at.theta(d, at.origin + (s - at.first)) = relaxed(logits[static_cast<std::size_t>(d)], at.noise(d, s));
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto& logits = context.family->bernoulli()->logits();
    for (Index s = block.first; s < block.last; ++s) {
      for (Index d = 0; d < context.family->dim(); ++d) {
        const auto i = static_cast<std::size_t>(d);
        partial[i] +=
            block.densities[0](1 + d, block.origins[0] + (s - block.first)) * relaxed_slope(relaxed(logits[i], block.noise(d, s)));
      }
    }
  }
};

/// Bengio, Leonard and Courville 2013, section 4: f's gradient at the discrete sample, passed on as if the sample were its mean. Biased.
class StraightThrough final : public Discrete {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto& p = context.family->bernoulli()->probabilities();
    for (Index s = block.first; s < block.last; ++s) {
      for (Index d = 0; d < context.family->dim(); ++d) {
        const auto i = static_cast<std::size_t>(d);
        partial[i] += block.densities[0](1 + d, block.origins[0] + (s - block.first)) * p[i] * (1 - p[i]);
      }
    }
  }
};

Entry bernoulli_entry(std::string name, std::string summary, std::string source, std::string cost,
                      std::function<std::unique_ptr<Estimator>()> make) {
  Entry entry = plain_entry(std::move(name), std::move(summary), std::move(source), std::move(cost), std::move(make));
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.family->bernoulli() != nullptr) return std::nullopt;
    return "is made for Bernoulli variables";
  };
  return entry;
}

}  // namespace

Entry arm_entry() {
  return bernoulli_entry("arm", "augment-REINFORCE-merge: antithetic uniforms", "Yin, Zhou 2019 (ICLR), eq. 6", "2 values",
                         [] { return std::make_unique<Arm>(); });
}

Entry disarm_entry() {
  return bernoulli_entry("disarm", "ARM given its pair, the uniforms integrated out (DisARM, U2G)",
                         "Dong, Mnih, Tucker 2020 (NeurIPS), eq. 6; Yin, Ho, Yan, Qian, Zhou 2020", "2 values",
                         [] { return std::make_unique<DisArm>(); });
}

Entry rebar_entry() {
  return bernoulli_entry("rebar", "REINFORCE with the relaxation as control variate, eta = 1, temperature 0.5",
                         "Tucker, Mnih, Maddison, Lawson, Sohl-Dickstein 2017 (NeurIPS), eq. 5", "1 value, 2 gradients",
                         [] { return std::make_unique<Rebar>(); });
}

Entry gumbel_softmax_entry() {
  Entry entry = bernoulli_entry("gumbel_softmax", "pathwise at the relaxed (Concrete) sample, temperature 0.5; biased",
                                "Jang, Gu, Poole 2017 (ICLR); Maddison, Mnih, Teh 2017 (ICLR)", "1 gradient",
                                [] { return std::make_unique<GumbelSoftmax>(); });
  entry.biased = true;
  return entry;
}

Entry straight_through_entry() {
  Entry entry = bernoulli_entry("straight_through", "gradient at the discrete sample, passed on to the probabilities; biased",
                                "Bengio, Leonard, Courville 2013 (arXiv 1308.3432), section 4", "1 gradient",
                                [] { return std::make_unique<StraightThrough>(); });
  entry.biased = true;
  return entry;
}

}  // namespace variscope::estimators
