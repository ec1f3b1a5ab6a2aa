/// Levels of a categorical column: found in one pass, sorted, and then the codes of its cells.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/index.hpp"

namespace variscope::data {

/// Either open, collecting what it is shown, or closed over known levels. Memory O(levels).
class Levels {
 public:
  /// Open.
  Levels() = default;
  /// Closed: code k is levels[k].
  explicit Levels(const std::vector<std::string>& levels);

  /// The level's code. Open: its place in the order of appearance, a new level being taken in. Closed: -1 if there is no such level.
  Index code(std::string_view text);
  [[nodiscard]] Index size() const { return static_cast<Index>(codes_.size()); }
  /// All levels: as numbers if all of them are whole numbers, byte by byte otherwise. The same whatever the order of appearance.
  [[nodiscard]] std::vector<std::string> sorted() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Index, Hash, std::equal_to<>> codes_;
  bool closed_ = false;
};

/// Text of a level that a file holds as a number: "3". Empty if the number is not whole.
std::string level_text(double value);

}  // namespace variscope::data
