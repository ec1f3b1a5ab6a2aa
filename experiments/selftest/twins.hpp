/// Broken twins: production estimators and models with one thing wrong, which the checks must catch.
#pragma once

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"

namespace variscope::experiments {

/// An estimator whose result is divided by its own norm and multiplied by the true one: right in size, and biased.
class SelfNormalised final : public estimators::Estimator {
 public:
  /// estimator outlives the object.
  SelfNormalised(const estimators::Estimator& estimator, double norm) : estimator_(estimator), norm_(norm) {}

  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context& c) const override { return estimator_.requests(c); }
  void place(const estimators::Context& c, std::size_t request, const estimators::Placement& at) const override {
    estimator_.place(c, request, at);
  }
  [[nodiscard]] estimators::Coupling coupling() const override { return estimator_.coupling(); }
  [[nodiscard]] Index extra_uniforms(const estimators::Context& c) const override { return estimator_.extra_uniforms(c); }
  [[nodiscard]] Index partial_size(const estimators::Context& c) const override { return estimator_.partial_size(c); }
  void accumulate(const estimators::Context& c, const estimators::SampleBlock& block, std::span<double> partial) const override {
    estimator_.accumulate(c, block, partial);
  }
  [[nodiscard]] bool plain_sum() const override { return estimator_.plain_sum(); }
  void merge(std::span<double> left, std::span<const double> right) const override { estimator_.merge(left, right); }
  void finish(const estimators::Context& c, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override {
    estimator_.finish(c, call, partial, gradient);
    double square = 0;
    for (const double g : gradient) square += g * g;
    for (double& g : gradient) g *= norm_ / std::sqrt(square);
  }

 private:
  const estimators::Estimator& estimator_;
  double norm_;
};

/// An estimator whose control variate, its second request, is weighted by a factor. With its state weighted likewise it is unbiased, but
/// its variance another.
class WeightedControl final : public estimators::Estimator {
 public:
  /// estimator outlives the object.
  WeightedControl(const estimators::Estimator& estimator, double factor) : estimator_(estimator), factor_(factor) {}

  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context& c) const override { return estimator_.requests(c); }
  void place(const estimators::Context& c, std::size_t request, const estimators::Placement& at) const override {
    estimator_.place(c, request, at);
  }
  [[nodiscard]] Index state_size(const estimators::Context& c) const override { return estimator_.state_size(c); }
  [[nodiscard]] Index partial_size(const estimators::Context& c) const override { return estimator_.partial_size(c); }
  void accumulate(const estimators::Context& c, const estimators::SampleBlock& block, std::span<double> partial) const override {
    const tiles::ConstBatchView& control = block.densities[1];
    const Index count = estimator_.requests(c)[1].per_sample ? block.last - block.first : 1;
    tiles::Batch weighted(control.dim, count);
    for (Index k = 0; k < count; ++k) {
      for (Index row = 0; row < control.dim; ++row) weighted(row, k) = factor_ * control(row, block.origins[1] + k);
    }
    const std::array<tiles::ConstBatchView, 2> densities = {block.densities[0], weighted.view()};
    const std::array<Index, 2> origins = {block.origins[0], 0};
    estimator_.accumulate(c, {block.noise, block.position, densities, origins, block.first, block.last}, partial);
  }
  void finish(const estimators::Context& c, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override {
    estimator_.finish(c, call, partial, gradient);
  }

 private:
  const estimators::Estimator& estimator_;
  double factor_;
};

/// An estimator that is given gradients without values, f = 0: where both enter (REBAR), the score term is missing.
class WithoutScoreTerm final : public estimators::Estimator {
 public:
  /// estimator outlives the object.
  explicit WithoutScoreTerm(const estimators::Estimator& estimator) : estimator_(estimator) {}

  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context& c) const override { return estimator_.requests(c); }
  void place(const estimators::Context& c, std::size_t request, const estimators::Placement& at) const override {
    estimator_.place(c, request, at);
  }
  [[nodiscard]] Index extra_uniforms(const estimators::Context& c) const override { return estimator_.extra_uniforms(c); }
  [[nodiscard]] Index partial_size(const estimators::Context& c) const override { return estimator_.partial_size(c); }
  void accumulate(const estimators::Context& c, const estimators::SampleBlock& block, std::span<double> partial) const override {
    const std::vector<estimators::Request> asked = estimator_.requests(c);
    std::vector<tiles::Batch> densities;
    std::vector<tiles::ConstBatchView> views;
    const std::vector<Index> origins(asked.size(), 0);
    for (std::size_t r = 0; r < asked.size(); ++r) {
      const tiles::ConstBatchView& whole = block.densities[r];
      const Index count = asked[r].columns * (asked[r].per_sample ? block.last - block.first : 1);
      tiles::Batch& copy = densities.emplace_back(whole.dim, count);
      for (Index k = 0; k < count; ++k) {
        for (Index row = asked[r].wanted.value ? 1 : 0; row < whole.dim; ++row) copy(row, k) = whole(row, block.origins[r] + k);
      }
    }
    for (const tiles::Batch& copy : densities) views.push_back(copy.view());
    estimator_.accumulate(c, {block.noise, block.position, views, origins, block.first, block.last}, partial);
  }
  void finish(const estimators::Context& c, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override {
    estimator_.finish(c, call, partial, gradient);
  }

 private:
  const estimators::Estimator& estimator_;
};

/// A linear predictor whose row noise knows the marginal standard deviations of q alone, as if q were mean-field.
class WithoutCorrelations final : public models::Model {
 public:
  /// model outlives the object.
  explicit WithoutCorrelations(const models::Model& model) : model_(model) {}

  [[nodiscard]] Index dim() const override { return model_.dim(); }
  [[nodiscard]] Index rows() const override { return model_.rows(); }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override { model_.log_prior(theta, out); }
  [[nodiscard]] const models::GaussianPrior* gaussian_prior() const override { return model_.gaussian_prior(); }
  [[nodiscard]] bool has_local_gradient() const override { return true; }
  void local_gradient_under(const models::RowList& rows, const double* mean, const double* covariance,
                            models::Evaluation& out) const override {
    const auto size = static_cast<std::size_t>(dim());
    std::vector<double> diagonal(size * size, 0.0);
    for (std::size_t i = 0; i < diagonal.size(); i += size + 1) diagonal[i] = covariance[i];
    model_.local_gradient_under(rows, mean, diagonal.data(), out);
  }

 private:
  const models::Model& model_;
};

/// A model whose likelihood is off by a factor, as when minibatches are scaled by something other than N / B.
class WronglyScaled final : public models::Model {
 public:
  /// model outlives the object.
  WronglyScaled(const models::Model& model, double factor) : model_(model), factor_(factor) {}

  [[nodiscard]] Index dim() const override { return model_.dim(); }
  [[nodiscard]] Index rows() const override { return model_.rows(); }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override { model_.log_prior(theta, out); }
  void log_likelihood(const models::RowList& rows, models::ConstBatchView theta, models::Evaluation& out) const override {
    tiles::Batch right(out.wanted.rows(dim()), theta.count);
    right.set_zero();
    models::Evaluation inner{out.wanted, right.view(), out.counts, out.direction, out.streams};
    model_.log_likelihood(rows, theta, inner);
    out.counts = inner.counts;
    for (Index r = 0; r < right.dim(); ++r) {
      for (Index c = 0; c < theta.count; ++c) out.out(r, c) += factor_ * right(r, c);
    }
  }

 private:
  const models::Model& model_;
  double factor_;
};

}  // namespace variscope::experiments
