/// How a number and its interval are written.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::Reliability;

/// "1.23e-07" -> "1.23e-7", "1.23e+05" -> "1.23e5".
std::string short_exponent(const std::string& text) {
  const std::size_t e = text.find('e');
  if (e == std::string::npos) {
    return text;
  }
  return text.substr(0, e) + "e" + fmt::to_string(std::stoi(text.substr(e + 1)));
}

std::string mark_of(Reliability reliability) {
  switch (reliability) {
    case Reliability::heavy_tails:
      return "†";
    case Reliability::unstable_maximum:
      return "‡";
    case Reliability::too_few:
      return "§";
    default:
      return "";
  }
}

}  // namespace

std::string format_number(double value, int digits) {
  if (!std::isfinite(value)) {
    return "n/a";
  }
  if (value == 0) {
    return "0";
  }
  const std::string scientific = fmt::format("{:.{}e}", value, digits - 1);  // rounds first, so that 9.996 becomes 10.0
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  if (exponent < -3 || exponent > 4) {
    return short_exponent(scientific);
  }
  return fmt::format("{:.{}f}", value, std::max(digits - 1 - exponent, 0));
}

std::string format_estimate(const Estimate& estimate, int most_digits) {
  if (!estimate.defined()) {
    return "n/a";
  }
  if (estimate.reliability == Reliability::zero) {
    if (!(estimate.floor > 0)) {
      return "0";
    }
    return fmt::format("0 (<1e{})", static_cast<int>(std::ceil(std::log10(estimate.floor))));
  }
  std::string text = format_number(estimate.value);
  if (estimate.has_interval() && estimate.lower < estimate.upper) {
    int digits = 3;
    const auto merged = [&](double a, double b) { return format_number(a, digits) == format_number(b, digits); };
    while (digits < most_digits && (merged(estimate.lower, estimate.value) || merged(estimate.value, estimate.upper))) {
      ++digits;
    }
    text = fmt::format("{} [{}, {}]", format_number(estimate.value, digits), format_number(estimate.lower, digits),
                       format_number(estimate.upper, digits));
  }
  return text + mark_of(estimate.reliability);
}

std::string format_cell(const TableCell& cell) {
  switch (cell.kind) {
    case CellKind::words:
    case CellKind::absent:
      return cell.text;
    case CellKind::number: {
      const double value = cell.estimate.value;
      const bool whole = value == std::floor(value) && std::abs(value) < 1e5;
      return (whole ? fmt::format("{:.0f}", value) : format_number(value)) + cell.text;
    }
    case CellKind::estimate:
      return format_estimate(cell.estimate, cell.most_digits) + cell.text;
  }
  return "";
}

std::size_t display_width(const std::string& text) {
  std::size_t width = 0;
  for (const char c : text) {
    width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  }
  return width;
}

}  // namespace variscope::experiments
