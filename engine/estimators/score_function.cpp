/// Score-function estimators. f(z) = l(z) - log q(z) (ELBO) or l(z) (expectation), times the score of the family.
#include "engine/estimators/score_function.hpp"

#include <array>

#include "engine/estimators/integrand.hpp"

namespace variscope::estimators {

namespace {

/// Ranganath, Gerrish and Blei 2014 (AISTATS), eq. 2: mean of f(z) grad log q(z). Partial: sum of f times score.
class Raw final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto f = integrand(context, block);
    context.family->add_weighted_score(block.noise, block.position, block.first, block.last, f.span(), partial);
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = partial[i] / static_cast<double>(context.samples);
  }
};

/// Kool, van Hoof and Welling 2019 (ICLR workshop), eq. 8; Salimans and Knowles 2014, section 4. b_i is the mean of the others: since
/// 1/M sum_i (f_i - mean_{j != i} f_j) h_i = 1/(M-1) sum_i (f_i - mean f) h_i, it is a sample covariance of f and the score h.
/// Partial: count, mean f, mean h, co-moment; merged by Chan, Golub and LeVeque 1983, so that large f does not cancel.
class LeaveOneOut final : public Estimator {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override { return {{.wanted = {true, false}}}; }
  [[nodiscard]] Index partial_size(const Context& context) const override { return 2 + 2 * context.family->parameters(); }
  [[nodiscard]] bool plain_sum() const override { return false; }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const auto parameters = static_cast<std::size_t>(context.family->parameters());
    auto f = integrand(context, block);
    const auto count = static_cast<double>(f.size());
    // Relative to the first, so that a large constant in f costs no digits.
    double mean = 0;
    for (const double value : f) mean += value - f[0];
    mean = f[0] + mean / count;
    std::array<double, kLargestBlock> equal{};
    std::fill(equal.begin(), equal.begin() + static_cast<std::ptrdiff_t>(f.size()), 1 / count);
    for (double& value : f) value -= mean;
    partial[0] = count;
    partial[1] = mean;
    context.family->add_weighted_score(block.noise, block.position, block.first, block.last, std::span<const double>(equal).first(f.size()),
                                       partial.subspan(2, parameters));
    context.family->add_weighted_score(block.noise, block.position, block.first, block.last, f.span(),
                                       partial.subspan(2 + parameters, parameters));
  }

  void merge(std::span<double> left, std::span<const double> right) const override {
    const std::size_t parameters = (left.size() - 2) / 2;
    const double a = left[0];
    const double b = right[0];
    if (b == 0) return;
    const double total = a + b;
    const double delta = right[1] - left[1];
    for (std::size_t i = 2; i < 2 + parameters; ++i) {
      const double shift = right[i] - left[i];
      left[i + parameters] += right[i + parameters] + delta * shift * (a * b / total);
      left[i] += shift * (b / total);
    }
    left[1] += delta * (b / total);
    left[0] = total;
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    const std::size_t parameters = gradient.size();
    for (std::size_t i = 0; i < parameters; ++i) gradient[i] = partial[2 + parameters + i] / static_cast<double>(context.samples - 1);
  }
};

}  // namespace

Entry score_function_raw_entry() {
  return plain_entry("sf_raw", "score function (REINFORCE, black-box VI) without a baseline",
                     "Ranganath, Gerrish, Blei 2014 (AISTATS), eq. 2", "1 value", [] { return std::make_unique<Raw>(); });
}

Entry score_function_leave_one_out_entry() {
  Entry entry = plain_entry("sf_loo", "score function with the leave-one-out baseline (RLOO, VarGrad)",
                            "Salimans, Knowles 2014 (arXiv 1401.1022), section 4; Kool, van Hoof, Welling 2019 (ICLR workshop), eq. 8",
                            "1 value", [] { return std::make_unique<LeaveOneOut>(); });
  entry.joins_samples = true;
  entry.leads_path = 3;
  entry.bad_samples = [](Index samples) -> std::optional<std::string> {
    if (samples >= 2) return std::nullopt;
    return "the leave-one-out baseline needs at least 2 samples";
  };
  return entry;
}

}  // namespace variscope::estimators
