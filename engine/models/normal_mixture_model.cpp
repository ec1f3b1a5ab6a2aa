/// Normal mixture: densities by log-sum-exp; gradients from each component's share of the rows.
#include "engine/models/normal_mixture_model.hpp"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"
#include "engine/models/log_scale.hpp"
#include "engine/models/row_stream.hpp"

namespace variscope::models {

namespace {

using simd::Pack;
constexpr Index kLanes = tiles::kLanes;
/// Where exponentials continue by their tangents: a gap's square times a precision stays finite.
constexpr double kBound = 100;

Pack load_row(const double* lanes, Index row) { return simd::load(lanes + row * kLanes); }
void add_row(double* lanes, Index row, Pack term) { simd::store(lanes + row * kLanes, load_row(lanes, row) + term); }

/// sigmoid(v), log sigmoid(v) and log sigmoid(-v).
struct Stick {
  Pack share;
  Pack log_share;
  Pack log_rest;

  explicit Stick(Pack v) {
    const Pack t = simd::exp_nonpositive(-simd::abs(v));
    const Pack lost = simd::log1p_nonnegative(t);
    share = (v >= 0.0 ? simd::broadcast(1.0) : t) / (t + 1.0);
    log_share = simd::min(v, Pack{}) - lost;
    log_rest = simd::min(-v, Pack{}) - lost;
  }
};

}  // namespace

/// One pack of columns. Arrays have `components` entries; gap: d mean_k / d coordinate k, bend: its derivative; share: of
/// the stick.
struct NormalMixtureModel::Components {
  Pack mean[kMostComponents];
  Pack gap[kMostComponents];
  Pack bend[kMostComponents];
  Pack log_scale[kMostComponents];  ///< log weight - log sd - 1/2 log 2 pi
  Pack log_weight[kMostComponents];
  Pack share[kMostComponents];
  Exponential precision[kMostComponents];

  /// log p(y, component k).
  [[nodiscard]] Pack term(Index k, Pack difference) const { return log_scale[k] - 0.5 * (precision[k].value * (difference * difference)); }
  /// log p(y), with the shares of the components in `of`, which is all that is left of their log terms.
  Pack mix(Index count, double y, Pack* of) const {
    Pack largest = term(0, y - mean[0]);
    of[0] = largest;
    for (Index k = 1; k < count; ++k) {
      of[k] = term(k, y - mean[k]);
      largest = simd::max(largest, of[k]);
    }
    Pack sum{};
    for (Index k = 0; k < count; ++k) {
      of[k] = simd::exp_nonpositive(of[k] - largest);
      sum = sum + of[k];
    }
    for (Index k = 0; k < count; ++k) of[k] = of[k] / sum;
    return largest + simd::log_positive(sum);
  }
};

/// Derivatives of one pack of columns along a direction.
struct NormalMixtureModel::Along {
  Pack mean[kMostComponents];
  Pack log_sd[kMostComponents];
  Pack log_weight[kMostComponents];
};

NormalMixtureModel::NormalMixtureModel(const data::Table& table, const MixtureShape& shape) : table_(table), shape_(shape) {
  std::vector<std::string> covariates = table.columns;
  std::erase(covariates, "intercept");
  if (!covariates.empty())
    throw UserError(fmt::format("model.name: 'normal_mixture_model' takes no covariates (the data have {}). Set data.columns = [].",
                                data::list_names(covariates)));
  if (shape.components < 1 || shape.components > kMostComponents)
    throw UserError(fmt::format("model.components: {} (1 to {} are possible). Use 2.", shape.components, kMostComponents));
  if (!std::isfinite(shape.prior_mean))
    throw UserError("model.prior_mean: must be finite (it is the mean of every mean's prior). Use 0.0.");
  const auto positive = [](const char* key, double value, const char* what) {
    if (!(value > 0) || !std::isfinite(value))
      throw UserError(fmt::format("model.{}: must be positive and finite (it is {}). Use 1.0.", key, what));
  };
  positive("prior_sd", shape.prior_sd, "the standard deviation of every mean's prior");
  positive("concentration", shape.concentration, "the concentration of the weights' Dirichlet prior");
  if (!(shape.sd_prior_sd >= 0) || !std::isfinite(shape.sd_prior_sd))
    throw UserError("model.sd_prior_sd: must be 0 (sd is known) or positive and finite (its half-normal prior's scale). Use 1.0.");
  if (!has_sds()) positive("sd", shape.sd, "the known standard deviation of every component");
}

std::vector<std::string> NormalMixtureModel::parameter_names() const {
  std::vector<std::string> names;
  for (Index k = 1; k <= shape_.components; ++k) names.push_back(fmt::format("{}[{}]", shape_.ordered && k > 1 ? "log_gap" : "mean", k));
  for (Index k = 1; has_sds() && k <= shape_.components; ++k) names.push_back(fmt::format("log_sd[{}]", k));
  for (Index k = 1; k < shape_.components; ++k) names.push_back(fmt::format("stick[{}]", k));
  return names;
}

std::vector<Variable> NormalMixtureModel::variables() const {
  std::vector<Variable> all = {{"mean", {shape_.components}}};
  if (has_sds()) all.push_back({"sd", {shape_.components}});
  all.push_back({"weight", {shape_.components}});
  return all;
}

void NormalMixtureModel::unpack(const double* theta, Components& to) const {
  const Index count = shape_.components;
  Pack rest{};  // log of what is left of the stick
  for (Index k = 0; k < count; ++k) {
    const Pack z = load_row(theta, k);
    to.gap[k] = simd::broadcast(1.0);
    to.bend[k] = Pack{};
    if (shape_.ordered && k > 0) {
      const Exponential gap = bounded_exp(z, kBound);
      to.mean[k] = to.mean[k - 1] + gap.value;
      to.gap[k] = gap.first;
      to.bend[k] = gap.second;
    } else {
      to.mean[k] = z;
    }
    if (k + 1 < count) {
      const Stick stick(load_row(theta, first_stick() + k) - std::log(static_cast<double>(count - 1 - k)));
      to.share[k] = stick.share;
      to.log_weight[k] = rest + stick.log_share;
      rest = rest + stick.log_rest;
    } else {
      to.log_weight[k] = rest;
    }
    const Pack log_sd = has_sds() ? load_row(theta, first_sd() + k) : simd::broadcast(std::log(shape_.sd));
    to.precision[k] = bounded_exp(-2.0 * log_sd, kBound);
    to.log_scale[k] = to.log_weight[k] - log_sd - kHalfLogTwoPi;
  }
}

void NormalMixtureModel::differentiate(const Components& components, const double* direction, Along& to) const {
  Pack rest{};
  for (Index k = 0; k < shape_.components; ++k) {
    to.mean[k] = components.gap[k] * load_row(direction, k);
    if (shape_.ordered && k > 0) to.mean[k] = to.mean[k] + to.mean[k - 1];
    to.log_sd[k] = has_sds() ? load_row(direction, first_sd() + k) : Pack{};
    to.log_weight[k] = rest;
    if (k + 1 == shape_.components) continue;
    const Pack stick = load_row(direction, first_stick() + k);
    to.log_weight[k] = rest + (1.0 - components.share[k]) * stick;
    rest = rest - components.share[k] * stick;
  }
}

void NormalMixtureModel::constrain(ConstBatchView theta, BatchView out) const {
  const Index count = shape_.components;
  Components components;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      const double* z = theta.block(b) + lane;
      unpack(z, components);
      const auto set = [to = out.block(b) + lane](Index row, Pack value) { simd::store(to + row * kLanes, value); };
      for (Index k = 0; k < count; ++k) {
        set(k, components.mean[k]);
        if (has_sds()) set(count + k, bounded_exp(load_row(z, first_sd() + k)).value);
        set((has_sds() ? 2 : 1) * count + k, simd::exp_nonpositive(components.log_weight[k]));
      }
    }
  }
}

void NormalMixtureModel::unconstrain(std::span<const double> values, std::span<double> theta) const {
  const auto count = static_cast<std::size_t>(shape_.components);
  const auto sd = static_cast<std::size_t>(first_sd());
  const auto stick = static_cast<std::size_t>(first_stick());
  const std::size_t weight = has_sds() ? 2 * count : count;
  for (std::size_t k = 0; k < count; ++k) {
    theta[k] = values[k];
    if (shape_.ordered && k > 0) {
      if (!(values[k] > values[k - 1]))
        throw UserError(fmt::format("mean: {} does not exceed {} (the means ascend). Sort them.", values[k], values[k - 1]));
      theta[k] = std::log(values[k] - values[k - 1]);
    }
    if (!has_sds()) continue;
    if (!(values[count + k] > 0) || !std::isfinite(values[count + k]))
      throw UserError(
          fmt::format("sd: {} is not positive and finite (it is a standard deviation). Give a number above 0.", values[count + k]));
    theta[sd + k] = std::log(values[count + k]);
  }
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (!(values[weight + k] > 0))
      throw UserError(fmt::format("weight: {} is not positive (it is a component's share). Give a number above 0.", values[weight + k]));
    sum += values[weight + k];
  }
  if (std::fabs(sum - 1.0) > 1e-8) throw UserError(fmt::format("weight: the shares add up to {} (they must to 1). Rescale them.", sum));
  // From the last backwards, so that what is left is summed without cancelling.
  double rest = values[weight + count - 1];
  for (std::size_t k = count - 1; k-- > 0;) {
    theta[stick + k] = std::log(values[weight + k] / rest) + std::log(static_cast<double>(count - 1 - k));
    rest += values[weight + k];
  }
}

void NormalMixtureModel::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  const auto count = static_cast<std::size_t>(shape_.components);
  std::vector<double> means;
  for (std::size_t k = 0; k < count; ++k)
    means.push_back(shape_.prior_mean + shape_.prior_sd * random::normal(stream, static_cast<std::uint32_t>(k)));
  if (shape_.ordered) std::sort(means.begin(), means.end());
  for (std::size_t k = 0; k < count; ++k) theta[k] = shape_.ordered && k > 0 ? std::log(means[k] - means[k - 1]) : means[k];
  // Uniforms and normals of one lane share their bits: the next numbers begin behind those taken.
  const auto sds = static_cast<std::uint32_t>(kMostComponents);
  const auto sticks = static_cast<std::uint32_t>(2 * kMostComponents);
  for (std::size_t k = 0; has_sds() && k < count; ++k)
    theta[static_cast<std::size_t>(first_sd()) + k] =
        std::log(shape_.sd_prior_sd * std::fabs(random::normal(stream, sds + static_cast<std::uint32_t>(k))));
  for (std::size_t k = 0; k + 1 < count; ++k) {
    // A Dirichlet's sticks are independent: share k is Beta(a, a (K - k)), by its quantile.
    const auto behind = static_cast<double>(count - 1 - k);
    double other = 0;
    const double share = boost::math::ibeta_inv(shape_.concentration, shape_.concentration * behind,
                                                random::uniform(stream, sticks + static_cast<std::uint32_t>(k)), &other);
    constexpr double kTiny = std::numeric_limits<double>::min();
    theta[static_cast<std::size_t>(first_stick()) + k] =
        std::log(std::max(share, kTiny)) - std::log(std::max(other, kTiny)) + std::log(behind);
  }
}

void NormalMixtureModel::simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                            std::span<double> responses) const {
  tiles::Batch column(dim(), 1);
  for (Index d = 0; d < dim(); ++d) column(d, 0) = theta[static_cast<std::size_t>(d)];
  tiles::Batch values(constrained_dim(), 1);
  constrain(column.view(), values.view());
  const Index count = shape_.components;
  for (Index n = 0; n < rows.size(); ++n) {
    const random::Stream own = row_stream(stream, rows[n]);
    double left = random::uniform(own, 0);
    Index k = 0;
    for (; k + 1 < count; ++k) {
      left -= values((has_sds() ? 2 : 1) * count + k, 0);
      if (left < 0) break;
    }
    const double sd = has_sds() ? values(count + k, 0) : shape_.sd;
    responses[static_cast<std::size_t>(n)] = values(k, 0) + sd * random::normal(own, 2);
  }
}

void NormalMixtureModel::log_prior(ConstBatchView theta, Evaluation& out) const {
  const Index count = shape_.components;
  const auto k_all = static_cast<double>(count);
  const double a = shape_.concentration;
  const double inverse_sd = 1.0 / shape_.prior_sd;
  double constant = std::lgamma(k_all * a) - k_all * std::lgamma(a) - k_all * (std::log(shape_.prior_sd) + kHalfLogTwoPi);
  if (shape_.ordered) constant += std::lgamma(k_all + 1.0);  // K! orders fold onto one
  const Index product = out.wanted.hessian_row(dim());
  Components components;
  Along along;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      const double* z = theta.block(b) + lane;
      double* to = out.out.block(b) + lane;
      const double* direction = out.wanted.hessian_vector ? out.direction.block(b) + lane : nullptr;
      unpack(z, components);
      if (direction != nullptr) differentiate(components, direction, along);
      Pack value = simd::broadcast(constant);
      Pack slope{};   // of the means from k on
      Pack slopes{};  // its derivative along the direction
      for (Index k = count; k-- > 0;) {
        const Pack scaled = (components.mean[k] - shape_.prior_mean) * inverse_sd;
        value = value - 0.5 * (scaled * scaled);
        const Pack own = -(scaled * inverse_sd);
        slope = shape_.ordered ? slope + own : own;
        const bool gap = shape_.ordered && k > 0;
        if (gap) value = value + load_row(z, k);  // log |J|
        if (out.wanted.gradient) add_row(to, 1 + k, gap ? slope * components.gap[k] + 1.0 : slope);
        if (direction == nullptr) continue;
        const Pack own_along = -(inverse_sd * inverse_sd) * along.mean[k];
        slopes = shape_.ordered ? slopes + own_along : own_along;
        add_row(to, product + k, slopes * components.gap[k] + slope * (components.bend[k] * load_row(direction, k)));
      }
      for (Index k = 0; has_sds() && k < count; ++k) {
        const LogTerms sd = half_normal_log_scale(load_row(z, first_sd() + k), shape_.sd_prior_sd);
        value = value + sd.value;
        if (out.wanted.gradient) add_row(to, 1 + first_sd() + k, sd.first);
        if (direction != nullptr) add_row(to, product + first_sd() + k, sd.second * along.log_sd[k]);
      }
      for (Index k = 0; k + 1 < count; ++k) {
        // Dirichlet and |J| together: the density of the logit of Beta(a, a (K - k)), without its constant.
        const auto behind = static_cast<double>(count - 1 - k);
        const Stick stick(load_row(z, first_stick() + k) - std::log(behind));
        value = value + a * (stick.log_share + behind * stick.log_rest);
        if (out.wanted.gradient) add_row(to, 1 + first_stick() + k, a * (1.0 - (behind + 1.0) * stick.share));
        if (direction == nullptr) continue;
        const Pack bend = -(a * (behind + 1.0)) * (stick.share * (1.0 - stick.share));
        add_row(to, product + first_stick() + k, bend * load_row(direction, first_stick() + k));
      }
      if (out.wanted.value) add_row(to, 0, value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void NormalMixtureModel::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  const Index count = shape_.components;
  out.counts.add_rows(out.wanted, rows.size() * theta.count);
  const bool hessian = out.wanted.hessian_vector;
  if (!out.wanted.value && !out.wanted.gradient && !hessian) return;
  const Index product = out.wanted.hessian_row(dim());
  Components components;
  Along along;
  Pack share[kMostComponents];
  Pack change[kMostComponents];  // of the log terms along the direction
  // Of each component: its rows, their differences from its mean, and the squares of those; and the same of the shares' derivatives.
  Pack number[kMostComponents];
  Pack first[kMostComponents];
  Pack second[kMostComponents];
  Pack number_along[kMostComponents];
  Pack first_along[kMostComponents];
  Pack second_along[kMostComponents];
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      double* to = out.out.block(b) + lane;
      const double* direction = hessian ? out.direction.block(b) + lane : nullptr;
      unpack(theta.block(b) + lane, components);
      if (hessian) differentiate(components, direction, along);
      for (Index k = 0; k < count; ++k) number[k] = first[k] = second[k] = number_along[k] = first_along[k] = second_along[k] = Pack{};
      Pack value{};
      for (Index n = 0; n < rows.size(); ++n) {
        const double y = table_.response[static_cast<std::size_t>(rows[n] - table_.held.first)];
        value = value + components.mix(count, y, share);
        if (!out.wanted.gradient && !hessian) continue;
        Pack average{};
        for (Index k = 0; k < count; ++k) {
          const Pack difference = y - components.mean[k];
          const Pack moment = share[k] * difference;
          number[k] = number[k] + share[k];
          first[k] = first[k] + moment;
          second[k] = simd::fma(moment, difference, second[k]);
          if (!hessian) continue;
          const Exponential& precision = components.precision[k];
          change[k] = precision.value * difference * along.mean[k] + (precision.first * (difference * difference) - 1.0) * along.log_sd[k] +
                      along.log_weight[k];
          average = simd::fma(share[k], change[k], average);
        }
        for (Index k = 0; hessian && k < count; ++k) {
          const Pack difference = y - components.mean[k];
          const Pack shift = share[k] * (change[k] - average);  // of the component's share
          number_along[k] = number_along[k] + shift;
          first_along[k] = simd::fma(shift, difference, first_along[k]);
          second_along[k] = simd::fma(shift * difference, difference, second_along[k]);
        }
      }
      if (out.wanted.value) add_row(to, 0, value);
      if (!out.wanted.gradient && !hessian) continue;
      Pack slope{};   // of the means from k on
      Pack slopes{};  // its derivative along the direction
      Pack behind{};  // rows of later components
      Pack behind_along{};
      for (Index k = count; k-- > 0;) {
        const Exponential& precision = components.precision[k];
        const Pack own = precision.value * first[k];
        slope = shape_.ordered ? slope + own : own;
        const bool stick = k + 1 < count;
        if (out.wanted.gradient) {
          add_row(to, 1 + k, slope * components.gap[k]);
          if (has_sds()) add_row(to, 1 + first_sd() + k, precision.first * second[k] - number[k]);
          if (stick) add_row(to, 1 + first_stick() + k, number[k] - components.share[k] * (number[k] + behind));
        }
        if (hessian) {
          const Pack m = along.mean[k];
          const Pack s = along.log_sd[k];
          const Pack own_along = precision.value * (first_along[k] - m * number[k]) - 2.0 * precision.first * s * first[k];
          slopes = shape_.ordered ? slopes + own_along : own_along;
          add_row(to, product + k, slopes * components.gap[k] + slope * (components.bend[k] * load_row(direction, k)));
          if (has_sds()) {
            add_row(to, product + first_sd() + k,
                    precision.first * (second_along[k] - 2.0 * m * first[k]) - 2.0 * precision.second * s * second[k] - number_along[k]);
          }
          if (stick) {
            const Pack share_along = components.share[k] * (1.0 - components.share[k]) * load_row(direction, first_stick() + k);
            add_row(to, product + first_stick() + k,
                    number_along[k] - share_along * (number[k] + behind) - components.share[k] * (number_along[k] + behind_along));
          }
          behind_along = behind_along + number_along[k];
        }
        behind = behind + number[k];
      }
    }
  }
}

void NormalMixtureModel::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  Components components;
  Pack share[kMostComponents];
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      unpack(theta.block(b) + lane, components);
      for (Index n = 0; n < rows.size(); ++n) {
        const double y = table_.response[static_cast<std::size_t>(rows[n] - table_.held.first)];
        simd::store(out.block(b) + n * kLanes + lane, components.mix(shape_.components, y, share));
      }
    }
  }
}

void NormalMixtureModel::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  Components components;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      unpack(theta.block(b) + lane, components);
      Pack mean{};
      for (Index k = 0; k < shape_.components; ++k)
        mean = simd::fma(simd::exp_nonpositive(components.log_weight[k]), components.mean[k], mean);
      for (Index n = 0; n < rows.size(); ++n) simd::store(out.block(b) + n * kLanes + lane, mean);
    }
  }
}

Entry normal_mixture_model_entry() {
  Entry entry;
  entry.name = "normal_mixture_model";
  entry.summary = "mixture of K normals: unknown means (ordered or not), weights by stick breaking, sds known or half-normal";
  entry.source = "definition; Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., chapter 22; sticks: Betancourt 2012, arXiv 1010.3436";
  entry.response = ResponseKind::real;
  entry.covariates = false;
  entry.parameters = {{"components", "number K of components", {2.0}},
                      {"prior_mean", "mean of every mean's normal prior", {0.0}},
                      {"prior_sd", "standard deviation of every mean's normal prior", {1.0}},
                      {"concentration", "of the weights' symmetric Dirichlet prior", {1.0}},
                      {"sd", "known standard deviation of every component", {1.0}},
                      {"sd_prior_sd", "above 0: every component has an sd of its own, half-normal with this scale", {0.0}}};
  entry.words = {{"means", "ordered: ascending, which leaves one labelling", "unordered", false, {"unordered", "ordered"}}};
  entry.make = [](const Arguments& arguments) {
    MixtureShape shape;
    const double components = arguments.number("components");
    if (components != std::floor(components)) throw UserError("model.components: not a whole number. Use 2.");
    shape.components = static_cast<Index>(std::clamp(components, 0.0, 1e6));
    shape.ordered = arguments.word("means") == "ordered";
    shape.prior_mean = arguments.number("prior_mean");
    shape.prior_sd = arguments.number("prior_sd");
    shape.concentration = arguments.number("concentration");
    shape.sd = arguments.number("sd");
    shape.sd_prior_sd = arguments.number("sd_prior_sd");
    return std::make_unique<NormalMixtureModel>(*arguments.table, shape);
  };
  entry.smoke.numbers = {{"components", {3.0}},    {"prior_mean", {0.25}}, {"prior_sd", {1.5}},
                         {"concentration", {1.5}}, {"sd", {0.8}},          {"sd_prior_sd", {1.2}}};
  entry.smoke.words = {{"means", "unordered"}};
  Variant ordered{"ordered", entry.smoke};
  ordered.smoke.words["means"] = "ordered";
  ordered.smoke.numbers["sd_prior_sd"] = {0.0};
  entry.variants.push_back(std::move(ordered));
  return entry;
}

}  // namespace variscope::models
