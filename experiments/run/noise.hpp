/// Base noise of a lane block: normals and uniforms from streams of their own, or from scrambled nets; and the tasks that keep apart what
/// shares a purpose.
#pragma once

#include <array>

#include "engine/families/family.hpp"
#include "engine/random/sobol.hpp"
#include "engine/random/stream.hpp"
#include "experiments/plan/design.hpp"

namespace variscope::experiments {

using LaneStreams = std::array<random::Stream, tiles::kLanes>;

/// Nets and local noise serve several consumers under one purpose: who asks (two bits), which noise set (14), which point (8).
std::uint32_t shared_task(random::Purpose consumer, std::uint32_t point, Index noise_set);

/// One lane block from independent streams, one per column: its first shape.rows() rows.
void fill_independent(const families::NoiseShape& shape, const LaneStreams& streams, tiles::BatchView noise);
/// Uniforms [first, last) of the block, behind the shape's normals: those that a shape of as many uniforms has.
void fill_uniforms(const families::NoiseShape& shape, Range uniforms, const LaneStreams& streams, tiles::BatchView noise);
/// One lane block of points of nets; streams[c].minor is the point.
void fill_net(const families::NoiseShape& shape, const random::ScrambledSobol& net, const LaneStreams& streams, tiles::BatchView noise);

}  // namespace variscope::experiments
