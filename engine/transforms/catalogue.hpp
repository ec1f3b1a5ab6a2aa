/// The transforms there are: one file and one line each; registered = tested, listed, documented.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// A number that the transform takes beside its size.
struct Parameter {
  std::string name;
  std::string description;
  double default_value = 0;
};

struct Arguments {
  Index size = 1;  ///< what Entry::size says; not Transform::size()
  std::map<std::string, double> numbers;

  [[nodiscard]] double number(const std::string& name) const { return numbers.at(name); }
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  std::string size;  ///< what Arguments::size counts
  std::vector<Parameter> parameters;
  /// Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<Transform>(const Arguments&)> make;
  /// The values that are free, Transform::size() of them ascending, with respect to which |J| is taken. Empty function: all values.
  std::function<std::vector<Index>(const Arguments&)> free_values{};
  std::vector<Arguments> smoke;  ///< small configurations for the conformance tests
};

const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

}  // namespace variscope::transforms
