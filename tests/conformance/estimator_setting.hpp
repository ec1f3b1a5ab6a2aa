/// Where estimators are tried: every catalogued family over the coordinates of every catalogued model, and of one more that suits it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/families/catalogue.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/conformance/quartic.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::test {

/// A member of a family over the coordinates of a model.
struct Setting {
  std::string model_name;
  std::unique_ptr<Subject> subject;        ///< of a catalogued model
  std::unique_ptr<models::Model> quartic;  ///< or this one
  const models::Model* model = nullptr;
  const families::Entry* entry = nullptr;
  families::Arguments arguments;
  std::vector<double> lambda;
  std::unique_ptr<families::Family> family;

  [[nodiscard]] std::unique_ptr<families::Family> member(const std::vector<double>& other) const { return entry->make(arguments, other); }
  [[nodiscard]] estimators::Context context(estimators::Objective objective, Index samples, Index batch_rows = 0) const {
    return {family.get(), model, objective, samples, batch_rows, {}};
  }
};

/// One use of a setting.
struct Use {
  estimators::Objective objective = estimators::Objective::elbo;
  Index batch_rows = 0;
};

inline std::string text(const Use& use) {
  std::string name = "elbo";
  if (use.objective == estimators::Objective::expectation) name = "expectation";
  if (use.objective == estimators::Objective::importance_bound) name = "importance bound";
  return name + (use.batch_rows > 0 ? ", " + std::to_string(use.batch_rows) + " rows" : std::string());
}

/// Away from every symmetry, but close to the bulk of the posteriors, so that no integrand has heavy tails. Means lie within (0, 1), where
/// families of probabilities can start. False if the family cannot have this many coordinates.
inline bool place_member(Setting& setting) {
  setting.arguments = setting.entry->smoke;
  setting.arguments.dim = setting.model->dim();
  std::vector<double> mean;
  std::vector<double> sd;
  for (Index d = 0; d < setting.model->dim(); ++d) {
    mean.push_back(0.35 - 0.1 * static_cast<double>(d % 3));
    sd.push_back(0.35 + 0.05 * static_cast<double>(d % 2));
  }
  try {
    setting.lambda = setting.entry->initial(setting.arguments, mean, sd);
    for (std::size_t p = 0; p < setting.lambda.size(); ++p)
      setting.lambda[p] += 0.1 * random::normal(test_stream(0, 1, 0, 0), static_cast<std::uint32_t>(p));
    setting.family = setting.entry->make(setting.arguments, setting.lambda);
  } catch (const UserError&) {
    return false;
  }
  return true;
}

/// Whether the true gradient comes from quadrature over z: one or two coordinates, a Gaussian q that the oracles know.
inline bool by_quadrature(const models::Model& model, const std::string& family) {
  return !model.has_gaussian_expectation() && model.dim() <= 2 && (family == "mean_field_gaussian" || family == "full_rank_gaussian");
}

/// The family over the coordinates of every catalogued model that it can have, and over those of a quartic. Of models without exact
/// expectations in more than two coordinates, or under other families, the quartic stands for all: their truth here would be Monte Carlo's,
/// whose error is that of the estimator under test, at many times its price.
inline std::vector<Setting> settings_of(const families::Entry& family) {
  std::vector<Setting> settings;
  const auto add = [&](Setting&& setting) {
    setting.entry = &family;
    if (place_member(setting)) settings.push_back(std::move(setting));
  };
  for (const models::Entry& entry : models::catalogue()) {
    Setting setting;
    setting.model_name = entry.name;
    setting.subject = std::make_unique<Subject>(entry);
    setting.model = setting.subject->model.get();
    if (!setting.model->has_gaussian_expectation() && !by_quadrature(*setting.model, family.name)) continue;
    add(std::move(setting));
  }
  Setting setting;
  setting.model_name = "quartic";
  setting.quartic = std::make_unique<Quartic>(family.smoke.dim);
  setting.model = setting.quartic.get();
  add(std::move(setting));
  return settings;
}

/// The uses of a setting that the estimator serves: every objective on all rows, and on minibatches where there are rows (the expectation
/// apart, which shows nothing new).
inline std::vector<Use> uses_of(const estimators::Entry& estimator, const Setting& setting) {
  std::vector<Use> uses;
  using estimators::Objective;
  for (const Objective objective : {Objective::elbo, Objective::expectation, Objective::importance_bound}) {
    for (const Index batch_rows : {0, 37}) {
      if (batch_rows > 0 && (setting.model->rows() == 0 || objective == Objective::expectation)) continue;
      if (!estimators::reason_against(estimator, setting.context(objective, 8, batch_rows))) uses.push_back({objective, batch_rows});
    }
  }
  return uses;
}

/// The smallest of M = 4, 5, ... that the estimator takes.
inline Index few_samples(const estimators::Entry& estimator) {
  Index samples = 4;
  while (estimator.bad_samples(samples)) ++samples;
  return samples;
}

/// "estimator on family", for every two that meet on some model.
inline std::vector<std::pair<std::string, std::string>> catalogue_pairs() {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const families::Entry& family : families::catalogue()) {
    const std::vector<Setting> settings = settings_of(family);
    for (const estimators::Entry& estimator : estimators::catalogue()) {
      const bool meet = std::any_of(settings.begin(), settings.end(), [&](const Setting& s) { return !uses_of(estimator, s).empty(); });
      if (meet) pairs.emplace_back(estimator.name, family.name);
    }
  }
  return pairs;
}

/// A test of one estimator on one family.
class EstimatorOnFamily : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  EstimatorOnFamily()
      : entry_(*estimators::find(GetParam().first)),
        estimator_(entry_.make()),
        settings_(settings_of(*families::find(GetParam().second))) {}

  /// check(setting, use) wherever the estimator serves, until it says false.
  void for_all_uses(const std::function<bool(const Setting&, const Use&)>& check) const {
    for (const Setting& setting : settings_) {
      for (const Use& use : uses_of(entry_, setting)) {
        SCOPED_TRACE(setting.model_name + ", " + text(use));
        if (!check(setting, use)) return;
      }
    }
  }

  const estimators::Entry& entry_;
  std::unique_ptr<estimators::Estimator> estimator_;
  std::vector<Setting> settings_;
};

inline std::string pair_name(const testing::TestParamInfo<std::pair<std::string, std::string>>& tested) {
  return tested.param.first + "_on_" + tested.param.second;
}

}  // namespace variscope::test
