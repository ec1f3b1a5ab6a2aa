/// A mixture of spherical normal densities in any dimension: several modes whose weights and moments are known.
#pragma once

#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// p(x) = sum_k w_k N(x; mu_k, s_k^2 I), normalised. E x = sum w_k mu_k, Var x_d = sum w_k (s_k^2 + mu_kd^2) - (E x_d)^2.
/// Cost O(K dim) per column, K exponentials.
class NormalMixture final : public Model {
 public:
  /// weights: K positive numbers, divided by their sum; means: K x dim, component by component; sds: K, or one for all components.
  /// Throws UserError where they do not fit, or are not finite.
  NormalMixture(const std::vector<double>& weights, const std::vector<double>& means, const std::vector<double>& sds);

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  [[nodiscard]] std::vector<Variable> variables() const override;
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;

  [[nodiscard]] Index components() const { return static_cast<Index>(weights_.size()); }
  [[nodiscard]] double weight(Index k) const { return weights_[static_cast<std::size_t>(k)]; }
  [[nodiscard]] double mean(Index k, Index d) const { return means_[static_cast<std::size_t>(k * dim_ + d)]; }
  [[nodiscard]] double sd(Index k) const { return sds_[static_cast<std::size_t>(k)]; }

 private:
  Index dim_ = 0;
  std::vector<double> weights_;
  std::vector<double> means_;
  std::vector<double> sds_;
  std::vector<double> constants_;  ///< log w_k - dim (log s_k + log(2 pi) / 2)
  std::vector<double> precisions_;
};

Entry normal_mixture_entry();

}  // namespace variscope::models
