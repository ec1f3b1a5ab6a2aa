/// Starts of chains that have to be found before they run: the mode, or draws of Pathfinder's approximation.
#pragma once

#include <vector>

#include "engine/approximations/density.hpp"
#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

/// [start x dim], or [dim] of the mode, by a search from 0. Collective over whoever evaluates the density. Throws UserError if the search
/// comes to no such place. Cost: the search's gradients; they are no part of what samplers are charged with.
std::vector<double> found_starts(const Settings& settings, const approximations::Density& density);

}  // namespace variscope::experiments
