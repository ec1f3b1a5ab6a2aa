/// From the catalogue's names and states to the oracles' names and options.
#include "experiments/selftest/expected.hpp"

#include "engine/oracles/bernoulli.hpp"
#include "engine/oracles/further_families.hpp"
#include "engine/oracles/local_truth.hpp"
#include "engine/oracles/stratified.hpp"
#include "engine/oracles/truth.hpp"

namespace variscope::experiments {

namespace {

using estimators::Objective;

/// How the estimator as written differs from the oracles' defaults.
oracles::Options options_of(const std::string& name, Index dim, std::span<const double> state) {
  oracles::Options options;
  if (name == "sf_mean") options.baseline = state[0];
  if (name == "mix_stl_cfe") options.mixture = state[0];
  if (name == "pw_quadratic") options.surrogate.assign(state.begin(), state.begin() + 2 * dim);
  if (name == "sf_rb") {
    // It works on f - state[0], so that is part of every coefficient.
    options.entropy = oracles::Entropy::own;
    for (const double a : state.subspan(1)) options.coefficients.push_back(a + state[0]);
  }
  if (name == "mvd" || name == "arm" || name == "disarm") options.entropy = oracles::Entropy::exact;
  if (name == "gumbel_softmax" || name == "rebar") options.temperature = 0.5;
  return options;
}

}  // namespace

std::optional<oracles::EstimatorTruth> expected(const estimators::Entry& entry, const SelftestCase& at, const models::Model& model,
                                                std::span<const double> state) {
  // The oracles know the bounds by their names alone.
  const Objective objective = at.objective == Objective::importance_bound ? Objective::elbo : at.objective;
  if (entry.name == "pw_local") {
    if (at.model != "logistic_regression" || objective != Objective::elbo) return std::nullopt;
    return oracles::logistic_local_truth(logistic_problem(at), at.family, at.lambda, at.samples);
  }
  if (entry.name == "pw_stratified") return oracles::stratified_truth(model, at.lambda, objective, at.samples);
  const std::string name = entry.name == "mix_stl_cfe" ? "mix" : entry.name;
  if (at.family == "low_rank_gaussian" || at.family == "gaussian_mixture" || at.family == "categorical") {
    const auto categories = at.shape.find("categories");
    const auto further = [&](const std::string& estimator) {
      return oracles::further_family_truth(estimator, model, at.family, at.lambda, objective, at.samples,
                                           options_of(entry.name, model.dim(), state),
                                           categories == at.shape.end() ? 0 : static_cast<Index>(categories->second));
    };
    std::optional<oracles::EstimatorTruth> truth = further(name);
    for (const char* known : {"pw_cfe", "sf_raw"}) {
      if (truth || entry.biased || entry.importance_bound) break;
      if ((truth = further(known))) truth->variance.clear();
    }
    return truth;
  }
  auto truth = oracles::truth(name, model, at.family, at.lambda, objective, at.samples, options_of(entry.name, model.dim(), state));
  if (truth || entry.biased || entry.importance_bound) return truth;
  // Unbiased, and that much is known.
  if (at.family == "bernoulli") return oracles::EstimatorTruth{oracles::bernoulli_gradient(model, at.lambda, objective), {}, 1e-13};
  truth = oracles::truth("pw_cfe", model, at.family, at.lambda, objective, at.samples);
  if (truth) truth->variance.clear();
  return truth;
}

}  // namespace variscope::experiments
