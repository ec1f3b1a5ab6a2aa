/// Columns share what the narrow ones leave over.
#include "experiments/command/text_table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace variscope::experiments {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeast = 12;  ///< characters of a column that is broken

/// Characters, not bytes: names and sources are UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string::npos) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

/// Lines of at most `width` characters, broken at blanks; a longer word has a line of its own.
std::vector<std::string> lines_of(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return {text};
  std::vector<std::string> lines;
  std::size_t filled = 0;
  for (const std::string& word : words_of(text)) {
    const std::size_t more = width_of(word);
    if (lines.empty() || filled + 1 + more > width) {
      lines.push_back(word);
      filled = more;
    } else {
      lines.back() += " " + word;
      filled += 1 + more;
    }
  }
  return lines;
}

/// The widest columns are narrowed to what is left of `width`, shared evenly among them.
void narrow(std::vector<std::size_t>& widths, std::size_t width) {
  const std::size_t gaps = kGap * (widths.size() - 1);
  std::vector<std::size_t> ascending = widths;
  std::sort(ascending.begin(), ascending.end());
  std::size_t left = width > gaps ? width - gaps : 0;
  for (std::size_t k = 0; k < ascending.size(); ++k) {
    const std::size_t share = left / (ascending.size() - k);
    if (ascending[k] > share) {
      for (std::size_t& w : widths) {
        if (w >= ascending[k]) w = std::min(w, std::max(share, kLeast));
      }
      return;
    }
    left -= ascending[k];
  }
}

}  // namespace

std::size_t output_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* text = std::getenv("COLUMNS");
  if (text == nullptr) return 0;
  const long columns = std::strtol(text, nullptr, 10);
  return columns > 0 ? static_cast<std::size_t>(columns) : 0;
}

std::string text_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows, std::size_t width) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < headings.size(); ++c) {
    widths.push_back(width_of(headings[c]));
    for (const auto& row : rows) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  if (width > 0) narrow(widths, width);
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (std::size_t c = 0; c < row.size(); ++c) {
      cells.push_back(lines_of(row[c], widths[c]));
      height = std::max(height, cells.back().size());
    }
    for (std::size_t k = 0; k < height; ++k) {
      std::string line;
      std::size_t start = 0;  // of the column
      for (std::size_t c = 0; c < cells.size(); ++c) {
        if (k < cells[c].size() && !cells[c][k].empty()) {
          const std::size_t filled = width_of(line);
          const std::size_t least = line.empty() ? 0 : 1;  // behind a word that does not fit its column
          line += std::string(start > filled + least ? start - filled : least, ' ') + cells[c][k];
        }
        start += widths[c] + kGap;
      }
      text += line + "\n";
    }
  };
  add(headings);
  std::vector<std::string> rules;
  for (const std::size_t w : widths) rules.emplace_back(w, '-');
  add(rules);
  for (const auto& row : rows) add(row);
  return text;
}

}  // namespace variscope::experiments
