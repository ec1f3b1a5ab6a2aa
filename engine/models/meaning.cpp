/// Rules, model by model; a model that is not here looks at every key it has.
#include "engine/models/meaning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>

namespace variscope::models {

namespace {

using Rule = std::function<std::optional<NoMeaning>(const std::string& key, const Arguments& arguments)>;

/// Keys that belong to some likelihoods, to varying effects or to columns.
std::optional<NoMeaning> of_glm(const std::string& key, const Arguments& arguments) {
  const std::string& likelihood = arguments.word("likelihood");
  const auto only = [&](const std::string& what, std::initializer_list<const char*> having) -> std::optional<NoMeaning> {
    if (std::find(having.begin(), having.end(), likelihood) != having.end()) return std::nullopt;
    return NoMeaning{fmt::format("likelihood {} has no {}", likelihood, what), fmt::format("use likelihood = \"{}\"", *having.begin())};
  };
  if (key == "degrees_of_freedom") return only("degrees of freedom", {"student_t"});
  if (key == "prior_scale") return only("sigma", {"gaussian", "student_t"});
  if (key == "prior_dispersion") return only("dispersion", {"negative_binomial"});
  const bool of_varying = key == "prior_varying" || key == "parameterization" || key == "prior_correlation";
  if (of_varying && arguments.list("varying").empty()) return NoMeaning{"no effect varies by a group", "set model.varying"};
  if (arguments.table == nullptr) return std::nullopt;
  const auto& columns = arguments.table->columns;
  const auto intercepts = std::count(columns.begin(), columns.end(), "intercept");
  if (key == "prior_intercept" && intercepts == 0) return NoMeaning{"the design has no column 'intercept'", "set data.intercept = true"};
  if (key == "prior" && intercepts == static_cast<std::ptrdiff_t>(columns.size()))
    return NoMeaning{"the design has no column but 'intercept'", "use prior_intercept"};
  return std::nullopt;
}

std::optional<NoMeaning> of_network(const std::string& key, const Arguments& arguments) {
  const bool noise = key == "noise_sd" || key == "noise_prior_sd";
  if (noise && arguments.word("likelihood") == "bernoulli")
    return NoMeaning{"likelihood bernoulli has no noise sd", "use likelihood = \"gaussian\""};
  if (key == "noise_sd" && arguments.number("noise_prior_sd") > 0)
    return NoMeaning{"noise_prior_sd is above 0: the noise sd is unknown", "set noise_prior_sd = 0"};
  const std::vector<double>& layers = arguments.numbers.at("layers");
  if (key == "activation" && layers.size() == 1 && layers[0] == 0.0) return NoMeaning{"there is no hidden unit", "set model.layers"};
  return std::nullopt;
}

std::optional<NoMeaning> of_normal_mixture_model(const std::string& key, const Arguments& arguments) {
  if (key == "sd" && arguments.number("sd_prior_sd") > 0)
    return NoMeaning{"sd_prior_sd is above 0: every component has an unknown sd", "set sd_prior_sd = 0"};
  const bool one = arguments.number("components") == 1;
  if (key == "concentration" && one) return NoMeaning{"one component has no weight to share", "use more components"};
  if (key == "means" && one) return NoMeaning{"one mean has no order", "use more components"};
  return std::nullopt;
}

std::optional<NoMeaning> of_gaussian_process(const std::string& key, const Arguments& arguments) {
  const std::string& likelihood = arguments.word("likelihood");
  if (key != "prior_noise_sd" || likelihood == "gaussian") return std::nullopt;
  return NoMeaning{"likelihood " + likelihood + " has no noise sd", "use likelihood = \"gaussian\""};
}

std::optional<NoMeaning> of_conditioned_gaussian(const std::string& key, const Arguments& arguments) {
  if (key == "dim" || arguments.number("dim") != 1) return std::nullopt;
  return NoMeaning{"one coordinate has one eigenvalue and nothing to rotate", "use more coordinates"};
}

}  // namespace

std::optional<NoMeaning> no_meaning(const Entry& entry, const std::string& key, const Arguments& arguments) {
  static const std::map<std::string, Rule> rules = {{"glm", of_glm},
                                                    {"neural_network", of_network},
                                                    {"normal_mixture_model", of_normal_mixture_model},
                                                    {"gaussian_process", of_gaussian_process},
                                                    {"conditioned_gaussian", of_conditioned_gaussian}};
  const auto found = rules.find(entry.name);
  return found == rules.end() ? std::nullopt : found->second(key, arguments);
}

}  // namespace variscope::models
