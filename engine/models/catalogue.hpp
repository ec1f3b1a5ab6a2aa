/// The models that specs can name. A model is one file and one line here: registered = tested, listed, documented.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// A key that `[model]` accepts for this model. Numbers, or lists of numbers (a matrix is given row by row in one list).
struct Parameter {
  std::string name;
  std::string description;
  std::vector<double> default_value;  ///< empty: must be given
};

/// What a model is made from. Holds every declared parameter (defaults filled in) and one word-valued option, `function`.
struct Arguments {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::string> words;
  const data::Table* table = nullptr;  ///< outlives the model; nullptr if the model takes no data

  [[nodiscard]] double number(const std::string& name) const { return numbers.at(name).at(0); }
};

enum class ResponseKind { none, binary, real };

struct Entry {
  std::string name;
  std::string summary;
  std::string source;                          ///< paper and equation, or "definition"
  ResponseKind response = ResponseKind::none;  ///< none: takes no data
  bool covariates = true;                      ///< false: with data, yet the only design column it takes is the intercept
  std::vector<Parameter> parameters;
  std::vector<std::string> words;  ///< word-valued keys, e.g. "function"
  /// Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<Model>(const Arguments&)> make;
  Arguments smoke;  ///< a small configuration that the conformance tests use
};

const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

}  // namespace variscope::models
