/// The mean-field Gaussian family q(z) = prod N(z_d; m_d, s_d^2), parameterised by (m, rho = log s).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/record.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::families {

/// One member of the family. lambda = (m_1..m_D, rho_1..rho_D).
class MeanFieldGaussian {
 public:
  /// lambda: 2 dim finite values.
  explicit MeanFieldGaussian(std::span<const double> lambda);

  [[nodiscard]] Index dim() const { return static_cast<Index>(mean_.size()); }
  [[nodiscard]] const std::vector<double>& mean() const { return mean_; }
  [[nodiscard]] const std::vector<double>& scale() const { return scale_; }

  /// z = m + s * noise, column by column. Same shape.
  void sample(tiles::ConstBatchView noise, tiles::BatchView z) const;
  /// log q(m + s * noise) of column s.
  [[nodiscard]] double log_density(tiles::ConstBatchView noise, Index s) const;
  /// The same of columns [samples.first, samples.last), vectorised over them: out[i] belongs to column samples.first + i.
  void log_densities(tiles::ConstBatchView noise, Range samples, std::span<double> out) const;
  /// sum rho + dim/2 (1 + log 2 pi).
  [[nodiscard]] double entropy() const;

  /// The two parameter blocks, "mean" and "log_scale".
  static std::vector<Block> blocks(Index dim);
  /// "mean[x]", ..., "log_scale[x]", ...
  static std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates);

 private:
  std::vector<double> mean_;
  std::vector<double> scale_;
  std::vector<double> log_scale_;
};

}  // namespace variscope::families
