/// Every catalogued estimator's mean against the exact gradient on every catalogued model; twins with one term removed must fail.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/conformance/model_subject.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope {
namespace {

using estimators::Entry;
using estimators::Objective;
using test::Call;
using test::Subject;

constexpr Index kSamples = 4;
constexpr Index kReplicates = 4000;

/// At most 6 estimators x 4 models x 2 objectives x 10 parameters = 480 z-scores. |z| > 5 has probability 5.7e-7 for a normal:
/// one false alarm in 3600 choices of the seed, which is fixed.
constexpr double kLimit = 5.0;
/// A twin must be far beyond any chance.
constexpr double kCaught = 10.0;

/// Close to the bulk of a posterior, so that no integrand has heavy tails.
std::vector<double> calm_lambda(Index dim) {
  std::vector<double> lambda;
  for (Index d = 0; d < dim; ++d) lambda.push_back(0.3 - 0.2 * static_cast<double>(d % 3));
  for (Index d = 0; d < dim; ++d) lambda.push_back(-1.0 + 0.25 * static_cast<double>(d % 2));
  return lambda;
}

models::GaussianExpectation exact_gradient(const models::Model& model, const std::vector<double>& lambda, Objective objective) {
  const families::MeanFieldGaussian q(lambda);
  models::GaussianExpectation exact = test::empty_expectation(model);
  model.expected_log_prior(q.mean().data(), q.scale().data(), exact);
  if (model.rows() > 0) model.expected_log_likelihood({0, model.rows()}, q.mean().data(), q.scale().data(), exact);
  if (objective == Objective::elbo) {
    for (std::size_t p = lambda.size() / 2; p < lambda.size(); ++p) exact.gradient[p] += 1;  // d entropy / d rho
  }
  return exact;
}

/// Largest |z| over parameters of the mean of `gradients` against the exact gradient.
double worst_z(const std::vector<std::vector<double>>& gradients, const models::GaussianExpectation& exact) {
  double worst = 0;
  const auto n = static_cast<double>(gradients.size());
  for (std::size_t p = 0; p < exact.gradient.size(); ++p) {
    double mean = 0;
    double square = 0;
    for (const auto& g : gradients) mean += (g[p] - exact.gradient[p]) / n;
    for (const auto& g : gradients) square += std::pow(g[p] - exact.gradient[p] - mean, 2) / (n - 1);
    const double floor = exact.error[p] + 1e-12 * (1 + std::abs(exact.gradient[p]));  // estimators without variance round
    worst = std::max(worst, std::abs(mean) / (std::sqrt(square / n) + floor));
  }
  return worst;
}

/// Replicates side by side in one batch of columns; `told`: the objective that the estimator is told.
std::vector<std::vector<double>> replicates(const estimators::Estimator& estimator, const Call& call, Objective told) {
  std::vector<std::vector<double>> gradients;
  for (Index r = 0; r < kReplicates; ++r) gradients.push_back(test::estimate(estimator, call, told, kSamples, r * kSamples));
  return gradients;
}

class EstimatorBias : public testing::TestWithParam<std::string> {
 protected:
  EstimatorBias() : entry_(*estimators::find(GetParam())), estimator_(entry_.make()) {}
  const Entry& entry_;
  std::unique_ptr<estimators::Estimator> estimator_;
};

TEST_P(EstimatorBias, MeanIsTheExactGradient) {
  std::uint32_t task = 100;
  for (const models::Entry& model_entry : models::catalogue()) {
    const Subject subject(model_entry);
    const models::Model& model = *subject.model;
    if (!model.has_gaussian_expectation()) continue;
    const auto lambda = calm_lambda(model.dim());
    const Call call(*estimator_, model, lambda, kReplicates * kSamples, ++task);
    for (const Objective objective : {Objective::elbo, Objective::expectation}) {
      if (entry_.incompatible(model, objective)) continue;
      EXPECT_LT(worst_z(replicates(*estimator_, call, objective), exact_gradient(model, lambda, objective)), kLimit)
          << model_entry.name << (objective == Objective::elbo ? " elbo" : " expectation");
    }
  }
}

TEST_P(EstimatorBias, WithoutTheEntropyItIsCaught) {
  // The production estimator, told that the objective has no entropy, against the gradient that has one. A Gaussian, where f is small:
  // sf_raw's noise grows with the constant of log p until it hides a bias of 1, which is its weakness and not the gate's.
  const Subject gaussian(*models::find("gaussian"));
  const Subject logistic(*models::find("logistic_regression"));
  const models::Model& model = entry_.incompatible(*gaussian.model, Objective::elbo) ? *logistic.model : *gaussian.model;
  if (entry_.incompatible(model, Objective::expectation)) GTEST_SKIP() << "knows no objective without entropy";
  auto lambda = calm_lambda(model.dim());
  for (std::size_t p = lambda.size() / 2; p < lambda.size(); ++p) lambda[p] -= 1;  // a narrow q is a quiet one
  const Call call(*estimator_, model, lambda, kReplicates * kSamples, 120);
  EXPECT_LT(worst_z(replicates(*estimator_, call, Objective::elbo), exact_gradient(model, lambda, Objective::elbo)), kLimit);
  EXPECT_GT(worst_z(replicates(*estimator_, call, Objective::expectation), exact_gradient(model, lambda, Objective::elbo)), kCaught);
}

TEST_P(EstimatorBias, WithoutItsNoisyTermItIsCaught) {
  // The production estimator on densities from which the term that carries the model is removed: for score functions f times score
  // loses f, for pathwise ones the gradient through z is gone. What remains is finite, quiet and wrong.
  const Subject subject(*models::find("logistic_regression"));
  const auto lambda = calm_lambda(subject.model->dim());
  const Call call(*estimator_, *subject.model, lambda, kReplicates * kSamples, 121);
  tiles::Batch constant(call.density().dim(), call.density().count());
  std::vector<std::vector<double>> gradients;
  for (Index r = 0; r < kReplicates; ++r) {
    gradients.push_back(test::estimate(*estimator_, call.context(Objective::elbo, kSamples), call.noise().view(), constant.view(),
                                       r * kSamples, tiles::kLanes));
  }
  EXPECT_GT(worst_z(gradients, exact_gradient(*subject.model, lambda, Objective::elbo)), kCaught);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EstimatorBias, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Entry& entry : estimators::catalogue()) names.push_back(entry.name);
                           return names;
                         }()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace variscope
