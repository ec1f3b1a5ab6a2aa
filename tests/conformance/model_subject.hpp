/// A catalogued model on its smoke arguments, with a small random table where it takes data.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/random/stream.hpp"

namespace variscope::test {

inline constexpr Index kRows = 300;
/// Of a model whose rows cannot be divided: its cost may grow with their cube.
inline constexpr Index kFewRows = 20;

/// An intercept and four normal columns, or the intercept alone; response 0/1, real, a count or one of three categories. Beside it the
/// columns "exposure" (real), "trials" (no smaller than a count) and "clinic" (a group of six). Without a response: two normal columns and
/// nothing else. `held`: the rows kept, of `rows`.
inline data::Table random_table(models::ResponseKind kind, Range held, bool covariates = true, Index rows = kRows) {
  // Every process that is to run a single test asks for hundreds of these, to find the names of all tests.
  static std::map<std::tuple<models::ResponseKind, Index, Index, bool, Index>, data::Table> made;
  data::Table& table = made[{kind, held.first, held.last, covariates, rows}];
  if (table.rows > 0) return table;
  table.rows = rows;
  table.held = held;
  table.columns = {"intercept"};
  if (covariates) table.columns = {"intercept", "a", "b", "c", "d"};
  const bool bare = kind == models::ResponseKind::table;
  if (bare) table.columns = {"a", "b"};
  if (!bare) {
    table.response_name = "y";
    table.side_columns = {{"exposure", {}, {}}, {"trials", {}, {}}, {"clinic", {}, {"c0", "c1", "c2", "c3", "c4", "c5"}}};
  }
  if (kind == models::ResponseKind::category) table.response_levels = {"low", "middle", "high"};
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
    const double z = random::normal(stream, 12);
    double y = eta + z;
    if (kind == models::ResponseKind::binary) y = u < 1.0 / (1.0 + std::exp(-eta)) ? 1.0 : 0.0;
    if (kind == models::ResponseKind::count) y = std::floor(std::exp(0.4 * eta + 0.5 * z) + u);
    if (kind == models::ResponseKind::category) y = std::clamp(std::floor(0.7 * eta + 0.7 * z + 3 * u), 0.0, 2.0);
    table.response.push_back(y);
    table.side_columns[0].values.push_back(0.3 * random::normal(stream, 14));
    table.side_columns[1].values.push_back(std::max(1.0, std::floor(y) + std::floor(5 * random::uniform(stream, 16))));
    table.side_columns[2].values.push_back(std::floor(6 * random::uniform(stream, 18)));
  }
  return table;
}

/// Every catalogued model by its name, and every variant as "name_variant", an entry whose smoke arguments are the variant's.
inline const std::vector<models::Entry>& configurations() {
  static const std::vector<models::Entry> all = [] {
    std::vector<models::Entry> list;
    for (const models::Entry& entry : models::catalogue()) {
      list.push_back(entry);
      for (const models::Variant& variant : entry.variants) {
        models::Entry& further = list.emplace_back(entry);
        further.name += "_" + variant.name;
        further.smoke = variant.smoke;
      }
    }
    for (models::Entry& entry : list) {
      if (entry.response_of) entry.response = entry.response_of(entry.smoke);
    }
    return list;
  }();
  return all;
}

inline std::vector<std::string> configuration_names() {
  std::vector<std::string> names;
  for (const models::Entry& entry : configurations()) names.push_back(entry.name);
  return names;
}

inline const models::Entry& configuration(const std::string& name) {
  for (const models::Entry& entry : configurations()) {
    if (entry.name == name) return entry;
  }
  ADD_FAILURE() << "no configuration " << name;
  return configurations().front();
}

/// Whether the model is a sum over the rows of a table.
inline bool takes_rows(const models::Entry& entry) { return entry.response != models::ResponseKind::none && entry.divisible; }

/// One catalogued model on its smoke arguments, with data if it takes any.
struct Subject {
  explicit Subject(const models::Entry& entry, Range held = {0, kRows}) {
    models::Arguments arguments = entry.smoke;
    if (entry.response != models::ResponseKind::none) {
      table = entry.divisible ? random_table(entry.response, held, entry.covariates)
                              : random_table(entry.response, {0, kFewRows}, entry.covariates, kFewRows);
      arguments.table = &table;
    }
    model = entry.make(arguments);
  }
  data::Table table;
  std::unique_ptr<models::Model> model;
};

}  // namespace variscope::test
