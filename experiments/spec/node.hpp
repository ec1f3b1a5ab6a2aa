/// A parsed TOML file as a plain tree in the order of the file, every value with its place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace variscope::experiments::detail {

struct Position {
  unsigned line = 0;
  unsigned column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

enum class NodeKind { boolean, integer, real, text, array, table, date };

struct Member;

struct Node {
  NodeKind kind = NodeKind::table;
  Position at;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Node> items;      ///< of an array
  std::vector<Member> members;  ///< of a table, in the order of the file
};

struct Member {
  std::string key;
  Position at;
  Node value;
};

/// Throws UserError "file:line:column: ..." where the text is not TOML.
Node parse_toml(const std::string& text, const std::string& file);

/// The text with whole numbers at dotted keys set or added ("replicates.count"), as TOML that means the same otherwise; comments are lost.
/// Throws UserError as parse_toml, and naming the key where something else than a whole number stands there.
std::string with_integers(const std::string& text, const std::string& file,
                          const std::vector<std::pair<std::string, std::int64_t>>& values);

/// "a whole number", "a list", ...
std::string_view kind_name(NodeKind kind);

/// Throws UserError "file:line:column: problem (why). Suggestion". `why` and `suggestion` may be empty; always one line.
[[noreturn]] void fail(const std::string& file, Position at, const std::string& problem, const std::string& why,
                       const std::string& suggestion);

}  // namespace variscope::experiments::detail
