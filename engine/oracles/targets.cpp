/// Moments of the test targets, target by target.
#include "engine/oracles/targets.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/models/banana.hpp"
#include "engine/models/beta.hpp"
#include "engine/models/funnel.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/horseshoe_ridge.hpp"
#include "engine/models/normal_mixture.hpp"
#include "engine/models/rosenbrock.hpp"
#include "engine/models/student_t.hpp"
#include "engine/oracles/quadrature.hpp"

namespace variscope::oracles {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// The same for each of `dim` coordinates.
TargetTruth alike(Index dim, double mean, double sd) {
  const auto size = static_cast<std::size_t>(dim);
  return {std::vector<double>(size, mean), std::vector<double>(size, sd), 0};
}

/// Covariance L^-T L^-1: a variance is the squared length of a column of L^-1.
TargetTruth of_gaussian(const models::Gaussian& target) {
  const auto side = static_cast<std::size_t>(target.dim());
  const std::vector<double>& factor = target.factor();
  TargetTruth truth{target.mean(), {}, 0.5 * static_cast<double>(side) * std::log(2.0 * std::numbers::pi)};
  std::vector<double> column(side);
  for (std::size_t j = 0; j < side; ++j) {
    double square = 0;
    for (std::size_t i = j; i < side; ++i) {
      double rest = i == j ? 1.0 : 0.0;
      for (std::size_t k = j; k < i; ++k) rest -= factor[i * side + k] * column[k];
      column[i] = rest / factor[i * side + i];
      square += column[i] * column[i];
    }
    truth.sd.push_back(std::sqrt(square));
    truth.log_normaliser -= std::log(factor[j * side + j]);
  }
  return truth;
}

/// y = curvature x^2 + noise, x normal: Var x^2 = 2 scale^4.
TargetTruth of_banana(const models::Banana& target) {
  const double v = target.scale() * target.scale();
  const double bend = target.curvature();
  return {{0.0, bend * v}, {target.scale(), std::sqrt(1.0 + 2.0 * bend * bend * v * v)}, std::log(2.0 * std::numbers::pi * target.scale())};
}

TargetTruth of_student_t(const models::StudentT& target) {
  const models::StudentTDensity& t = target.density();
  const double nu = t.nu();
  const double sd = nu > 2 ? t.scale() * std::sqrt(nu / (nu - 2)) : nu > 1 ? kInfinite : kNone;
  return alike(target.dim(), nu > 1 ? t.location() : kNone, sd);
}

TargetTruth of_beta(const models::Beta& target) {
  const double a = target.density().a();
  const double b = target.density().b();
  return alike(target.dim(), a / (a + b), std::sqrt(a * b / (a + b + 1)) / (a + b));
}

TargetTruth of_mixture(const models::NormalMixture& target) {
  TargetTruth truth;
  for (Index d = 0; d < target.dim(); ++d) {
    double mean = 0;
    for (Index k = 0; k < target.components(); ++k) mean += target.weight(k) * target.mean(k, d);
    double variance = 0;
    for (Index k = 0; k < target.components(); ++k) {
      const double gap = target.mean(k, d) - mean;
      variance += target.weight(k) * (target.sd(k) * target.sd(k) + gap * gap);
    }
    truth.mean.push_back(mean);
    truth.sd.push_back(std::sqrt(variance));
  }
  return truth;
}

TargetTruth of_rosenbrock(const models::Rosenbrock& target) {
  const double v = 0.5 / target.a();
  const double mu = target.mu();
  TargetTruth truth;
  for (Index d = 0; d < target.dim(); d += 2) {
    truth.mean.insert(truth.mean.end(), {mu, mu * mu + v});
    truth.sd.insert(truth.sd.end(), {std::sqrt(v), std::sqrt(0.5 / target.b() + 4.0 * mu * mu * v + 2.0 * v * v)});
  }
  return truth;
}

TargetTruth of_funnel(const models::Funnel& target) {
  TargetTruth truth = alike(target.dim(), 0.0, std::exp(0.25 * target.scale() * target.scale()));
  truth.sd[0] = target.scale();
  return truth;
}

/// With lambda = tan(phi), the density of phi given y is proportional to exp(-cos(phi)^2 y^2 / 2) cos(phi) on (0, pi / 2), and given phi z
/// is normal about y sin(phi) cos(phi) with variance cos(phi)^2, beta = z tan(phi) about y sin(phi)^2 with variance sin(phi)^2.
TargetTruth of_horseshoe(const models::HorseshoeRidge& target) {
  const Rule rule = uniform(64);
  const std::size_t n = target.y().size();
  TargetTruth truth = alike(static_cast<Index>(3 * n), kNone, kInfinite);  // lambda has tails like 1 / lambda^3
  for (std::size_t i = 0; i < n; ++i) {
    const double y = target.y()[i];
    const auto integral = [&](auto&& f) {
      return 0.5 * std::numbers::pi * expectation(rule, [&](double share) {
               const double phi = 0.5 * std::numbers::pi * share;
               const double s = std::sin(phi);
               const double c = std::cos(phi);
               return std::exp(-0.5 * y * y * c * c) * f(s, c);
             });
    };
    const double mass = integral([](double, double c) { return c; });
    const double s2 = integral([](double s, double c) { return s * s * c; }) / mass;
    const double s4 = integral([](double s, double c) { return s * s * s * s * c; }) / mass;
    const double z = y * integral([](double s, double c) { return s * c * c; }) / mass;
    truth.mean[i] = z;
    truth.sd[i] = std::sqrt((1.0 - s2) + y * y * (s2 - s4) - z * z);
    truth.mean[n + i] = integral([](double s, double) { return s; }) / mass;
    truth.mean[2 * n + i] = y * s2;
    truth.sd[2 * n + i] = std::sqrt(s2 + y * y * (s4 - s2 * s2));
    truth.log_normaliser += std::log(2.0 * mass) - 0.5 * std::log(2.0 * std::pow(std::numbers::pi, 3));
  }
  return truth;
}

}  // namespace

std::optional<TargetTruth> target_truth(const models::Model& model) {
  if (const auto* target = dynamic_cast<const models::Gaussian*>(&model)) return of_gaussian(*target);
  if (const auto* target = dynamic_cast<const models::Banana*>(&model)) return of_banana(*target);
  if (const auto* target = dynamic_cast<const models::StudentT*>(&model)) return of_student_t(*target);
  if (const auto* target = dynamic_cast<const models::Beta*>(&model)) return of_beta(*target);
  if (const auto* target = dynamic_cast<const models::NormalMixture*>(&model)) return of_mixture(*target);
  if (const auto* target = dynamic_cast<const models::Rosenbrock*>(&model)) return of_rosenbrock(*target);
  if (const auto* target = dynamic_cast<const models::Funnel*>(&model)) return of_funnel(*target);
  if (const auto* target = dynamic_cast<const models::HorseshoeRidge*>(&model)) return of_horseshoe(*target);
  return std::nullopt;
}

}  // namespace variscope::oracles
