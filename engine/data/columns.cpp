/// Column names: checks and the edit distance behind the suggestions.
#include "engine/data/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "engine/error.hpp"

namespace variscope::data {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Levenshtein distance, case ignored. O(|a| |b|).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = previous[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
    }
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

void check_column_names(const std::vector<std::string>& names, const std::string& place) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (names[c].empty()) {
      throw UserError(
          fmt::format("{}: column {} has no name (of {} columns). Name every column in the header.", place, c + 1, names.size()));
    }
    const auto [before, is_new] = seen.emplace(names[c], c);
    if (!is_new) {
      throw UserError(fmt::format("{}: duplicate column name '{}' (columns {} and {}). Rename one of them.", place, names[c],
                                  before->second + 1, c + 1));
    }
  }
}

Index find_column(const std::vector<std::string>& names, const std::string& name, const std::string& place) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return found - names.begin();
  throw UserError(
      fmt::format("{}: no column '{}' (columns: {}). Did you mean '{}'?", place, name, list_names(names), nearest_name(names, name)));
}

std::string nearest_name(const std::vector<std::string>& candidates, const std::string& name) {
  const auto nearest = std::min_element(candidates.begin(), candidates.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(a, name) < edit_distance(b, name);
  });
  return nearest == candidates.end() ? std::string() : *nearest;
}

std::string list_names(const std::vector<std::string>& names, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), limit); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > limit) text += fmt::format(", ... {} in all", names.size());
  return text;
}

}  // namespace variscope::data
