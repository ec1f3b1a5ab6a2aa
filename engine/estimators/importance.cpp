/// The bound of Burda, Grosse and Salakhutdinov 2016: L_M = E log 1/M sum_i w_i, w = p(z, x) / q(z). The M samples make one bound; with
/// normalised weights v_i its gradient estimates are sums of v_i^power times pathwise derivatives.
#include "engine/estimators/importance.hpp"

#include <cmath>
#include <limits>

#include "engine/estimators/integrand.hpp"

namespace variscope::estimators {

namespace {

/// Partial: largest log weight, whether there is one, then sums relative to it: of w, and of w^power times each parameter's derivative.
class ImportanceWeighted : public Estimator {
 public:
  /// power of the normalised weights; whether the score of q is kept in d log w / d lambda.
  ImportanceWeighted(int power, bool with_score) : power_(power), with_score_(with_score) {}

  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, true}}}; }
  [[nodiscard]] Index partial_size(const Context& context) const override { return 3 + context.family->parameters(); }
  [[nodiscard]] bool plain_sum() const override { return false; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    BlockValues weight = log_weights(context, block);
    double largest = -std::numeric_limits<double>::infinity();
    for (const double w : weight) largest = std::max(largest, w);
    if (!(largest > -std::numeric_limits<double>::infinity())) return;
    partial[0] = largest;
    partial[1] = 1;
    // Gradient of log w through z, sample by sample times its weight.
    const Index dim = block.position.dim;
    const Index first_block = block.first / tiles::kLanes;
    const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
    const auto noise = block.noise.slice(first_block, last_block);
    const auto position = block.position.slice(first_block, last_block);
    thread_local tiles::Batch slope;
    slope.resize(dim, noise.count);
    context.family->grad_log_density(noise, position, slope.view());
    const Index shift = first_block * tiles::kLanes;
    BlockValues minus_powered = weight;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      const Index s = block.first + static_cast<Index>(i);
      const double w = std::exp(weight[i] - largest);
      const double powered = power_ == 1 ? w : w * w;
      partial[2] += w;
      minus_powered[i] = -powered;
      for (Index d = 0; d < dim; ++d) slope(d, s - shift) = powered * (block.densities[0](1 + d, s) - slope(d, s - shift));
    }
    const std::span<double> sum = partial.subspan(3);
    context.family->add_pathwise(noise, position, slope.view(), 0, block.first - shift, block.last - shift, sum);
    if (with_score_) context.family->add_weighted_score(block.noise, block.position, block.first, block.last, minus_powered.span(), sum);
  }

  void merge(std::span<double> left, std::span<const double> right) const override {
    if (right[1] == 0) return;
    const double largest = left[1] == 0 ? right[0] : std::max(left[0], right[0]);
    const double from_left = left[1] == 0 ? 0 : std::exp(left[0] - largest);
    const double from_right = std::exp(right[0] - largest);
    left[0] = largest;
    left[1] = 1;
    left[2] = left[2] * from_left + right[2] * from_right;
    const double powered_left = power_ == 1 ? from_left : from_left * from_left;
    const double powered_right = power_ == 1 ? from_right : from_right * from_right;
    for (std::size_t i = 3; i < left.size(); ++i) left[i] = left[i] * powered_left + right[i] * powered_right;
  }

  void finish(const Context&, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const double total = power_ == 1 ? partial[2] : partial[2] * partial[2];
    for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] = partial[3 + p] / total;
  }

 private:
  static BlockValues log_weights(const Context& context, const SampleBlock& block) {
    Context elbo = context;
    elbo.objective = Objective::elbo;
    return integrand(elbo, block);
  }

  int power_;
  bool with_score_;
};

Entry bound_entry(std::string name, std::string summary, std::string source, int power, bool with_score) {
  Entry entry = plain_entry(std::move(name), std::move(summary), std::move(source), "1 gradient",
                            [power, with_score] { return std::make_unique<ImportanceWeighted>(power, with_score); });
  entry.importance_bound = true;
  entry.joins_samples = true;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (context.batch_rows > 0)
      return "needs all rows: the logarithm of a mean of weights is not linear in the likelihood, so a minibatch's bound is another one";
    if (context.family->reparameterisable()) return std::nullopt;
    return "needs z as a differentiable function of the parameters, which this family does not offer";
  };
  return entry;
}

}  // namespace

Entry importance_weighted_entry() {
  return bound_entry("iwae", "gradient of the importance-weighted bound, reparameterised",
                     "Burda, Grosse, Salakhutdinov 2016 (ICLR), eq. 13", 1, true);
}

Entry importance_weighted_landing_entry() {
  Entry entry =
      bound_entry("stl_iw", "as iwae without the score term; biased for M > 1", "Roeder, Wu, Duvenaud 2017 (NeurIPS), section 5", 1, false);
  entry.biased = true;
  return entry;
}

Entry doubly_reparameterised_entry() {
  Entry entry = bound_entry("dreg", "doubly reparameterised: squared weights, no score term, unbiased",
                            "Tucker, Lawson, Gu, Maddison 2019 (ICLR), eq. 8", 2, false);
  entry.leads_path = 4;
  return entry;
}

}  // namespace variscope::estimators
