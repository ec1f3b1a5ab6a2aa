/// What a generalised linear model's keys say: likelihood, priors, groups, and where every parameter stands among the coordinates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/distributions/distribution.hpp"
#include "engine/models/catalogue.hpp"

namespace variscope::models::glm {

enum class Likelihood { gaussian, bernoulli, binomial, poisson, negative_binomial, student_t, categorical };

/// Beyond, in a logarithm of a scale, the prior's density is cut to 0: so nothing overflows in between. e^100 = 2.7e43.
inline constexpr double kLogScaleLimit = 100;

/// Coefficients under one horseshoe: beta_j = z_j lambda_j tau, z_j ~ N(0, 1), lambda_j ~ half_cauchy(1), tau ~ half_cauchy(scale)
/// (Carvalho, Polson, Scott 2010, Biometrika 97(2), eq. 1), in coordinates z_j (at beta_j's place), log tau, log lambda_j.
struct Horseshoe {
  std::vector<Index> coordinates;  ///< of z_j
  std::string suffix;              ///< of the names tau and lambda: empty for the first
  distributions::Distribution global;
  Index tau = 0;
  Index lambda = 0;  ///< of the first, the others follow
};

/// Effects that vary by the levels of a side column: u[level] ~ N(0, diag(sd) R diag(sd)) over the K effects. R is the identity, or LKJ:
/// its density is proportional to det(R)^(shape - 1). In coordinates, partial correlation j of effect i (j < i, from 0) given those before
/// is tanh(u_ij), and then u_ij is independent of the others: (1 + tanh(u_ij)) / 2 ~ Beta(a_j, a_j), a_j = shape + (K - 2 - j) / 2
/// (Lewandowski, Kurowicka, Joe 2009, J. Multivariate Anal. 100, section 2.4).
struct Varying {
  std::string group;
  std::vector<std::string> levels;
  std::vector<std::string> names;  ///< of the K effects: "intercept", or columns
  std::vector<Index> columns;      ///< of the design, -1 for the intercept
  const double* level = nullptr;   ///< of the held rows
  Index sd = 0;                    ///< log sd_k, K coordinates
  Index correlation = -1;          ///< u_10, u_20, u_21, ...: K (K - 1) / 2 coordinates; -1: R is the identity
  double shape = 1;                ///< of LKJ
  Index effect = 0;                ///< u or z, level by level

  [[nodiscard]] bool correlated() const { return correlation >= 0; }
  [[nodiscard]] Index pairs() const { return correlated() ? effects() * (effects() - 1) / 2 : 0; }
  /// Shape of the beta distribution of u_ij.
  [[nodiscard]] double partial_shape(Index j) const { return shape + 0.5 * static_cast<double>(effects() - 2 - j); }
  [[nodiscard]] Index effects() const { return static_cast<Index>(names.size()); }
  [[nodiscard]] Index size() const { return static_cast<Index>(levels.size() * names.size()); }
};

/// Coordinates: coefficients (class by class for categories), horseshoes (tau, then lambdas), the likelihood's log scale, then for every
/// varying term its log sds, its correlations' coordinates and its effects.
struct Layout {
  /// Throws UserError "model.key: problem (why). Suggestion." The table must outlive the layout.
  explicit Layout(const Arguments& arguments);

  [[nodiscard]] bool has_scale() const { return scale >= 0; }
  /// Whether coordinates are what the likelihood sees (a log scale aside).
  [[nodiscard]] bool direct() const { return horseshoes.empty() && (varying.empty() || centred); }
  /// Whether coefficients are all there is.
  [[nodiscard]] bool only_coefficients() const { return horseshoes.empty() && varying.empty() && !has_scale(); }
  [[nodiscard]] Index coefficients() const { return predictors * width; }

  const data::Table* table;
  Likelihood likelihood;
  Index width = 0;
  Index predictors = 1;  ///< K - 1 for K categories
  Index dim = 0;
  std::vector<distributions::Distribution> prior;  ///< of every coefficient; of z under a horseshoe
  std::vector<Horseshoe> horseshoes;
  Index scale = -1;  ///< log sigma or log phi; -1: there is none, or it is fixed
  double fixed_log_scale = 0;
  distributions::Distribution scale_prior;
  double degrees = 0;
  std::vector<Varying> varying;
  distributions::Distribution varying_prior;
  bool centred = false;
  const double* offset = nullptr;  ///< of the held rows
  std::vector<double> response;    ///< of the held rows, as the likelihood wants it
  std::vector<double> trials;      ///< of the held rows, for binomial
  std::vector<double> constant;    ///< of the held rows: what normalises the density in y and depends on nothing else; or empty

 private:
  void read_priors(const Arguments& arguments);
  void read_scale(const Arguments& arguments);
  void read_varying(const Arguments& arguments);
  void read_rows(const Arguments& arguments);
};

Likelihood likelihood_of(const Arguments& arguments);

}  // namespace variscope::models::glm
