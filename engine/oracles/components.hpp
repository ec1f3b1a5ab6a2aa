/// Exact noise components of a gradient estimate from one row and one sample: Monte Carlo, data, and their interaction.
#pragma once

#include <span>
#include <vector>

#include "engine/index.hpp"
#include "engine/models/model.hpp"

namespace variscope::oracles {

/// g(n, eps) = G + a(eps) + b(n) + c(n, eps), n uniform on the N rows, the row's likelihood scaled by N; 2 dim entries each (m, log s).
/// Variances over rows are population variances (1 / N). monte_carlo + data + interaction is the variance of g(n, eps).
struct NoiseComponents {
  std::vector<double> gradient;     ///< G, the exact ELBO gradient
  std::vector<double> monte_carlo;  ///< s2_e = Var a: one sample on the full data
  std::vector<double> data;         ///< s2_d = Var b: one row, expectation over q exact
  std::vector<double> interaction;  ///< s2_ed = Var c
  double error = 0;                 ///< bounds the numerical error of every entry
};

/// y_n ~ N(z, noise_sd^2), z ~ N(prior_mean, prior_sd^2), PW-CFE. With w = 1 / noise_sd^2, P = N w + 1 / prior_sd^2, r = dl/dz at m, V the
/// variance of y with 1 / N:  m: s2_e = P^2 s^2, s2_d = N^2 w^2 V, s2_ed = 0;  log s: s2_e = s^2 r^2 + 2 P^2 s^4, s2_d = 0,
/// s2_ed = s^2 N^2 w^2 V.
NoiseComponents normal_mean_components(std::span<const double> y, double noise_sd, double prior_mean, double prior_sd,
                                       std::span<const double> lambda);

/// Logistic regression on a few rows: y in {0, 1}, features rows x dim row by row, independent normal prior.
struct LogisticProblem {
  Index rows = 0;
  Index dim = 0;
  std::vector<double> features;
  std::vector<double> response;
  double prior_mean = 0;
  double prior_sd = 1;
};

/// PW-CFE under a mean-field q, any dimension: variances of single rows by one-dimensional quadrature, covariances of pairs of rows by
/// two-dimensional. Cost O(rows^2 (nodes^2 + dim)); a reference for tests, at most 12 rows (else std::invalid_argument).
NoiseComponents logistic_components(const LogisticProblem& problem, std::span<const double> lambda);

/// PW-CFE of any model with data in one or two dimensions, every row evaluated on the whole grid: the independent check.
/// Cost O(rows nodes^dim). Throws std::invalid_argument for other dimensions or without rows.
NoiseComponents quadrature_components(const models::Model& model, std::span<const double> lambda);

}  // namespace variscope::oracles
