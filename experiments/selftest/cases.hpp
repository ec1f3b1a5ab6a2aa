/// Where the self-test tries the whole catalogue: targets, members of families, objectives.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/oracles/components.hpp"
#include "engine/oracles/snapshot_control.hpp"
#include "experiments/selftest/measure.hpp"

namespace variscope::experiments {

struct SelftestCase {
  std::string name;
  std::string model;
  models::Arguments arguments;
  std::string family;
  std::vector<double> lambda;
  estimators::Objective objective = estimators::Objective::elbo;
  std::map<std::string, double> shape = {};       ///< of the family: rank, components, categories
  Index samples = 4;                              ///< M
  double share = 1;                               ///< of the replicates: what is dear has fewer
  bool twins = false;                             ///< broken twins are run here too
  bool same_samples = false;                      ///< also the one whose bias is O(1 / M), where that stands out from the noise
  std::shared_ptr<const data::Table> table = {};  ///< nullptr if the model takes no data
  std::shared_ptr<const estimators::RowHistory> history = {};  ///< of the rows, for estimators that keep a table; nullptr: none
  std::vector<double> snapshot = {};  ///< an earlier lambda, for control variates that lean on it; empty: lambda itself
};

/// The case's objects, which hold each other.
struct Scene {
  std::shared_ptr<const data::Table> table;
  std::unique_ptr<models::Model> model;
  std::unique_ptr<DataPlan> data;
  std::unique_ptr<families::Family> family;

  explicit Scene(const SelftestCase& at);
  /// seed: that of the draws, of row_seed().
  [[nodiscard]] Subject subject(const SelftestCase& at, std::uint64_t seed) const;
};

/// Gaussian and banana under every Gaussian q and mixtures, the Survey's functions, Bernoulli and categorical variables,
/// importance-weighted bounds, and two regressions with rows.
std::vector<SelftestCase> selftest_cases();

/// Small data sets whose noise components are exact, seven rows each, so that minibatches do not divide them: a normal mean, a logistic
/// regression, and a linear regression some way from its snapshot.
SelftestCase normal_mean_case();
SelftestCase logistic_case();
SelftestCase full_rank_logistic_case();
SelftestCase full_rank_linear_case();
SelftestCase linear_case();
/// The linear regression with rows last drawn at three steps, two of them once.
SelftestCase linear_history_case();
/// The regressions as their oracles see them.
oracles::LogisticProblem logistic_problem(const SelftestCase& at);
oracles::LinearProblem linear_problem(const SelftestCase& at);

}  // namespace variscope::experiments
