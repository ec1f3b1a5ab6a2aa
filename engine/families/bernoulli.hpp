/// The Bernoulli family: independent z in {0, 1} with P(z_d = 1) = sigmoid(phi_d).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = logits phi; z = 1[u > sigmoid(-phi)] (the convention of ARM, Yin & Zhou 2019, ICLR; its partner is 1[u < sigmoid(phi)]).
class BernoulliFamily final : public Family {
 public:
  /// lambda: finite logits, one a coordinate.
  explicit BernoulliFamily(std::span<const double> lambda);

  [[nodiscard]] const std::vector<double>& logits() const { return logits_; }
  /// P(z_d = 1).
  [[nodiscard]] const std::vector<double>& probabilities() const { return one_; }

  [[nodiscard]] Index dim() const override { return static_cast<Index>(logits_.size()); }
  [[nodiscard]] Index parameters() const override { return dim(); }
  [[nodiscard]] NoiseShape noise() const override { return {0, dim()}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// z - p.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  void add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                          std::span<double> sum) const override;
  /// -sum p log p + (1 - p) log(1 - p).
  [[nodiscard]] std::optional<double> entropy() const override;
  /// -phi p (1 - p).
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] Index states() const override;
  void list_states(BatchView z) const override;
  /// "logits".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "logit[x]", ...
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;
  /// 1 / (p (1 - p)).
  [[nodiscard]] std::vector<double> inverse_fisher_diagonal() const override;
  [[nodiscard]] const BernoulliFamily* bernoulli() const override { return this; }

 private:
  /// d log q / d phi_d at z: 1 - p or -p, neither by a difference.
  [[nodiscard]] double score_of(std::size_t d, double z) const { return z > 0.5 ? zero_[d] : -one_[d]; }

  std::vector<double> logits_;
  std::vector<double> one_;   ///< P(z = 1) = sigmoid(phi)
  std::vector<double> zero_;  ///< P(z = 0) = sigmoid(-phi)
};

Entry bernoulli_entry();

}  // namespace variscope::families
