/// Control variates whose expectation under a normal q is known: grad l(z) is compared with a linear function of z - m.
#include "engine/estimators/second_order.hpp"

#include <algorithm>
#include <vector>

#include "engine/estimators/integrand.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

constexpr Index kTrainingCalls = 128;

std::optional<std::string> needs_normal(const Context& context) {
  if (context.family->gaussian() && context.family->reparameterisable()) return std::nullopt;
  return "needs a normal family, whose mean and covariance it moves";
}

std::optional<std::string> needs_hessian(const Context& context) {
  if (auto reason = needs_normal(context)) return reason;
  if (context.model->has_hessian_vector()) return std::nullopt;
  return "needs Hessian-vector products, which this model does not offer";
}

/// m: where a normal q takes noise 0. Cheaper than moments(), and to the bit what a sample is shifted by.
std::vector<double> mean_of(const families::Family& q) {
  const tiles::Batch nothing(q.noise().rows(), 1);
  tiles::Batch z(q.dim(), 1);
  q.sample(nothing.view(), z.view());
  std::vector<double> mean;
  for (Index d = 0; d < q.dim(); ++d) mean.push_back(z(d, 0));
  return mean;
}

/// Column `to` of theta becomes the mean of q.
void place_mean(const std::vector<double>& mean, tiles::BatchView theta, Index to) {
  for (std::size_t d = 0; d < mean.size(); ++d) theta(static_cast<Index>(d), to) = mean[d];
}

/// gradient += what E[(H (z - m) + g)' dz / dlambda] is: the chain rule from dE/dm = g, dE/dSigma = H / 2. hessian: dim x dim, symmetric.
void add_quadratic(const families::Family& q, std::span<const double> slope, std::span<const double> hessian, std::span<double> gradient) {
  thread_local std::vector<double> half;
  half.assign(hessian.begin(), hessian.end());
  for (double& h : half) h *= 0.5;
  q.add_gaussian_chain(slope, half, false, gradient);
}

/// Pathwise sums of r = grad l(z) - control(z); entropy and the control's expectation are added in the end.
class Expansion : public Estimator {
 public:
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void finish(const Context& context, const SampleBlock& call, std::span<const double> partial, std::span<double> gradient) const override {
    const auto m = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / m;
    add_expectation(context, call, gradient);
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }

 protected:
  /// gradient += the control's own expected gradient.
  virtual void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const = 0;

  /// partial += pathwise sums of residual(i, s) over the block. fill(s, r): r (dim numbers) becomes sample s's residual.
  template <class Fill>
  static void add_residuals(const Context& context, const SampleBlock& block, Fill&& fill, std::span<double> partial) {
    const Index first_block = block.first / tiles::kLanes;
    const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
    const Index skipped = first_block * tiles::kLanes;
    thread_local tiles::Batch residual;
    thread_local std::vector<double> one;
    residual.resize(context.family->dim(), block.last - skipped);
    one.resize(static_cast<std::size_t>(context.family->dim()));
    for (Index s = block.first; s < block.last; ++s) {
      fill(s, one.data());
      for (std::size_t i = 0; i < one.size(); ++i) residual(static_cast<Index>(i), s - skipped) = one[i];
    }
    context.family->add_pathwise(block.noise.slice(first_block, last_block), block.position.slice(first_block, last_block), residual.view(),
                                 0, block.first - skipped, block.last - skipped, partial);
  }
};

/// Paisley, Blei and Jordan 2012; Miller, Foti, D'Amour and Adams 2017 (NeurIPS), section 3: second-order Taylor of l at m, the whole
/// Hessian from D Hessian-vector products. With all rows, g(m) and H(m) are prepared once a step (state); with a minibatch they are those
/// of the minibatch and part of each call.
class TaylorHessian final : public Expansion {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    std::vector<Request> all = {{.wanted = {false, true}}};
    if (context.batch_rows > 0) all.push_back(expansion(context));
    return all;
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const std::vector<double> mean = mean_of(*context.family);
    const Index dim = context.family->dim();
    for (Index d = 0; d < dim; ++d) {
      place_mean(mean, at.theta, at.origin + d);
      for (Index i = 0; i < dim; ++i) at.direction(i, at.origin + d) = i == d ? 1.0 : 0.0;
    }
  }

  /// m, g(m), H(m) column by column, and the expected gradient that they make.
  [[nodiscard]] Index state_size(const Context& context) const override {
    const Index dim = context.family->dim();
    return context.batch_rows > 0 ? 0 : 2 * dim + dim * dim + context.family->parameters();
  }
  [[nodiscard]] double preparation_share(const Context&) const override { return 1; }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const Index dim = context.family->dim();
    tiles::Batch theta(dim, dim);
    tiles::Batch direction(dim, dim);
    place(context, 0, {{}, {}, 0, 0, theta.view(), direction.view(), 0});
    tiles::Batch out;
    preparation.evaluate(expansion(context).wanted, theta.view(), direction.view(), out);
    std::vector<double> known;
    lay_out(context, out.view(), 0, known);
    std::copy(known.begin(), known.end(), state.begin());
    add_expectation_of(context, known.data(), state.subspan(known.size()));
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    const auto size = static_cast<std::size_t>(dim);
    const double* known = expansion_of(context, block);
    add_residuals(
        context, block,
        [&](Index s, double* r) {
          for (Index i = 0; i < dim; ++i) r[i] = block.densities[0](1 + i, block.origins[0] + (s - block.first)) - known[dim + i];
          for (Index d = 0; d < dim; ++d) {
            const double step = block.position(d, s) - known[d];
            const double* column = known + 2 * dim + d * dim;
            for (std::size_t i = 0; i < size; ++i) r[i] -= column[i] * step;
          }
        },
        partial);
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const override {
    if (context.state.empty()) return add_expectation_of(context, expansion_of(context, call), gradient);
    const std::span<const double> expected = context.state.last(gradient.size());
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] += expected[p];
  }

 private:
  static Request expansion(const Context& context) {
    return {.wanted = {false, true, true}, .columns = context.family->dim(), .per_sample = false, .at_sample = false};
  }
  /// m, g(m) and H(m), as in the state, from the expansion's columns.
  static void lay_out(const Context& context, tiles::ConstBatchView density, Index origin, std::vector<double>& to) {
    const Index dim = context.family->dim();
    to = mean_of(*context.family);
    for (Index i = 0; i < dim; ++i) to.push_back(density(1 + i, origin));
    for (Index d = 0; d < dim; ++d) {
      for (Index i = 0; i < dim; ++i) to.push_back(density(1 + dim + i, origin + d));
    }
  }
  static void add_expectation_of(const Context& context, const double* known, std::span<double> gradient) {
    const auto dim = static_cast<std::size_t>(context.family->dim());
    add_quadratic(*context.family, {known + dim, dim}, {known + 2 * dim, dim * dim}, gradient);
  }
  /// The state, or what the call's minibatch puts in the place of its m, g(m) and H(m): valid until the thread's next call.
  static const double* expansion_of(const Context& context, const SampleBlock& block) {
    if (!context.state.empty()) return context.state.data();
    thread_local std::vector<double> copied;
    lay_out(context, block.densities[1], block.origins[1], copied);
    return copied.data();
  }
};

/// Miller et al. 2017, section 3.3: H(m)(z - m) by one Hessian-vector product a sample. It controls the mean as the whole Hessian does; the
/// scale, whose control would need entries of H, keeps the first-order control g(m) dz / dlambda alone, whose expectation is 0 there.
class TaylorProduct final : public Expansion {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {false, true}},
            {.wanted = {false, true}, .per_sample = false, .at_sample = false},
            {.wanted = {false, false, true}, .at_sample = false}};
  }

  void place(const Context& context, std::size_t request, const Placement& at) const override {
    const std::vector<double> mean = mean_of(*context.family);
    if (request == 1) return place_mean(mean, at.theta, at.origin);
    for (Index s = at.first; s < at.last; ++s) {
      const Index to = at.origin + (s - at.first);
      place_mean(mean, at.theta, to);
      for (std::size_t d = 0; d < mean.size(); ++d) {
        const auto row = static_cast<Index>(d);
        at.direction(row, to) = at.position(row, s) - mean[d];
      }
    }
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    add_residuals(
        context, block,
        [&](Index s, double* r) {
          for (Index i = 0; i < dim; ++i) {
            r[i] = block.densities[0](1 + i, block.origins[0] + (s - block.first)) - block.densities[1](1 + i, block.origins[1]);
          }
        },
        partial);
    // The mean comes first in every normal family's lambda.
    for (Index i = 0; i < dim; ++i) {
      double bent = 0;
      for (Index s = block.first; s < block.last; ++s) bent += block.densities[2](1 + i, block.origins[2] + (s - block.first));
      partial[static_cast<std::size_t>(i)] -= bent;
    }
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock& call, std::span<double> gradient) const override {
    for (Index i = 0; i < context.family->dim(); ++i) gradient[static_cast<std::size_t>(i)] += call.densities[1](1 + i, call.origins[1]);
  }
};

/// Geffner and Domke 2020 (NeurIPS), section 4, with a diagonal quadratic: grad l is fitted by b + B (z - m) on training samples,
/// coordinate by coordinate, by least squares. State: b, B, and the expected gradient that they make. Costs no evaluation more than the
/// plain estimator.
class QuadraticSurrogate final : public Expansion {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }
  [[nodiscard]] Index state_size(const Context& context) const override { return 2 * context.family->dim() + context.family->parameters(); }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const std::vector<double> centre = mean_of(*context.family);
    const std::size_t dim = centre.size();
    // Co-moments of g and z - m by Welford.
    std::vector<double> mean_g(dim, 0.0);
    std::vector<double> mean_step(dim, 0.0);
    std::vector<double> covariance(dim, 0.0);
    std::vector<double> variance(dim, 0.0);
    double n = 0;
    for (Index call = 0; call < kTrainingCalls; ++call) {
      preparation.train(call, requests(context), [&](const SampleBlock& block) {
        for (Index s = block.first; s < block.last; ++s) {
          n += 1;
          for (std::size_t d = 0; d < dim; ++d) {
            const double step = block.position(static_cast<Index>(d), s) - centre[d];
            const double g = block.densities[0](1 + static_cast<Index>(d), s);
            const double before = step - mean_step[d];
            mean_step[d] += before / n;
            mean_g[d] += (g - mean_g[d]) / n;
            variance[d] += before * (step - mean_step[d]);
            covariance[d] += before * (g - mean_g[d]);
          }
        }
      });
    }
    for (std::size_t d = 0; d < dim; ++d) {
      const double slope = variance[d] > 0 ? covariance[d] / variance[d] : 0.0;
      state[d] = mean_g[d] - slope * mean_step[d];
      state[dim + d] = slope;
    }
    const std::span<double> expected = state.subspan(2 * dim);
    if (const families::MeanFieldGaussian* q = context.family->mean_field_gaussian()) {
      // Without a matrix.
      for (std::size_t d = 0; d < dim; ++d) {
        expected[d] = state[d];
        expected[dim + d] = state[dim + d] * q->scale()[d] * q->scale()[d];
      }
      return;
    }
    std::vector<double> hessian(dim * dim, 0.0);
    for (std::size_t d = 0; d < dim; ++d) hessian[d * dim + d] = state[dim + d];
    add_quadratic(*context.family, state.first(dim), hessian, expected);
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const std::vector<double> mean = mean_of(*context.family);
    const std::size_t dim = mean.size();
    add_residuals(
        context, block,
        [&](Index s, double* r) {
          for (std::size_t d = 0; d < dim; ++d) {
            const auto i = static_cast<Index>(d);
            const double control = context.state[d] + context.state[dim + d] * (block.position(i, s) - mean[d]);
            r[i] = block.densities[0](1 + i, block.origins[0] + (s - block.first)) - control;
          }
        },
        partial);
  }

 protected:
  void add_expectation(const Context& context, const SampleBlock&, std::span<double> gradient) const override {
    const std::span<const double> expected = context.state.last(gradient.size());
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] += expected[p];
  }
};

/// Bonnet 1964, Price 1958; Opper and Archambeau 2009, eqs. 11-12: d/dm = E grad l, d/dSigma = E Hessian / 2. The Hessian takes D
/// Hessian-vector products a sample; a mean-field q reads its diagonal alone. Partial: sums of the gradient, and of the Hessian's diagonal
/// or its lower triangle row by row.
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

  [[nodiscard]] Index partial_size(const Context& context) const override {
    const Index dim = context.family->dim();
    return dim + (diagonal(context) ? dim : dim * (dim + 1) / 2);
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    const bool short_row = diagonal(context);
    for (Index s = block.first; s < block.last; ++s) {
      const Index from = block.origins[0] + (s - block.first) * dim;
      auto next = static_cast<std::size_t>(dim);
      for (Index i = 0; i < dim; ++i) {
        partial[static_cast<std::size_t>(i)] += block.densities[0](1 + i, from);
        for (Index j = short_row ? i : 0; j <= i; ++j) partial[next++] += block.densities[0](1 + dim + i, from + j);
      }
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const families::Family& q = *context.family;
    const auto dim = static_cast<std::size_t>(q.dim());
    const auto m = static_cast<double>(context.samples);
    const bool short_row = diagonal(context);
    std::vector<double> slope(partial.begin(), partial.begin() + q.dim());
    for (double& g : slope) g /= m;
    std::vector<double> hessian(dim * dim, 0.0);
    std::size_t next = dim;
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = short_row ? i : 0; j <= i; ++j) {
        hessian[i * dim + j] = partial[next++] / m;
        hessian[j * dim + i] = hessian[i * dim + j];
      }
    }
    std::fill(gradient.begin(), gradient.end(), 0.0);
    add_quadratic(q, slope, hessian, gradient);
    if (context.objective == Objective::elbo) q.add_entropy_gradient(gradient);
  }

 private:
  static bool diagonal(const Context& context) { return context.family->mean_field_gaussian() != nullptr; }
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
  entry.incompatible = needs_normal;
  return entry;
}

Entry bonnet_price_entry() {
  Entry entry = plain_entry("bonnet_price", "Bonnet's and Price's theorems: gradient for the mean, Hessian for the covariance",
                            "Bonnet 1964; Price 1958; Opper, Archambeau 2009, Neural Computation 21(3), eqs. 11-12",
                            "1 gradient with D Hessian-vector products", [] { return std::make_unique<BonnetPrice>(); });
  entry.incompatible = needs_hessian;
  return entry;
}

}  // namespace variscope::estimators
