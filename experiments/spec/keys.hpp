/// The table of keys: name, type, range, where the value goes in Settings, and what it means.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "experiments/spec/settings.hpp"

namespace variscope::experiments::detail {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>>;

enum class Type {
  boolean,
  integer,
  rows,  ///< a positive integer or "all", which is 0
  real,
  text,
  reals,   ///< a list of numbers; one number is a list of one
  names,   ///< a list of texts; one text is a list of one
  matrix,  ///< as reals; a list of lists is a matrix, flattened row by row
};

struct Key {
  std::string name;  ///< "path.steps"
  Type type = Type::text;
  std::string meaning;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false;  ///< the minimum itself is refused
  bool power_of_two = false;
  std::vector<std::string> choices;  ///< empty: any text
  bool sweepable = true;
  bool required = false;
  std::function<void(Settings&, const Value&)> set;
  std::function<Value(const Settings&)> get;
  std::function<bool(const models::Entry&)> applies;  ///< to cells of this model; empty: to all
  std::string default_text;                           ///< where Settings{} does not know it (model parameters)

  /// "a whole number of at least 1", for messages and documentation.
  [[nodiscard]] std::string describe_type() const;
};

/// All keys but those of models, in the order of Settings.
const std::vector<Key>& keys();
const Key* find_key(const std::string& name);
/// Whether a study of this kind ("variance", "fit", "sample") takes the key.
bool of_kind(const std::string& key, const std::string& kind);

/// The keys that `[model]` has for one entry.
std::vector<Key> model_keys(const models::Entry& entry);

/// Shortest text that reads back as the same value: "0.05", "[0, 10]", "true", "all" for zero rows.
std::string value_text(const Value& value, Type type);

}  // namespace variscope::experiments::detail
