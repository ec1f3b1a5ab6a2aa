/// Generalised linear models: priors, likelihoods by fused kernels, and the maps between coordinates and effects.
#include "engine/models/glm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>

#include "engine/dense.hpp"
#include "engine/error.hpp"
#include "engine/models/glm_kernels.hpp"
#include "engine/models/scale_prior.hpp"
#include "engine/transforms/correlation_cholesky.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::models {

using glm::cut;
using glm::kLanes;
using glm::kLogScaleLimit;
using glm::Likelihood;
using simd::broadcast;
using simd::fma;
using simd::Pack;

namespace {

using distributions::Distribution;
using distributions::Kind;

const Distribution& standard_half_cauchy() {
  static const Distribution of(Kind::half_cauchy, {1.0}, "half_cauchy");
  return of;
}

/// f(lane block, first lane of the pack in it) for every pack of the columns.
template <class F>
void for_packs(ConstBatchView theta, F&& f) {
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (int part = 0; part < simd::kPacksPerBlock; ++part) f(b, part * simd::kWidth);
  }
}

/// f(likelihood) with the policy of the layout. Not for categories.
template <class F>
void with_likelihood(const glm::Layout& layout, F&& f) {
  switch (layout.likelihood) {
    case Likelihood::gaussian:
      f(glm::Gaussian{});
      break;
    case Likelihood::student_t: {
      const double v = layout.degrees;
      f(glm::StudentT{
          v, boost::math::lgamma(0.5 * (v + 1)) - boost::math::lgamma(0.5 * v) - 0.5 * (std::log(v) + std::log(std::numbers::pi))});
      break;
    }
    case Likelihood::bernoulli:
      f(glm::Bernoulli{});
      break;
    case Likelihood::binomial:
      f(glm::Binomial{});
      break;
    case Likelihood::poisson:
      f(glm::Poisson{});
      break;
    case Likelihood::negative_binomial:
      f(glm::NegativeBinomial{});
      break;
    case Likelihood::categorical:
      break;
  }
}

/// Sums over the coordinates of one pack of columns, and what is to be stored on the way.
struct PriorSum {
  const double* theta;      ///< coordinate 0
  const double* direction;  ///< nullptr unless Hessian-vector products are wanted
  double* gradient;         ///< nullptr unless wanted
  double* product;
  Pack value{};

  [[nodiscard]] Pack at(Index j) const { return simd::load(theta + j * kLanes); }
  void add_slope(Index j, Pack slope) const {
    if (gradient != nullptr) simd::store(gradient + j * kLanes, simd::load(gradient + j * kLanes) + slope);
  }
  void add(Index j, const distributions::Terms& terms) {
    value = value + terms.value;
    add_slope(j, terms.slope);
    if (direction == nullptr) return;
    double* place = product + j * kLanes;
    simd::store(place, fma(terms.curvature, simd::load(direction + j * kLanes), simd::load(place)));
  }
  /// A coordinate that is the logarithm of what has the prior: log |J| is the coordinate.
  void add_log(Index j, const Distribution& prior) { add(j, log_scale_terms(prior, at(j), kLogScaleLimit)); }
};

/// log of what makes sech(u)^(2 a) a density in u, where (1 + tanh(u)) / 2 ~ Beta(a, a): (1 - z^2)^(a - 1) / (2^(2 a - 1) B(a, a)) in
/// z = tanh(u).
double log_partial_constant(double a) { return boost::math::lgamma(2 * a) - 2 * boost::math::lgamma(a) - (2 * a - 1) * std::numbers::ln2; }

std::string category_name(const glm::Layout& layout, Index predictor, Index column) {
  const std::string& name = layout.table->columns[static_cast<std::size_t>(column)];
  if (layout.likelihood != Likelihood::categorical) return name;
  return fmt::format("{}:{}", layout.table->response_levels[static_cast<std::size_t>(predictor + 1)], name);
}

std::string scale_name(const glm::Layout& layout) { return layout.likelihood == Likelihood::negative_binomial ? "phi" : "sigma"; }

}  // namespace

Glm::Glm(const Arguments& arguments) : layout_(arguments) {
  bool normal = layout_.only_coefficients();
  for (const Distribution& prior : layout_.prior) {
    proper_ = proper_ && prior.proper();
    normal = normal && prior.kind() == Kind::normal;
  }
  if (layout_.has_scale()) proper_ = proper_ && layout_.scale_prior.proper();
  if (!layout_.varying.empty()) proper_ = proper_ && layout_.varying_prior.proper();
  if (normal) {
    for (const Distribution& prior : layout_.prior) {
      gaussian_.mean.push_back(prior.argument(0));
      gaussian_.sd.push_back(prior.argument(1));
    }
  }
  if (layout_.likelihood != Likelihood::negative_binomial) return;
  distinct_ = layout_.response;
  std::sort(distinct_.begin(), distinct_.end());
  distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
  for (const double y : layout_.response)
    code_.push_back(static_cast<std::int32_t>(std::lower_bound(distinct_.begin(), distinct_.end(), y) - distinct_.begin()));
}

std::vector<std::string> Glm::parameter_names() const {
  std::vector<std::string> names(static_cast<std::size_t>(layout_.dim));
  const auto name = [&](Index j) -> std::string& { return names[static_cast<std::size_t>(j)]; };
  for (Index j = 0; j < layout_.coefficients(); ++j) name(j) = category_name(layout_, j / layout_.width, j % layout_.width);
  for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
    name(horseshoe.tau) = "log_tau" + horseshoe.suffix;
    Index lambda = horseshoe.lambda;
    for (const Index j : horseshoe.coordinates) {
      name(lambda++) = fmt::format("log_lambda{}[{}]", horseshoe.suffix, name(j));
      name(j) = fmt::format("z[{}]", name(j));
    }
  }
  if (layout_.has_scale()) name(layout_.scale) = "log_" + scale_name(layout_);
  for (const glm::Varying& term : layout_.varying) {
    for (std::size_t k = 0; k < term.names.size(); ++k) {
      name(term.sd + static_cast<Index>(k)) = fmt::format("log_sd_{}[{}]", term.group, term.names[k]);
      for (std::size_t j = 0; term.correlated() && j < k; ++j) {
        name(term.correlation + static_cast<Index>(k * (k - 1) / 2 + j)) =
            fmt::format("atanh_partial_{}[{},{}]", term.group, term.names[k], term.names[j]);
      }
      for (std::size_t level = 0; level < term.levels.size(); ++level) {
        name(term.effect + static_cast<Index>(level * term.names.size() + k)) =
            fmt::format("{}_{}[{},{}]", layout_.centred ? "r" : "z", term.group, term.levels[level], term.names[k]);
      }
    }
  }
  return names;
}

std::vector<Variable> Glm::variables() const {
  std::vector<Variable> all;
  for (Index j = 0; j < layout_.coefficients(); ++j) all.push_back({category_name(layout_, j / layout_.width, j % layout_.width), {}});
  for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
    all.push_back({"tau" + horseshoe.suffix, {}});
    all.push_back({"lambda" + horseshoe.suffix, {static_cast<Index>(horseshoe.coordinates.size())}});
  }
  if (layout_.has_scale()) all.push_back({scale_name(layout_), {}});
  for (const glm::Varying& term : layout_.varying) {
    all.push_back({"sd_" + term.group, {term.effects()}});
    if (term.correlated()) all.push_back({"correlation_" + term.group, {term.pairs()}});
    all.push_back({"r_" + term.group, {static_cast<Index>(term.levels.size()), term.effects()}});
  }
  return all;
}

void Glm::correlation_factor(const glm::Varying& term, ConstBatchView theta, tiles::Batch& to) {
  to.resize(term.effects() * term.effects(), theta.count);
  transforms::CorrelationCholesky(term.effects()).constrain(theta, term.correlation, to.view(), 0);
}

void Glm::effective(ConstBatchView theta, BatchView out) const {
  thread_local tiles::Batch factor;
  std::copy_n(theta.data, theta.blocks() * theta.dim * kLanes, out.data);
  for_packs(theta, [&](Index b, int lane) {
    const double* from = theta.block(b) + lane;
    double* to = out.block(b) + lane;
    const auto log = [&](Index j) { return cut(simd::load(from + j * kLanes), kLogScaleLimit); };
    const auto scale = [&](Index j, Pack by) { simd::store(to + j * kLanes, simd::load(from + j * kLanes) * by); };
    for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
      const Pack tau = log(horseshoe.tau);
      Index lambda = horseshoe.lambda;
      for (const Index j : horseshoe.coordinates) scale(j, simd::exp_bounded(tau + log(lambda++)));
    }
    if (layout_.centred) return;
    for (const glm::Varying& term : layout_.varying) {
      for (Index k = 0; k < term.effects() && !term.correlated(); ++k) {
        const Pack sd = simd::exp_bounded(log(term.sd + k));
        for (Index j = k; j < term.size(); j += term.effects()) scale(term.effect + j, sd);
      }
    }
  });
  for (const glm::Varying& term : layout_.varying) {
    if (!term.correlated()) continue;
    correlation_factor(term, theta, factor);
    for_packs(theta, [&](Index b, int lane) {
      const Index count = term.effects();
      const double* from = theta.block(b) + lane;
      const double* lower = factor.view().block(b) + lane;
      for (Index k = 0; k < count; ++k) {
        const Pack sd = simd::exp_bounded(cut(simd::load(from + (term.sd + k) * kLanes), kLogScaleLimit));
        for (Index first = term.effect; first < term.effect + term.size(); first += count) {
          Pack sum{};
          for (Index m = 0; m <= k; ++m)
            sum = fma(simd::load(lower + (k * count + m) * kLanes), simd::load(from + (first + m) * kLanes), sum);
          simd::store(out.block(b) + (first + k) * kLanes + lane, sum * sd);
        }
      }
    });
  }
}

void Glm::pull_back(ConstBatchView theta, ConstBatchView effects, ConstBatchView from, Evaluation& out) const {
  for_packs(theta, [&](Index b, int lane) {
    const double* z = theta.block(b) + lane;
    const double* effect = effects.block(b) + lane;
    const double* source = from.block(b) + lane;
    double* to = out.out.block(b) + lane;
    if (out.wanted.value) simd::store(to, simd::load(to) + simd::load(source));
    if (!out.wanted.gradient) return;
    source += kLanes;
    to += kLanes;
    const auto log = [&](Index j) { return cut(simd::load(z + j * kLanes), kLogScaleLimit); };
    const auto add = [&](Index j, Pack slope) { simd::store(to + j * kLanes, simd::load(to + j * kLanes) + slope); };
    const auto slope = [&](Index j) { return simd::load(source + j * kLanes); };
    std::vector<bool> done(static_cast<std::size_t>(layout_.dim), false);
    for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
      const Pack tau = log(horseshoe.tau);
      Pack sum{};
      Index lambda = horseshoe.lambda;
      for (const Index j : horseshoe.coordinates) {
        done[static_cast<std::size_t>(j)] = true;
        const Pack along = slope(j) * simd::load(effect + j * kLanes);
        add(j, slope(j) * simd::exp_bounded(tau + log(lambda)));
        add(lambda++, along);
        sum = sum + along;
      }
      add(horseshoe.tau, sum);
    }
    if (!layout_.centred) {
      for (const glm::Varying& term : layout_.varying) {
        for (Index k = 0; k < term.effects(); ++k) {
          const Pack sd = simd::exp_bounded(log(term.sd + k));
          Pack sum{};
          for (Index i = k; i < term.size(); i += term.effects()) {
            const Index j = term.effect + i;
            done[static_cast<std::size_t>(j)] = true;
            sum = fma(slope(j), simd::load(effect + j * kLanes), sum);
            if (!term.correlated()) add(j, slope(j) * sd);
          }
          add(term.sd + k, sum);
        }
      }
    }
    for (Index j = 0; j < layout_.dim; ++j) {
      if (!done[static_cast<std::size_t>(j)]) add(j, slope(j));
    }
  });
  if (!out.wanted.gradient) return;
  thread_local tiles::Batch factor;
  thread_local tiles::Batch by_factor;
  for (const glm::Varying& term : layout_.varying) {
    if (!term.correlated()) continue;
    // u = diag(sd) L z, level by level.
    correlation_factor(term, theta, factor);
    by_factor.resize(factor.dim(), theta.count);
    by_factor.set_zero();
    for_packs(theta, [&](Index b, int lane) {
      const Index count = term.effects();
      const double* z = theta.block(b) + lane;
      const double* lower = factor.view().block(b) + lane;
      double* by = by_factor.view().block(b) + lane;
      for (Index k = 0; k < count; ++k) {
        const Pack sd = simd::exp_bounded(cut(simd::load(z + (term.sd + k) * kLanes), kLogScaleLimit));
        for (Index first = term.effect; first < term.effect + term.size(); first += count) {
          const Pack slope = simd::load(from.block(b) + lane + (1 + first + k) * kLanes) * sd;
          for (Index m = 0; m <= k; ++m) {
            const Index place = (k * count + m) * kLanes;
            double* to = out.out.block(b) + lane + (1 + first + m) * kLanes;
            simd::store(to, fma(slope, simd::load(lower + place), simd::load(to)));
            simd::store(by + place, fma(slope, simd::load(z + (first + m) * kLanes), simd::load(by + place)));
          }
        }
      }
    });
    transforms::CorrelationCholesky(term.effects()).pull_back(theta, term.correlation, by_factor.view(), 0, out.out, 1 + term.correlation);
  }
}

void Glm::constrain(ConstBatchView theta, BatchView out) const {
  effective(theta, out);
  const auto exponentiate = [&](Index j) {
    for_packs(theta, [&](Index b, int lane) {
      simd::store(out.block(b) + j * kLanes + lane, simd::exp_bounded(simd::load(theta.block(b) + j * kLanes + lane)));
    });
  };
  for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
    for (Index j = horseshoe.tau; j < horseshoe.lambda + static_cast<Index>(horseshoe.coordinates.size()); ++j) exponentiate(j);
  }
  if (layout_.has_scale()) exponentiate(layout_.scale);
  tiles::Batch factor;
  for (const glm::Varying& term : layout_.varying) {
    for (Index k = 0; k < term.effects(); ++k) exponentiate(term.sd + k);
    if (!term.correlated()) continue;
    correlation_factor(term, theta, factor);
    for_packs(theta, [&](Index b, int lane) {
      const double* lower = factor.view().block(b) + lane;
      double* to = out.block(b) + lane + term.correlation * kLanes;
      for (Index i = 1; i < term.effects(); ++i) {
        for (Index j = 0; j < i; ++j, to += kLanes) {
          Pack sum{};
          for (Index m = 0; m <= j; ++m)
            sum = fma(simd::load(lower + (i * term.effects() + m) * kLanes), simd::load(lower + (j * term.effects() + m) * kLanes), sum);
          simd::store(to, sum);
        }
      }
    });
  }
}

void Glm::unconstrain(std::span<const double> values, std::span<double> theta) const {
  std::copy_n(values.begin(), theta.size(), theta.begin());
  const std::vector<std::string> names = parameter_names();
  const auto take_log = [&](Index j) {
    const auto i = static_cast<std::size_t>(j);
    theta[i] = std::log(values[i]);
    if (values[i] > 0 && std::fabs(theta[i]) <= kLogScaleLimit) return;
    throw UserError(
        fmt::format("{}: {} (it must be positive, from e^-100 to e^100). Give another value.", names[i].substr(4), values[i]));  // log_
  };
  for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
    take_log(horseshoe.tau);
    Index lambda = horseshoe.lambda;
    for (const Index j : horseshoe.coordinates) {
      take_log(lambda);
      theta[static_cast<std::size_t>(j)] /= values[static_cast<std::size_t>(horseshoe.tau)] * values[static_cast<std::size_t>(lambda++)];
    }
  }
  if (layout_.has_scale()) take_log(layout_.scale);
  for (const glm::Varying& term : layout_.varying) {
    for (Index k = 0; k < term.effects(); ++k) {
      take_log(term.sd + k);
      if (layout_.centred) continue;
      for (Index j = k; j < term.size(); j += term.effects())
        theta[static_cast<std::size_t>(term.effect + j)] /= values[static_cast<std::size_t>(term.sd + k)];
    }
    if (!term.correlated()) continue;
    const Index count = term.effects();
    dense::Matrix correlations = dense::identity(count);
    Index next = term.correlation;
    for (Index i = 1; i < count; ++i) {
      for (Index j = 0; j < i; ++j) correlations(i, j) = values[static_cast<std::size_t>(next++)];
    }
    const auto lower = dense::cholesky(correlations);
    const auto pairs = theta.subspan(static_cast<std::size_t>(term.correlation), static_cast<std::size_t>(term.pairs()));
    if (!lower || transforms::CorrelationCholesky(count).unconstrain(lower->values, pairs)) {
      throw UserError(fmt::format("correlation_{}: no correlation matrix (it is not positive definite). Give other values.", term.group));
    }
    for (Index first = term.effect; first < term.effect + term.size(); first += count)
      dense::solve_lower(*lower, theta.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  }
}

void Glm::log_prior(ConstBatchView theta, Evaluation& out) const {
  static const Distribution standard(Kind::normal, {0.0, 1.0}, "normal");
  for_packs(theta, [&](Index b, int lane) {
    double* to = out.out.block(b) + lane;
    PriorSum sum{theta.block(b) + lane, out.wanted.hessian_vector ? out.direction.block(b) + lane : nullptr,
                 out.wanted.gradient ? to + kLanes : nullptr, to + out.wanted.hessian_row(layout_.dim) * kLanes};
    for (Index j = 0; j < layout_.coefficients(); ++j) sum.add(j, layout_.prior[static_cast<std::size_t>(j)].terms(sum.at(j)));
    for (const glm::Horseshoe& horseshoe : layout_.horseshoes) {
      sum.add_log(horseshoe.tau, horseshoe.global);
      for (std::size_t i = 0; i < horseshoe.coordinates.size(); ++i)
        sum.add_log(horseshoe.lambda + static_cast<Index>(i), standard_half_cauchy());
    }
    if (layout_.has_scale()) sum.add_log(layout_.scale, layout_.scale_prior);
    for (const glm::Varying& term : layout_.varying) {
      for (Index k = 0; k < term.effects(); ++k) {
        sum.add_log(term.sd + k, layout_.varying_prior);
        if (!layout_.centred) continue;
        // u ~ N(0, sd^2), sd on the log scale.
        const Pack log_sd = cut(sum.at(term.sd + k), kLogScaleLimit);
        const Pack inverse = simd::exp_bounded(-log_sd);
        Pack squares{};
        for (Index j = term.effect + k; j < term.effect + term.size(); j += term.effects()) {
          const Pack z = sum.at(j) * inverse;
          squares = fma(z, z, squares);
          sum.add_slope(j, -(z * inverse));
        }
        const auto levels = static_cast<double>(term.levels.size());
        sum.value = sum.value + (squares * -0.5 - levels * (log_sd + glm::kHalfLog2Pi));
        sum.add_slope(term.sd + k, squares - levels);
      }
      for (Index i = 1, next = term.correlation; term.correlated() && i < term.effects(); ++i) {
        for (Index j = 0; j < i; ++j, ++next) {
          const double power = 2 * term.partial_shape(j);
          const Pack tanh = transforms::packs::tanh(sum.at(next));
          const Pack sech = transforms::packs::sech(sum.at(next));
          sum.add(next, {transforms::packs::log_sech(sum.at(next)) * power + log_partial_constant(0.5 * power), tanh * -power,
                         sech * sech * -power});
        }
      }
      if (layout_.centred) continue;
      for (Index j = term.effect; j < term.effect + term.size(); ++j) sum.add(j, standard.terms(sum.at(j)));
    }
    if (out.wanted.value) simd::store(to, simd::load(to) + sum.value);
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Glm::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  thread_local tiles::Batch effects;  // kept between calls, so that nothing is allocated in the steady state
  thread_local tiles::Batch slopes;
  const bool direct = layout_.direct();
  glm::Call call{layout_, theta, out.direction, out.out, out.wanted};
  if (!direct) {
    effects.resize(layout_.dim, theta.count);
    slopes.resize(out.wanted.rows(layout_.dim), theta.count);
    slopes.set_zero();
    effective(theta, effects.view());
    call.theta = effects.view();
    call.out = slopes.view();
  }
  if (layout_.likelihood == Likelihood::categorical) {
    add_categories(rows, call.theta, call.out, out.wanted);
  } else {
    with_likelihood(layout_, [&](const auto& likelihood) { glm::add_rows(likelihood, call, rows); });
    if (layout_.likelihood == Likelihood::negative_binomial) add_gamma_ratios(rows, call);
  }
  if (!direct) pull_back(theta, effects.view(), slopes.view(), out);
  out.counts.add_rows(out.wanted, rows.size() * theta.count);
}

void Glm::add_gamma_ratios(const RowList& rows, const glm::Call& call) const {
  const Wanted& wanted = call.wanted;
  const bool slope = wanted.gradient && layout_.has_scale();
  const bool bend = wanted.hessian_vector && layout_.has_scale();
  if (rows.size() == 0 || !(wanted.value || slope || bend)) return;
  thread_local std::vector<std::int32_t> codes;
  codes.clear();
  for (Index k = 0; k < rows.size(); ++k) codes.push_back(code_[static_cast<std::size_t>(rows[k] - layout_.table->held.first)]);
  std::sort(codes.begin(), codes.end());
  for_packs(call.theta, [&](Index b, int lane) {
    const Pack phi = simd::exp_bounded(glm::log_scale(layout_, call.theta.block(b) + lane));
    Pack values{};
    Pack slopes{};
    Pack bends{};
    for (std::size_t i = 0; i < codes.size();) {
      const std::size_t first = i;
      while (i < codes.size() && codes[i] == codes[first]) ++i;
      const double y = distinct_[static_cast<std::size_t>(codes[first])];
      if (y == 0) continue;
      const simd::GammaRatio ratio = simd::gamma_ratio(phi, broadcast(y));
      const auto count = static_cast<double>(i - first);
      values = fma(ratio.log, broadcast(count), values);
      slopes = fma(ratio.slope * phi, broadcast(count), slopes);
      if (bend) bends = fma((simd::gamma_ratio_curvature(phi, broadcast(y)) * phi + ratio.slope) * phi, broadcast(count), bends);
    }
    double* to = call.out.block(b) + lane;
    const auto add = [&](Index row, Pack term) { simd::store(to + row * kLanes, simd::load(to + row * kLanes) + term); };
    if (wanted.value) add(0, values);
    if (slope) add(1 + layout_.scale, slopes);
    if (bend)
      add(wanted.hessian_row(layout_.dim) + layout_.scale, bends * simd::load(call.direction.block(b) + lane + layout_.scale * kLanes));
  });
}

void Glm::add_categories(const RowList& rows, ConstBatchView theta, BatchView out, const Wanted& wanted) const {
  thread_local tiles::Batch room;
  const Index width = layout_.width;
  const Index classes = layout_.predictors;
  constexpr Index kStep = linear::kChunkRows * kLanes;  // predictors of one class
  room.resize(classes, kStep);
  double* eta = room.data();
  linear::for_chunks({*layout_.table, layout_.response.data()}, rows, [&](const linear::Chunk& chunk, Index) {
    if (chunk.picked) linear::prefetch(chunk, chunk.count, width);
    for (Index b = 0; b < theta.blocks(); ++b) {
      for (Index c = 0; c < classes; ++c)
        linear::predict_rows<1>(chunk.rows, chunk.count, width, theta.block(b) + c * width * kLanes, 0, eta + c * kStep);
      Pack sum[simd::kPacksPerBlock] = {};
      for (int n = 0; n < chunk.count; ++n) {
        const auto seen = static_cast<Index>(chunk.response[n]) - 1;
        for (int part = 0; part < simd::kPacksPerBlock; ++part) {
          double* place = eta + n * kLanes + part * simd::kWidth;
          // log softmax with the reference's predictor 0, against the largest.
          Pack top{};
          for (Index c = 0; c < classes; ++c) top = simd::max(simd::load(place + c * kStep), top);
          const Pack chosen = (seen < 0 ? Pack{} : simd::load(place + seen * kStep)) - top;
          Pack total = simd::exp_nonpositive(-top);
          for (Index c = 0; c < classes; ++c) {
            const Pack weight = simd::exp_nonpositive(simd::load(place + c * kStep) - top);
            simd::store(place + c * kStep, weight);
            total = total + weight;
          }
          sum[part] = sum[part] + (chosen - simd::log_positive(total));
          for (Index c = 0; c < classes; ++c) {
            const Pack weight = simd::load(place + c * kStep) / total;
            simd::store(place + c * kStep, (c == seen ? 1.0 : 0.0) - weight);
          }
        }
      }
      double* to = out.block(b);
      if (wanted.value) {
        for (int part = 0; part < simd::kPacksPerBlock; ++part)
          simd::store(to + part * simd::kWidth, simd::load(to + part * simd::kWidth) + sum[part]);
      }
      if (!wanted.gradient) continue;
      for (Index c = 0; c < classes; ++c)
        linear::accumulate_columns<1>(chunk.rows, chunk.count, 0, width, eta + c * kStep, to + (1 + c * width) * kLanes, 0);
    }
  });
}

void Glm::category_rows(const RowList& rows, ConstBatchView theta, BatchView out, bool mean) const {
  thread_local tiles::Batch room;
  const Index width = layout_.width;
  const Index classes = layout_.predictors;
  constexpr Index kStep = linear::kChunkRows * kLanes;
  room.resize(classes, kStep);
  double* eta = room.data();
  linear::for_chunks({*layout_.table, layout_.response.data()}, rows, [&](const linear::Chunk& chunk, Index first) {
    for (Index b = 0; b < theta.blocks(); ++b) {
      for (Index c = 0; c < classes; ++c)
        linear::predict_rows<1>(chunk.rows, chunk.count, width, theta.block(b) + c * width * kLanes, 0, eta + c * kStep);
      for (int n = 0; n < chunk.count; ++n) {
        const auto seen = static_cast<Index>(chunk.response[n]) - 1;
        for (int part = 0; part < simd::kPacksPerBlock; ++part) {
          const double* place = eta + n * kLanes + part * simd::kWidth;
          Pack top{};
          for (Index c = 0; c < classes; ++c) top = simd::max(simd::load(place + c * kStep), top);
          Pack total = simd::exp_nonpositive(-top);
          Pack codes{};
          for (Index c = 0; c < classes; ++c) {
            const Pack weight = simd::exp_nonpositive(simd::load(place + c * kStep) - top);
            total = total + weight;
            codes = codes + weight * static_cast<double>(c + 1);
          }
          const Pack chosen = (seen < 0 ? Pack{} : simd::load(place + seen * kStep)) - top;
          simd::store(out.block(b) + (first + n) * kLanes + part * simd::kWidth, mean ? codes / total : chosen - simd::log_positive(total));
        }
      }
    }
  });
}

void Glm::row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const {
  if (layout_.likelihood == Likelihood::categorical && layout_.direct()) return category_rows(rows, theta, out, false);
  tiles::Batch effects(layout_.dim, theta.count);
  effective(theta, effects.view());
  if (layout_.likelihood == Likelihood::categorical) return category_rows(rows, effects.view(), out, false);
  with_likelihood(layout_, [&]<class L>(const L& likelihood) {
    glm::for_predictors(layout_, rows, effects.view(), [&](Index k, Index held, Index b, int part, Pack eta, const glm::Datum& y) {
      const Pack log_scale = glm::log_scale(layout_, effects.view().block(b) + part * simd::kWidth);
      const typename L::Lane lane(log_scale);
      typename L::Sum sum{};
      sum.add(likelihood.row(eta, y, lane), lane);
      Pack value = sum.value(lane, 1.0);
      if constexpr (std::is_same_v<L, glm::NegativeBinomial>) {
        if (y.response > 0) value = value + simd::gamma_ratio(lane.phi, broadcast(y.response)).log;
      }
      if (!layout_.constant.empty()) value = value + layout_.constant[static_cast<std::size_t>(held)];
      simd::store(out.block(b) + k * kLanes + part * simd::kWidth, value);
    });
  });
}

void Glm::row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const {
  tiles::Batch effects(layout_.dim, theta.count);
  effective(theta, effects.view());
  if (layout_.likelihood == Likelihood::categorical) return category_rows(rows, effects.view(), out, true);
  with_likelihood(layout_, [&]<class L>(const L& likelihood) {
    glm::for_predictors(layout_, rows, effects.view(), [&](Index k, Index, Index b, int part, Pack eta, const glm::Datum& y) {
      const typename L::Lane lane(glm::log_scale(layout_, effects.view().block(b) + part * simd::kWidth));
      simd::store(out.block(b) + k * kLanes + part * simd::kWidth, likelihood.mean(eta, y, lane));
    });
  });
}

}  // namespace variscope::models
