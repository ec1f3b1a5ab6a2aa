/// Helpers of the estimator tests: noise, densities and folds of production estimators, without the run's machinery.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/tiles/fold.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::test {

/// The arguments of one or more estimates side by side: `columns` columns of noise, their positions and densities.
class Call {
 public:
  /// Evaluates what `estimator` wants of the model, all rows, at m + s eps. `task` picks the noise.
  Call(const estimators::Estimator& estimator, const models::Model& model, std::vector<double> lambda, Index columns, std::uint32_t task)
      : model_(model),
        family_(lambda),
        noise_(random_batch(model.dim(), columns, 1.0, task)),
        position_(random_batch(model.dim(), columns, 1.0, task)) {
    if (estimator.antithetic()) {
      for (Index s = 1; s < columns; s += 2) {
        for (Index d = 0; d < model.dim(); ++d) noise_(d, s) = -noise_(d, s - 1);
      }
    }
    family_.sample(noise_.view(), position_.view());
    density_ = evaluate(estimator.wanted(), estimator.sampled_prior());
  }

  /// Densities at the same positions, everything chosen.
  tiles::Batch evaluate(models::Wanted wanted, bool with_prior) {
    tiles::Batch out(wanted.gradient ? 1 + model_.dim() : 1, position_.count());
    models::Evaluation evaluation{wanted, out.view(), {}};
    if (model_.rows() > 0) model_.log_likelihood(range(0, model_.rows()), position_.view(), evaluation);
    if (with_prior) model_.log_prior(position_.view(), evaluation);
    counts_ = evaluation.counts;
    return out;
  }

  [[nodiscard]] estimators::Context context(estimators::Objective objective, Index samples) const {
    return {&family_, &model_, objective, samples};
  }
  [[nodiscard]] const tiles::Batch& noise() const { return noise_; }
  [[nodiscard]] const tiles::Batch& density() const { return density_; }
  [[nodiscard]] const families::MeanFieldGaussian& family() const { return family_; }
  /// Of the last evaluation.
  [[nodiscard]] const models::Counts& counts() const { return counts_; }

 private:
  const models::Model& model_;
  families::MeanFieldGaussian family_;
  tiles::Batch noise_;
  tiles::Batch position_;
  tiles::Batch density_;
  models::Counts counts_;
};

/// The gradient from columns [first, first + context.samples), folded by the tree over blocks of `block` samples.
inline std::vector<double> estimate(const estimators::Estimator& estimator, const estimators::Context& context, tiles::ConstBatchView noise,
                                    tiles::ConstBatchView density, Index first, Index block) {
  const Index dim = noise.dim;
  const Index leaves = (context.samples + block - 1) / block;
  std::vector<double> partial(static_cast<std::size_t>(estimator.partial_size(dim)));
  tiles::NodeFolder folder;
  folder.fold(
      tiles::Tree{leaves}, tiles::Tree{leaves}.root(),
      [&](Index leaf, std::span<double> out) {
        const Index last = std::min((leaf + 1) * block, context.samples);
        estimator.accumulate(context, {noise, density, first + leaf * block, first + last}, out);
      },
      [&](std::span<double> left, std::span<const double> right) { estimator.merge(left, right); }, partial);
  std::vector<double> gradient(static_cast<std::size_t>(2 * dim));
  estimator.finish(context, partial, gradient);
  return gradient;
}

/// The same of a call's own columns.
inline std::vector<double> estimate(const estimators::Estimator& estimator, const Call& call, estimators::Objective objective,
                                    Index samples, Index first = 0, Index block = tiles::kLanes) {
  return estimate(estimator, call.context(objective, samples), call.noise().view(), call.density().view(), first, block);
}

}  // namespace variscope::test
