/// Weights of the Fisher-weighted trace at a stored point, from the family that the cell names.
#include "engine/diagnostics/fisher.hpp"

#include <cstdlib>
#include <string>

#include "engine/error.hpp"
#include "engine/families/catalogue.hpp"

namespace variscope::diagnostics {

std::vector<double> fisher_weights(const CellRecord& cell, const PointRecord& point) {
  const families::Entry* entry = families::find(cell.family);
  if (entry == nullptr) {
    return {};
  }
  families::Arguments arguments;
  for (const families::Parameter& parameter : entry->parameters) {
    double value = parameter.default_value;
    for (const auto& [key, text] : cell.settings) {
      value = key == "family." + parameter.name ? std::strtod(text.c_str(), nullptr) : value;
    }
    arguments.numbers[parameter.name] = value;
  }
  // The record holds lambda, whose length grows with the number of coordinates.
  const auto length = static_cast<Index>(point.lambda.size());
  // 0 where the family takes no such number of coordinates (categories that do not divide it).
  const auto size = [&]() -> Index {
    try {
      return entry->size(arguments);
    } catch (const UserError&) {
      return 0;
    }
  };
  while (arguments.dim <= length && size() < length) {
    ++arguments.dim;
  }
  return size() == length ? entry->make(arguments, point.lambda)->inverse_fisher_diagonal() : std::vector<double>{};
}

}  // namespace variscope::diagnostics
