/// What a reader must know before the first number, found in the tables.
#include "experiments/report/warnings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

/// A column, when an entry of it is a warning, and the sentence before the list of places.
struct Rule {
  std::string key;
  std::function<bool(const TableCell&)> bad;
  std::string sentence;
};

bool says(const TableCell& cell, const std::string& text) { return cell.text.find(text) != std::string::npos; }

std::function<bool(const TableCell&)> above(double bound) {
  return [bound](const TableCell& cell) { return (cell.kind != CellKind::words && cell.estimate.value > bound) || cell.text == "inf"; };
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"bias_z", [](const TableCell& cell) { return says(cell, " biased") && !says(cell, "declared"); },
       "Failed the bias gate, so that no variance of theirs is shown there"},
      {"bias_z", [](const TableCell& cell) { return says(cell, "undecided"); }, "Bias undecided: the gate could not pass them"},
      {"failed", above(0), "Chains that failed"},
      {"rhat_max", above(1.01), "R-hat above 1.01: the chains have not mixed, and no digit of these samplers is to be trusted"},
      {"divergences", above(0), "Divergent transitions: parts of the posterior may not have been reached"},
      {"e_bfmi", [](const TableCell& cell) { return cell.kind != CellKind::words && cell.estimate.value < 0.3; },
       "E-BFMI below 0.3: the momentum's energy moves too little for the tails"},
      {"tree_depth_hits", above(0), "Trees that reached their greatest depth: the step size is small for the target's length"},
      {"diverged_share", above(0), "Fits that diverged"},
      {"k_hat", above(0.7), "k-hat above 0.7: the approximation is far from the posterior, and importance weights cannot mend it"},
  };
  return all;
}

/// "nuts (cell_000, 50 %)"
std::string place_of(const TableSection& section, const TableRow& row) {
  return fmt::format("{} ({}{})", row.label(), section.cell, section.point.empty() ? "" : ", " + section.point);
}

/// At most this many places by name.
constexpr std::size_t most_places = 6;

std::string listed(const std::vector<std::string>& places) {
  std::string text;
  for (std::size_t k = 0; k < std::min(places.size(), most_places); ++k) text += (k == 0 ? "" : "; ") + places[k];
  return places.size() > most_places ? fmt::format("{}; and {} more", text, places.size() - most_places) : text;
}

std::string in_capitals(const std::string& name) {
  std::string text = name;
  if (!text.empty()) text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

}  // namespace

std::vector<std::string> report_warnings(const std::vector<NamedTable>& tables, const ReportContext& context) {
  std::vector<std::string> warnings;
  if (!context.failures.empty()) warnings.push_back(in_capitals(context.failures) + ".");
  std::vector<std::string> optimum;
  for (const NamedTable& named : tables) {
    for (const TableSection& section : named.table.sections) {
      const bool none = std::any_of(section.notes.begin(), section.notes.end(),
                                    [](const std::string& note) { return note.find("NO OPTIMUM") != std::string::npos; });
      const std::string place = section.cell + ", " + section.point;
      if (none && std::find(optimum.begin(), optimum.end(), place) == optimum.end()) optimum.push_back(place);
    }
  }
  if (!optimum.empty()) warnings.push_back("The point called the optimum is none: " + listed(optimum) + ".");
  for (const Rule& rule : rules()) {
    for (const NamedTable& named : tables) {
      const auto& columns = named.table.columns;
      const auto column = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.key == rule.key; });
      if (column == columns.end()) continue;
      const auto c = static_cast<std::size_t>(column - columns.begin());
      std::vector<std::string> places;
      for (const TableSection& section : named.table.sections) {
        for (const TableRow& row : section.rows) {
          if (row.cells[c].kind != CellKind::absent && rule.bad(row.cells[c])) places.push_back(place_of(section, row));
        }
      }
      if (!places.empty()) warnings.push_back(fmt::format("{} ({}): {}.", rule.sentence, named.name, listed(places)));
    }
  }
  return warnings;
}

}  // namespace variscope::experiments
