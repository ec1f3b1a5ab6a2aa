/// The leapfrog step in two halves, between which the gradient at q is asked for.
#pragma once

#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

/// p += step_size / 2 g.
inline void kick(double half_step, const double* g, Index dim, double* p) {
  for (Index d = 0; d < dim; ++d) p[d] += half_step * g[d];
}

/// p += step_size / 2 g; v = Sigma p; q += step_size v. Then: the gradient at q, and kick(). Reversible and of volume 1.
inline void kick_and_drift(const Metric& metric, double step_size, const double* g, Index dim, double* q, double* p, double* v) {
  const double half = 0.5 * step_size;
  switch (metric.kind()) {
    case MetricKind::unit:
      for (Index d = 0; d < dim; ++d) {
        p[d] += half * g[d];
        q[d] += step_size * p[d];
      }
      break;
    case MetricKind::diagonal: {
      const double* sigma = metric.sigma();
      for (Index d = 0; d < dim; ++d) {
        p[d] += half * g[d];
        q[d] += step_size * (sigma[d] * p[d]);
      }
      break;
    }
    case MetricKind::dense:
      kick(half, g, dim, p);
      metric.velocity(p, v);
      for (Index d = 0; d < dim; ++d) q[d] += step_size * v[d];
      break;
  }
}

/// p^T Sigma p / 2. v becomes Sigma p where Sigma is dense, and is left alone elsewhere.
inline double kinetic_energy(const Metric& metric, const double* p, Index dim, double* v) {
  switch (metric.kind()) {
    case MetricKind::unit:
      return 0.5 * dot(p, p, dim);
    case MetricKind::diagonal:
      return 0.5 * weighted_square(metric.sigma(), p, dim);
    case MetricKind::dense:
      break;
  }
  metric.velocity(p, v);
  return 0.5 * dot(p, v, dim);
}

}  // namespace variscope::samplers
