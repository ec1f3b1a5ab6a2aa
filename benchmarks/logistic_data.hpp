/// Synthetic tables for timing: standard normal rows, responses from a logistic model whose linear predictor has unit variance.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/data/standardize.hpp"
#include "engine/data/table.hpp"
#include "engine/random/stream.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::benchmarks {

/// count x dim normals of one purpose: column j of `out` belongs to sample first + j.
inline void fill_noise(std::uint32_t task, Index first, tiles::BatchView out) {
  std::vector<random::Stream> streams(static_cast<std::size_t>(out.blocks() * tiles::kLanes));
  for (std::size_t j = 0; j < streams.size(); ++j)
    streams[j] = {1, random::Purpose::testing, task, static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(j), 0};
  for (Index b = 0; b < out.blocks(); ++b) random::fill_normal(streams.data() + b * tiles::kLanes, out.slice(b, b + 1));
}

/// Numbers of X itself, the zeros behind its rows not counted: what a pass over X has to read at least.
inline std::size_t entries(const data::Table& table) { return static_cast<std::size_t>(table.rows * table.width()); }

inline data::Table logistic_table(Index rows, Index width) {
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < width; ++d) table.columns.push_back(fmt::format("x{}", d));
  table.design.resize(static_cast<std::size_t>(rows * width));
  table.response.resize(static_cast<std::size_t>(rows));
  tiles::Batch coefficients(width, 1);
  fill_noise(1, 0, coefficients.view());
  constexpr Index kTile = 1024;
  tiles::Batch tile;
  for (Index first = 0; first < rows; first += kTile) {
    tile.resize(width, std::min(kTile, rows - first));
    fill_noise(2, first, tile.view());
    for (Index n = 0; n < tile.count(); ++n) {
      double eta = 0;
      for (Index d = 0; d < width; ++d) {
        const double x = tile(d, n);
        table.design[static_cast<std::size_t>((first + n) * width + d)] = x;
        eta += x * coefficients(d, 0) / std::sqrt(static_cast<double>(width));
      }
      const random::Stream coin{1, random::Purpose::testing, 3, static_cast<std::uint32_t>(first + n), 0};
      table.response[static_cast<std::size_t>(first + n)] = random::uniform(coin, 0) < 1 / (1 + std::exp(-eta)) ? 1.0 : 0.0;
    }
  }
  data::align_rows(table);  // as a study's data
  return table;
}

/// Positions as a mean-field family proposes them: 0.1 of a random mean plus scale exp(-2) noise.
inline tiles::Batch positions(Index dim, Index samples) {
  tiles::Batch theta(dim, samples);
  fill_noise(4, 0, theta.view());
  tiles::Batch mean(dim, 1);
  fill_noise(5, 0, mean.view());
  for (Index s = 0; s < theta.blocks() * tiles::kLanes; ++s) {
    for (Index d = 0; d < dim; ++d) theta(d, s) = 0.1 * mean(d, 0) + std::exp(-2.0) * theta(d, s);
  }
  return theta;
}

}  // namespace variscope::benchmarks
