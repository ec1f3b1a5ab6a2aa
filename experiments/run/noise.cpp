/// Filling lane blocks of noise.
#include "experiments/run/noise.hpp"

#include <algorithm>
#include <stdexcept>

namespace variscope::experiments {

std::uint32_t shared_task(random::Purpose consumer, std::uint32_t point, Index noise_set) {
  std::uint32_t who = 0;
  switch (consumer) {
    case random::Purpose::replicate_noise:
      break;
    case random::Purpose::training_noise:
      who = 1;
      break;
    case random::Purpose::component_noise:
      who = 2;
      break;
    default:  // fits: paths, optima and references draw neither nets nor noise of rows
      who = 3;
  }
  if (point >= kMostPoints || noise_set >= kMostNoiseSets)
    throw std::logic_error("shared_task: more points or noise sets than a task can tell apart");
  return who << 22 | static_cast<std::uint32_t>(noise_set) << 8 | point;
}

void fill_independent(const families::NoiseShape& shape, const LaneStreams& streams, tiles::BatchView noise) {
  // In a single block the normals' rows come first, as a batch of their own.
  if (shape.normals > 0) random::fill_normal(streams.data(), {noise.data, shape.normals, noise.count});
  fill_uniforms(shape, {0, shape.uniforms}, streams, noise);
}

void fill_uniforms(const families::NoiseShape& shape, Range uniforms, const LaneStreams& streams, tiles::BatchView noise) {
  // Lanes 2j and 2j + 1 share a counter, and a normal takes both halves of it: uniforms begin at the next even lane.
  const Index first_lane = (shape.normals + 1) / 2 * 2;
  for (Index d = uniforms.first; d < uniforms.last; ++d) {
    for (Index c = 0; c < noise.count; ++c) {
      noise(shape.normals + d, c) = random::uniform(streams[static_cast<std::size_t>(c)], static_cast<std::uint32_t>(first_lane + d));
    }
  }
}

void fill_net(const families::NoiseShape& shape, const random::ScrambledSobol& net, const LaneStreams& streams, tiles::BatchView noise) {
  if (shape.uniforms == 0) return net.fill_normal(streams.data(), noise);
  net.fill_uniform(streams.data(), noise);
  if (shape.normals == 0) return;
  thread_local tiles::Batch normals;
  normals.resize(shape.normals, tiles::kLanes);
  net.fill_normal(streams.data(), {normals.data(), shape.normals, noise.count});
  std::copy_n(normals.data(), shape.normals * tiles::kLanes, noise.data);
}

}  // namespace variscope::experiments
