/// Baselines: one constant for all coordinates, or a coefficient for each; frozen while measured.
#include "engine/estimators/baselines.hpp"

#include <array>
#include <cmath>

#include "engine/estimators/integrand.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

/// Training calls behind a frozen baseline or coefficient.
constexpr Index kTrainingCalls = 128;

/// Williams 1992; the running mean of f at its limit: an average over training calls. State: b.
class MeanBaseline final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index state_size(const Context&) const override { return 1; }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    for (Index call = 0; call < kTrainingCalls; ++call) {
      preparation.train(call, requests(context), [&](const SampleBlock& block) {
        double mean = 0;
        for_each_block(block, [&](const SampleBlock& part) {
          for (const double f : integrand(context, part)) mean += (f - state[0]) / static_cast<double>(context.samples);
        });
        state[0] += mean / static_cast<double>(call + 1);
      });
    }
  }

  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    auto f = integrand(context, block);
    for (double& value : f) value -= context.state[0];
    context.family->add_weighted_score(block.noise, block.position, block.first, block.last, f.span(), partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = partial[i] / static_cast<double>(context.samples);
  }
};

/// Per parameter p: sums over samples of f h, h, f h^2 and h^2, h being the score and f the integrand of the parameter's coordinate: with
/// mean-field q, log q_j of other coordinates has expectation zero against h_d, so f_d = l - log q_d (Rao-Blackwellisation; every factor of
/// a general l belongs to the Markov blanket).
constexpr std::size_t kSums = 4;

void add_sums(const Context& context, const SampleBlock& block, double shift, std::span<double> sums) {
  const families::MeanFieldGaussian& q = *context.family->mean_field_gaussian();
  const Index dim = q.dim();
  const auto parameters = static_cast<std::size_t>(2 * dim);
  constexpr double kHalfLog2Pi = 0.918938533204672741780;
  for (Index d = 0; d < dim; ++d) {
    const double scale = q.scale()[static_cast<std::size_t>(d)];
    const double constant = std::log(scale) + kHalfLog2Pi;
    std::array<double, 2 * kSums> sum{};
    for (Index s = block.first; s < block.last; ++s) {
      const double eps = block.noise(d, s);
      const double l = block.densities[0](0, block.origins[0] + (s - block.first)) - shift;
      const double f = context.objective == Objective::elbo ? l + 0.5 * eps * eps + constant : l;
      const std::array<double, 2> score = {eps / scale, eps * eps - 1};
      for (std::size_t kind = 0; kind < 2; ++kind) {
        const double h = score[kind];
        sum[kind * kSums] += f * h;
        sum[kind * kSums + 1] += h;
        sum[kind * kSums + 2] += f * h * h;
        sum[kind * kSums + 3] += h * h;
      }
    }
    for (std::size_t kind = 0; kind < 2; ++kind) {
      const std::size_t p = static_cast<std::size_t>(d) + kind * static_cast<std::size_t>(dim);
      for (std::size_t k = 0; k < kSums; ++k) sums[k * parameters + p] += sum[kind * kSums + k];
    }
  }
}

/// a* = Cov(f h, h) / Var(h) from n samples' sums.
double coefficient(std::span<const double> sums, std::size_t parameters, std::size_t p, double n) {
  const double fh = sums[p] / n;
  const double h = sums[parameters + p] / n;
  const double fhh = sums[2 * parameters + p] / n;
  const double hh = sums[3 * parameters + p] / n;
  const double variance = hh - h * h;
  return variance > 0 ? (fhh - fh * h) / variance : 0.0;
}

/// Ranganath, Gerrish and Blei 2014 (AISTATS), eqs. 8-10, the coefficients from samples of their own. State: a reference value of l, then
/// a*.
class RaoBlackwell final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index state_size(const Context& context) const override { return 1 + context.family->parameters(); }

  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const auto parameters = static_cast<std::size_t>(context.family->parameters());
    std::vector<double> sums(kSums * parameters, 0.0);
    for (Index call = 0; call < kTrainingCalls; ++call) {
      preparation.train(call, requests(context), [&](const SampleBlock& block) {
        // Any constant may be taken out of l; the first sample's keeps the sums short.
        if (call == 0) state[0] = block.densities[0](0, block.origins[0]);
        for_each_block(block, [&](const SampleBlock& part) { add_sums(context, part, state[0], sums); });
      });
    }
    const auto n = static_cast<double>(kTrainingCalls * context.samples);
    for (std::size_t p = 0; p < parameters; ++p) state[1 + p] = coefficient(sums, parameters, p, n);
  }

  [[nodiscard]] Index partial_size(const Context& context) const override {
    return static_cast<Index>(kSums) * context.family->parameters();
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    add_sums(context, block, context.state[0], partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t parameters = gradient.size();
    for (std::size_t p = 0; p < parameters; ++p) {
      gradient[p] = (partial[p] - context.state[1 + p] * partial[parameters + p]) / static_cast<double>(context.samples);
    }
  }
};

/// The same with a* from the estimate's own samples: biased by O(1 / M). Stateless; the first sample's value cannot be taken out, since
/// samples come in blocks, so the sums carry the whole of l.
class RaoBlackwellSameSamples final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index partial_size(const Context& context) const override {
    return static_cast<Index>(kSums) * context.family->parameters();
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    add_sums(context, block, 0, partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t parameters = gradient.size();
    const auto n = static_cast<double>(context.samples);
    for (std::size_t p = 0; p < parameters; ++p)
      gradient[p] = (partial[p] - coefficient(partial, parameters, p, n) * partial[parameters + p]) / n;
  }
};

std::optional<std::string> needs_mean_field(const Context& context) {
  if (context.family->mean_field_gaussian() != nullptr) return std::nullopt;
  return "Rao-Blackwellisation needs independent coordinates (mean_field_gaussian)";
}

}  // namespace

Entry score_function_mean_entry() {
  return plain_entry("sf_mean", "score function with the mean of f as baseline (running mean at its limit, frozen)",
                     "Williams 1992, Machine Learning 8; Greensmith, Bartlett, Baxter 2004, JMLR 5", "1 value",
                     [] { return std::make_unique<MeanBaseline>(); });
}

Entry rao_blackwell_entry() {
  Entry entry =
      plain_entry("sf_rb", "score function, Rao-Blackwellised, optimal coefficient per parameter from samples of its own (BBVI)",
                  "Ranganath, Gerrish, Blei 2014 (AISTATS), eqs. 8-10", "1 value", [] { return std::make_unique<RaoBlackwell>(); });
  entry.incompatible = needs_mean_field;
  return entry;
}

Entry rao_blackwell_same_samples_entry() {
  Entry entry = plain_entry("sf_rb_same", "as sf_rb, the coefficients from the same samples (biased by O(1/M))",
                            "Ranganath, Gerrish, Blei 2014 (AISTATS), algorithm 2", "1 value",
                            [] { return std::make_unique<RaoBlackwellSameSamples>(); });
  entry.biased = true;
  entry.joins_samples = true;
  entry.incompatible = needs_mean_field;
  entry.bad_samples = [](Index samples) -> std::optional<std::string> {
    if (samples >= 2) return std::nullopt;
    return "the coefficients are covariances over the samples, so at least 2 are needed";
  };
  return entry;
}

}  // namespace variscope::estimators
