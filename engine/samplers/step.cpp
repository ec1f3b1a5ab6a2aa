/// Random vectors of a chain, eight streams side by side.
#include "engine/samplers/step.hpp"

#include <array>

namespace variscope::samplers {

void Step::normals(random::Purpose purpose, std::uint32_t set, Index dim, double* out) const {
  std::array<random::Stream, tiles::kLanes> streams;
  for (std::uint32_t c = 0; c < streams.size(); ++c) streams[c] = stream(purpose, 8 * set + c);
  random::fill_normal(streams.data(), {out, (dim + tiles::kLanes - 1) / tiles::kLanes, tiles::kLanes});
}

}  // namespace variscope::samplers
