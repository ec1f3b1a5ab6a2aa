/// A catalogued model on its smoke arguments, with a small random table where it takes data.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/random/stream.hpp"

namespace variscope::test {

inline constexpr Index kRows = 300;

/// An intercept and four normal columns, or the intercept alone; response 0/1 or real. Without a response: two normal columns. `held`: the
/// rows kept.
inline data::Table random_table(models::ResponseKind kind, Range held, bool covariates = true) {
  data::Table table;
  table.rows = kRows;
  table.held = held;
  table.columns = {"intercept"};
  if (covariates) table.columns = {"intercept", "a", "b", "c", "d"};
  const bool bare = kind == models::ResponseKind::table;
  if (bare) table.columns = {"a", "b"};
  if (!bare) table.response_name = "y";
  for (Index n = held.first; n < held.last; ++n) {
    const random::Stream stream{5, random::Purpose::testing, 1, 0, static_cast<std::uint32_t>(n)};
    double eta = 0.3;
    if (bare) {
      table.design.push_back(0.4 + random::normal(stream, 0));
      table.design.push_back(0.6 * random::normal(stream, 1) - 1.0);
      continue;
    }
    table.design.push_back(1.0);
    for (std::uint32_t j = 0; j < 4; ++j) {
      const double x = random::normal(stream, j);
      if (!covariates) continue;
      table.design.push_back(x);
      eta += x * (0.8 - 0.5 * j);
    }
    const double u = random::uniform(stream, 10);
    table.response.push_back(kind == models::ResponseKind::binary ? (u < 1.0 / (1.0 + std::exp(-eta)) ? 1.0 : 0.0)
                                                                  : eta + random::normal(stream, 12));
  }
  return table;
}

/// One catalogued model on its smoke arguments, with data if it takes any.
struct Subject {
  explicit Subject(const models::Entry& entry, Range held = {0, kRows}) {
    models::Arguments arguments = entry.smoke;
    if (entry.response != models::ResponseKind::none) {
      table = random_table(entry.response, held, entry.covariates);
      arguments.table = &table;
    }
    model = entry.make(arguments);
  }
  data::Table table;
  std::unique_ptr<models::Model> model;
};

}  // namespace variscope::test
