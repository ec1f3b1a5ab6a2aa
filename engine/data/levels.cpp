/// Collecting, sorting and coding levels.
#include "engine/data/levels.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

namespace variscope::data {
namespace {

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Levels::Levels(const std::vector<std::string>& levels) : closed_(true) {
  for (std::size_t k = 0; k < levels.size(); ++k) codes_.emplace(levels[k], static_cast<Index>(k));
}

Index Levels::code(std::string_view text) {
  const auto found = codes_.find(text);
  if (found != codes_.end()) return found->second;
  if (closed_) return -1;
  const Index next = size();
  codes_.emplace(text, next);
  return next;
}

std::vector<std::string> Levels::sorted() const {
  std::vector<std::string> all;
  all.reserve(codes_.size());
  for (const auto& entry : codes_) all.push_back(entry.first);
  std::sort(all.begin(), all.end());
  if (!std::all_of(all.begin(), all.end(), [](const std::string& text) { return whole_number(text).has_value(); })) return all;
  // "07" and "7" are two levels: the texts decide between equal numbers, so that the order is the same everywhere.
  std::stable_sort(all.begin(), all.end(), [](const std::string& a, const std::string& b) { return *whole_number(a) < *whole_number(b); });
  return all;
}

std::string level_text(double value) {
  constexpr double kLargest = 0x1p53;
  if (!(std::fabs(value) <= kLargest) || value != std::floor(value)) return {};
  return std::to_string(static_cast<std::int64_t>(value));
}

}  // namespace variscope::data
