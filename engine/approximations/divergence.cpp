/// Trapezoids over base noise.
#include "engine/approximations/divergence.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace variscope::approximations {

namespace {

constexpr double kSpacing = 0.1;
constexpr Index kHalf = 83;
constexpr Index kSide = 2 * kHalf + 1;

double normal_at(Index place) { return kSpacing * static_cast<double>(place - kHalf); }

}  // namespace

Index divergence_points(Index noise_rows) { return noise_rows == 1 ? kSide : kSide * kSide; }

Divergence divergence(const Density& density, const families::Family& family) {
  const families::NoiseShape shape = family.noise();
  const Index rows = shape.rows();
  if (rows < 1 || rows > kMostNoiseRows || family.states() > 0) throw std::invalid_argument("divergence: not a family of little noise");
  const Index points = divergence_points(rows);
  tiles::Batch noise(rows, points);
  std::vector<double> weights(static_cast<std::size_t>(points), 1.0);
  for (Index k = 0; k < points; ++k) {
    Index rest = k;
    for (Index r = 0; r < rows; ++r) {
      const double e = normal_at(rest % kSide);
      rest /= kSide;
      weights[static_cast<std::size_t>(k)] *= kSpacing * std::exp(-0.5 * e * e) / std::sqrt(2 * std::numbers::pi);
      noise(r, k) = r < shape.normals ? e : 0.5 * std::erfc(-e / std::numbers::sqrt2);
    }
  }
  tiles::Batch z(family.dim(), points);
  family.sample(noise.view(), z.view());
  tiles::Batch log_q(1, points);
  family.log_density(noise.view(), z.view(), log_q.view());
  tiles::Batch log_p(1, points);
  density.evaluate(z.view(), {true, false}, {}, log_p.view());
  Divergence result;
  for (Index k = 0; k < points; ++k) {
    const double difference = log_p(0, k) - log_q(0, k);
    result.elbo += weights[static_cast<std::size_t>(k)] * difference;
    result.log_square += weights[static_cast<std::size_t>(k)] * difference * difference;
  }
  return result;
}

}  // namespace variscope::approximations
