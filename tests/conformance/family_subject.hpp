/// A catalogued family at a member away from every symmetry, with noise to draw from it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/random/stream.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::test {

/// Mean and standard deviation to ask initial() for: within (0, 1) and summing to one over runs of three, so that every family can.
inline std::vector<double> asked_mean(Index dim) {
  std::vector<double> mean;
  for (Index d = 0; d < dim; ++d) mean.push_back(d % 3 == 0 ? 0.2 : d % 3 == 1 ? 0.5 : 0.3);
  return mean;
}
inline std::vector<double> asked_sd(Index dim) {
  std::vector<double> sd;
  for (Index d = 0; d < dim; ++d) sd.push_back(0.5 + 0.1 * static_cast<double>(d % 7));
  return sd;
}

struct FamilySubject {
  FamilySubject(const families::Entry& of, Index dim) : entry(&of), arguments(of.smoke) {
    arguments.dim = dim;
    lambda = entry->initial(arguments, asked_mean(dim), asked_sd(dim));
    const random::Stream stream{21, random::Purpose::testing, 0, 0, 0};
    for (std::size_t p = 0; p < lambda.size(); ++p) lambda[p] += 0.3 * random::normal(stream, static_cast<std::uint32_t>(p));
    family = entry->make(arguments, lambda);
  }
  [[nodiscard]] std::unique_ptr<families::Family> at(const std::vector<double>& other) const { return entry->make(arguments, other); }

  const families::Entry* entry;
  families::Arguments arguments;
  std::vector<double> lambda;
  std::unique_ptr<families::Family> family;
};

/// Noise of `count` columns and what the family makes of it. Padding lanes hold NaN, so that a leak shows.
/// stretch: normals are multiplied by it and shifted by stretch - 1, uniforms raised to it; 1 is the family's own noise.
struct Draws {
  Draws(const families::Family& family, Index count, std::uint32_t task, double stretch = 1.0)
      : noise(family.noise().rows(), count), z(family.dim(), count) {
    for (tiles::Batch* batch : {&noise, &z}) {
      for (Index k = 0; k < batch->size(); ++k) batch->data()[k] = std::numeric_limits<double>::quiet_NaN();
    }
    for (Index s = 0; s < count; ++s) {
      const random::Stream stream{22, random::Purpose::testing, task, 0, static_cast<std::uint32_t>(s)};
      for (Index d = 0; d < noise.dim(); ++d) {
        // Lanes far apart: normals 2j and 2j + 1 are made from both uniforms of their block.
        const auto lane = static_cast<std::uint32_t>(d);
        noise(d, s) = d < family.noise().normals ? stretch * random::normal(stream, lane) + stretch - 1.0
                                                 : std::pow(random::uniform(stream, 1000 + lane), stretch);
      }
    }
    family.sample(noise.view(), z.view());
  }

  tiles::Batch noise;
  tiles::Batch z;
};

}  // namespace variscope::test
