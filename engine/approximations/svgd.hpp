/// Stein variational gradient descent: particles that climb the density and repel each other.
#pragma once

#include <span>

#include "engine/dense.hpp"
#include "engine/index.hpp"

namespace variscope::approximations {

/// Median of the distances between particles (rows of x), squared, over log n: the kernel's h, with which a particle's weights add up to
/// about 2. 1 for a single particle or where all lie together. Liu and Wang 2016, section 5. O(n^2 dim).
double median_bandwidth(const dense::Matrix& x);

/// Row i - particles.first of `direction` (particles.size() x dim) becomes
///   phi_i = 1/n sum_j [k(x_j, x_i) grad log p(x_j) + grad_{x_j} k(x_j, x_i)],  k(x, y) = exp(-|x - y|^2 / h),
/// for i in `particles`; x, gradient: n x dim, all particles; h > 0. As products K G and K X, each sum in the order of j: the same bits
/// however the particles are divided among ranks or threads. One particle: the gradient. Source: Liu and Wang 2016 (NeurIPS), equation 8.
/// To be ascended by any optimizer, the particles' coordinates being its parameters. O(particles n dim) time, O(particles n) memory.
void svgd_direction(const dense::Matrix& x, const dense::Matrix& gradient, double h, Range particles, dense::Matrix& direction);

}  // namespace variscope::approximations
