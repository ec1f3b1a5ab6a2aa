/// The family's member at a stored point, from what the cell says about it: its Fisher information, and whether it is mean-field.
#include "engine/diagnostics/fisher.hpp"

#include <cstdlib>
#include <memory>
#include <string>

#include "engine/error.hpp"
#include "engine/families/catalogue.hpp"

namespace variscope::diagnostics {

namespace {

/// nullptr if the family is unknown or lambda has no length of its members.
std::unique_ptr<families::Family> member_of(const CellRecord& cell, const PointRecord& point) {
  const families::Entry* entry = families::find(cell.family);
  if (entry == nullptr) {
    return nullptr;
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
  return size() == length ? entry->make(arguments, point.lambda) : nullptr;
}

}  // namespace

std::vector<double> fisher_weights(const CellRecord& cell, const PointRecord& point) {
  const auto member = member_of(cell, point);
  return member ? member->inverse_fisher_diagonal() : std::vector<double>{};
}

bool is_mean_field(const CellRecord& cell, const PointRecord& point) {
  const auto member = member_of(cell, point);
  return member && member->mean_field_gaussian() != nullptr;
}

}  // namespace variscope::diagnostics
