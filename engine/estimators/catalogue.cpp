/// The estimators that specs can name, and what an estimator need not write itself.
#include <set>
#include <stdexcept>

#include "engine/estimators/baselines.hpp"
#include "engine/estimators/data_control.hpp"
#include "engine/estimators/discrete.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/estimators/importance.hpp"
#include "engine/estimators/local.hpp"
#include "engine/estimators/measure_valued.hpp"
#include "engine/estimators/mixed.hpp"
#include "engine/estimators/pathwise.hpp"
#include "engine/estimators/score_function.hpp"
#include "engine/estimators/second_order.hpp"
#include "engine/estimators/stratified.hpp"
#include "engine/families/with_points.hpp"

namespace variscope::estimators {

void Estimator::place(const Context&, std::size_t, const Placement&) const {
  throw std::logic_error("place of an estimator whose requests are all at the samples");
}

void Estimator::prepare(const Context&, Preparation&, std::span<double>) const {}

void Estimator::merge(std::span<double> left, std::span<const double> right) const {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
}

Entry plain_entry(std::string name, std::string summary, std::string source, std::string cost,
                  std::function<std::unique_ptr<Estimator>()> make) {
  Entry entry;
  entry.name = std::move(name);
  entry.summary = std::move(summary);
  entry.source = std::move(source);
  entry.cost = std::move(cost);
  entry.make = std::move(make);
  entry.incompatible = [](const Context&) -> std::optional<std::string> { return std::nullopt; };
  entry.bad_samples = [](Index) -> std::optional<std::string> { return std::nullopt; };
  return entry;
}

namespace {

/// Those that know q by its path and its entropy alone: points, which have no density, can be among its coordinates.
bool without_scores(const std::string& name) {
  static const std::set<std::string> names = {"pw_cfe", "pw_antithetic", "pw_rqmc", "stl", "mix_stl_cfe"};
  return names.contains(name);
}

}  // namespace

std::optional<std::string> reason_against(const Entry& entry, const Context& context) {
  if (families::has_points(*context.family) && !without_scores(entry.name))
    return "needs a density of every coordinate, and points (family.point) have none; pathwise estimators do without";
  const bool bound = context.objective == Objective::importance_bound;
  if (bound && !entry.importance_bound) return "estimates the gradient of the ELBO, not of the importance-weighted bound";
  if (!bound && entry.importance_bound) return "estimates the gradient of the importance-weighted bound (objective = \"importance_bound\")";
  return entry.incompatible(context);
}

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      score_function_raw_entry(),
      score_function_mean_entry(),
      score_function_leave_one_out_entry(),
      rao_blackwell_entry(),
      rao_blackwell_same_samples_entry(),
      pathwise_closed_form_entropy_entry(),
      pathwise_closed_form_kl_entry(),
      sticking_the_landing_entry(),
      mixed_landing_entry(),
      antithetic_pathwise_entry(),
      scrambled_net_pathwise_entry(),
      stratified_pathwise_entry(),
      local_reparameterisation_entry(),
      taylor_hessian_entry(),
      taylor_product_entry(),
      quadratic_surrogate_entry(),
      bonnet_price_entry(),
      variance_reduced_entry(),
      stored_gradients_entry(),
      joint_control_entry(),
      measure_valued_entry(),
      arm_entry(),
      disarm_entry(),
      rebar_entry(),
      gumbel_softmax_entry(),
      straight_through_entry(),
      importance_weighted_entry(),
      importance_weighted_landing_entry(),
      doubly_reparameterised_entry(),
  };
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::estimators
