/// Words that a POSIX shell or a scheduler's directive takes as they are meant.
#include "cluster/schedulers/shell.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

bool alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool letter(char c) { return alphanumeric(c) && !(c >= '0' && c <= '9'); }

/// Special in no place of a shell command.
bool harmless(char c) { return alphanumeric(c) || std::string_view("_./:,@%+-").find(c) != std::string_view::npos; }

}  // namespace

std::string quote(std::string_view word) {
  // "NAME=value" in front of a command would be an assignment, so '=' is harmless only behind an option.
  const bool option = word.starts_with("--");
  const bool bare = !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) { return harmless(c) || (option && c == '='); });
  if (bare) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::string quote_line(const Words& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + quote(word);
  return line;
}

std::string quote_lines(const Words& words, std::string_view indent) {
  constexpr std::size_t width = 120;
  std::string text;
  std::size_t column = 0;
  for (const std::string& word : words) {
    const std::string quoted = quote(word);
    if (!text.empty() && column + quoted.size() + 3 > width) {
      text += fmt::format(" \\\n{}", indent);
      column = indent.size();
    } else if (!text.empty()) {
      text += ' ';
      ++column;
    }
    text += quoted;
    column += quoted.size();
  }
  return text;
}

const std::string& plain(const std::string& what, const std::string& text) {
  constexpr std::string_view special = "'\"\\$#;`";
  const auto bad = [&](char c) { return c <= ' ' || c > '~' || special.find(c) != std::string_view::npos; };
  if (std::any_of(text.begin(), text.end(), bad) || text.starts_with('-')) {
    throw UserError(
        fmt::format("{} '{}': not a word that a scheduler takes (no blanks, quotes, line breaks, $, #, ;, \\ or ` in it, no - in front). "
                    "Use a plain name.",
                    what, one_line(text)));
  }
  return text;
}

std::string job_name(std::string_view text, std::size_t longest) {
  std::string name;
  for (const char c : text) {
    const bool kept = alphanumeric(c) || c == '.' || c == '_' || c == '-';
    // Of a character of several bytes one underscore is left.
    const bool continued = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continued) name += kept ? c : '_';
  }
  if (name.empty() || !letter(name.front())) name.insert(0, "v");
  return name.substr(0, longest);
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace variscope::cluster
