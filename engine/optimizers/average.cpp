/// Averages of an optimizer's iterates, kept in its state.
#include "engine/optimizers/average.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.hpp"

namespace variscope::optimizers {

namespace {

/// State: that of the inner optimizer behind what the average keeps, whose first number counts the steps taken.
class Averaged : public Optimizer {
 public:
  explicit Averaged(std::unique_ptr<Optimizer> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] Index state_size(Index parameters) const final { return kept(parameters) + inner_->state_size(parameters); }

  void start(std::span<double> state) const final {
    std::fill(state.begin(), state.end(), 0.0);
    inner_->start(state.subspan(static_cast<std::size_t>(kept(parameters_of(state)))));
  }

  void answer(std::span<const double> state, std::span<const double> lambda, std::span<double> out) const final {
    const auto own = static_cast<std::size_t>(kept(static_cast<Index>(lambda.size())));
    if (state[0] == 0) return inner_->answer(state.subspan(own), lambda, out);
    mean(state.first(own), out);
  }

  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const final {
    const auto own = static_cast<std::size_t>(kept(static_cast<Index>(lambda.size())));
    if (!inner_->step(input, state.subspan(own), lambda)) return false;
    state[0] += 1;
    add(state.first(own), lambda);
    return true;
  }

 protected:
  [[nodiscard]] virtual Index kept(Index parameters) const = 0;
  /// Takes in the iterate after step number kept[0] = 1, 2, ...
  virtual void add(std::span<double> kept, std::span<const double> lambda) const = 0;
  virtual void mean(std::span<const double> kept, std::span<double> out) const = 0;

 private:
  /// Sizes of states are affine in the number of parameters.
  [[nodiscard]] Index parameters_of(std::span<const double> state) const {
    const Index none = state_size(0);
    return (static_cast<Index>(state.size()) - none) / (state_size(1) - none);
  }

  std::unique_ptr<Optimizer> inner_;
};

/// Kept: steps, where the main sum and the later one began (iterates before them), and the two means.
class Suffix final : public Averaged {
 public:
  Suffix(std::unique_ptr<Optimizer> inner, double share) : Averaged(std::move(inner)), ratio_(1 / (1 - share)) {}

 private:
  [[nodiscard]] Index kept(Index parameters) const override { return 3 + 2 * parameters; }

  void add(std::span<double> kept, std::span<const double> lambda) const override {
    const double steps = kept[0];
    const std::span<double> main = kept.subspan(3, lambda.size());
    const std::span<double> later = kept.subspan(3 + lambda.size(), lambda.size());
    // The later sum becomes the main one once it holds the share alone.
    if (steps - 1 >= std::ceil(ratio_ * std::max(kept[2], 1.0))) {
      std::copy(later.begin(), later.end(), main.begin());
      kept[1] = kept[2];
      kept[2] = steps - 1;
    }
    for (std::size_t i = 0; i < lambda.size(); ++i) {
      main[i] += (lambda[i] - main[i]) / (steps - kept[1]);
      later[i] += (lambda[i] - later[i]) / (steps - kept[2]);
    }
  }

  void mean(std::span<const double> kept, std::span<double> out) const override {
    const auto main = kept.subspan(3, out.size());
    std::copy(main.begin(), main.end(), out.begin());
  }

  double ratio_;
};

/// Kept: steps, and a ring of iterates.
class Window final : public Averaged {
 public:
  Window(std::unique_ptr<Optimizer> inner, Index length) : Averaged(std::move(inner)), length_(length) {}

 private:
  [[nodiscard]] Index kept(Index parameters) const override { return 1 + length_ * parameters; }

  void add(std::span<double> kept, std::span<const double> lambda) const override {
    const auto place = static_cast<std::size_t>((static_cast<Index>(kept[0]) - 1) % length_);
    std::copy(lambda.begin(), lambda.end(), kept.begin() + static_cast<std::ptrdiff_t>(1 + place * lambda.size()));
  }

  void mean(std::span<const double> kept, std::span<double> out) const override {
    const auto held = static_cast<std::size_t>(std::min(static_cast<Index>(kept[0]), length_));
    std::fill(out.begin(), out.end(), 0.0);
    for (std::size_t k = 0; k < held; ++k) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += kept[1 + k * out.size() + i];
    }
    for (double& x : out) x /= static_cast<double>(held);
  }

  Index length_;
};

}  // namespace

Parameter average_parameter() {
  return {"average", "0: last iterate; below 1: mean of a tail of at least this share; whole number: mean of that many last iterates", 0};
}

std::unique_ptr<Optimizer> with_average(std::unique_ptr<Optimizer> inner, double average) {
  if (average == 0) return inner;
  if (average > 0 && average < 1) return std::make_unique<Suffix>(std::move(inner), average);
  if (average >= 1 && average <= 0x1p31 && average == std::floor(average)) {
    return std::make_unique<Window>(std::move(inner), static_cast<Index>(average));
  }
  throw UserError(fmt::format(
      "optimizer.average: {} is neither a share nor a number of iterates (0 to 1, or a count). Give 0, a share below 1, or a whole number.",
      average));
}

}  // namespace variscope::optimizers
