/// The families that specs can name. A family is one file and one line in catalogue.cpp: registered = tested, listed, documented.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/families/family.hpp"

namespace variscope::families {

/// A key that `[family]` accepts for this family beside initial_mean and initial_sd: a whole number.
struct Parameter {
  std::string name;
  std::string description;
  double default_value = 0;
  double minimum = 0;
  double maximum = 1e9;
};

/// What fixes a family's shape: the coordinates of the model and the declared parameters (defaults filled in).
struct Arguments {
  Index dim = 1;
  std::map<std::string, double> numbers;
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<Parameter> parameters;
  /// Length of lambda.
  std::function<Index(const Arguments&)> size;
  /// lambda of the member whose coordinates have these means and standard deviations (dim each), as near as the family comes to it,
  /// and deterministic: the start of a path. Components of a mixture start apart.
  std::function<std::vector<double>(const Arguments&, std::span<const double> mean, std::span<const double> sd)> initial;
  /// The member at lambda: size() finite values.
  std::function<std::unique_ptr<Family>(const Arguments&, std::span<const double> lambda)> make;
  Arguments smoke;  ///< a small configuration for the conformance tests
};

const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

}  // namespace variscope::families
