/// Weak derivatives: the derivative of a normal density is a difference of two densities, from each of which one value is taken.
#include "engine/estimators/measure_valued.hpp"

#include <cmath>
#include <numbers>

#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

/// Mohamed, Rosca, Figurnov and Mnih 2020, JMLR 21(132), section 6 and table 1; coupled as there (section 7.2).
/// d/dm N(m, s^2): m + s W against m - s W, W Rayleigh, over s sqrt(2 pi). d/ds: m + s K, K double-sided Maxwell, against m + s K U, which
/// is normal, over s. All other coordinates are common to both. Each coordinate takes four values a sample; three uniforms beside its
/// normal.
class MeasureValued final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context& context) const override {
    return {{.wanted = {true, false}, .columns = 4 * context.family->dim(), .at_sample = false}};
  }
  [[nodiscard]] Index extra_uniforms(const Context& context) const override { return 3 * context.family->dim(); }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const Index dim = q.dim();
    for (Index s = at.first; s < at.last; ++s) {
      for (Index d = 0; d < dim; ++d) {
        const auto i = static_cast<std::size_t>(d);
        const double eps = at.noise(d, s);
        const double rayleigh = std::sqrt(-2 * std::log(at.noise(dim + 3 * d, s)));
        // eps^2 + 2 Exp(1) is chi-square with three degrees of freedom, and the sign of eps is independent of it.
        const double maxwell = std::copysign(std::sqrt(eps * eps - 2 * std::log(at.noise(dim + 3 * d + 1, s))), eps);
        const double normal = maxwell * at.noise(dim + 3 * d + 2, s);
        const Index to = at.origin + ((s - at.first) * dim + d) * 4;
        for (Index k = 0; k < 4; ++k) {
          for (Index j = 0; j < dim; ++j) at.theta(j, to + k) = at.position(j, s);
        }
        at.theta(d, to) = q.mean()[i] + q.scale()[i] * rayleigh;
        at.theta(d, to + 1) = q.mean()[i] - q.scale()[i] * rayleigh;
        at.theta(d, to + 2) = q.mean()[i] + q.scale()[i] * maxwell;
        at.theta(d, to + 3) = q.mean()[i] + q.scale()[i] * normal;
      }
    }
  }

  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const Index dim = context.family->dim();
    for (Index s = block.first; s < block.last; ++s) {
      for (Index d = 0; d < dim; ++d) {
        const Index from = block.origins[0] + ((s - block.first) * dim + d) * 4;
        partial[static_cast<std::size_t>(d)] += block.densities[0](0, from) - block.densities[0](0, from + 1);
        partial[static_cast<std::size_t>(dim + d)] += block.densities[0](0, from + 2) - block.densities[0](0, from + 3);
      }
    }
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
    const auto dim = static_cast<std::size_t>(q.dim());
    const auto m = static_cast<double>(context.samples);
    for (std::size_t d = 0; d < dim; ++d) {
      gradient[d] = partial[d] / (m * q.scale()[d] * std::sqrt(2 * std::numbers::pi));
      gradient[dim + d] = partial[dim + d] / m;
    }
    if (context.objective == Objective::elbo) q.add_entropy_gradient(gradient);
  }
};

}  // namespace

Entry measure_valued_entry() {
  Entry entry = plain_entry("mvd", "measure-valued (weak) derivative, coupled, entropy in closed form",
                            "Mohamed, Rosca, Figurnov, Mnih 2020, JMLR 21(132), section 6; Heidergott, Vazquez-Abad, Volk-Makarewicz 2008",
                            "4 D values", [] { return std::make_unique<MeasureValued>(); });
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.family->mean_field_gaussian() != nullptr) return std::nullopt;
    return "is written for mean_field_gaussian";
  };
  return entry;
}

}  // namespace variscope::estimators
