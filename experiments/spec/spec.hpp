/// A spec file: parsed, checked key by key, and expanded into the settings of every cell.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

/// A cell that `[[exclude]]` removed, and why.
struct ExcludedCell {
  std::vector<std::pair<std::string, std::string>> swept;
  std::string reason;
};

/// One cell: its settings and the values of the swept keys that make it differ from its neighbours, in spec order.
struct SpecCell {
  Settings settings;
  std::vector<std::pair<std::string, std::string>> swept;
};

/// Where a value stands, for errors that are found later: "file.toml:12:5".
struct Place {
  std::string file;
  std::string key;
  unsigned line = 0;
  unsigned column = 0;
  [[nodiscard]] std::string text() const;
};

struct Spec {
  std::string file;             ///< as given by the user
  std::string text;             ///< the whole file, byte for byte
  std::vector<SpecCell> cells;  ///< product of all sweeps, last swept key fastest, less the exclusions
  std::vector<ExcludedCell> excluded;
  std::vector<Place> places;  ///< of every key given

  /// "file.toml:12:5" of a key, or "file.toml" if the key was not given.
  [[nodiscard]] std::string where(const std::string& key) const;
};

/// Reads and checks a spec. Any value of a scalar key may be a list (a sweep); a list-valued key is swept by a list of lists.
/// Throws UserError "file:line:column: problem (why). Suggestion." for syntax, unknown keys (with the nearest valid name),
/// wrong types and values out of range. Models and estimators are checked against their catalogues.
Spec read_spec(const std::string& file);
Spec parse_spec(const std::string& text, const std::string& file);

/// Every key of the language with type, default and one line of meaning, for `variscope list keys` and the documentation.
struct KeyDescription {
  std::string key;
  std::string type;
  std::string default_value;
  std::string meaning;
};
std::vector<KeyDescription> describe_keys();

/// Settings as dotted keys and texts, in the order of describe_keys(); the same settings always give the same texts.
std::vector<std::pair<std::string, std::string>> to_pairs(const Settings& settings);

}  // namespace variscope::experiments
