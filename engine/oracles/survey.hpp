/// The table of exact one-sample gradient variances for functions of one variable, recomputed: where pathwise loses, where a baseline
/// harms.
#pragma once

#include <string>
#include <vector>

#include "engine/models/univariate.hpp"

namespace variscope::oracles {

/// Gradient of E[f(x)], x ~ N(mu, sigma^2), in one parameter, and the variances of one-sample estimators of it.
struct SurveyRow {
  std::string function;  ///< "square", "exponential", "cosine" (models::Univariate)
  double k = 0;
  std::string parameter;  ///< "mu" or "sigma" (not log sigma)
  double gradient = 0;
  double score_function = 0;
  double mean_baseline = 0;     ///< E f subtracted
  double optimal_baseline = 0;  ///< E[f h^2] / E[h^2] subtracted, the best constant
  double pathwise = 0;
  double measure_valued = 0;  ///< coupled, measure_valued.hpp
  double error = 0;           ///< bounds the numerical error of every number
};

/// Both parameters of one function.
std::vector<SurveyRow> survey_rows(const std::string& function, double k, double mu, double sigma);

/// mu = sigma = 1; (x-k)^2 with k = 0, 3; exp(-k x^2) with k = 0.1, 1, 10; cos(k x) with k = 0.5, 1, 5; mu and sigma of each.
/// Source: Mohamed, Rosca, Figurnov, Mnih 2020, JMLR 21(132), Figs. 2-3.
std::vector<SurveyRow> survey_table();

}  // namespace variscope::oracles
