/// Variance components from crossed designs: Monte Carlo, data and interaction, unbiased, with jackknife intervals.
///
/// x_kl, the estimate from minibatch k (B rows) and sample set l (M samples), is G + A_l + B_k + C_kl: two-way random effects without
/// replication. Minibatches and sample sets are independent, so the effects are uncorrelated whatever their distribution, and mean squares
/// (between sample sets, between minibatches, rest) have expectations K t_e + t_ed, L t_d + t_ed, t_ed exactly, t being variances of one
/// estimate (Searle, Casella & McCulloch 1992, Variance Components, section 4.3). t_e = s2_e / M, t_d = s2_d fpc(B) / B,
/// t_ed = s2_ed fpc(B) / (B M), since rows within a minibatch, and they alone, are drawn without replacement: dividing by these known
/// factors (noise.hpp) keeps the estimates unbiased. Unbiased estimates of small components come out negative about half the time; they are
/// shown as they are, with intervals around zero.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/diagnostics/comparison.hpp"
#include "engine/diagnostics/jackknife.hpp"
#include "engine/diagnostics/noise.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

/// Adds one design to a batch. gradients: [K x L x parameter], minibatch outermost. blocks: as many as moments.blocks.
/// K = 1 (all rows in every estimate) adds the mean square between sample sets alone. std::invalid_argument unless L >= 2, K >= 1 and sizes
/// agree. Two passes, so that nothing cancels. Cost O(K L parameters) time, O((K + L) parameters) memory.
void add_design(ComponentMoments& moments, Index batch, const std::vector<Block>& blocks, std::span<const double> gradients);

/// One block's traces of s2_e, s2_d, s2_ed, with and without each batch of designs. Empty `without`: not to be had.
struct ComponentStatistics {
  LeaveOneOut monte_carlo;
  LeaveOneOut data;
  LeaveOneOut interaction;
  std::vector<double> count;  ///< [batch] designs
  double per_count = 1;       ///< gradients in a design
  bool joint = false;         ///< own noise per row: monte_carlo holds s2_e + s2_ed

  [[nodiscard]] Components values() const { return {monte_carlo.value, data.value, interaction.value}; }
};

/// The same as estimates.
struct ComponentEstimates {
  Estimate monte_carlo;
  Estimate data;
  Estimate interaction;
};

/// Traces of every block, and of all parameters last.
/// setting: N, M, B of the designs (replicas not read). With own noise per row only the sum s2_e + s2_ed can be told, which is also all
/// that predictions under such settings need: it stands in monte_carlo, interaction is not to be had. If every estimate uses all rows, data
/// and interaction are not to be had. rows: with or without replacement. floor: [parameter] standard deviation of rounding, of
/// rounding_floor(). Cost O(batches x parameters).
std::vector<ComponentStatistics> component_statistics(const ComponentMoments& moments, const std::vector<Block>& blocks,
                                                      const Setting& setting, RowPolicy rows, std::span<const double> floor);

/// 95 % interval of a statistic made of components: jackknife over batches of designs, on the log scale where the value is well above zero
/// (the sampling distribution is skewed to the right), else symmetric and not cut at zero. design: whose batches they are. Cost O(batches).
Estimate component_interval(const LeaveOneOut& statistic, const ComponentStatistics& design);

/// 95 % intervals: jackknife over batches of designs, not cut at zero. Cost O(batches).
ComponentEstimates component_estimates(const ComponentStatistics& statistics);

/// The variance that these coefficients make of the components, with and without each batch of designs. Empty `without` if a component
/// that has a coefficient is not to be had.
LeaveOneOut predicted_statistic(const ComponentStatistics& statistics, const Components& coefficients);

/// The same with its 95 % interval: on the log scale where the value is at least four standard errors above zero, else symmetric.
/// Cost O(batches).
Estimate predicted(const ComponentStatistics& statistics, const Components& coefficients);

/// What each component makes of the variance under these coefficients, as a share of the whole, with intervals.
ComponentEstimates component_shares(const ComponentStatistics& statistics, const Components& coefficients);

/// One block (or all parameters) of one estimator at one point.
struct BlockComponents {
  std::string name;  ///< "total" for all parameters
  ComponentStatistics statistics;
  ComponentEstimates estimates;
  ComponentEstimates shares;  ///< of the variance of one call at the designs' setting
  Estimate variance;          ///< tr Var of one call at the designs' setting, from the components
};

/// A prediction at another setting, with what replicates there measured.
struct Check {
  Setting setting;
  Policy policy;
  Comparison comparison;
  bool strata = false;  ///< predicted from the components of the fixed shards at hand (strata.hpp)

  /// Whether the two must agree if the policy was kept: the comparison is then one of those that share the report's false alarms.
  [[nodiscard]] bool judged() const { return comparison.predicted.defined() && (strata || holds_for_any_rows(setting, policy)); }
};

struct ComponentSummary {
  std::string estimator;
  Setting setting;  ///< of the designs, M in sets
  RowPolicy rows = RowPolicy::without_replacement;
  Index set_size = 1;  ///< samples that depend on each other: 2 antithetic, M leave-one-out or RQMC; else 1
  std::vector<BlockComponents> blocks;
  BlockComponents total;
  BestSetting best;           ///< for the designs' own M B row evaluations; M in sets, of the total trace
  Estimate best_variance;     ///< tr Var there
  Estimate best_ratio;        ///< over tr Var at the designs' setting
  std::vector<Check> checks;  ///< filled by who has the replicates
};

/// Everything table T2 says about one estimator at one point, `checks` apart. best_ratio's interval is that of the two settings compared,
/// not of the choice. setting.samples: in sets of set_size samples. Cost O(batches x parameters).
ComponentSummary summarise(const std::string& estimator, const ComponentMoments& moments, const std::vector<Block>& blocks,
                           const Setting& setting, RowPolicy rows, std::span<const double> floor, Index set_size = 1);

/// Components at another setting against a variance measured there. Undecided if nothing is predicted there, or only what shards dealt at
/// random would have (z is given all the same).
Check check_prediction(const ComponentStatistics& statistics, const Setting& setting, const Policy& policy, const Estimate& measured,
                       Index comparisons);

}  // namespace variscope::diagnostics
