/// The gradient that an estimator must hit in the mean: exact where it is known, else brute force that shares nothing with the estimators.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <vector>

#include "engine/oracles/truth.hpp"
#include "tests/conformance/estimator_setting.hpp"

namespace variscope::test {

/// error: standard error of a simulated gradient, or a bound on the rounding of a computed one.
struct TrueGradient {
  std::vector<double> gradient;
  std::vector<double> error;
};

/// Simulated samples (or whole bounds) behind a true gradient without closed form.
inline constexpr Index kTruthSamples = 12000;

/// log p of every column, all rows and prior.
inline tiles::Batch log_joint(const models::Model& model, const tiles::Batch& z) {
  tiles::Batch out(1, z.count());
  models::Evaluation evaluation{kValue, out.view(), {}};
  if (model.rows() > 0) model.log_likelihood(range(0, model.rows()), z.view(), evaluation);
  model.log_prior(z.view(), evaluation);
  return out;
}

/// Quadrature or closed form of the model, for the mean-field Gaussian.
inline TrueGradient exact_gradient(const Setting& setting, estimators::Objective objective) {
  const families::MeanFieldGaussian& q = *setting.family->mean_field_gaussian();
  const models::Model& model = *setting.model;
  models::GaussianExpectation exact = empty_expectation(model);
  model.expected_log_prior(q.mean().data(), q.scale().data(), exact);
  if (model.rows() > 0) model.expected_log_likelihood({0, model.rows()}, q.mean().data(), q.scale().data(), exact);
  if (objective == estimators::Objective::elbo) {
    for (std::size_t p = exact.gradient.size() / 2; p < exact.gradient.size(); ++p) exact.gradient[p] += 1;  // d entropy / d rho
  }
  return {exact.gradient, exact.error};
}

/// Discrete z: the objective summed over all values of z, differentiated by central differences. Error O(h^4) after one Richardson step.
inline TrueGradient enumerated_gradient(const Setting& setting, estimators::Objective objective) {
  // Values are found by drawing: 20000 draws meet every value whose probability is above 1e-3 but once in 5e8.
  const tiles::Batch noise = coupled_noise(setting.family->noise(), estimators::Coupling::independent, 1, 20000, 90);
  tiles::Batch z(setting.family->dim(), noise.count());
  setting.family->sample(noise.view(), z.view());
  std::map<std::vector<double>, Index> seen;
  for (Index c = 0; c < z.count(); ++c) {
    std::vector<double> value;
    for (Index d = 0; d < z.dim(); ++d) value.push_back(z(d, c));
    seen.emplace(value, c);
  }
  std::vector<Index> which;
  for (const auto& [value, column] : seen) which.push_back(column);
  const tiles::Batch values = columns(z, which);
  const tiles::Batch noises = columns(noise, which);
  const tiles::Batch l = log_joint(*setting.model, values);
  double total = 0;
  const auto objective_at = [&](const std::vector<double>& lambda) {
    tiles::Batch log_q(1, values.count());
    setting.member(lambda)->log_density(noises.view(), values.view(), log_q.view());
    double sum = 0;
    total = 0;
    for (Index c = 0; c < values.count(); ++c) {
      const double q = std::exp(log_q(0, c));
      total += q;
      sum += q * (l(0, c) - (objective == estimators::Objective::elbo ? log_q(0, c) : 0.0));
    }
    return sum;
  };
  const double size = std::abs(objective_at(setting.lambda)) + 1;
  if (std::abs(total - 1) > 1e-12) throw std::logic_error("the values of z are not all there, or too many");
  TrueGradient truth;
  for (std::size_t p = 0; p < setting.lambda.size(); ++p) {
    const auto difference = [&](double h) {
      auto up = setting.lambda;
      auto down = setting.lambda;
      up[p] += h;
      down[p] -= h;
      return (objective_at(up) - objective_at(down)) / (2 * h);
    };
    const double h = 0x1p-6;
    const double wide = difference(h);
    const double narrow = difference(h / 2);
    truth.gradient.push_back((4 * narrow - wide) / 3);
    truth.error.push_back(std::abs(narrow - wide) * 1e-2 + 1e-13 * size / h);
  }
  return truth;
}

/// z(lambda, noise) smooth in lambda: differences of the simulated objective between lambda + h and lambda - h on common noise. The bias is
/// O(h^2), some 1e-6 of the gradient; the noise that of a pathwise estimate, by which it is judged. `samples`: of one importance-weighted
/// bound.
inline TrueGradient differenced_gradient(const Setting& setting, estimators::Objective objective, Index samples) {
  const Index group = objective == estimators::Objective::importance_bound ? samples : 1;
  const tiles::Batch noise = coupled_noise(setting.family->noise(), estimators::Coupling::independent, group, kTruthSamples, 91);
  const auto objectives_at = [&](const std::vector<double>& lambda) {
    const auto q = setting.member(lambda);
    tiles::Batch z(q->dim(), noise.count());
    tiles::Batch log_q(1, noise.count());
    q->sample(noise.view(), z.view());
    q->log_density(noise.view(), z.view(), log_q.view());
    const tiles::Batch l = log_joint(*setting.model, z);
    std::vector<double> values;
    for (Index k = 0; k < kTruthSamples; ++k) {
      if (objective == estimators::Objective::expectation) values.push_back(l(0, k));
      if (objective == estimators::Objective::elbo) values.push_back(l(0, k) - log_q(0, k));
      if (objective != estimators::Objective::importance_bound) continue;
      double largest = -1e300;
      for (Index i = k * group; i < (k + 1) * group; ++i) largest = std::max(largest, l(0, i) - log_q(0, i));
      double sum = 0;
      for (Index i = k * group; i < (k + 1) * group; ++i) sum += std::exp(l(0, i) - log_q(0, i) - largest);
      values.push_back(largest + std::log(sum / static_cast<double>(group)));
    }
    return values;
  };
  TrueGradient truth;
  for (std::size_t p = 0; p < setting.lambda.size(); ++p) {
    const double h = 1e-3;
    auto up = setting.lambda;
    auto down = setting.lambda;
    up[p] += h;
    down[p] -= h;
    auto slopes = objectives_at(up);
    const auto lower = objectives_at(down);
    double mean = 0;
    double square = 0;
    const auto n = static_cast<double>(kTruthSamples);
    for (std::size_t k = 0; k < slopes.size(); ++k) slopes[k] = (slopes[k] - lower[k]) / (2 * h);
    for (const double slope : slopes) mean += slope / n;
    for (const double slope : slopes) square += (slope - mean) * (slope - mean) / (n - 1);
    truth.gradient.push_back(mean);
    truth.error.push_back(std::sqrt(square / n) + 1e-5 * (1 + std::abs(mean)));
  }
  return truth;
}

/// A density on R^dim, z not smooth in lambda: mean of f times the family's score (which tests/conformance/family_conformance_test.cpp
/// checks), less a constant that other draws gave.
inline TrueGradient scored_gradient(const Setting& setting, estimators::Objective objective) {
  const families::Family& q = *setting.family;
  const Index count = 8 * kTruthSamples;
  const auto values_of = [&](const tiles::Batch& noise, tiles::Batch& z) {
    tiles::Batch log_q(1, noise.count());
    q.sample(noise.view(), z.view());
    q.log_density(noise.view(), z.view(), log_q.view());
    tiles::Batch f = log_joint(*setting.model, z);
    for (Index c = 0; c < f.count() && objective == estimators::Objective::elbo; ++c) f(0, c) -= log_q(0, c);
    return f;
  };
  const tiles::Batch other = coupled_noise(q.noise(), estimators::Coupling::independent, 1, 2000, 92);
  tiles::Batch elsewhere(q.dim(), other.count());
  const tiles::Batch shift = values_of(other, elsewhere);
  double constant = 0;
  for (Index c = 0; c < shift.count(); ++c) constant += shift(0, c) / static_cast<double>(shift.count());
  const tiles::Batch noise = coupled_noise(q.noise(), estimators::Coupling::independent, 1, count, 93);
  tiles::Batch z(q.dim(), count);
  const tiles::Batch f = values_of(noise, z);
  tiles::Batch score(q.parameters(), count);
  q.score(noise.view(), z.view(), score.view());
  TrueGradient truth;
  const auto n = static_cast<double>(count);
  for (Index p = 0; p < q.parameters(); ++p) {
    double mean = 0;
    double square = 0;
    for (Index c = 0; c < count; ++c) mean += (f(0, c) - constant) * score(p, c) / n;
    for (Index c = 0; c < count; ++c) square += std::pow((f(0, c) - constant) * score(p, c) - mean, 2) / (n - 1);
    truth.gradient.push_back(mean);
    truth.error.push_back(std::sqrt(square / n));
  }
  return truth;
}

inline TrueGradient true_gradient(const Setting& setting, estimators::Objective objective, Index samples) {
  const bool bound = objective == estimators::Objective::importance_bound;
  if (!bound && setting.family->mean_field_gaussian() != nullptr && setting.model->has_gaussian_expectation())
    return exact_gradient(setting, objective);
  if (!bound && by_quadrature(*setting.model, setting.entry->name)) {
    const auto truth = oracles::quadrature_truth("pw_cfe", *setting.model, setting.entry->name, setting.lambda, objective, 1);
    if (!truth) throw std::logic_error("quadrature of " + setting.model_name + " fails");
    return {truth->mean, std::vector<double>(truth->mean.size(), truth->error)};
  }
  if (!bound && setting.family->noise().normals == 0) return enumerated_gradient(setting, objective);
  if (setting.family->reparameterisable()) return differenced_gradient(setting, objective, samples);
  if (bound) throw std::logic_error("no truth of this bound");
  return scored_gradient(setting, objective);
}

}  // namespace variscope::test
