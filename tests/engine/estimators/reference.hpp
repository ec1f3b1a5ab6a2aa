/// Catalogued estimators once more, naively, in long double, from their definitions: mean over samples of an explicit expression.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::test {

using Real = long double;

/// What a family contributes, sample by sample, parameter by parameter.
struct FamilyTerms {
  std::vector<Real> log_q;                           ///< [sample]
  std::vector<std::vector<Real>> factor;             ///< [sample][coordinate]: log q of each coordinate alone; empty without factors
  std::vector<std::vector<Real>> score;              ///< [sample][parameter]: d log q / d lambda at fixed z
  std::vector<std::vector<std::vector<Real>>> path;  ///< [sample][coordinate][parameter]: dz / d lambda at fixed noise
  std::vector<std::vector<Real>> slope;              ///< [sample][coordinate]: d log q / dz
  std::vector<Real> entropy;                         ///< [parameter]: d entropy / d lambda
  std::vector<Real> normal;                          ///< [parameter]: of E_q of the prior's log density
};

/// The mean-field Gaussian from its formulas.
inline FamilyTerms mean_field_terms(const std::vector<double>& lambda, const tiles::Batch& noise, const models::GaussianPrior* prior) {
  FamilyTerms terms;
  const std::size_t dim = lambda.size() / 2;
  const auto rho = [&](std::size_t d) { return static_cast<Real>(lambda[dim + d]); };
  for (Index i = 0; i < noise.count(); ++i) {
    Real log_q = 0;
    std::vector<Real> factor(dim);
    std::vector<Real> score(2 * dim);
    std::vector<std::vector<Real>> path(dim, std::vector<Real>(2 * dim));
    std::vector<Real> slope(dim);
    for (std::size_t d = 0; d < dim; ++d) {
      const auto e = static_cast<Real>(noise(static_cast<Index>(d), i));
      const Real s = std::exp(rho(d));
      factor[d] = -(e * e / 2 + rho(d) + std::log(2 * std::numbers::pi_v<Real>) / 2);
      log_q += factor[d];
      score[d] = e / s;
      score[dim + d] = e * e - 1;
      path[d][d] = 1;
      path[d][dim + d] = s * e;
      slope[d] = -e / s;  // -(z - m) / s^2
    }
    terms.log_q.push_back(log_q);
    terms.factor.push_back(factor);
    terms.score.push_back(score);
    terms.path.push_back(path);
    terms.slope.push_back(slope);
  }
  terms.entropy.assign(2 * dim, 0);
  for (std::size_t d = 0; d < dim; ++d) terms.entropy[dim + d] = 1;
  for (std::size_t p = 0; prior != nullptr && p < 2 * dim; ++p) {
    const std::size_t d = p % dim;
    const Real variance = static_cast<Real>(prior->sd[d]) * prior->sd[d];
    // E_q log N(z; mu, sd^2) = -log sd - (s^2 + (m - mu)^2) / (2 sd^2) + constant.
    terms.normal.push_back(p < dim ? -(static_cast<Real>(lambda[d]) - prior->mean[d]) / variance : -std::exp(2 * rho(d)) / variance);
  }
  return terms;
}

/// Any family by its own functions (tests/conformance/family_conformance_test.cpp checks those), a column and a coordinate at a time.
inline FamilyTerms family_terms(const families::Family& q, const tiles::Batch& noise, const tiles::Batch& z,
                                const models::GaussianPrior* prior) {
  FamilyTerms terms;
  const auto parameters = static_cast<std::size_t>(q.parameters());
  const auto dim = static_cast<std::size_t>(q.dim());
  const Index samples = noise.count();
  tiles::Batch log_q(1, samples);
  tiles::Batch score(q.parameters(), samples);
  q.log_density(noise.view(), z.view(), log_q.view());
  q.score(noise.view(), z.view(), score.view());
  tiles::Batch slope(q.dim(), samples);
  if (q.reparameterisable()) q.grad_log_density(noise.view(), z.view(), slope.view());
  for (Index i = 0; i < samples; ++i) {
    terms.log_q.push_back(log_q(0, i));
    terms.score.emplace_back();
    for (Index p = 0; p < q.parameters(); ++p) terms.score.back().push_back(score(p, i));
    terms.path.emplace_back();
    terms.slope.emplace_back();
    for (std::size_t d = 0; d < dim && q.reparameterisable(); ++d) {
      terms.slope.back().push_back(slope(static_cast<Index>(d), i));
      tiles::Batch unit(q.dim(), samples);
      unit(static_cast<Index>(d), i) = 1;
      std::vector<double> derivative(parameters, 0.0);
      q.add_pathwise(noise.view(), z.view(), unit.view(), 0, i, i + 1, derivative);
      terms.path.back().emplace_back(derivative.begin(), derivative.end());
    }
  }
  std::vector<double> entropy(parameters, 0.0);
  if (q.entropy()) q.add_entropy_gradient(entropy);
  terms.entropy.assign(entropy.begin(), entropy.end());
  std::vector<double> normal(parameters, 0.0);
  if (prior != nullptr && q.has_normal_gradient()) q.add_normal_gradient(prior->mean, prior->sd, normal);
  terms.normal.assign(normal.begin(), normal.end());
  return terms;
}

/// Gradient in lambda, and the mean absolute size of the summands, to which rounding is relative.
struct Reference {
  std::vector<Real> gradient;
  std::vector<Real> size;
};

inline bool has_reference(const std::string& name) {
  return std::set<std::string>{"sf_raw",  "sf_mean", "sf_loo",      "sf_rb", "sf_rb_same", "pw_cfe", "pw_antithetic",
                               "pw_rqmc", "stl",     "mix_stl_cfe", "pw_kl", "iwae",       "stl_iw", "dreg"}
      .contains(name);
}

/// a* of one parameter by Ranganath, Gerrish and Blei 2014 (AISTATS), algorithm 2: Cov(f h, h) / Var(h) over the samples, in two passes.
/// rounding: how far a one-pass computation may be off, in roundings.
struct Coefficient {
  Real value = 0;
  Real mean_score = 0;
  Real rounding = 0;
};

inline Coefficient same_sample_coefficient(const std::vector<Real>& f, const std::vector<Real>& size, const std::vector<Real>& h) {
  const auto n = static_cast<Real>(f.size());
  Coefficient a;
  Real mean = 0;
  for (std::size_t i = 0; i < f.size(); ++i) {
    mean += f[i] * h[i] / n;
    a.mean_score += h[i] / n;
  }
  Real covariance = 0;
  Real variance = 0;
  Real sums = 0;
  Real squares = 0;
  for (std::size_t i = 0; i < f.size(); ++i) {
    covariance += (f[i] * h[i] - mean) * (h[i] - a.mean_score) / n;
    variance += (h[i] - a.mean_score) * (h[i] - a.mean_score) / n;
    sums += size[i] * std::abs(h[i]) * (std::abs(h[i]) + std::abs(a.mean_score)) / n;
    squares += h[i] * h[i] / n;
  }
  a.value = covariance / variance;
  a.rounding = (sums + 2 * std::abs(a.value) * squares) / variance;
  return a;
}

/// state: that of the estimator. full: 1 + dim rows, value and gradient of log p at the M samples. likelihood: the same without the prior.
/// Antithetic pairs and nets are in the noise already. Empty if no reference is written for the name.
inline std::optional<Reference> reference_estimate(const std::string& name, const FamilyTerms& terms, const tiles::Batch& full,
                                                   const tiles::Batch& likelihood, estimators::Objective objective,
                                                   std::span<const double> state) {
  const bool elbo = objective != estimators::Objective::expectation;
  const Index samples = full.count();
  const std::size_t parameters = terms.entropy.size();

  // f_i = log p - log q of the ELBO and of importance weights, log p of the expectation.
  std::vector<Real> f;
  for (Index i = 0; i < samples; ++i) f.push_back(full(0, i) - (elbo ? terms.log_q[static_cast<std::size_t>(i)] : 0));
  const auto baseline = [&](std::size_t i) {
    Real sum = 0;
    for (std::size_t j = 0; j < f.size(); ++j) sum += j == i ? 0 : f[j];
    return sum / static_cast<Real>(samples - 1);
  };

  // Normalised importance weights.
  std::vector<Real> weight;
  for (const Real log_weight : f) weight.push_back(std::exp(log_weight - *std::max_element(f.begin(), f.end())));
  const Real total = std::accumulate(weight.begin(), weight.end(), Real{0});
  for (Real& w : weight) w /= total;
  // A rounding of a log weight of size f is one of f roundings of the weight.
  const Real weight_rounding = 1 + std::abs(*std::max_element(f.begin(), f.end())) + std::abs(*std::min_element(f.begin(), f.end()));

  // Rao-Blackwellised f of a parameter: of log q only the coordinate's own factor (equation 8; every factor of l is kept).
  const auto own = [&](std::size_t i, std::size_t p) { return elbo ? terms.factor[i][p % terms.factor[i].size()] : Real{0}; };
  const auto value = [&](std::size_t i) { return static_cast<Real>(full(0, static_cast<Index>(i))); };

  Reference result{std::vector<Real>(parameters, 0), std::vector<Real>(parameters, 0)};
  for (std::size_t p = 0; p < parameters; ++p) {
    const Real entropy = elbo ? terms.entropy[p] : 0;
    Coefficient same;
    if (name == "sf_rb_same") {
      std::vector<Real> local;
      std::vector<Real> sizes;
      std::vector<Real> score;
      for (std::size_t i = 0; i < f.size(); ++i) {
        local.push_back(value(i) - own(i, p));
        sizes.push_back(std::abs(value(i)) + std::abs(own(i, p)));
        score.push_back(terms.score[i][p]);
      }
      same = same_sample_coefficient(local, sizes, score);
    }
    for (std::size_t i = 0; i < f.size(); ++i) {
      // sum_d slope_d dz_d / d lambda_p, and the size of its summands.
      const auto along = [&](auto&& slope) {
        std::pair<Real, Real> sum{0, 0};
        for (std::size_t d = 0; d < terms.path[i].size(); ++d) {
          const Real product = slope(d) * terms.path[i][d][p];
          sum.first += product;
          sum.second += std::abs(product);
        }
        return sum;
      };
      const auto row = [](std::size_t d) { return 1 + static_cast<Index>(d); };
      const auto column = static_cast<Index>(i);
      const auto through = [&](std::size_t d) { return static_cast<Real>(full(row(d), column)) - terms.slope[i][d]; };
      const auto sizes = [&](std::size_t d) { return std::abs(static_cast<Real>(full(row(d), column))) + std::abs(terms.slope[i][d]); };
      Real term = 0;
      Real size = 0;
      if (name == "sf_raw") {
        term = f[i] * terms.score[i][p];
        size = std::abs(term);
      } else if (name == "sf_mean") {
        term = (f[i] - state[0]) * terms.score[i][p];
        size = std::abs(f[i] * terms.score[i][p]) + std::abs(state[0] * terms.score[i][p]);
      } else if (name == "sf_loo") {
        term = (f[i] - baseline(i)) * terms.score[i][p];
        size = std::abs(f[i] * terms.score[i][p]);
      } else if (name == "sf_rb") {
        // The state's first entry is taken out of l, the others are the coefficients.
        const Real h = terms.score[i][p];
        term = (value(i) - state[0] - own(i, p) - state[1 + p]) * h;
        size = (std::abs(value(i)) + std::abs(state[0]) + std::abs(own(i, p)) + std::abs(state[1 + p])) * std::abs(h);
      } else if (name == "sf_rb_same") {
        const Real h = terms.score[i][p];
        term = (value(i) - own(i, p) - same.value) * h;
        size = (std::abs(value(i)) + std::abs(own(i, p)) + std::abs(same.value)) * std::abs(h) + same.rounding * std::abs(same.mean_score);
      } else if (name == "pw_cfe" || name == "pw_antithetic" || name == "pw_rqmc") {
        std::tie(term, size) = along([&](std::size_t d) { return static_cast<Real>(full(row(d), column)); });
        term += entropy;
      } else if (name == "stl") {
        term = along(through).first;
        size = along(sizes).second;
      } else if (name == "mix_stl_cfe") {
        const Real c = state[0];
        term = c * along(through).first +
               (1 - c) * (along([&](std::size_t d) { return static_cast<Real>(full(row(d), column)); }).first + entropy);
        size = (1 + std::abs(c)) * (along(sizes).second + std::abs(entropy));
      } else if (name == "iwae" || name == "stl_iw" || name == "dreg") {
        // Sums of weighted terms, not means.
        const Real power = (name == "dreg" ? weight[i] * weight[i] : weight[i]) * static_cast<Real>(samples);
        const Real score = name == "iwae" ? terms.score[i][p] : 0;
        term = power * (along(through).first - score);
        size = power * (along(sizes).second + std::abs(score)) * weight_rounding;
      } else if (name == "pw_kl") {
        // - d/dlambda of KL(q || prior) = d entropy + d E_q log prior; without the entropy for the expectation.
        const Real exact = terms.normal[p] + entropy;
        std::tie(term, size) = along([&](std::size_t d) { return static_cast<Real>(likelihood(row(d), column)); });
        term += exact;
        size += std::abs(terms.normal[p]);
      } else {
        return std::nullopt;
      }
      result.gradient[p] += term / static_cast<Real>(samples);
      result.size[p] += (size + std::abs(entropy)) / static_cast<Real>(samples);
    }
  }
  return result;
}

}  // namespace variscope::test
