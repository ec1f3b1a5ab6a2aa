/// Column names of a table: unique, not empty, and found by name with a suggestion when they are not.
#pragma once

#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::data {

/// UserError "place: ..." if a name is empty or occurs twice.
void check_column_names(const std::vector<std::string>& names, const std::string& place);

/// Position of `name`. UserError "place: ..." naming the nearest column if there is none.
Index find_column(const std::vector<std::string>& names, const std::string& name, const std::string& place);

/// The candidate with the smallest edit distance to `name` (case ignored), the first of equals; empty if there are no candidates.
std::string nearest_name(const std::vector<std::string>& candidates, const std::string& name);

/// "20 columns" in short: the names, at most `limit` of them, separated by ", ".
std::string list_names(const std::vector<std::string>& names, std::size_t limit = 8);

}  // namespace variscope::data
