/// A spec file whose every key is known and every value of the right type and range, before sweeps are expanded.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/spec/keys.hpp"
#include "experiments/spec/node.hpp"

namespace variscope::experiments::detail {

struct Alternative {
  Value value;
  Position at;
};

/// A key that the file gives. Swept keys have several alternatives (or a list of one).
struct Given {
  Key key;
  Position at;
  bool swept = false;
  std::vector<Alternative> alternatives;
};

/// One `[[exclude]]`: cells in which every key has one of the texts.
struct Exclusion {
  struct Condition {
    std::string key;
    std::vector<std::string> texts;
  };
  Position at;
  std::string reason;
  std::vector<Condition> conditions;
};

struct Document {
  std::string file;
  std::vector<Given> givens;  ///< in the order of the file
  std::vector<Exclusion> exclusions;

  /// nullptr if the file does not give it.
  [[nodiscard]] const Given* find(const std::string& key) const;
};

/// Throws UserError.
Document read_document(const std::string& text, const std::string& file);

/// One value of a key (not a sweep of it). Throws UserError.
Value read_value(const Key& key, const Node& node, const std::string& file);
/// All values that a key is given.
Given read_given(const Key& key, const Member& member, const std::string& file);
/// Adds the `[[exclude]]` tables of `node`; the document must hold all keys already.
void read_exclusions(const Node& node, Document& document);

}  // namespace variscope::experiments::detail
