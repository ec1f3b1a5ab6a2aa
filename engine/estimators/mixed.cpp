/// c STL + (1 - c) CFE: the score term D = STL - CFE, whose expectation is zero, as a control variate with a learned coefficient.
#include "engine/estimators/mixed.hpp"

#include "engine/estimators/integrand.hpp"

namespace variscope::estimators {

namespace {

constexpr Index kTrainingCalls = 256;

/// Roeder, Wu and Duvenaud 2017, section 4; Geffner and Domke 2018 (NeurIPS) for the coefficient. Partial: pathwise sums of grad l, and of
/// -grad log q. State: c, which minimises the trace of the variance over training calls.
class MixedLanding final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {false, true}}}; }
  [[nodiscard]] Index state_size(const Context&) const override { return 1; }
  [[nodiscard]] Index partial_size(const Context& context) const override { return 2 * context.family->parameters(); }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const auto parameters = static_cast<std::size_t>(context.family->parameters());
    // Co-moments of CFE and D over calls, by Welford.
    std::vector<double> mean(2 * parameters, 0.0);
    double covariance = 0;
    double variance = 0;
    for (Index call = 0; call < kTrainingCalls; ++call) {
      std::vector<double> partial(2 * parameters, 0.0);
      preparation.train(call, requests(context), [&](const SampleBlock& block) {
        for_each_block(block, [&](const SampleBlock& part) { accumulate(context, part, partial); });
      });
      for (std::size_t p = 0; p < parameters; ++p) {
        // The entropy's gradient is a constant in both and drops out.
        const double cfe = partial[p] / static_cast<double>(context.samples) - mean[p];
        const double score = partial[parameters + p] / static_cast<double>(context.samples) - mean[parameters + p];
        const auto n = static_cast<double>(call + 1);
        mean[p] += cfe / n;
        mean[parameters + p] += score / n;
        covariance += cfe * score * (n - 1) / n;
        variance += score * score * (n - 1) / n;
      }
    }
    state[0] = variance > 0 ? -covariance / variance : 0.0;
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto parameters = static_cast<std::size_t>(context.family->parameters());
    context.family->add_pathwise(block.noise, block.position, block.densities[0], 1, block.first, block.last, partial.first(parameters));
    const Index first_block = block.first / tiles::kLanes;
    const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
    const auto noise = block.noise.slice(first_block, last_block);
    const auto position = block.position.slice(first_block, last_block);
    thread_local tiles::Batch slope;
    slope.resize(position.dim, position.count);
    context.family->grad_log_density(noise, position, slope.view());
    for (double* x = slope.data(); x != slope.data() + slope.size(); ++x) *x = -*x;
    const Index shift = first_block * tiles::kLanes;
    context.family->add_pathwise(noise, position, slope.view(), 0, block.first - shift, block.last - shift, partial.subspan(parameters));
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t parameters = gradient.size();
    const double c = context.state[0];
    // (1 - c) entropy' + (sum grad l - c grad log q) / M: the closed form's share of the entropy is 1 - c.
    std::fill(gradient.begin(), gradient.end(), 0.0);
    context.family->add_entropy_gradient(gradient);
    for (std::size_t p = 0; p < parameters; ++p) {
      gradient[p] = (1 - c) * gradient[p] + (partial[p] + c * partial[parameters + p]) / static_cast<double>(context.samples);
    }
  }
};

}  // namespace

Entry mixed_landing_entry() {
  Entry entry = plain_entry("mix_stl_cfe", "c STL + (1 - c) CFE, c learned beforehand and frozen",
                            "Roeder, Wu, Duvenaud 2017 (NeurIPS), section 4; Geffner, Domke 2018 (NeurIPS), eq. 6", "1 gradient",
                            [] { return std::make_unique<MixedLanding>(); });
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.objective != Objective::elbo) return "mixes two treatments of the entropy, and the objective has none";
    if (!context.family->reparameterisable())
      return "needs z as a differentiable function of the parameters, which this family does not offer";
    if (!context.family->entropy()) return "needs the entropy in closed form, which this family has not";
    return std::nullopt;
  };
  return entry;
}

}  // namespace variscope::estimators
