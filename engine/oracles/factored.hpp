/// Any normal family as the oracles see it: N(m, F F') and which entries of F its parameters move.
#pragma once

#include <Eigen/Dense>
#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/oracles/location_scale.hpp"

namespace variscope::oracles {

/// z = m + F n; F = diag s (mean_field_gaussian), L (full_rank_gaussian) or (diag d, B) (low_rank_gaussian). Parameters: m, then `entries`.
struct Factored {
  Eigen::VectorXd mean;
  Eigen::MatrixXd factor;
  std::vector<LocationScale::Entry> entries;

  [[nodiscard]] std::size_t parameters() const { return static_cast<std::size_t>(mean.size()) + entries.size(); }
  /// dH/d entry of F, without the chain: (F F')^-1 F.
  [[nodiscard]] Eigen::MatrixXd entropy_slope() const { return (factor * factor.transpose()).inverse() * factor; }
};

/// By the catalogue's names. Throws std::invalid_argument for other families, or a lambda that fits no member.
Factored factored(const std::string& family, Index dim, std::span<const double> lambda);

}  // namespace variscope::oracles
