/// Weak derivatives: the derivative of a normal density is a difference of two densities, from each of which one value is taken.
#include "engine/estimators/measure_valued.hpp"

#include <cmath>
#include <numbers>

#include "engine/families/mean_field_gaussian.hpp"
#include "engine/families/own_noise.hpp"

namespace variscope::estimators {

namespace {

/// The four values that take the place of normal noise k of sample s.
struct Replacements {
  double rayleigh;
  double maxwell;
  double normal;
};

Replacements replacements(const tiles::ConstBatchView& noise, Index normals, Index k, Index s) {
  const double eps = noise(k, s);
  Replacements of;
  of.rayleigh = std::sqrt(-2 * std::log(noise(normals + 3 * k, s)));
  // eps^2 + 2 Exp(1) is chi-square with three degrees of freedom, and the sign of eps is independent of it.
  of.maxwell = std::copysign(std::sqrt(eps * eps - 2 * std::log(noise(normals + 3 * k + 1, s))), eps);
  of.normal = of.maxwell * noise(normals + 3 * k + 2, s);
  return of;
}

/// Mohamed, Rosca, Figurnov and Mnih 2020, JMLR 21(132), section 6 and table 1; coupled as there (section 7.2).
/// d/dm N(m, s^2): m + s W against m - s W, W Rayleigh, over s sqrt(2 pi). d/ds: m + s K, K double-sided Maxwell, against m + s K U, which
/// is normal, over s. All other coordinates are common to both. Each coordinate takes four values a sample; three uniforms beside its
/// normal.
///
/// Other normal families: z = m + B e with independent e, the first D of them each coordinate's own (OwnNoise), and h(e) = l(z). Replacing
/// e_k gives a_k, whose mean given all other noise is E d_k h, and c_k, of mean E e_k d_k h. As e_l is untouched by a_k for l != k, a_k e_l
/// has mean E e_l d_k h, without further values. With C_kk = c_k, C_kl = a_k e_l, the pathwise gradients E grad l and E e_l grad l are
/// B^-T times a and times C's columns, B's first D columns being meant: those of L are the lower triangle of L^-T C, to which what is above
/// C's diagonal adds nothing (L^-T is upper triangular); those of the low-rank factor are C's columns of its noise over d.
class MeasureValued final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    return {{.wanted = {true, false}, .columns = 4 * context.family->dim(), .at_sample = false}};
  }
  [[nodiscard]] Index extra_uniforms(const Context& context) const override { return 3 * context.family->dim(); }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const families::MeanFieldGaussian* q = context.family->mean_field_gaussian();
    const families::OwnNoise own(*context.family);
    const Index dim = context.family->dim();
    const Index normals = context.family->noise().normals;
    for (Index s = at.first; s < at.last; ++s) {
      for (Index d = 0; d < dim; ++d) {
        const Replacements of = replacements(at.noise, normals, d, s);
        const double values[] = {of.rayleigh, -of.rayleigh, of.maxwell, of.normal};
        const Index to = at.origin + ((s - at.first) * dim + d) * 4;
        for (Index k = 0; k < 4; ++k) {
          for (Index j = 0; j < dim; ++j) at.theta(j, to + k) = at.position(j, s);
          if (q != nullptr) {
            const auto i = static_cast<std::size_t>(d);
            at.theta(d, to + k) = q->mean()[i] + q->scale()[i] * values[k];
            continue;
          }
          const double step = values[k] - at.noise(d, s);
          for (Index j = d; j < (own.diagonal() ? d + 1 : dim); ++j) at.theta(j, to + k) += own.slope(j, d) * step;
        }
      }
    }
  }

  /// Sums of a; then of c alone (mean-field), or of C row by row.
  [[nodiscard]] Index partial_size(const Context& context) const override {
    const families::Family& q = *context.family;
    return q.mean_field_gaussian() != nullptr ? q.parameters() : q.dim() * (1 + q.noise().normals);
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    const bool factors = context.family->mean_field_gaussian() != nullptr;
    const families::OwnNoise own(*context.family);
    const Index normals = context.family->noise().normals;
    for (Index s = block.first; s < block.last; ++s) {
      for (Index d = 0; d < dim; ++d) {
        const Index from = block.origins[0] + ((s - block.first) * dim + d) * 4;
        const double location = block.densities[0](0, from) - block.densities[0](0, from + 1);
        const double scale = block.densities[0](0, from + 2) - block.densities[0](0, from + 3);
        partial[static_cast<std::size_t>(d)] += location;
        if (factors) {
          partial[static_cast<std::size_t>(dim + d)] += scale;
          continue;
        }
        double* row = &partial[static_cast<std::size_t>(dim + d * normals)];
        for (Index l = 0; l < normals; ++l) {
          if (used(own, dim, d, l)) row[l] += location * block.noise(l, s);
        }
        row[d] += scale;
      }
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    if (const families::MeanFieldGaussian* mean_field = context.family->mean_field_gaussian()) {
      const auto dim = static_cast<std::size_t>(mean_field->dim());
      const auto m = static_cast<double>(context.samples);
      for (std::size_t d = 0; d < dim; ++d) {
        gradient[d] = partial[d] / (m * mean_field->scale()[d] * std::sqrt(2 * std::numbers::pi));
        gradient[dim + d] = partial[dim + d] / m;
      }
    } else {
      finish_by_noise(context, partial, gradient);
    }
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }

 private:
  /// Whether C_kl, l != k, tells anything: below the diagonal of L, and in the columns of noise that coordinates share.
  static bool used(const families::OwnNoise& own, Index dim, Index k, Index l) { return l >= dim || (l < k && !own.diagonal()); }

  /// Column l of the pathwise gradient's moments, E e_l grad l, has the derivatives of z along noise that is 1 at l and 0 elsewhere.
  static void finish_by_noise(const Context& context, std::span<const double> partial, std::span<double> gradient) {
    const families::Family& q = *context.family;
    const families::OwnNoise own(q);
    const Index dim = q.dim();
    const Index normals = q.noise().normals;
    const double coupled = 1 / (static_cast<double>(context.samples) * std::sqrt(2 * std::numbers::pi));
    tiles::Batch unit(normals, normals);
    tiles::Batch slopes(dim, normals);
    unit.set_zero();
    std::vector<double> column(static_cast<std::size_t>(dim));
    for (Index l = 0; l < normals; ++l) {
      unit(l, l) = 1;
      for (Index k = 0; k < dim; ++k) {
        const double sum = partial[static_cast<std::size_t>(dim + k * normals + l)];
        column[static_cast<std::size_t>(k)] = k == l                 ? sum / static_cast<double>(context.samples)
                                              : used(own, dim, k, l) ? sum * coupled
                                                                     : 0.0;
      }
      own.solve_transposed(column);
      for (Index k = 0; k < dim; ++k) slopes(k, l) = column[static_cast<std::size_t>(k)];
    }
    std::fill(gradient.begin(), gradient.end(), 0.0);
    q.add_pathwise(unit.view(), {}, slopes.view(), 0, 0, normals, gradient);
    for (Index k = 0; k < dim; ++k) column[static_cast<std::size_t>(k)] = partial[static_cast<std::size_t>(k)] * coupled;
    own.solve_transposed(column);
    std::copy(column.begin(), column.end(), gradient.begin());
  }
};

}  // namespace

Entry measure_valued_entry() {
  Entry entry = plain_entry("mvd", "measure-valued (weak) derivative, coupled, entropy in closed form",
                            "Mohamed, Rosca, Figurnov, Mnih 2020, JMLR 21(132), section 6; Heidergott, Vazquez-Abad, Volk-Makarewicz 2008; "
                            "full-rank and low-rank normals in the coordinates of their noise",
                            "4 D values", [] { return std::make_unique<MeasureValued>(); });
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (families::OwnNoise::known(*context.family)) return std::nullopt;
    return "is written for normal families, whose noise is replaced one number at a time";
  };
  return entry;
}

}  // namespace variscope::estimators
