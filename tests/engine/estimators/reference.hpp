/// Every catalogued estimator once more, naively, in long double, from its definition: mean over samples of an explicit expression.
#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::test {

/// Gradient in (mean, log scale), and the mean absolute size of the summands, to which rounding is relative.
struct Reference {
  std::vector<long double> gradient;
  std::vector<long double> size;
};

/// noise: dim x M. full: 1 + dim rows, value and gradient of log p. likelihood: the same without the prior.
/// Empty if no reference is written for the name: then write one here.
inline std::optional<Reference> reference_estimate(const std::string& name, const std::vector<double>& lambda, const tiles::Batch& noise,
                                                   const tiles::Batch& full, const tiles::Batch& likelihood,
                                                   const models::GaussianPrior* prior, estimators::Objective objective) {
  using Real = long double;
  const bool elbo = objective == estimators::Objective::elbo;
  const Index samples = noise.count();
  const auto dim = static_cast<std::size_t>(noise.dim());
  const auto eps = [&](Index i, std::size_t d) { return static_cast<Real>(noise(static_cast<Index>(d), i)); };
  const auto slope = [&](Index i, std::size_t d) { return static_cast<Real>(full(1 + static_cast<Index>(d), i)); };
  const auto m = [&](std::size_t d) { return static_cast<Real>(lambda[d]); };
  const auto rho = [&](std::size_t d) { return static_cast<Real>(lambda[dim + d]); };
  const auto s = [&](std::size_t d) { return std::exp(rho(d)); };

  // f_i = log p - log q of the ELBO, log p of the expectation.
  std::vector<Real> f;
  for (Index i = 0; i < samples; ++i) {
    Real log_q = 0;
    for (std::size_t d = 0; d < dim; ++d) log_q -= eps(i, d) * eps(i, d) / 2 + rho(d) + std::log(2 * std::numbers::pi_v<Real>) / 2;
    f.push_back(full(0, i) - (elbo ? log_q : 0));
  }
  const auto baseline = [&](Index i) {
    Real sum = 0;
    for (Index j = 0; j < samples; ++j) sum += j == i ? 0 : f[static_cast<std::size_t>(j)];
    return sum / static_cast<Real>(samples - 1);
  };

  Reference result{std::vector<Real>(2 * dim, 0), std::vector<Real>(2 * dim, 0)};
  for (std::size_t p = 0; p < 2 * dim; ++p) {
    const bool location = p < dim;
    const std::size_t d = p % dim;
    const Real entropy = elbo && !location ? 1 : 0;
    for (Index i = 0; i < samples; ++i) {
      const Real e = eps(i, d);
      const Real score = location ? e / s(d) : e * e - 1;  // d log q / d lambda at fixed z
      const Real path = location ? 1 : s(d) * e;           // d z / d lambda at fixed eps
      const Real own = f[static_cast<std::size_t>(i)];
      Real term = 0;
      Real size = 0;
      if (name == "sf_raw") {
        term = own * score;
      } else if (name == "sf_loo") {
        term = (own - baseline(i)) * score;
        size = std::abs(own * score);
      } else if (name == "pw_cfe") {
        term = slope(i, d) * path + entropy;
      } else if (name == "pw_antithetic") {
        // Pairs written out: the second of a pair has the noise -eps.
        const Index first = i / 2 * 2;
        const Real mirrored = location ? 1 : s(d) * (i == first ? eps(first, d) : -eps(first, d));
        term = slope(i, d) * mirrored + entropy;
      } else if (name == "stl") {
        // d/dz (log p - log q) at fixed lambda in log q: d log q / dz = -(z - m) / s^2 = -eps / s.
        term = (slope(i, d) + e / s(d)) * path;
        size = std::abs(slope(i, d) * path) + std::abs(e / s(d) * path);
      } else if (name == "pw_kl") {
        if (prior == nullptr) return std::nullopt;
        const Real variance = static_cast<Real>(prior->sd[d]) * prior->sd[d];
        // - d/dlambda of KL(q || prior) = sum log(sd / s) + (s^2 + (m - mu)^2) / (2 sd^2) - 1/2; without log s for the expectation.
        const Real exact = location ? -(m(d) - prior->mean[d]) / variance : -s(d) * s(d) / variance + entropy;
        term = static_cast<Real>(likelihood(1 + static_cast<Index>(d), i)) * path + exact;
        size = std::abs(exact) + std::abs(term - exact);
      } else {
        return std::nullopt;
      }
      result.gradient[p] += term / static_cast<Real>(samples);
      result.size[p] += std::max(size, std::abs(term) + entropy) / static_cast<Real>(samples);
    }
  }
  return result;
}

}  // namespace variscope::test
