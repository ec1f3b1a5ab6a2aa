/// Estimators held against exact variances: the cases, one row of the table each, shared by the command and the tests.
#pragma once

#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "experiments/run/estimates.hpp"

namespace variscope::experiments {

struct SelftestCase {
  std::string name;
  std::string model;
  models::Arguments arguments;
  std::vector<double> lambda;
  estimators::Objective objective = estimators::Objective::elbo;
  std::vector<std::string> estimators;  ///< empty: all that have an exact variance
};

struct SelftestRow {
  std::string target;
  std::string estimator;
  bool broken = false;
  double exact_trace = 0;
  double measured_trace = 0;
  double mean_z = 0;
  double variance_z = 0;
  double threshold = 0;
  bool passed = false;
};

/// Gaussian at three points, banana at two, the Survey's functions.
std::vector<SelftestCase> selftest_cases();

/// Runs every estimator with an exact variance, and its broken twin where removing the entropy biases it.
std::vector<SelftestRow> run_selftest_case(const SelftestCase& at, Index replicates, int threads);

}  // namespace variscope::experiments
