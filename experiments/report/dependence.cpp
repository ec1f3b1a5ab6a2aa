/// How an estimator's samples depend on each other and on rows: what the formulas of variance components must know.
#include "experiments/report/dependence.hpp"

#include <map>

#include "engine/estimators/estimator.hpp"

namespace variscope::experiments {

using diagnostics::NoisePolicy;
using diagnostics::RowPolicy;

Dependence dependence_of(const std::string& estimator) {
  Dependence dependence;
  const estimators::Entry* entry = estimators::find(estimator);
  if (entry == nullptr) {
    return dependence;
  }
  const estimators::Coupling coupling = entry->make()->coupling();
  // Sums over all pairs of samples, and functions of all weights, are not averages of independent terms.
  const bool joined = entry->importance_bound || estimator == "sf_loo" || estimator == "sf_rb_same";
  if (coupling == estimators::Coupling::scrambled_net || joined) {
    dependence.sets = Dependence::Sets::whole;
  } else if (coupling == estimators::Coupling::antithetic) {
    dependence.sets = Dependence::Sets::pairs;
  }
  dependence.own_noise_per_row = estimator == "pw_local";
  return dependence;
}

diagnostics::Setting setting_of(const CellRecord& cell, const Dependence& dependence) {
  return {cell.rows, cell.samples / dependence.set_size(cell.samples), cell.batch_rows, cell.replicas, dependence.own_noise_per_row};
}

diagnostics::Policy policy_of(const CellRecord& cell) {
  static const std::map<std::string, NoisePolicy> noises = {{"shared", NoisePolicy::shared}, {"split_net", NoisePolicy::split_net}};
  static const std::map<std::string, RowPolicy> rows = {{"with_replacement", RowPolicy::with_replacement},
                                                        {"disjoint", RowPolicy::disjoint},
                                                        {"shards", RowPolicy::shards},
                                                        {"epoch", RowPolicy::epoch}};
  diagnostics::Policy policy;
  if (const auto noise = noises.find(cell.noise_policy); noise != noises.end()) {
    policy.noise = noise->second;
  }
  if (const auto row = rows.find(cell.row_policy); row != rows.end() && cell.batch_rows > 0) {
    policy.rows = row->second;
  }
  return policy;
}

}  // namespace variscope::experiments
