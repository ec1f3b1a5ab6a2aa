/// How far a member of a family is from the target, by quadrature over its base noise: in one or two dimensions.
#pragma once

#include "engine/approximations/density.hpp"
#include "engine/families/family.hpp"

namespace variscope::approximations {

/// Rows of base noise that are integrated over at most.
inline constexpr Index kMostNoiseRows = 2;

/// Points of the grid over so many rows of noise.
[[nodiscard]] Index divergence_points(Index noise_rows);

struct Divergence {
  double elbo = 0;        ///< E_q[log p - log q]: minus KL(q || p), where p is normalised
  double log_square = 0;  ///< E_q[(log q - log p)^2], p as it stands: its constant counts
};

/// Trapezoids in standard normals e from -8.3 to 8.3, 0.1 apart (uniforms are Phi(e)): for densities that are analytic about the path of
/// z(e) the error falls like exp(-2 pi a / 0.1) with the distance a of the nearest singularity (Trefethen and Weideman 2014, SIAM Review
/// 56(3)). A Student t of scale s, say, has one at i sqrt(nu) s: a normal q of sd below sqrt(nu) s has an error below 1e-27. One batch of
/// divergence_points() columns, in the grid's order. family.noise().rows() <= kMostNoiseRows and continuous, else std::invalid_argument.
Divergence divergence(const Density& density, const families::Family& family);

}  // namespace variscope::approximations
