/// Monte Carlo noise, data noise and their interaction: the variance of an averaged gradient under any way of drawing noise and rows.
///
/// One row's term, scaled so that its mean over the N rows is the whole gradient, is g(n, eps) = G + a(eps) + b(n) + c(n, eps) with
/// mean_n b = 0, E a = 0, mean_n c(., eps) = 0 for every eps, E c(n, .) = 0 for every n. The components are E a^2, mean_n b^2 and
/// mean_n E c^2, with 1/N over rows; of one parameter, or traces: every formula is linear in them.
/// The formulas hold for estimators that average M independent samples. Where samples depend on each other (leave-one-out, antithetic,
/// RQMC), the whole set is one sample: take M = 1 here and do not predict other M.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/index.hpp"

namespace variscope::diagnostics {

/// s2_e, s2_d, s2_ed; also used for their coefficients in a formula.
struct Components {
  double monte_carlo = 0;
  double data = 0;
  double interaction = 0;
};

/// sum of products: the variance that coefficients make of components.
inline double dot(const Components& coefficients, const Components& components) {
  return coefficients.monte_carlo * components.monte_carlo + coefficients.data * components.data +
         coefficients.interaction * components.interaction;
}

/// Noise of the replicas: each its own, one for all, or disjoint pieces of one randomised net.
enum class NoisePolicy { independent, shared, split_net };

/// Rows of the replicas. B is per replica throughout.
enum class RowPolicy {
  with_replacement,     ///< every row of every replica drawn independently
  without_replacement,  ///< each replica draws B distinct rows, independently of the others
  disjoint,             ///< B R distinct rows, dealt to the replicas
  shards,  ///< replica r draws B distinct rows of its fixed shard balanced_range(N, R, r); its weight is the shard's share of rows
  epoch,   ///< a permutation of all rows, cut into steps of B R rows: one step is like disjoint, a whole epoch has no data noise
};

/// "independent", "shared", "split net".
std::string to_text(NoisePolicy noise);
/// "with replacement", "disjoint", ...
std::string to_text(RowPolicy rows);

struct Policy {
  NoisePolicy noise = NoisePolicy::independent;
  RowPolicy rows = RowPolicy::without_replacement;
};

/// Sizes of one averaged estimate.
struct Setting {
  Index rows = 0;        ///< N; 0: a target without data
  Index samples = 1;     ///< M per replica
  Index batch_rows = 0;  ///< B per replica; 0: all rows that the replica may draw from
  Index replicas = 1;    ///< R
  /// Local reparameterisation: sample m of row n has noise of its own, addressed by the global row, so that a row drawn twice under the
  /// same noise gives the same term twice.
  bool own_noise_per_row = false;
};

/// (N - n) / (N - 1): what drawing n of N rows without replacement leaves of the variance of their mean. 0 if N is 1.
double finite_population_correction(Index rows, Index drawn);

/// Coefficients of the components in the variance of the mean over replicas; nothing for split_net with R > 1, which has no such formula.
/// With one noise for the whole batch (n = B R; f = fpc):
///   independent: e / (M R) + d f / n + ed f(B) / (n M);  shared: e / M + d f / n + ed f / (n M);
///   f = f(B R) if rows are disjoint, f(B) if each replica draws without replacement, 1 with replacement.
/// With own noise per row: (e + ed) k / (n M) + d f / n, k = expected number of times a drawn row's noise is met in n draws:
///   1 if rows are distinct; 1 + (B - 1) / N with replacement; of shared noise 1 + (n - 1) / N with replacement, 1 + (R - 1) B / N if each
///   replica draws distinct rows.
/// Fixed shards: the mean over all partitions into shards of these sizes, as if rows had been dealt at random; equal shards give what
/// disjoint gives. Rows in some order make shards that differ from it either way: see holds_for_any_rows(), and for the shards at hand
/// predicted_variance(total, shards, ...).
/// UserError if the sizes are impossible (B > N without replacement, B R > N disjoint, M or R < 1).
std::optional<Components> coefficients(const Setting& setting, const Policy& policy);

/// Whether coefficients() are those of the rows at hand whatever these are. Not of fixed shards with R > 1, of which the components of all
/// rows tell only what shards dealt at random have on average: no measured variance contradicts that.
bool holds_for_any_rows(const Setting& setting, const Policy& policy);

/// dot(coefficients, components).
std::optional<double> predicted_variance(const Components& components, const Setting& setting, const Policy& policy);

/// One fixed shard as a population of its own: its rows, and the components of g over them (1/N_r over its rows).
/// Its Monte Carlo component is the variance of a(eps) + mean of c(., eps) over its rows.
struct Shard {
  Index rows = 0;
  Components components;
};

/// Stratified sampling with the shards as they are: R = shards.size(), w_r = N_r / N, b = B (all N_r rows if 0), f = fpc(N_r, b);
///   independent: sum w_r^2 (e_r / M + d_r f / b + ed_r f / (b M));  shared: e / M + sum w_r^2 (d_r f / b + ed_r f / (b M));
///   own noise per row: sum w_r^2 ((e_r + ed_r) / (b M) + d_r f / b).
/// Derivation: given all noise, shards are drawn independently and unbiasedly, so the second terms add; the mean over rows given the
/// noise is sum w_r (a + mean_r c) per replica with independent noise, and a alone (sum w_r mean_r c = 0) with shared noise.
/// Where the prior's noise counts 1 / R in every replica, whatever its shard's share of rows, e_r is that of shard r's rows with the prior
/// counted 1 / (R w_r) times; d_r and ed_r do not change.
/// monte_carlo: s2_e of the whole population. setting.rows and setting.replicas are not read.
std::optional<double> predicted_variance(double monte_carlo, std::span<const Shard> shards, const Setting& setting, NoisePolicy noise);

/// How a budget of row evaluations is best spent.
struct BestSetting {
  Index samples = 1;
  Index batch_rows = 0;
  double variance = 0;  ///< predicted, one replica
};

/// Exact minimiser of the variance over all integers M >= 1, 1 <= B <= N, M B <= budget; the smallest M of equals.
/// Negative components (unbiased estimates may be) count as zero. rows = 0: all of the budget into samples.
/// replacement: rows with replacement (no correction). own_noise_per_row: as in Setting. UserError if budget < 1. Cost O(sqrt(budget)).
BestSetting best_setting(const Components& components, Index rows, Index budget, bool replacement = false, bool own_noise_per_row = false);

/// tr Var / |G|^2: calls to average until noise equals signal (McCandlish et al. 2018, arXiv:1812.06162, eq. 2.8). Infinite if there is no
/// signal.
double noise_scale(double variance, double norm_square);

/// (|G|^2 + V_1) / (R (|G|^2 + V_R)): progress of a step, |G|^2 / (|G|^2 + V), with R replicas over R times that with one (McCandlish
/// et al. 2018, eq. 2.7). norm_square = 0 leaves V_1 / (R V_R), the variance alone.
double replica_efficiency(double variance_of_one, double variance, Index replicas, double norm_square);

/// The largest R whose replica_efficiency is at least `share`: beyond, the floor s2_e / M of shared noise or the signal makes replicas
/// pay less than that. At most the R that disjoint rows allow. Nothing if no R is too large, or if nothing can be predicted.
/// setting.replicas is not read; shards count as dealt at random, of equal sizes. share in (0, 1]. Cost O(1).
std::optional<Index> largest_useful_replicas(const Components& components, const Setting& setting, const Policy& policy, double norm_square,
                                             double share = 0.5);

}  // namespace variscope::diagnostics
