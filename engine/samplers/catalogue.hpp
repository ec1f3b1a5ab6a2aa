/// The samplers that specs can name. A sampler is one file and one line here: registered = tested, listed, documented.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

struct Parameter {
  std::string name;
  std::string description;
  double default_value = 0;
};

struct Word {
  std::string name;
  std::string description;
  std::string default_value;
  std::vector<std::string> choices;
};

/// Holds every declared key, defaults filled in.
struct Arguments {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;

  [[nodiscard]] double number(const std::string& name) const { return numbers.at(name); }
  [[nodiscard]] const std::string& word(const std::string& name) const { return words.at(name); }
};

struct Capabilities {
  bool gradient = false;     ///< asks for gradients
  bool adapts = false;       ///< has a use for warm-up iterations
  bool exact = true;         ///< leaves the target invariant once warm-up is over
  bool cross_chain = false;  ///< adapts across chains: results depend on how many there are
  bool independent = false;  ///< a draw's evaluations can be counted before it runs (no trees)
  bool weighted = false;     ///< draws carry weights: the statistic log_weight
};

/// A small configuration that the conformance tests run; the others keep their defaults.
struct Variant {
  std::string name;  ///< letters, digits and underscores
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  Capabilities capabilities;
  std::vector<Parameter> parameters;
  std::vector<Word> words;
  /// Why it cannot sample this model; empty: it can.
  std::function<std::string(const models::Model& model)> reason_against{};
  /// The model outlives the sampler. Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<Sampler>(const Arguments& arguments, const models::Model& model)> make;
  /// For targets whose coordinates spread over about one: step sizes are fixed, as if warm-up were over.
  std::vector<Variant> smoke;
};

const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);
/// The entry's defaults, then the overrides. Throws UserError for keys or choices that it does not have.
Arguments arguments_of(const Entry& entry, const std::map<std::string, double>& numbers = {},
                       const std::map<std::string, std::string>& words = {});

}  // namespace variscope::samplers
