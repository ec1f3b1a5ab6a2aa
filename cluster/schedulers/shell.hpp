/// Words that a POSIX shell or a scheduler's directive takes as they are meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace variscope::cluster {

using Words = std::vector<std::string>;

/// The word as a shell reads back exactly its bytes: bare where nothing in it is special, else in single quotes. A line break stays one.
/// Source: POSIX.1-2017, Shell Command Language 2.2.
std::string quote(std::string_view word);
/// quote() of each, separated by spaces.
std::string quote_line(const Words& words);
/// As quote_line, but broken with `\` into lines of about 120 characters, which begin with `indent`.
std::string quote_lines(const Words& words, std::string_view indent);

/// The text, if it may stand in a directive or an option value: printable ASCII without blanks, quotes, `\`, `$`, `#`, `;` and backquotes,
/// and not beginning with '-'. UserError naming `what` otherwise.
const std::string& plain(const std::string& what, const std::string& text);

/// A name for a job made of any text: letters, digits, '.', '_' and '-', others become '_'; begins with a letter; at most `longest`
/// characters.
std::string job_name(std::string_view text, std::size_t longest = 64);

/// One line without control characters, for comments and messages.
std::string one_line(std::string_view text);

}  // namespace variscope::cluster
