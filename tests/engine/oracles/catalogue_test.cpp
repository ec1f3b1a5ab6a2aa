/// Every estimator that specs can name has a truth on a normal mean, a quartic or a Bernoulli variable, just where it can be used.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "engine/estimators/estimator.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/models/bernoulli_toy.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

/// Whose truth stands elsewhere, and where.
const std::map<std::string, std::string>& elsewhere() {
  static const std::map<std::string, std::string> places = {
      {"sf_rb_same", "tests/engine/estimators/reference.hpp: coefficients of the same samples have no closed form"},
      {"pw_quadratic", "quadratic_surrogate_test.cpp: needs the surrogate that was learned"},
      {"pw_local", "engine/oracles/local_truth.hpp: needs rows with a linear predictor"},
      {"pw_stratified", "stratified_test.cpp: needs a mixture"},
      {"svrg", "snapshot_control_test.cpp: needs minibatches"},
      {"saga", "snapshot_control_test.cpp: needs minibatches"},
      {"joint_cv", "snapshot_control_test.cpp: needs minibatches"}};
  return places;
}

/// Names that can be used here at all; at each use there must be a truth, and at no other.
std::set<std::string> used_on(const models::Model& model, const std::string& family, const std::vector<double>& lambda) {
  families::Arguments shape;
  shape.dim = model.dim();
  const auto q = families::find(family)->make(shape, lambda);
  std::set<std::string> used;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (elsewhere().contains(entry.name)) continue;
    const std::string name = entry.name == "mix_stl_cfe" ? "mix" : entry.name;
    for (const auto objective : {Objective::elbo, Objective::expectation}) {
      for (const Index samples : {1, 2, 3}) {
        // To the oracles a bound is a way to estimate the ELBO's gradient.
        const auto bound = entry.importance_bound && objective == Objective::elbo ? Objective::importance_bound : objective;
        const estimators::Context context{q.get(), &model, bound, samples};
        const bool serves = !estimators::reason_against(entry, context) && !entry.bad_samples(samples);
        if (serves) used.insert(entry.name);
        // The oracles know more: Rao-Blackwellisation of Bernoulli variables.
        if (family == "bernoulli" && entry.name == "sf_rb") continue;
        EXPECT_EQ(truth(name, model, family, lambda, objective, samples).has_value(), serves)
            << family << " " << entry.name << " " << samples;
      }
    }
  }
  return used;
}

/// -z^4 / 4, with its Hessian: no prior, no rows.
test::Function quartic() {
  test::Function f;
  f.value = [](const test::Point& z) { return -0.25 * z[0] * z[0] * z[0] * z[0]; };
  f.gradient = [](const test::Point& z) { return test::Point{-z[0] * z[0] * z[0]}; };
  f.hessian = [](const test::Point& z) { return test::Point{-3 * z[0] * z[0]}; };
  return f;
}

TEST(Truth, KnowsEveryCataloguedEstimator) {
  std::set<std::string> used = used_on(test::NormalMean({0.3, -1.2, 2.1, 0.8}), "mean_field_gaussian", {0.1, -0.2});
  used.merge(used_on(test::FunctionModel(quartic()), "mean_field_gaussian", {0.1, -0.2}));
  // Relaxations have theirs in one dimension.
  used.merge(used_on(models::BernoulliToy(1, 0.3), "bernoulli", {0.4}));
  // Nothing is left out: what was used nowhere would have passed without a truth.
  for (const estimators::Entry& entry : estimators::catalogue())
    EXPECT_TRUE(used.contains(entry.name) || elsewhere().contains(entry.name)) << entry.name;
  for (const auto& [name, place] : elsewhere()) EXPECT_NE(estimators::find(name), nullptr) << name << ", " << place;
}

}  // namespace
}  // namespace variscope::oracles
