/// Which random numbers belong to a data row: the same however rows are sharded.
#pragma once

#include "engine/index.hpp"
#include "engine/random/stream.hpp"

namespace variscope::models {

/// The stream of one global row, as Model::simulate_responses promises it.
inline random::Stream row_stream(random::Stream stream, Index row) {
  stream.minor = static_cast<std::uint32_t>(row);
  stream.task += static_cast<std::uint32_t>(row >> 32);
  return stream;
}

}  // namespace variscope::models
