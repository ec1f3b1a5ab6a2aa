/// The leapfrog integrator: reversible, of volume 1, of second order.
#include "engine/samplers/leapfrog.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/approximations/density.hpp"
#include "engine/dense.hpp"
#include "engine/models/funnel.hpp"

namespace variscope {
namespace {

using samplers::Metric;
using samplers::MetricKind;

constexpr Index kDim = 3;

struct Phase {
  std::vector<double> q;
  std::vector<double> p;
};

struct Dynamics {
  explicit Dynamics(MetricKind kind)
      : model(kDim, 1.5),
        density(approximations::density_of(model)),
        state(static_cast<std::size_t>(Metric::size(kind, kDim)) + 1),
        metric(kind, kDim, state.data()) {
    metric.start();
    std::vector<double> sigma;
    if (kind == MetricKind::diagonal) sigma = {0.5, 2.0, 1.3};
    if (kind == MetricKind::dense) sigma = {1, 0.4, 0.1, 0.4, 2, -0.3, 0.1, -0.3, 0.7};
    EXPECT_TRUE(metric.set(sigma));
  }
  void run(Phase& phase, double size, int steps, bool last_half = true) {
    std::vector<double> g(kDim);
    std::vector<double> v(kDim);
    approximations::value_and_gradient(density, phase.q, g);
    for (int k = 0; k < steps; ++k) {
      samplers::kick_and_drift(metric, size, g.data(), kDim, phase.q.data(), phase.p.data(), v.data());
      approximations::value_and_gradient(density, phase.q, g);
      if (last_half || k + 1 < steps) samplers::kick(0.5 * size, g.data(), kDim, phase.p.data());
    }
  }
  double energy(const Phase& phase) {
    std::vector<double> v(kDim);
    return samplers::kinetic_energy(metric, phase.p.data(), kDim, v.data()) - approximations::value_and_gradient(density, phase.q, v);
  }
  models::Funnel model;
  approximations::Density density;
  std::vector<double> state;
  Metric metric;
};

const Phase kStart{{0.4, -0.7, 1.1}, {0.9, -0.2, 0.5}};

double way_back(Dynamics& dynamics, bool last_half) {
  Phase phase = kStart;
  dynamics.run(phase, 0.1, 20, last_half);
  for (double& p : phase.p) p = -p;
  dynamics.run(phase, 0.1, 20, last_half);
  double distance = 0;
  for (std::size_t d = 0; d < kDim; ++d)
    distance = std::max({distance, std::abs(phase.q[d] - kStart.q[d]), std::abs(phase.p[d] + kStart.p[d])});
  return distance;
}

/// |det| of the derivative of 5 steps by central differences.
double volume(Dynamics& dynamics) {
  constexpr double kDelta = 1e-5;
  dense::Matrix jacobian(2 * kDim, 2 * kDim);
  for (Index j = 0; j < 2 * kDim; ++j) {
    Phase sides[2] = {kStart, kStart};
    for (int side = 0; side < 2; ++side) {
      auto& vector = j < kDim ? sides[side].q : sides[side].p;
      vector[static_cast<std::size_t>(j % kDim)] += side == 0 ? kDelta : -kDelta;
      dynamics.run(sides[side], 0.3, 5);
    }
    for (Index i = 0; i < 2 * kDim; ++i) {
      const auto d = static_cast<std::size_t>(i % kDim);
      jacobian(i, j) = ((i < kDim ? sides[0].q[d] : sides[0].p[d]) - (i < kDim ? sides[1].q[d] : sides[1].p[d])) / (2 * kDelta);
    }
  }
  const auto lower = dense::cholesky(dense::product(dense::transposed(jacobian), jacobian));
  return std::exp(dense::log_diagonal(*lower));
}

TEST(Leapfrog, ComesBackWhenTheMomentumIsTurned) {
  for (const MetricKind kind : {MetricKind::unit, MetricKind::diagonal, MetricKind::dense}) {
    Dynamics dynamics(kind);
    EXPECT_LT(way_back(dynamics, true), 1e-11);
    EXPECT_GT(way_back(dynamics, false), 1e-3);  // the twin without its last half step
  }
}

TEST(Leapfrog, KeepsVolume) {
  for (const MetricKind kind : {MetricKind::unit, MetricKind::diagonal, MetricKind::dense}) {
    Dynamics dynamics(kind);
    EXPECT_NEAR(volume(dynamics), 1.0, 1e-6);
  }
}

TEST(Leapfrog, IsOfSecondOrder) {
  for (const MetricKind kind : {MetricKind::unit, MetricKind::diagonal, MetricKind::dense}) {
    Dynamics dynamics(kind);
    const auto error = [&](double size) {
      Phase phase = kStart;
      dynamics.run(phase, size, static_cast<int>(std::lround(0.8 / size)));
      return std::abs(dynamics.energy(phase) - dynamics.energy(kStart));
    };
    EXPECT_NEAR(std::log2(error(0.02) / error(0.01)), 2.0, 0.1);
  }
}

}  // namespace
}  // namespace variscope
