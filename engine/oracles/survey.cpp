/// Recomputes the survey's exact variances from one-sample moments.
#include "engine/oracles/survey.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "engine/oracles/measure_valued.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {

std::vector<SurveyRow> survey_rows(const std::string& function, double k, double mu, double sigma) {
  const models::Univariate model(models::Univariate::function_named(function), k);
  const std::array<double, 2> lambda = {mu, std::log(sigma)};
  const OneSampleMoments one = one_sample_moments(model, lambda, estimators::Objective::expectation);
  const MeasureValuedMoments coupled =
      measure_valued_moments(model, mean_field(lambda), estimators::Objective::expectation, Entropy::exact);
  std::vector<SurveyRow> rows;
  for (std::size_t p = 0; p < 2; ++p) {
    // d/dsigma = (1 / sigma) d/dlog sigma.
    const double chain = p == 0 ? 1.0 : 1.0 / sigma;
    const double square = chain * chain;
    SurveyRow row;
    row.function = function;
    row.k = k;
    row.parameter = p == 0 ? "mu" : "sigma";
    row.gradient = chain * one.gradient[p];
    row.score_function = square * one.score_variance[p];
    row.mean_baseline = square * one.centred_variance[p];
    row.optimal_baseline = square * one.baseline_variance(p, one.optimal_coefficient(p));
    row.pathwise = square * one.path_variance[p];
    row.measure_valued = square * coupled.variance[p];
    row.error = std::max(one.error, coupled.error) * std::max(1.0, square) * (1.0 + 2.0 * std::abs(one.value_score2[p]) / one.score2[p]);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<SurveyRow> survey_table() {
  static const std::array<std::pair<const char*, double>, 8> functions = {{{"square", 0.0},
                                                                           {"square", 3.0},
                                                                           {"exponential", 0.1},
                                                                           {"exponential", 1.0},
                                                                           {"exponential", 10.0},
                                                                           {"cosine", 0.5},
                                                                           {"cosine", 1.0},
                                                                           {"cosine", 5.0}}};
  std::vector<SurveyRow> table;
  for (const auto& [function, k] : functions) {
    for (SurveyRow& row : survey_rows(function, k, 1.0, 1.0)) table.push_back(std::move(row));
  }
  return table;
}

}  // namespace variscope::oracles
