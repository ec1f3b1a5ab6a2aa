/// Quotes, blanks and numbers of one line.
#include "engine/data/csv_cell.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace variscope::data::detail {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string shown(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 40)) out += std::iscntrl(static_cast<unsigned char>(c)) != 0 ? '?' : c;
  return out + (text.size() > 40 ? "...'" : "'");
}

CellReader::Outcome CellReader::next(std::string_view& cell) {
  if (done_) return Outcome::end;
  std::size_t start = at_;
  while (start < line_.size() && blank(line_[start])) ++start;
  if (start < line_.size() && line_[start] == '"') return next_quoted(start + 1, cell);
  const std::size_t stop_at = line_.find(separator_, start);
  done_ = stop_at == std::string_view::npos;
  const std::size_t stop = done_ ? line_.size() : stop_at;
  cell = trim(line_.substr(start, stop - start));
  at_ = stop + 1;
  return Outcome::cell;
}

CellReader::Outcome CellReader::next_quoted(std::size_t start, std::string_view& cell) {
  unescaped_.clear();
  std::size_t from = start;
  for (;;) {
    const std::size_t quote = line_.find('"', from);
    if (quote == std::string_view::npos) return Outcome::open_quote;
    unescaped_.append(line_.substr(from, quote - from));
    from = quote + 1;
    if (from >= line_.size() || line_[from] != '"') break;
    unescaped_ += '"';  // a doubled quote stands for one
    ++from;
  }
  while (from < line_.size() && blank(line_[from])) ++from;
  if (from < line_.size() && line_[from] != separator_) return Outcome::text_after_quote;
  done_ = from >= line_.size();
  at_ = from + 1;
  cell = trim(unescaped_);
  return Outcome::cell;
}

CellKind parse_cell(std::string_view cell, double& value) {
  constexpr std::array<std::string_view, 6> kMissing = {"na", "n/a", "null", "none", "?", "."};
  if (cell.empty() || std::any_of(kMissing.begin(), kMissing.end(), [&](std::string_view word) { return same_word(cell, word); })) {
    return CellKind::missing;
  }
  std::string_view digits = cell;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (stop != digits.data() + digits.size() || error == std::errc::invalid_argument) return CellKind::text;
  if (error == std::errc::result_out_of_range) {
    // from_chars does not say which end was passed; strtod does.
    value = std::strtod(std::string(digits).c_str(), nullptr);
    return std::isinf(value) ? CellKind::too_large : CellKind::number;
  }
  return std::isfinite(value) ? CellKind::number : CellKind::not_finite;
}

}  // namespace variscope::data::detail
