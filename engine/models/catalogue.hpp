/// The models that specs can name. A model is one file and one line here: registered = tested, listed, documented.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  bool matrix = false;                ///< may be written as a list of rows; elsewhere a list of lists is a sweep
};

/// A key of `[model]` whose value is a text, or a list of texts.
struct Word {
  std::string name;
  std::string description;
  std::optional<std::string> default_value{};  ///< of a text; nothing: must be given. A list is empty by default
  bool list = false;
  std::vector<std::string> choices{};  ///< empty: any text
};

/// What a model is made from. Holds every declared key, defaults filled in.
struct Arguments {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::string> words;
  std::map<std::string, std::vector<std::string>> lists;
  const data::Table* table = nullptr;  ///< outlives the model; nullptr if the model takes no data

  [[nodiscard]] double number(const std::string& name) const { return numbers.at(name).at(0); }
  [[nodiscard]] const std::string& word(const std::string& name) const { return words.at(name); }
  [[nodiscard]] const std::vector<std::string>& list(const std::string& name) const { return lists.at(name); }
};

/// What the response may be: count: a whole number of at least 0; category: a column of texts or whole numbers whose levels are coded
/// 0, 1, ... (Table::response_levels); table: the rows have columns and no response.
enum class ResponseKind { none, binary, real, count, category, table };

/// A further small configuration for the conformance tests, of a model that is several in one.
struct Variant {
  std::string name;  ///< letters, digits and underscores
  Arguments smoke;
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;                          ///< paper and equation, or "definition"
  ResponseKind response = ResponseKind::none;  ///< none: takes no data
  /// Set where the kind depends on the arguments (a likelihood named in the spec); response is then that of the default. The table of
  /// the arguments may be null.
  std::function<ResponseKind(const Arguments&)> response_of{};
  bool covariates = true;  ///< false: with data, yet the only design column it takes is the intercept
  /// false: with data, yet its likelihood is no sum over rows. Every process holds all rows, Model::rows() is 0 and the density is all in
  /// log_prior: neither shards nor minibatches.
  bool divisible = true;
  std::vector<Parameter> parameters;
  std::vector<Word> words;
  /// Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<Model>(const Arguments&)> make;
  Arguments smoke;  ///< a small configuration that the conformance tests use
  std::vector<Variant> variants{};
};

const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

}  // namespace variscope::models
