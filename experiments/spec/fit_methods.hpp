/// How a fit goes about it: by estimated gradients, by the exact one, or by an approximation with a search of its own.
#pragma once

#include <string>
#include <vector>

namespace variscope::experiments {

/// What fit.method can name.
struct FitMethod {
  std::string name;
  std::string summary;
  std::string source;
  std::string family{};     ///< what it ends in, whatever family.name says; empty: see any_family
  bool any_family = false;  ///< family.name is the spec's choice. Neither: it has no density (a point, particles)
  bool estimators = false;  ///< gradients by estimators.names
  bool samples = false;     ///< takes estimators.samples
  bool optimizer = false;   ///< takes fit.optimizer; otherwise it searches by L-BFGS and ends where that converges
  bool particles = false;   ///< takes fit.particles
  bool quadrature = false;  ///< the objective is integrated over the family's base noise, of which there must be little
  bool random = false;      ///< repeats differ from each other before draws from the answer are taken

  /// Whether what it ends in can predict rows: draws from q, or particles.
  [[nodiscard]] bool has_draws() const { return has_density() || particles; }
  /// Whether q has a density, and so an ELBO, draws and importance ratios.
  [[nodiscard]] bool has_density() const { return any_family || !family.empty(); }
  /// Whether the spec's key has a meaning for it; of keys that studies of fits take.
  [[nodiscard]] bool takes(const std::string& key) const;
  /// Whether a cell's settings show the key: those of families and objectives belong to every density.
  [[nodiscard]] bool shows(const std::string& key) const;
};

/// vi first, which is the default.
const std::vector<FitMethod>& fit_methods();
/// Throws std::logic_error if unknown.
const FitMethod& fit_method(const std::string& name);

}  // namespace variscope::experiments
