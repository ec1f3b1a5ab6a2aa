/// The categorical family: independent variables, each one of `categories` classes, as one-hot coordinates.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = one logit a coordinate; coordinates [v K, (v + 1) K) are variable v's one-hot vector, drawn by softmax of its K logits.
/// Each variable's logits may be shifted together without changing q: the Fisher information is singular.
class CategoricalFamily final : public Family {
 public:
  /// lambda: finite logits, a multiple of `categories` >= 2 of them.
  CategoricalFamily(Index categories, std::span<const double> lambda);

  [[nodiscard]] Index categories() const { return categories_; }
  [[nodiscard]] Index variables() const { return dim() / categories_; }
  [[nodiscard]] const std::vector<double>& logits() const { return logits_; }
  /// P(z_d = 1): each variable's sum to one.
  [[nodiscard]] const std::vector<double>& probabilities() const { return probabilities_; }

  [[nodiscard]] Index dim() const override { return static_cast<Index>(logits_.size()); }
  [[nodiscard]] Index parameters() const override { return dim(); }
  /// One uniform a variable, turned into a class by the inverse distribution function.
  [[nodiscard]] NoiseShape noise() const override { return {0, variables()}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// z - p.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  void add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                          std::span<double> sum) const override;
  /// -sum p log p.
  [[nodiscard]] std::optional<double> entropy() const override;
  /// -p (log p + entropy of the variable).
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] Index states() const override;
  void list_states(BatchView z) const override;
  /// "logits".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "logit[x]", ...
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;

 private:
  /// d log q / d logit_d at z.
  [[nodiscard]] double score_of(std::size_t d, double z) const { return z > 0.5 ? complement_[d] : -probabilities_[d]; }

  Index categories_;
  std::vector<double> logits_;
  std::vector<double> log_probabilities_;
  std::vector<double> probabilities_;
  std::vector<double> complement_;  ///< 1 - p, not by a difference
};

Entry categorical_entry();

}  // namespace variscope::families
