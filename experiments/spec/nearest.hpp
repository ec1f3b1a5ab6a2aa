/// The valid name that a mistyped one most probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace variscope::experiments {

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other, letter case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The closest of `valid`, or empty if none is within a third of the longer word's length (at least 2 edits; 1 for words below 4 letters).
std::string nearest(std::string_view word, const std::vector<std::string>& valid);

/// " Did you mean 'x'?", to follow a sentence; empty if nothing is near.
std::string suggest(std::string_view word, const std::vector<std::string>& valid);

/// "a, b, c"
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace variscope::experiments
