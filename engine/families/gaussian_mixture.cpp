/// Gaussian mixture: everything follows from the components' residuals and responsibilities.
#include "engine/families/gaussian_mixture.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/families/logits.hpp"

namespace variscope::families {

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr Index kLanes = tiles::kLanes;

Index components_of(const Arguments& arguments) { return static_cast<Index>(arguments.numbers.at("components")); }

/// 0 where the responsibility is: the other factor may have overflowed there.
double product(double responsibility, double factor) { return responsibility > 0 ? responsibility * factor : 0.0; }

}  // namespace

GaussianMixture::GaussianMixture(Index dim, Index components, std::span<const double> lambda) : dim_(dim) {
  const auto count = static_cast<std::size_t>(components);
  const auto each = count * static_cast<std::size_t>(dim);
  std::vector<double> logits(lambda.begin(), lambda.begin() + (components - 1));
  logits.push_back(0.0);
  log_weights_ = log_softmax(logits);
  for (const double log_w : log_weights_) weights_.push_back(std::exp(log_w));
  const auto means = lambda.subspan(count - 1, each);
  const auto log_scales = lambda.subspan(count - 1 + each, each);
  mean_.assign(means.begin(), means.end());
  log_scale_.assign(log_scales.begin(), log_scales.end());
  for (const double rho : log_scale_) scale_.push_back(std::exp(rho));
}

GaussianMixture::Drawn GaussianMixture::drawn(const double* noise, const double* z) const {
  Drawn block{noise, z, {}};
  for (std::size_t l = 0; l < block.component.size(); ++l) {
    block.component[l] = inverse_cdf(weights_, noise[static_cast<std::size_t>(dim_ * kLanes) + l]);
  }
  return block;
}

GaussianMixture::Lanes GaussianMixture::residual(const Drawn& block, std::size_t component, Index d) const {
  const double mean = mean_[at(component, d)];
  const double scale = scale_[at(component, d)];
  const double* z = block.z + d * kLanes;
  const double* eps = block.noise + d * kLanes;
  Lanes u;
  for (std::size_t l = 0; l < u.size(); ++l) u[l] = block.component[l] == component ? eps[l] : (z[l] - mean) / scale;
  return u;
}

GaussianMixture::Lanes GaussianMixture::evaluate(const Drawn& block, std::vector<Lanes>& responsibilities) const {
  responsibilities.resize(weights_.size());
  Lanes top;
  top.fill(-HUGE_VAL);
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    Lanes& log_joint = responsibilities[k];
    log_joint.fill(log_weights_[k]);
    for (Index d = 0; d < dim_; ++d) {
      const Lanes u = residual(block, k, d);
      const double constant = log_scale_[at(k, d)] + kHalfLog2Pi;
      for (std::size_t l = 0; l < u.size(); ++l) log_joint[l] -= 0.5 * u[l] * u[l] + constant;
    }
    for (std::size_t l = 0; l < top.size(); ++l) top[l] = std::max(top[l], log_joint[l]);
  }
  Lanes sum{};
  for (Lanes& r : responsibilities) {
    for (std::size_t l = 0; l < sum.size(); ++l) sum[l] += r[l] = std::exp(r[l] - top[l]);
  }
  Lanes log_density;
  for (std::size_t l = 0; l < sum.size(); ++l) {
    log_density[l] = top[l] + std::log(sum[l]);
    for (Lanes& r : responsibilities) r[l] /= sum[l];
  }
  return log_density;
}

double GaussianMixture::log_density_of_component(std::size_t component, std::span<const double> eps, std::span<double> slope) const {
  // u_jd of every component j; in the component itself it is the noise, free of the rounding of z.
  std::vector<double> residuals(mean_.size());
  std::vector<double> log_joint(log_weights_);
  for (std::size_t j = 0; j < weights_.size(); ++j) {
    for (Index i = 0; i < dim_; ++i) {
      const std::size_t own = at(component, i);
      const std::size_t p = at(j, i);
      const double e = eps[static_cast<std::size_t>(i)];
      const double u = j == component ? e : (mean_[own] - mean_[p] + scale_[own] * e) / scale_[p];
      residuals[p] = u;
      log_joint[j] -= 0.5 * u * u + log_scale_[p] + kHalfLog2Pi;
    }
  }
  const double top = *std::max_element(log_joint.begin(), log_joint.end());
  double sum = 0;
  for (double& l : log_joint) sum += l = std::exp(l - top);
  for (std::size_t j = 0; j < weights_.size(); ++j) {
    for (Index i = 0; i < dim_; ++i)
      slope[static_cast<std::size_t>(i)] += product(log_joint[j] / sum, residuals[at(j, i)] / scale_[at(j, i)]);
  }
  return top + std::log(sum);
}

void GaussianMixture::sample(ConstBatchView noise, BatchView z) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    const Drawn block = drawn(noise.block(b), nullptr);
    for (Index d = 0; d < dim_; ++d) {
      for (std::size_t l = 0; l < block.component.size(); ++l) {
        const std::size_t p = at(block.component[l], d);
        z.block(b)[static_cast<std::size_t>(d * kLanes) + l] =
            std::fma(scale_[p], block.noise[static_cast<std::size_t>(d * kLanes) + l], mean_[p]);
      }
    }
  }
}

void GaussianMixture::log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const {
  std::vector<Lanes> responsibilities;
  for (Index b = 0; b < noise.blocks(); ++b) {
    const Lanes log_q = evaluate(drawn(noise.block(b), z.block(b)), responsibilities);
    std::copy(log_q.begin(), log_q.end(), out.block(b));
  }
}

void GaussianMixture::score(ConstBatchView noise, ConstBatchView z, BatchView out) const {
  std::vector<Lanes> responsibilities;
  for (Index b = 0; b < noise.blocks(); ++b) {
    const Drawn block = drawn(noise.block(b), z.block(b));
    evaluate(block, responsibilities);
    double* logits = out.block(b);
    double* means = logits + (components() - 1) * kLanes;
    double* log_scales = means + components() * dim_ * kLanes;
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      const Lanes& r = responsibilities[k];
      if (k + 1 < weights_.size()) {
        for (std::size_t l = 0; l < r.size(); ++l) logits[k * r.size() + l] = r[l] - weights_[k];
      }
      for (Index d = 0; d < dim_; ++d) {
        const std::size_t p = at(k, d);
        const Lanes u = residual(block, k, d);
        for (std::size_t l = 0; l < r.size(); ++l) {
          means[p * r.size() + l] = product(r[l], u[l] / scale_[p]);
          log_scales[p * r.size() + l] = product(r[l], u[l] * u[l] - 1.0);
        }
      }
    }
  }
}

void GaussianMixture::grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const {
  std::vector<Lanes> responsibilities;
  for (Index b = 0; b < noise.blocks(); ++b) {
    const Drawn block = drawn(noise.block(b), z.block(b));
    evaluate(block, responsibilities);
    for (Index d = 0; d < dim_; ++d) {
      double* to = out.block(b) + d * kLanes;
      std::fill(to, to + kLanes, 0.0);
      for (std::size_t k = 0; k < weights_.size(); ++k) {
        const Lanes u = residual(block, k, d);
        for (std::size_t l = 0; l < u.size(); ++l) to[l] -= product(responsibilities[k][l], u[l] / scale_[at(k, d)]);
      }
    }
  }
}

void GaussianMixture::add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const {
  const std::size_t logits = weights_.size() - 1;
  std::vector<double> expectations(weights_.size(), 0.0);  // each component's own, up to a constant
  double average = 0;
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    for (Index i = 0; i < dim_; ++i) {
      const auto d = static_cast<std::size_t>(i);
      const std::size_t p = at(k, i);
      const double variance = sd[d] * sd[d];
      const double shift = mean_[p] - mean[d];
      const double square = scale_[p] * scale_[p];
      expectations[k] -= 0.5 * (shift * shift + square) / variance;
      gradient[logits + p] -= weights_[k] * shift / variance;
      gradient[logits + mean_.size() + p] -= weights_[k] * square / variance;
    }
    average += weights_[k] * expectations[k];
  }
  for (std::size_t k = 0; k < logits; ++k) gradient[k] += weights_[k] * (expectations[k] - average);
}

std::vector<Block> GaussianMixture::blocks() const {
  const Index logits = components() - 1;
  const Index each = components() * dim_;
  std::vector<Block> all;
  if (logits > 0) all.push_back({"logits", {0, logits}});
  all.push_back({"mean", {logits, logits + each}});
  all.push_back({"log_scale", {logits + each, logits + 2 * each}});
  return all;
}

std::vector<std::string> GaussianMixture::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (Index k = 0; k + 1 < components(); ++k) names.push_back("logit[" + std::to_string(k) + "]");
  for (const char* what : {"mean", "log_scale"}) {
    for (Index k = 0; k < components(); ++k) {
      for (const auto& c : coordinates) names.push_back(std::string(what) + "[" + std::to_string(k) + "," + c + "]");
    }
  }
  return names;
}

void GaussianMixture::moments(std::span<double> mean, std::span<double> sd) const {
  for (Index d = 0; d < dim_; ++d) {
    double centre = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) centre += weights_[k] * mean_[at(k, d)];
    double variance = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      const double shift = mean_[at(k, d)] - centre;
      variance += weights_[k] * (scale_[at(k, d)] * scale_[at(k, d)] + shift * shift);
    }
    mean[static_cast<std::size_t>(d)] = centre;
    sd[static_cast<std::size_t>(d)] = std::sqrt(variance);
  }
}

Entry gaussian_mixture_entry() {
  Entry entry;
  entry.name = "gaussian_mixture";
  entry.summary = "weighted mean-field normals, lambda = (logits, means, log scales component by component)";
  entry.source = "definition";
  entry.parameters = {{"components", "normals in the mixture", 2, 1, 1e6}};
  entry.size = [](const Arguments& arguments) { return GaussianMixture::size(arguments.dim, components_of(arguments)); };
  entry.initial = [](const Arguments& arguments, std::span<const double> mean, std::span<const double> sd) {
    // Equal components would get equal gradients for ever. Their centres lie on a line through the mean, evenly, and hold a share of each
    // marginal variance that keeps their distance, counted over all coordinates, the same in any dimension.
    const auto components = static_cast<double>(components_of(arguments));
    const double share = components > 1 ? 0.25 / static_cast<double>(arguments.dim) : 0.0;
    const double spread = components > 1 ? std::sqrt(share * 12.0 / (components * components - 1.0)) : 0.0;
    std::vector<double> lambda(static_cast<std::size_t>(components_of(arguments)) - 1, 0.0);
    for (Index k = 0; k < components_of(arguments); ++k) {
      const double place = (static_cast<double>(k) - 0.5 * (components - 1.0)) * spread;
      for (std::size_t d = 0; d < mean.size(); ++d) lambda.push_back(mean[d] + place * sd[d]);
    }
    for (Index k = 0; k < components_of(arguments); ++k) {
      for (const double s : sd) lambda.push_back(std::log(s) + 0.5 * std::log1p(-share));
    }
    return lambda;
  };
  entry.make = [](const Arguments& arguments, std::span<const double> lambda) {
    return std::make_unique<GaussianMixture>(arguments.dim, components_of(arguments), lambda);
  };
  entry.smoke.dim = 3;
  entry.smoke.numbers = {{"components", 2}};
  return entry;
}

}  // namespace variscope::families
