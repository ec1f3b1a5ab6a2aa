/// Which of two normal components every point came from, the components' means integrated out: a small model of discrete variables.
#pragma once

#include <array>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// log p(y, z) of points y_n ~ N(mu_k, sigma^2) with k = z_n, P(z_n = 1) = w, mu_k ~ N(m_k, tau^2) integrated out, so that points of one
/// component depend on each other and the posterior of z does not factorise. For z in {0, 1}^dim; on the rest of R^dim every point counts
/// z_n^2 times in component 1 and (1 - z_n)^2 times in component 0, which is smooth, so that relaxations have a gradient.
/// Source: Bishop 2006, Pattern Recognition and Machine Learning, section 2.3.3 (the marginal) and 9.3 (the model). Cost O(dim) a column.
class MixtureAssignments final : public Model {
 public:
  /// points: finite, at least one. weight in (0, 1); means: m_0 and m_1; tau, sigma positive. UserError otherwise.
  MixtureAssignments(std::vector<double> points, double weight, const std::vector<double>& means, double tau, double sigma);

  [[nodiscard]] Index dim() const override { return static_cast<Index>(points_.size()); }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;

 private:
  std::vector<double> points_;
  std::array<double, 2> log_weights_;
  std::array<double, 2> means_;
  double prior_variance_;
  double variance_;
  double log_constant_;  ///< of one point: -log(2 pi sigma^2) / 2
};

Entry mixture_assignments_entry();

}  // namespace variscope::models
