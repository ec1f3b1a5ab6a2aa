/// Tasks that keep consumers apart, and lane blocks of noise: the right numbers, independent of each other, in any lane.
#include "experiments/run/noise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <stdexcept>

namespace variscope::experiments {
namespace {

using random::Purpose;

TEST(SharedTask, IsDistinctForEveryConsumerPointAndNoiseSet) {
  std::set<std::uint32_t> tasks;
  std::size_t made = 0;
  for (const Purpose consumer : {Purpose::replicate_noise, Purpose::training_noise, Purpose::component_noise, Purpose::path_noise}) {
    for (std::uint32_t point = 0; point < kMostPoints; ++point) {
      for (const Index noise_set : {Index{0}, Index{1}, Index{2}, Index{255}, Index{256}, Index{4095}, Index{4096}, kMostNoiseSets - 1}) {
        const std::uint32_t task = shared_task(consumer, point, noise_set);
        EXPECT_LT(task, 1U << 24);  // what a stream keeps of it
        tasks.insert(task);
        ++made;
      }
    }
  }
  EXPECT_EQ(tasks.size(), made);
}

TEST(SharedTask, RefusesWhatItCannotTellApart) {
  EXPECT_THROW((void)shared_task(Purpose::replicate_noise, kMostPoints, 0), std::logic_error);
  EXPECT_THROW((void)shared_task(Purpose::replicate_noise, 0, kMostNoiseSets), std::logic_error);
}

LaneStreams streams_from(std::uint32_t first) {
  LaneStreams streams;
  for (std::uint32_t c = 0; c < tiles::kLanes; ++c) streams[c] = {3, Purpose::testing, 1, 5, first + c};
  return streams;
}

tiles::Batch independent(const families::NoiseShape& shape, const LaneStreams& streams, Index count) {
  tiles::Batch noise(shape.rows(), count);
  fill_independent(shape, streams, noise.view());
  return noise;
}

TEST(IndependentNoise, NormalsAreThoseOfTheStreamAndUniformsLieInside) {
  for (const families::NoiseShape shape : {families::NoiseShape{4, 0}, {3, 2}, {0, 5}, {1, 1}, {2, 7}}) {
    const LaneStreams streams = streams_from(20);
    const tiles::Batch noise = independent(shape, streams, tiles::kLanes);
    for (Index c = 0; c < tiles::kLanes; ++c) {
      std::set<double> uniforms;
      for (Index d = 0; d < shape.normals; ++d)
        EXPECT_EQ(noise(d, c), random::normal(streams[static_cast<std::size_t>(c)], static_cast<std::uint32_t>(d)));
      for (Index d = shape.normals; d < shape.rows(); ++d) {
        EXPECT_GT(noise(d, c), 0);
        EXPECT_LT(noise(d, c), 1);
        uniforms.insert(noise(d, c));
      }
      EXPECT_EQ(static_cast<Index>(uniforms.size()), shape.uniforms);
    }
  }
}

TEST(IndependentNoise, AColumnIsTheSameInAnyLaneAndWidth) {
  const families::NoiseShape shape{3, 2};
  const LaneStreams streams = streams_from(40);
  const tiles::Batch all = independent(shape, streams, tiles::kLanes);
  for (std::size_t c = 0; c < streams.size(); ++c) {
    LaneStreams moved = streams_from(90);
    moved[(c + 3) % 5] = streams[c];
    const tiles::Batch few = independent(shape, moved, 5);
    for (Index d = 0; d < shape.rows(); ++d) EXPECT_EQ(few(d, static_cast<Index>((c + 3) % 5)), all(d, static_cast<Index>(c)));
  }
}

TEST(IndependentNoise, ExtraUniformsAreThoseOfAShapeThatHasThemAll) {
  for (const families::NoiseShape shape : {families::NoiseShape{4, 0}, {3, 2}, {0, 1}}) {
    const LaneStreams streams = streams_from(60);
    const families::NoiseShape wide{shape.normals, shape.uniforms + 5};
    const tiles::Batch whole = independent(wide, streams, tiles::kLanes);
    tiles::Batch parts(wide.rows(), tiles::kLanes);
    fill_independent(shape, streams, parts.view());
    fill_uniforms(shape, {shape.uniforms, wide.uniforms}, streams, parts.view());
    for (Index c = 0; c < tiles::kLanes; ++c) {
      for (Index d = 0; d < wide.rows(); ++d) EXPECT_EQ(parts(d, c), whole(d, c)) << d;
    }
  }
}

TEST(IndependentNoise, UniformsShareNothingWithTheNormals) {
  // Box and Muller make a normal of a radius and an angle 2 pi u: a uniform that is that angle shows in the mean of eps cos(2 pi u), which
  // is zero for independent ones. Each product has variance 1/2. |z| > 5: once in 1.7 million.
  for (const Index normals : {1, 2, 3, 4, 5}) {
    const families::NoiseShape shape{normals, 2};
    std::vector<double> sums(static_cast<std::size_t>(2 * normals), 0.0);
    double twin = 0;
    const Index blocks = 2500;
    for (Index b = 0; b < blocks; ++b) {
      const LaneStreams streams = streams_from(static_cast<std::uint32_t>(8 * b));
      const tiles::Batch noise = independent(shape, streams, tiles::kLanes);
      for (Index c = 0; c < tiles::kLanes; ++c) {
        for (Index d = 0; d < normals; ++d) {
          for (Index u = 0; u < 2; ++u)
            sums[static_cast<std::size_t>(2 * d + u)] += noise(d, c) * std::cos(2 * std::numbers::pi * noise(normals + u, c));
        }
        // The next lane behind an odd number of normals: what must not be used.
        const double angle = random::uniform(streams[static_cast<std::size_t>(c)], static_cast<std::uint32_t>(normals));
        twin += noise(normals - 1, c) * std::cos(2 * std::numbers::pi * angle);
      }
    }
    const double error = std::sqrt(static_cast<double>(blocks * tiles::kLanes) / 2);
    for (const double sum : sums) EXPECT_LT(std::abs(sum) / error, 5) << normals << " normals";
    if (normals % 2 == 1) {
      EXPECT_GT(std::abs(twin) / error, 20) << normals << " normals";
    }
  }
}

TEST(NetNoise, IsTheNetsPointsNormalsFirst) {
  for (const families::NoiseShape shape : {families::NoiseShape{4, 0}, {3, 2}, {0, 5}, {1, 1}}) {
    const random::ScrambledSobol net(shape.rows(), 32);
    const LaneStreams streams = streams_from(8);
    tiles::Batch noise(shape.rows(), tiles::kLanes);
    tiles::Batch uniforms(shape.rows(), tiles::kLanes);
    tiles::Batch normals(shape.rows(), tiles::kLanes);
    fill_net(shape, net, streams, noise.view());
    net.fill_uniform(streams.data(), uniforms.view());
    net.fill_normal(streams.data(), normals.view());
    for (Index c = 0; c < tiles::kLanes; ++c) {
      for (Index d = 0; d < shape.rows(); ++d) EXPECT_EQ(noise(d, c), d < shape.normals ? normals(d, c) : uniforms(d, c));
    }
  }
}

}  // namespace
}  // namespace variscope::experiments
