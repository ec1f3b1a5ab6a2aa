/// Control variates whose expectation under a mean-field Gaussian is known: grad l(z) is compared with a linear function of z - m.
#include "engine/estimators/second_order.hpp"

#include <vector>

#include "engine/estimators/integrand.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

constexpr Index kTrainingCalls = 128;

std::optional<std::string> needs_mean_field(const Context& context) {
  if (context.family->mean_field_gaussian() != nullptr) return std::nullopt;
  return "is written for mean_field_gaussian";
}

std::optional<std::string> needs_hessian(const Context& context) {
  if (auto reason = needs_mean_field(context)) return reason;
  if (context.model->has_hessian_vector()) return std::nullopt;
  return "needs Hessian-vector products, which this model does not offer";
}

/// Column `to` of theta becomes the mean of q.
void place_mean(const families::MeanFieldGaussian& q, tiles::BatchView theta, Index to) {
  for (Index d = 0; d < q.dim(); ++d) theta(d, to) = q.mean()[static_cast<std::size_t>(d)];
}

/// Sums of r = grad l(z) - control(z) and of r eps over samples; entropy and the control's expectation are added in the end.
class Controlled : public Estimator {
 public:
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void finish(const Context& context, const SampleBlock& call, std::span<const double> partial, std::span<double> gradient) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const auto dim = static_cast<std::size_t>(q.dim());
    const auto m = static_cast<double>(context.samples);
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] = partial[d] / m;
      gradient[dim + d] = partial[dim + d] / m * q.scale()[d];
    }
    add_expectation(context, call, gradient);
    if (context.objective == Objective::elbo) q.add_entropy_gradient(gradient);
  }

 protected:
  /// gradient += the control's own expected gradient.
  virtual void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const = 0;
};

/// Paisley, Blei and Jordan 2012; Miller, Foti, D'Amour and Adams 2017 (NeurIPS), section 3: second-order Taylor of l at m, the whole
/// Hessian from D Hessian-vector products. With all rows, g(m) and H(m) are prepared once a step (state); with a minibatch they are those
/// of the minibatch and part of each call.
class TaylorHessian final : public Controlled {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    std::vector<Request> all = {{.wanted = {false, true}}};
    if (context.batch_rows > 0) all.push_back(expansion(context));
    return all;
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    for (Index d = 0; d < q.dim(); ++d) {
      place_mean(q, at.theta, at.origin + d);
      for (Index i = 0; i < q.dim(); ++i) at.direction(i, at.origin + d) = i == d ? 1.0 : 0.0;
    }
  }

  /// g(m), then H(m) column by column.
  [[nodiscard]] Index state_size(const Context& context) const override {
    const Index dim = context.family->dim();
    return context.batch_rows > 0 ? 0 : dim + dim * dim;
  }
  [[nodiscard]] double preparation_share(const Context&) const override { return 1; }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const Index dim = context.family->dim();
    tiles::Batch theta(dim, dim);
    tiles::Batch direction(dim, dim);
    place(context, 0, {{}, {}, 0, 0, theta.view(), direction.view(), 0});
    tiles::Batch out;
    preparation.evaluate(expansion(context).wanted, theta.view(), direction.view(), out);
    for (Index i = 0; i < dim; ++i) {
      state[static_cast<std::size_t>(i)] = out(1 + i, 0);
      for (Index d = 0; d < dim; ++d) state[static_cast<std::size_t>(dim + d * dim + i)] = out(1 + dim + i, d);
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const Index dim = q.dim();
    const auto size = static_cast<std::size_t>(dim);
    // g(m), then H(m) column by column, as in the state; from a minibatch's expansion they are laid out so first.
    thread_local std::vector<double> copied;
    const double* expansion_of = context.state.data();
    if (context.state.empty()) {
      copied.resize(size + size * size);
      for (Index i = 0; i < dim; ++i) {
        copied[static_cast<std::size_t>(i)] = slope(context, block, i);
        for (Index d = 0; d < dim; ++d) copied[static_cast<std::size_t>(dim + d * dim + i)] = curvature(context, block, i, d);
      }
      expansion_of = copied.data();
    }
    thread_local std::vector<double> linear;
    for (Index s = block.first; s < block.last; ++s) {
      linear.assign(expansion_of, expansion_of + dim);
      for (Index d = 0; d < dim; ++d) {
        const double step = q.scale()[static_cast<std::size_t>(d)] * block.noise(d, s);
        const double* column = expansion_of + dim + d * dim;
        for (std::size_t i = 0; i < size; ++i) linear[i] += column[i] * step;
      }
      for (Index i = 0; i < dim; ++i) {
        const double r = block.densities[0](1 + i, block.origins[0] + (s - block.first)) - linear[static_cast<std::size_t>(i)];
        partial[static_cast<std::size_t>(i)] += r;
        partial[static_cast<std::size_t>(dim + i)] += r * block.noise(i, s);
      }
    }
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    for (Index d = 0; d < q.dim(); ++d) {
      const auto i = static_cast<std::size_t>(d);
      gradient[i] += slope(context, call, d);
      gradient[static_cast<std::size_t>(q.dim()) + i] += curvature(context, call, d, d) * q.scale()[i] * q.scale()[i];
    }
  }

 private:
  static Request expansion(const Context& context) {
    return {.wanted = {false, true, true}, .columns = context.family->dim(), .per_sample = false, .at_sample = false};
  }
  static double slope(const Context& context, const SampleBlock& block, Index i) {
    return context.state.empty() ? block.densities[1](1 + i, block.origins[1]) : context.state[static_cast<std::size_t>(i)];
  }
  /// H_id.
  static double curvature(const Context& context, const SampleBlock& block, Index i, Index d) {
    const Index dim = context.family->dim();
    return context.state.empty() ? block.densities[1](1 + dim + i, block.origins[1] + d)
                                 : context.state[static_cast<std::size_t>(dim + d * dim + i)];
  }
};

/// Miller et al. 2017, section 3.3: H(m)(z - m) by one Hessian-vector product a sample. It controls the mean as the whole Hessian does; the
/// scale, whose control would need the diagonal of H, keeps the first-order control g(m) eps alone.
class TaylorProduct final : public Controlled {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {false, true}},
            {.wanted = {false, true}, .per_sample = false, .at_sample = false},
            {.wanted = {false, false, true}, .at_sample = false}};
  }

  void place(const Context& context, std::size_t request, const Placement& at) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    if (request == 1) return place_mean(q, at.theta, at.origin);
    for (Index s = at.first; s < at.last; ++s) {
      const Index to = at.origin + (s - at.first);
      place_mean(q, at.theta, to);
      for (Index d = 0; d < q.dim(); ++d) at.direction(d, to) = q.scale()[static_cast<std::size_t>(d)] * at.noise(d, s);
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    for (Index i = 0; i < dim; ++i) {
      const double slope = block.densities[1](1 + i, block.origins[1]);
      double location = 0;
      double product = 0;
      for (Index s = block.first; s < block.last; ++s) {
        const Index k = s - block.first;
        const double r = block.densities[0](1 + i, block.origins[0] + k) - slope;
        location += r - block.densities[2](1 + i, block.origins[2] + k);
        product += r * block.noise(i, s);
      }
      partial[static_cast<std::size_t>(i)] += location;
      partial[static_cast<std::size_t>(dim + i)] += product;
    }
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const override {
    for (Index i = 0; i < context.family->dim(); ++i) gradient[static_cast<std::size_t>(i)] += call.densities[1](1 + i, call.origins[1]);
  }
};

/// Geffner and Domke 2020 (NeurIPS), section 4, with a diagonal quadratic: grad l is fitted by b + B (z - m) on training samples,
/// coordinate by coordinate, by least squares. State: b, then B. Costs no evaluation more than the plain estimator.
class QuadraticSurrogate final : public Controlled {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }
  [[nodiscard]] Index state_size(const Context& context) const override { return 2 * context.family->dim(); }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const auto dim = static_cast<std::size_t>(q.dim());
    // Co-moments of g and eps by Welford.
    std::vector<double> mean_g(dim, 0.0);
    std::vector<double> mean_eps(dim, 0.0);
    std::vector<double> covariance(dim, 0.0);
    std::vector<double> variance(dim, 0.0);
    double n = 0;
    for (Index call = 0; call < kTrainingCalls; ++call) {
      preparation.train(call, requests(context), [&](const SampleBlock& block) {
        for (Index s = block.first; s < block.last; ++s) {
          n += 1;
          for (std::size_t d = 0; d < dim; ++d) {
            const double eps = block.noise(static_cast<Index>(d), s);
            const double g = block.densities[0](1 + static_cast<Index>(d), s);
            const double before = eps - mean_eps[d];
            mean_eps[d] += before / n;
            mean_g[d] += (g - mean_g[d]) / n;
            variance[d] += before * (eps - mean_eps[d]);
            covariance[d] += before * (g - mean_g[d]);
          }
        }
      });
    }
    for (std::size_t d = 0; d < dim; ++d) {
      const double slope = variance[d] > 0 ? covariance[d] / variance[d] : 0.0;
      state[d] = mean_g[d] - slope * mean_eps[d];
      state[dim + d] = slope / q.scale()[d];
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const Index dim = q.dim();
    for (Index i = 0; i < dim; ++i) {
      const auto d = static_cast<std::size_t>(i);
      const double b = context.state[d];
      const double slope = context.state[static_cast<std::size_t>(dim) + d] * q.scale()[d];
      double location = 0;
      double product = 0;
      for (Index s = block.first; s < block.last; ++s) {
        const double eps = block.noise(i, s);
        const double r = block.densities[0](1 + i, block.origins[0] + (s - block.first)) - (b + slope * eps);
        location += r;
        product += r * eps;
      }
      partial[d] += location;
      partial[static_cast<std::size_t>(dim) + d] += product;
    }
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock&, std::span<double> gradient) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const auto dim = static_cast<std::size_t>(q.dim());
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] += context.state[d];
      gradient[dim + d] += context.state[dim + d] * q.scale()[d] * q.scale()[d];
    }
  }
};

/// Bonnet 1964, Price 1958; Opper and Archambeau 2009, eqs. 11-12: d/dm = E grad l, d/d rho = s^2 E diag Hessian. The diagonal takes D
/// Hessian-vector products a sample.
class BonnetPrice final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    return {{.wanted = {false, true, true}, .columns = context.family->dim(), .at_sample = false}};
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const Index dim = context.family->dim();
    for (Index s = at.first; s < at.last; ++s) {
      for (Index k = 0; k < dim; ++k) {
        const Index to = at.origin + (s - at.first) * dim + k;
        for (Index d = 0; d < dim; ++d) {
          at.theta(d, to) = at.position(d, s);
          at.direction(d, to) = d == k ? 1.0 : 0.0;
        }
      }
    }
  }

  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    for (Index s = block.first; s < block.last; ++s) {
      const Index from = block.origins[0] + (s - block.first) * dim;
      for (Index d = 0; d < dim; ++d) {
        partial[static_cast<std::size_t>(d)] += block.densities[0](1 + d, from);
        partial[static_cast<std::size_t>(dim + d)] += block.densities[0](1 + dim + d, from + d);
      }
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const auto dim = static_cast<std::size_t>(q.dim());
    const auto m = static_cast<double>(context.samples);
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] = partial[d] / m;
      gradient[dim + d] = partial[dim + d] / m * q.scale()[d] * q.scale()[d];
    }
    if (context.objective == Objective::elbo) q.add_entropy_gradient(gradient);
  }
};

}  // namespace

Entry taylor_hessian_entry() {
  Entry entry = plain_entry("taylor_hessian", "pathwise with a second-order Taylor control variate at the mean, whole Hessian",
                            "Paisley, Blei, Jordan 2012 (ICML); Miller, Foti, D'Amour, Adams 2017 (NeurIPS), section 3",
                            "1 gradient; D Hessian-vector products a step", [] { return std::make_unique<TaylorHessian>(); });
  entry.incompatible = needs_hessian;
  return entry;
}

Entry taylor_product_entry() {
  Entry entry = plain_entry("taylor_hvp", "as taylor_hessian by Hessian-vector products: controls the mean, the scale to first order",
                            "Miller, Foti, D'Amour, Adams 2017 (NeurIPS), section 3.3",
                            "1 gradient, 1 Hessian-vector product; 1 gradient a call", [] { return std::make_unique<TaylorProduct>(); });
  entry.incompatible = needs_hessian;
  return entry;
}

Entry quadratic_surrogate_entry() {
  Entry entry =
      plain_entry("pw_quadratic", "pathwise with a learned diagonal quadratic as control variate, frozen",
                  "Geffner, Domke 2020 (NeurIPS), section 4", "1 gradient", [] { return std::make_unique<QuadraticSurrogate>(); });
  entry.incompatible = needs_mean_field;
  return entry;
}

Entry bonnet_price_entry() {
  Entry entry = plain_entry("bonnet_price", "Bonnet's and Price's theorems: gradient for the mean, diagonal of the Hessian for the scale",
                            "Bonnet 1964; Price 1958; Opper, Archambeau 2009, Neural Computation 21(3), eqs. 11-12",
                            "1 gradient with D Hessian-vector products", [] { return std::make_unique<BonnetPrice>(); });
  entry.incompatible = needs_hessian;
  return entry;
}

}  // namespace variscope::estimators
