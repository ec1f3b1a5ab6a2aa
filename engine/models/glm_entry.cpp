/// The catalogue entry of generalised linear models: keys, and a smoke configuration of every likelihood.
#include <utility>

#include "engine/models/glm.hpp"

namespace variscope::models {

namespace {

ResponseKind response_of(const Arguments& arguments) {
  switch (glm::likelihood_of(arguments)) {
    case glm::Likelihood::gaussian:
    case glm::Likelihood::student_t:
      return ResponseKind::real;
    case glm::Likelihood::bernoulli:
      return ResponseKind::binary;
    case glm::Likelihood::binomial:
    case glm::Likelihood::poisson:
    case glm::Likelihood::negative_binomial:
      return ResponseKind::count;
    case glm::Likelihood::categorical:
      return ResponseKind::category;
  }
  return ResponseKind::real;
}

/// The arguments of `from` with some words and lists of their own.
Arguments changed(Arguments from, const std::vector<std::pair<std::string, std::string>>& words,
                  const std::vector<std::pair<std::string, std::vector<std::string>>>& lists = {}) {
  for (const auto& [name, word] : words) from.words[name] = word;
  for (const auto& [name, list] : lists) from.lists[name] = list;
  return from;
}

}  // namespace

Entry glm_entry() {
  Entry entry;
  entry.name = "glm";
  entry.summary =
      "generalised linear model: a likelihood, a prior for every group of coefficients, offsets, effects varying by group "
      "(docs/models/glm.md)";
  entry.source =
      "McCullagh and Nelder 1989, Generalized Linear Models, 2nd ed.; Gelman et al. 2013, Bayesian Data Analysis, chapters 14-17";
  entry.response = ResponseKind::binary;
  entry.response_of = response_of;
  entry.parameters = {{"degrees_of_freedom", "of likelihood student_t", {4.0}}};
  entry.words = {
      {"likelihood",
       "distribution of the response: gaussian (identity link), student_t (identity), bernoulli (logit), binomial (logit), poisson (log), "
       "negative_binomial (log), categorical (softmax, the first level being the reference)",
       std::nullopt,
       false,
       {"gaussian", "student_t", "bernoulli", "binomial", "poisson", "negative_binomial", "categorical"}},
      {"prior_intercept", "prior of the coefficient of the column 'intercept'", "normal(0, 2.5)"},
      {"prior",
       "\"columns: distribution\", names with * between commas; the first that names a column counts, normal(0, 2.5) where none does. Also "
       "horseshoe(scale of tau), one tau for all its columns",
       std::nullopt, true},
      {"prior_scale", "of sigma (gaussian, student_t), or fixed(sigma)", "exponential(1)"},
      {"prior_dispersion", "of phi (negative_binomial: variance mu + mu^2 / phi), or fixed(phi)", "exponential(1)"},
      {"offset", "side column added to the linear predictor", ""},
      {"trials", "side column with the numbers of trials (binomial)", ""},
      {"varying", "\"group: 1 + column\": effects that vary by the levels of a side column, normals with an sd each", std::nullopt, true},
      {"prior_varying", "prior of every varying effect's sd", "half_normal(1)"},
      {"prior_correlation", "of the effects of a group: none (they are independent), or lkj(shape): density det(R)^(shape - 1)", "none"},
      {"parameterization",
       "of varying effects: coordinates z = u / sd (non-centred) or u (centred)",
       "non-centred",
       false,
       {"non-centred", "centred"}},
  };
  entry.make = [](const Arguments& arguments) { return std::make_unique<Glm>(arguments); };

  Arguments base;
  base.numbers = {{"degrees_of_freedom", {4.0}}};
  base.words = {{"likelihood", "bernoulli"},
                {"prior_intercept", "normal(0.25, 1.5)"},
                {"prior_scale", "half_cauchy(1)"},
                {"prior_dispersion", "gamma(2, 1)"},
                {"offset", ""},
                {"trials", ""},
                {"prior_varying", "half_normal(1)"},
                {"prior_correlation", "none"},
                {"parameterization", "non-centred"}};
  base.lists = {{"prior", {"a: cauchy(0, 1)", "b, c: normal(-0.5, 2)", "*: student_t(3, 0, 2.5)"}}, {"varying", {}}};
  entry.smoke = base;
  const std::vector<std::string> normals = {"*: normal(0.25, 1.5)"};
  entry.variants = {
      {"gaussian", changed(base, {{"likelihood", "gaussian"}, {"offset", "exposure"}})},
      {"gaussian_fixed", changed(base, {{"likelihood", "gaussian"}, {"prior_scale", "fixed(0.8)"}}, {{"prior", normals}})},
      {"student_t", changed(base, {{"likelihood", "student_t"}, {"prior_scale", "lognormal(0, 1)"}})},
      {"student_t_fixed", changed(base, {{"likelihood", "student_t"}, {"prior_scale", "fixed(1.3)"}})},
      {"binomial", changed(base, {{"likelihood", "binomial"}, {"trials", "trials"}})},
      {"poisson", changed(base, {{"likelihood", "poisson"}, {"offset", "exposure"}})},
      {"negative_binomial", changed(base, {{"likelihood", "negative_binomial"}, {"offset", "exposure"}})},
      {"negative_binomial_fixed", changed(base, {{"likelihood", "negative_binomial"}, {"prior_dispersion", "fixed(2.5)"}})},
      {"categorical", changed(base, {{"likelihood", "categorical"}})},
      {"horseshoe", changed(base, {{"likelihood", "gaussian"}, {"prior_scale", "inverse_gamma(2, 1)"}},
                            {{"prior", {"a: flat", "b, c: horseshoe(0.5)", "d: horseshoe(1)"}}})},
      {"varying", changed(base, {{"likelihood", "poisson"}, {"prior_varying", "exponential(1)"}}, {{"varying", {"clinic: 1 + a"}}})},
      {"varying_correlated",
       changed(base, {{"likelihood", "poisson"}, {"prior_varying", "exponential(1)"}, {"prior_correlation", "lkj(1.5)"}},
               {{"varying", {"clinic: 1 + a + b"}}})},
      {"varying_centred", changed(base, {{"likelihood", "gaussian"}, {"parameterization", "centred"}}, {{"varying", {"clinic: b + 1"}}})},
  };
  return entry;
}

}  // namespace variscope::models
