/// Hierarchical normal: a prior that ties the groups to their population, and rows that see their group alone.
#include "engine/models/hierarchical_normal.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/models/log_scale.hpp"
#include "engine/models/row_stream.hpp"

namespace variscope::models {

namespace {

using simd::Pack;
constexpr Index kLanes = tiles::kLanes;
constexpr Index kMu = 0;
constexpr Index kLogTau = 1;
constexpr Index kFirst = 2;  ///< the first group's coordinate

/// One pack of a batch's columns: coordinate or row `d` of the block.
struct Lanes {
  double* block;
  Index lane;
  [[nodiscard]] Pack get(Index d) const { return simd::load(block + d * kLanes + lane); }
  void add(Index d, Pack term) const { simd::store(block + d * kLanes + lane, get(d) + term); }
  void set(Index d, Pack value) const { simd::store(block + d * kLanes + lane, value); }
};
struct ConstLanes {
  const double* block;
  Index lane;
  [[nodiscard]] Pack get(Index d) const { return simd::load(block + d * kLanes + lane); }
};

/// Calls f(theta, out, direction) for every pack of columns; direction only where there is one.
template <class F>
void for_packs(ConstBatchView theta, const BatchView& out, const ConstBatchView& direction, F&& f) {
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth)
      f(ConstLanes{theta.block(b), lane}, Lanes{out.block(b), lane},
        ConstLanes{direction.data == nullptr ? nullptr : direction.block(b), lane});
  }
}

/// log density of l = log tau for tau half-Cauchy(scale): log(2 / (pi scale)) - log(1 + (tau / scale)^2) + l.
LogTerms half_cauchy_log_scale(Pack l, double scale) {
  const Pack u = 2.0 * (l - std::log(scale));
  const Pack t = simd::exp_nonpositive(-simd::abs(u));
  const Pack softplus = simd::max(u, Pack{}) + simd::log1p_nonnegative(t);
  const Pack sigmoid = (u >= 0.0 ? simd::broadcast(1.0) : t) / (t + 1.0);
  const double constant = std::log(2.0 / (std::numbers::pi * scale));
  return {(l + constant) - softplus, 1.0 - 2.0 * sigmoid, -4.0 * (t / ((t + 1.0) * (t + 1.0)))};
}

const data::SideColumn& side_column(const data::Table& table, const char* key, const std::string& name) {
  if (const data::SideColumn* column = table.side_column(name)) return *column;
  std::vector<std::string> names;
  for (const data::SideColumn& column : table.side_columns) names.push_back(column.name);
  throw UserError(fmt::format("model.{}: no side column '{}' (the data have {}). Name it in data.side_columns.", key, name,
                              names.empty() ? "none" : data::list_names(names)));
}

}  // namespace

HierarchicalNormal::HierarchicalNormal(const data::Table& table, const HierarchicalShape& shape) : table_(table), shape_(shape) {
  std::vector<std::string> covariates = table.columns;
  std::erase(covariates, "intercept");
  if (!covariates.empty())
    throw UserError(
        fmt::format("model.name: 'hierarchical_normal' takes no covariates (the data have {}). Use a generalised linear model, or set "
                    "data.columns = [].",
                    data::list_names(covariates)));
  if (!std::isfinite(shape.prior_mean)) throw UserError("model.prior_mean: must be finite (it is the mean of mu's prior). Use 0.0.");
  if (!(shape.prior_sd > 0) || !std::isfinite(shape.prior_sd))
    throw UserError("model.prior_sd: must be positive and finite (it is the standard deviation of mu's prior). Use 5.0.");
  if (!(shape.tau_scale > 0) || !std::isfinite(shape.tau_scale))
    throw UserError("model.tau_scale: must be positive and finite (it is the scale of tau's half-Cauchy prior). Use 5.0.");
  const data::SideColumn& sigma = side_column(table, "sigma", shape.sigma);
  const data::SideColumn* group = shape.group.empty() ? nullptr : &side_column(table, "group", shape.group);
  if (group != nullptr && group->levels.empty())
    throw UserError(
        fmt::format("model.group: column '{}' has no levels (groups are levels). Name it in data.categorical too.", shape.group));
  groups_ = group == nullptr ? table.rows : static_cast<Index>(group->levels.size());
  if (group != nullptr) levels_ = group->levels;
  const Index held = table.held.size();
  for (Index n = 0; n < held; ++n) {
    const auto at = static_cast<std::size_t>(n);
    const double sd = sigma.values[at];
    if (!(sd > 0) || !std::isfinite(sd))
      throw UserError(fmt::format("model.sigma: column '{}' is {} in row {} (counted from 0; a standard deviation is positive and finite).",
                                  shape.sigma, sd, table.held.first + n));
    held_.push_back({group == nullptr ? table.held.first + n : static_cast<Index>(group->values[at]), table.response[at], 1.0 / (sd * sd),
                     std::log(sd)});
  }
}

std::vector<std::string> HierarchicalNormal::parameter_names() const {
  std::vector<std::string> names = {"mu", "log_tau"};
  const char* base = shape_.centred ? "theta" : "eta";
  for (Index j = 0; j < groups_; ++j)
    names.push_back(fmt::format("{}[{}]", base, levels_.empty() ? fmt::format("{}", j + 1) : levels_[static_cast<std::size_t>(j)]));
  return names;
}

std::vector<Variable> HierarchicalNormal::variables() const { return {{"mu", {}}, {"tau", {}}, {"theta", {groups_}}}; }

void HierarchicalNormal::constrain(ConstBatchView theta, BatchView out) const {
  for_packs(theta, out, {}, [&](ConstLanes z, Lanes to, ConstLanes) {
    const Pack mu = z.get(kMu);
    const Pack tau = bounded_exp(z.get(kLogTau)).value;
    to.set(kMu, mu);
    to.set(kLogTau, tau);
    for (Index j = kFirst; j < dim(); ++j) to.set(j, shape_.centred ? z.get(j) : simd::fma(tau, z.get(j), mu));
  });
}

void HierarchicalNormal::unconstrain(std::span<const double> values, std::span<double> theta) const {
  const double tau = values[kLogTau];
  if (!(tau > 0) || !std::isfinite(tau))
    throw UserError(fmt::format("tau: {} is not positive and finite (it is a standard deviation). Give a number above 0.", tau));
  theta[kMu] = values[kMu];
  theta[kLogTau] = std::log(tau);
  for (std::size_t j = kFirst; j < theta.size(); ++j) theta[j] = shape_.centred ? values[j] : (values[j] - values[kMu]) / tau;
}

void HierarchicalNormal::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  // Lanes 2 and 3 are one block: tau has a block of its own.
  const double mu = shape_.prior_mean + shape_.prior_sd * random::normal(stream, 0);
  const double tau = shape_.tau_scale * std::tan(0.5 * std::numbers::pi * random::uniform(stream, 2));
  theta[kMu] = mu;
  theta[kLogTau] = std::log(tau);
  for (std::size_t j = kFirst; j < theta.size(); ++j) {
    const double eta = random::normal(stream, static_cast<std::uint32_t>(j + 2));
    theta[j] = shape_.centred ? mu + tau * eta : eta;
  }
}

void HierarchicalNormal::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                            std::span<double> responses) const {
  const double tau = std::exp(theta[kLogTau]);
  for (Index k = 0; k < rows.size(); ++k) {
    const Row& at = row(rows[k]);
    const double z = theta[static_cast<std::size_t>(kFirst + at.group)];
    const double mean = shape_.centred ? z : theta[kMu] + tau * z;
    responses[static_cast<std::size_t>(k)] = mean + random::normal(row_stream(stream, rows[k]), 0) / std::sqrt(at.precision);
  }
}

void HierarchicalNormal::log_prior(ConstBatchView theta, Evaluation& out) const {
  const double inverse_sd = 1.0 / shape_.prior_sd;
  const double constant = -std::log(shape_.prior_sd) - static_cast<double>(groups_ + 1) * kHalfLogTwoPi;
  const auto groups = static_cast<double>(groups_);
  const Index product = out.wanted.hessian_row(dim());
  for_packs(theta, out.out, out.wanted.hessian_vector ? out.direction : ConstBatchView{}, [&](ConstLanes z, Lanes to, ConstLanes along) {
    const Pack mu = z.get(kMu);
    const Pack l = z.get(kLogTau);
    const Pack scaled = (mu - shape_.prior_mean) * inverse_sd;
    const LogTerms tau = half_cauchy_log_scale(l, shape_.tau_scale);
    // Centred: every group is N(mu, tau^2). Otherwise N(0, 1): the same with constants in their place.
    const bool centred = shape_.centred;
    const Exponential precision = centred ? bounded_exp(-2.0 * l) : Exponential{simd::broadcast(1.0), {}, {}};
    const Pack centre = centred ? mu : Pack{};
    Pack sum{};
    Pack squares{};
    for (Index j = kFirst; j < dim(); ++j) {
      const Pack difference = z.get(j) - centre;
      sum = sum + difference;
      squares = simd::fma(difference, difference, squares);
      if (out.wanted.gradient) to.add(1 + j, -(precision.value * difference));
    }
    if (out.wanted.value) {
      Pack value = (tau.value + constant) - 0.5 * (scaled * scaled);
      value = value - 0.5 * (precision.value * squares);
      if (centred) value = value - groups * l;
      to.add(0, value);
    }
    if (out.wanted.gradient) {
      to.add(1 + kMu, -(scaled * inverse_sd));
      to.add(1 + kLogTau, tau.first);
      if (centred) {
        to.add(1 + kMu, precision.value * sum);
        to.add(1 + kLogTau, precision.first * squares - groups);
      }
    }
    if (!out.wanted.hessian_vector) return;
    const Pack v_mu = along.get(kMu);
    const Pack v_l = along.get(kLogTau);
    Pack by_mu = -(inverse_sd * inverse_sd) * v_mu;
    Pack by_l = tau.second * v_l;
    if (centred) by_l = by_l - 2.0 * (precision.second * squares) * v_l;
    for (Index j = kFirst; j < dim(); ++j) {
      const Pack v = along.get(j);
      if (!centred) {
        to.add(product + j, -v);
        continue;
      }
      const Pack difference = z.get(j) - mu;
      const Pack mixed = 2.0 * (precision.first * difference);
      const Pack straight = precision.value * (v_mu - v);
      to.add(product + j, straight + mixed * v_l);
      by_mu = by_mu - (straight + mixed * v_l);
      by_l = by_l + mixed * (v - v_mu);
    }
    to.add(product + kMu, by_mu);
    to.add(product + kLogTau, by_l);
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void HierarchicalNormal::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  const Index product = out.wanted.hessian_row(dim());
  double constant = 0;
  for (Index k = 0; k < rows.size(); ++k) constant -= row(rows[k]).log_sigma + kHalfLogTwoPi;
  for_packs(theta, out.out, out.wanted.hessian_vector ? out.direction : ConstBatchView{}, [&](ConstLanes z, Lanes to, ConstLanes along) {
    const bool centred = shape_.centred;
    const Pack mu = z.get(kMu);
    const Exponential tau = centred ? Exponential{} : bounded_exp(z.get(kLogTau));
    Pack squares{};
    Pack by_mu{};
    Pack by_l{};
    Pack along_mu{};
    Pack along_l{};
    for (Index k = 0; k < rows.size(); ++k) {
      const Row& at = row(rows[k]);
      const Index j = kFirst + at.group;
      const Pack own = z.get(j);
      const Pack difference = at.response - (centred ? own : simd::fma(tau.value, own, mu));
      const Pack residual = at.precision * difference;
      squares = simd::fma(residual, difference, squares);
      if (out.wanted.gradient) {
        to.add(1 + j, centred ? residual : residual * tau.value);
        by_mu = by_mu + residual;
        by_l = by_l + residual * (tau.first * own);
      }
      if (!out.wanted.hessian_vector) continue;
      const Pack v = along.get(j);
      if (centred) {
        to.add(product + j, -(at.precision * v));
        continue;
      }
      const Pack v_l = along.get(kLogTau);
      const Pack bend = tau.first * own;  // of the group's mean in log tau
      const Pack weighted = at.precision * (along.get(kMu) + tau.value * v + bend * v_l);
      to.add(product + j, residual * (tau.first * v_l) - weighted * tau.value);
      along_mu = along_mu - weighted;
      along_l = along_l + (residual * (tau.first * v + tau.second * own * v_l) - weighted * bend);
    }
    if (out.wanted.value) to.add(0, constant - 0.5 * squares);
    if (centred) return;
    if (out.wanted.gradient) {
      to.add(1 + kMu, by_mu);
      to.add(1 + kLogTau, by_l);
    }
    if (out.wanted.hessian_vector) {
      to.add(product + kMu, along_mu);
      to.add(product + kLogTau, along_l);
    }
  });
  out.counts.add_rows(out.wanted, rows.size() * theta.count);
}

void HierarchicalNormal::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  row_mean(rows, theta, out);
  for_packs(theta, out, {}, [&](ConstLanes, Lanes to, ConstLanes) {
    for (Index k = 0; k < rows.size(); ++k) {
      const Row& at = row(rows[k]);
      const Pack difference = at.response - to.get(k);
      to.set(k, (-at.log_sigma - kHalfLogTwoPi) - 0.5 * (at.precision * difference * difference));
    }
  });
}

void HierarchicalNormal::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  for_packs(theta, out, {}, [&](ConstLanes z, Lanes to, ConstLanes) {
    const Pack mu = z.get(kMu);
    const Pack tau = bounded_exp(z.get(kLogTau)).value;
    for (Index k = 0; k < rows.size(); ++k) {
      const Pack own = z.get(kFirst + row(rows[k]).group);
      to.set(k, shape_.centred ? own : simd::fma(tau, own, mu));
    }
  });
}

Entry hierarchical_normal_entry() {
  Entry entry;
  entry.name = "hierarchical_normal";
  entry.summary = "group means with a normal population, responses of known sd (eight schools), centred or non-centred";
  entry.source = "Rubin 1981, J. Educ. Stat. 6(4); Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 5.5";
  entry.response = ResponseKind::real;
  entry.covariates = false;
  entry.parameters = {{"prior_mean", "mean of mu's normal prior", {0.0}},
                      {"prior_sd", "standard deviation of mu's normal prior", {5.0}},
                      {"tau_scale", "scale of tau's half-Cauchy prior", {5.0}}};
  entry.words = {{"sigma", "side column of the responses' known standard deviations", std::nullopt, false, {}},
                 {"group", "categorical side column of the groups; empty: every row is a group", "", false, {}},
                 {"parameterization", "of the groups' means", "non-centred", false, {"centred", "non-centred"}}};
  entry.make = [](const Arguments& arguments) {
    HierarchicalShape shape;
    shape.sigma = arguments.word("sigma");
    shape.group = arguments.word("group");
    shape.centred = arguments.word("parameterization") == "centred";
    shape.prior_mean = arguments.number("prior_mean");
    shape.prior_sd = arguments.number("prior_sd");
    shape.tau_scale = arguments.number("tau_scale");
    return std::make_unique<HierarchicalNormal>(*arguments.table, shape);
  };
  entry.smoke.numbers = {{"prior_mean", {0.25}}, {"prior_sd", {2.0}}, {"tau_scale", {1.5}}};
  entry.smoke.words = {{"sigma", "trials"}, {"group", "clinic"}, {"parameterization", "non-centred"}};
  Variant centred{"centred", entry.smoke};
  centred.smoke.words["parameterization"] = "centred";
  entry.variants.push_back(std::move(centred));
  return entry;
}

}  // namespace variscope::models
