/// Texts as gnuplot reads them.
#pragma once

#include <string>

namespace variscope::experiments {

/// A text inside gnuplot's single quotes.
std::string single_quoted(const std::string& text);
/// A tick label: gnuplot takes a '%' in it for a number format.
std::string tick_label(const std::string& text);
/// A heading inside double quotes, broken in two at the comma nearest to its middle if it is longer than 70 bytes.
std::string two_lines(const std::string& text);

}  // namespace variscope::experiments
