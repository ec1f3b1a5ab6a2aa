/// NewName: what it estimates, and how, in a line.
///
/// As it is written: the gradient of the log density at every sample, taken back through z(lambda, eps), averaged, plus the entropy's
/// gradient in closed form. Change it step by step, and run the conformance tests between:
///
///   cmake --build build/dev --target engine_tests && build/dev/tests/engine_tests --gtest_filter='*new_name*'
///
/// They hold its mean against the true gradient on every family and model that it serves, its bits against other blocks of samples, and
/// catch it where the entropy or the model is left out. `variscope selftest new_name` judges its variance once an oracle knows it
/// (engine/oracles/).
#include "engine/estimators/new_name.hpp"

namespace variscope::estimators {

namespace {

/// Source: the paper and the equation. Holds no state: one object serves all threads.
class NewName final : public Estimator {
 public:
  /// What is to be evaluated: here value no, gradient yes, once a sample, at the sample. An evaluation elsewhere: at_sample = false and
  /// place().
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }

  /// Doubles of the sum that samples are added into. Sums of ranks and tiles are added up by a tree (merge(), a plain sum unless
  /// overridden).
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  /// Samples [block.first, block.last) into the partial, in their order. densities[r] holds the results of request r: row 0 the value,
  /// rows 1..dim the gradient. Here: partial += (dz / d lambda)' grad log p(z).
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    context.family->add_pathwise(block.noise, block.position, block.densities[0], 1, block.first, block.last, partial);
  }

  /// The estimate from the sum over all M samples.
  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const auto m = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[p] / m;
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }
};

}  // namespace

Entry new_name_entry() {
  Entry entry = plain_entry("new_name", "what it is, in a line of the catalogue", "authors, year, journal, equation", "1 gradient",
                            [] { return std::make_unique<NewName>(); });
  // Why it cannot serve a family or a model: a sentence that reports print. Nothing: it can.
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (!context.family->reparameterisable())
      return "needs z as a differentiable function of the parameters, which this family does not offer";
    if (context.objective == Objective::elbo && !context.family->entropy())
      return "needs the entropy in closed form, which this family has not";
    return std::nullopt;
  };
  return entry;
}

}  // namespace variscope::estimators
