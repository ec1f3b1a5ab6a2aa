/// Every estimator that specs can name has a truth on the conjugate normal mean, just where it can be used.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "engine/estimators/estimator.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

TEST(Truth, KnowsEveryCataloguedEstimator) {
  const test::NormalMean model({0.3, -1.2, 2.1, 0.8});
  const std::vector<double> lambda = {0.1, -0.2};
  const families::MeanFieldGaussian q(lambda);
  // Judged by their means alone (tests/conformance): coefficients of the same samples, and a learned surrogate.
  const std::set<std::string> unknown = {"sf_rb_same", "pw_quadratic"};
  const std::map<std::string, std::string> other_names = {{"mix_stl_cfe", "mix"}};
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (unknown.contains(entry.name)) continue;
    const auto found = other_names.find(entry.name);
    const std::string& name = found == other_names.end() ? entry.name : found->second;
    for (const auto objective : {Objective::elbo, Objective::expectation}) {
      for (const Index samples : {1, 2, 3}) {
        // To the oracles a bound is a way to estimate the ELBO's gradient.
        const auto bound = entry.importance_bound && objective == Objective::elbo ? Objective::importance_bound : objective;
        const estimators::Context context{&q, &model, bound, samples};
        const bool serves = !estimators::reason_against(entry, context) && !entry.bad_samples(samples);
        EXPECT_EQ(truth(name, model, lambda, objective, samples).has_value(), serves) << entry.name << " " << samples;
      }
    }
  }
}

}  // namespace
}  // namespace variscope::oracles
