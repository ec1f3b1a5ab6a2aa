/// The dense Gaussian target with a chosen condition number: eigenvalues in geometric progression, eigenvectors turned at random.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/models/catalogue.hpp"

namespace variscope::models {

/// A precision matrix (dim x dim, row by row) with eigenvalues condition^(k / (dim - 1)), k = 0 .. dim - 1: variances from 1 down to
/// 1 / condition. Its eigenvectors are a rotation drawn uniformly (Haar) by the seed; seed 0: the axes, largest variance first.
/// The smallest eigenvalue is right to about condition times epsilon. Throws UserError if dim < 1, or condition is outside [1, 1e10], or
/// dim = 1 and condition is not 1. Cost O(dim^3), once.
/// Source: Stewart 1980, SIAM J. Numer. Anal. 17(3): uniform rotations as products of Householder reflections.
std::vector<double> conditioned_precision(Index dim, double condition, std::uint64_t seed);

Entry conditioned_gaussian_entry();

}  // namespace variscope::models
