/// Densities of the catalogued families written down from their definitions in long double, sharing nothing with the engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"

namespace variscope::test {

using Real = long double;
using Reals = std::vector<Real>;

/// What the tests know of a family beside the interface.
struct FamilyTruth {
  /// log q_lambda(z).
  std::function<Real(const families::Arguments&, const Reals& lambda, const Reals& z)> log_density;
  /// All values of z, for families of discrete z; empty for densities on R^dim.
  std::function<std::vector<Reals>(const families::Arguments&)> support;
};

namespace detail {

inline const Real kHalfLogTwoPi = 0.5L * std::log(2.0L * std::numbers::pi_v<Real>);

inline Real log_normal(Real z, Real mean, Real log_scale) {
  const Real e = (z - mean) / std::exp(log_scale);
  return -0.5L * e * e - log_scale - kHalfLogTwoPi;
}

/// log N(z; mean, covariance) by a Cholesky factorisation of the dense covariance (dim x dim, row by row).
inline Real log_multivariate_normal(const Reals& z, const Reals& mean, Reals covariance) {
  const std::size_t dim = z.size();
  Real sum = 0;
  Reals white(dim);
  for (std::size_t i = 0; i < dim; ++i) {
    Real rest = z[i] - mean[i];
    for (std::size_t j = 0; j <= i; ++j) {
      Real a = covariance[i * dim + j];
      for (std::size_t k = 0; k < j; ++k) a -= covariance[i * dim + k] * covariance[j * dim + k];
      covariance[i * dim + j] = i == j ? std::sqrt(a) : a / covariance[j * dim + j];
      if (j < i) rest -= covariance[i * dim + j] * white[j];
    }
    white[i] = rest / covariance[i * dim + i];
    sum -= 0.5L * white[i] * white[i] + std::log(covariance[i * dim + i]) + kHalfLogTwoPi;
  }
  return sum;
}

inline Real mean_field(const families::Arguments&, const Reals& lambda, const Reals& z) {
  Real sum = 0;
  for (std::size_t d = 0; d < z.size(); ++d) sum += log_normal(z[d], lambda[d], lambda[z.size() + d]);
  return sum;
}

inline Real full_rank(const families::Arguments&, const Reals& lambda, const Reals& z) {
  const std::size_t dim = z.size();
  Reals factor(dim * dim, 0.0L);
  std::size_t next = 2 * dim;
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < i; ++j) factor[i * dim + j] = lambda[next++];
    factor[i * dim + i] = std::exp(lambda[dim + i]);
  }
  Reals covariance(dim * dim, 0.0L);
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      for (std::size_t k = 0; k <= std::min(i, j); ++k) covariance[i * dim + j] += factor[i * dim + k] * factor[j * dim + k];
    }
  }
  return log_multivariate_normal(z, lambda, covariance);
}

inline Real low_rank(const families::Arguments& arguments, const Reals& lambda, const Reals& z) {
  const std::size_t dim = z.size();
  const auto rank = static_cast<std::size_t>(arguments.numbers.at("rank"));
  const Real* factor = lambda.data() + 2 * dim;
  Reals covariance(dim * dim, 0.0L);
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      for (std::size_t k = 0; k < rank; ++k) covariance[i * dim + j] += factor[i * rank + k] * factor[j * rank + k];
    }
    covariance[i * dim + i] += std::exp(2 * lambda[dim + i]);
  }
  return log_multivariate_normal(z, lambda, covariance);
}

inline Real mixture(const families::Arguments& arguments, const Reals& lambda, const Reals& z) {
  const std::size_t dim = z.size();
  const auto components = static_cast<std::size_t>(arguments.numbers.at("components"));
  Real weights = 0;
  Real density = 0;
  for (std::size_t k = 0; k < components; ++k) {
    const Real weight = std::exp(k + 1 < components ? lambda[k] : 0.0L);
    Real log_component = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const std::size_t at = components - 1 + k * dim + d;
      log_component += log_normal(z[d], lambda[at], lambda[at + components * dim]);
    }
    weights += weight;
    density += weight * std::exp(log_component);
  }
  return std::log(density / weights);
}

inline Real bernoulli(const families::Arguments&, const Reals& lambda, const Reals& z) {
  Real sum = 0;
  for (std::size_t d = 0; d < z.size(); ++d) sum -= std::log(1 + std::exp(z[d] == 1 ? -lambda[d] : lambda[d]));
  return sum;
}

inline Real categorical(const families::Arguments& arguments, const Reals& lambda, const Reals& z) {
  const auto categories = static_cast<std::size_t>(arguments.numbers.at("categories"));
  Real sum = 0;
  for (std::size_t first = 0; first < z.size(); first += categories) {
    Real total = 0;
    for (std::size_t d = first; d < first + categories; ++d) {
      total += std::exp(lambda[d]);
      sum += z[d] * lambda[d];
    }
    sum -= std::log(total);
  }
  return sum;
}

/// Every way to pick one of `choices` for each of `variables`; `write` puts a choice into z.
template <class Write>
std::vector<Reals> enumerate(std::size_t dim, std::size_t variables, std::size_t choices, Write&& write) {
  std::vector<Reals> all = {Reals(dim, 0.0L)};
  for (std::size_t v = 0; v < variables; ++v) {
    std::vector<Reals> longer;
    for (const Reals& z : all) {
      for (std::size_t k = 0; k < choices; ++k) {
        longer.push_back(z);
        write(longer.back(), v, k);
      }
    }
    all = std::move(longer);
  }
  return all;
}

}  // namespace detail

/// One entry a catalogued family.
inline const std::map<std::string, FamilyTruth>& family_truths() {
  static const std::map<std::string, FamilyTruth> truths = {
      {"mean_field_gaussian", {detail::mean_field, nullptr}},
      {"full_rank_gaussian", {detail::full_rank, nullptr}},
      {"low_rank_gaussian", {detail::low_rank, nullptr}},
      {"gaussian_mixture", {detail::mixture, nullptr}},
      {"bernoulli",
       {detail::bernoulli,
        [](const families::Arguments& arguments) {
          const auto dim = static_cast<std::size_t>(arguments.dim);
          return detail::enumerate(dim, dim, 2, [](Reals& z, std::size_t v, std::size_t k) { z[v] = static_cast<Real>(k); });
        }}},
      {"categorical",
       {detail::categorical,
        [](const families::Arguments& arguments) {
          const auto dim = static_cast<std::size_t>(arguments.dim);
          const auto categories = static_cast<std::size_t>(arguments.numbers.at("categories"));
          return detail::enumerate(dim, dim / categories, categories,
                                   [=](Reals& z, std::size_t v, std::size_t k) { z[v * categories + k] = 1; });
        }}},
  };
  return truths;
}

}  // namespace variscope::test
