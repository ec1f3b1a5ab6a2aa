/// Texts as gnuplot reads them.
#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

std::string single_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    result += c;
    if (c == '\'') {
      result += c;
    }
  }
  return result + "'";
}

std::string tick_label(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '%') {
      result += c;
    }
  }
  return single_quoted(result);
}

std::string two_lines(const std::string& text) {
  constexpr std::size_t narrow = 70;
  std::size_t cut = std::string::npos;
  for (std::size_t i = text.find(", "); text.size() > narrow && i != std::string::npos; i = text.find(", ", i + 1)) {
    const auto off = [&](std::size_t place) { return place > text.size() / 2 ? place - text.size() / 2 : text.size() / 2 - place; };
    if (cut == std::string::npos || off(i) < off(cut)) {
      cut = i;
    }
  }
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (cut != std::string::npos && i == cut + 1) {
      result += "\\n";
      continue;
    }
    if (text[i] == '"' || text[i] == '\\') {
      result += '\\';
    }
    result += text[i];
  }
  return result + "\"";
}

}  // namespace variscope::experiments
