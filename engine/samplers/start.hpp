/// Where chains start.
#pragma once

#include <vector>

#include "engine/approximations/density.hpp"
#include "engine/models/model.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

/// uniform: every coordinate uniform in (-radius, radius), Stan's way; given: values; prior: draws from the model's prior.
enum class StartKind { uniform, given, prior };

struct Start {
  StartKind kind = StartKind::uniform;
  double radius = 2;
  std::vector<double> given{};  ///< unconstrained: dim entries for all chains, or [start x dim]; for StartKind::given
  Index chains_per_start = 1;   ///< consecutive chains that share a start: superchains of nested R-hat
  int attempts = 100;           ///< draws before giving up; given values have one
};

/// Chains `range` of the run, each at a place where log density and gradient are finite, with the sampler's state before iteration 0. A
/// start is a function of (seed, chain / chains_per_start, attempt). Throws UserError, naming the parameter that is to blame where one is,
/// if there is no such place, given values do not suffice, or the model cannot be drawn from its prior.
/// Cost: one density a chain and attempt.
std::vector<Chain> start_chains(const Sampler& sampler, const approximations::Density& density, const models::Model& model, const Run& run,
                                const Start& start, Range range);

/// Sets log density and gradient (if the sampler uses it) of chains whose positions stand: one batch.
void evaluate_chains(const Sampler& sampler, const approximations::Density& density, std::span<Chain> chains);

}  // namespace variscope::samplers
