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
  dependence.net = coupling == estimators::Coupling::scrambled_net;
  if (dependence.net || entry->joins_samples) {
    dependence.sets = Dependence::Sets::whole;
  } else if (coupling == estimators::Coupling::antithetic) {
    dependence.sets = Dependence::Sets::pairs;
  }
  dependence.own_noise_per_row = entry->own_noise_per_row;
  return dependence;
}

diagnostics::Setting setting_of(const CellRecord& cell, const Dependence& dependence) {
  return {cell.rows, cell.samples / dependence.set_size(cell.samples), cell.batch_rows, cell.replicas, dependence.own_noise_per_row};
}

diagnostics::Policy policy_of(const CellRecord& cell, const Dependence& dependence) {
  static const std::map<std::string, NoisePolicy> noises = {{"shared", NoisePolicy::shared}, {"split_net", NoisePolicy::split_net}};
  static const std::map<std::string, RowPolicy> rows = {{"with_replacement", RowPolicy::with_replacement},
                                                        {"disjoint", RowPolicy::disjoint},
                                                        {"shards", RowPolicy::shards},
                                                        {"epoch", RowPolicy::epoch}};
  diagnostics::Policy policy;
  if (const auto noise = noises.find(cell.noise_policy); noise != noises.end()) {
    policy.noise = noise->second == NoisePolicy::split_net && !dependence.net ? NoisePolicy::independent : noise->second;
  }
  if (const auto row = rows.find(cell.row_policy); row != rows.end() && cell.batch_rows > 0) {
    policy.rows = row->second;
  }
  return policy;
}

}  // namespace variscope::experiments
