/// Bernoulli: every probability is a sigmoid of its own, so that nothing is lost near 0 and 1.
#include "engine/families/bernoulli.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/families/logits.hpp"

namespace variscope::families {

namespace {
constexpr Index kLanes = tiles::kLanes;
}  // namespace

BernoulliFamily::BernoulliFamily(std::span<const double> lambda) : logits_(lambda.begin(), lambda.end()) {
  for (const double phi : logits_) {
    one_.push_back(sigmoid(phi));
    zero_.push_back(sigmoid(-phi));
  }
}

void BernoulliFamily::sample(ConstBatchView noise, BatchView z) const {
  for (Index b = 0; b < noise.blocks(); ++b) {
    for (Index d = 0; d < dim(); ++d) {
      const double zero = zero_[static_cast<std::size_t>(d)];
      for (Index l = 0; l < kLanes; ++l) z.block(b)[d * kLanes + l] = noise.block(b)[d * kLanes + l] > zero ? 1.0 : 0.0;
    }
  }
}

void BernoulliFamily::log_density(ConstBatchView, ConstBatchView z, BatchView out) const {
  for (Index b = 0; b < z.blocks(); ++b) std::fill(out.block(b), out.block(b) + kLanes, 0.0);
  for (Index d = 0; d < dim(); ++d) {
    const double log_one = log_sigmoid(logits_[static_cast<std::size_t>(d)]);
    const double log_zero = log_sigmoid(-logits_[static_cast<std::size_t>(d)]);
    for (Index b = 0; b < z.blocks(); ++b) {
      for (Index l = 0; l < kLanes; ++l) out.block(b)[l] += z.block(b)[d * kLanes + l] > 0.5 ? log_one : log_zero;
    }
  }
}

void BernoulliFamily::score(ConstBatchView, ConstBatchView z, BatchView out) const {
  for (Index b = 0; b < z.blocks(); ++b) {
    for (Index d = 0; d < dim(); ++d) {
      for (Index l = 0; l < kLanes; ++l) {
        out.block(b)[d * kLanes + l] = score_of(static_cast<std::size_t>(d), z.block(b)[d * kLanes + l]);
      }
    }
  }
}

void BernoulliFamily::add_weighted_score(ConstBatchView, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                                         std::span<double> sum) const {
  for (Index d = 0; d < dim(); ++d) {
    double weighted = 0;
    for (Index c = first; c < last; ++c)
      weighted += weights[static_cast<std::size_t>(c - first)] * score_of(static_cast<std::size_t>(d), z(d, c));
    sum[static_cast<std::size_t>(d)] += weighted;
  }
}

std::optional<double> BernoulliFamily::entropy() const {
  double sum = 0;
  for (std::size_t d = 0; d < logits_.size(); ++d) sum -= one_[d] * log_sigmoid(logits_[d]) + zero_[d] * log_sigmoid(-logits_[d]);
  return sum;
}

void BernoulliFamily::add_entropy_gradient(std::span<double> gradient) const {
  for (std::size_t d = 0; d < logits_.size(); ++d) gradient[d] -= logits_[d] * one_[d] * zero_[d];
}

Index BernoulliFamily::states() const { return dim() <= 12 ? Index{1} << dim() : 0; }

void BernoulliFamily::list_states(BatchView z) const {
  for (Index state = 0; state < z.count; ++state) {
    for (Index d = 0; d < dim(); ++d) z(d, state) = static_cast<double>((state >> d) & 1);
  }
}

std::vector<Block> BernoulliFamily::blocks() const { return {{"logits", {0, dim()}}}; }

std::vector<std::string> BernoulliFamily::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("logit[" + c + "]");
  return names;
}

void BernoulliFamily::moments(std::span<double> mean, std::span<double> sd) const {
  for (std::size_t d = 0; d < logits_.size(); ++d) {
    mean[d] = one_[d];
    sd[d] = std::sqrt(one_[d] * zero_[d]);
  }
}

std::vector<double> BernoulliFamily::inverse_fisher_diagonal() const {
  std::vector<double> weights;
  for (const double phi : logits_) weights.push_back(2.0 + std::exp(phi) + std::exp(-phi));
  return weights;
}

Entry bernoulli_entry() {
  Entry entry;
  entry.name = "bernoulli";
  entry.summary =
      "independent z in {0, 1}, lambda = logits; starts at initial_mean, clamped to 0.01 .. 0.99, as probability (initial_sd unused)";
  entry.source = "definition; sampling as in Yin & Zhou 2019, ICLR (ARM)";
  entry.size = [](const Arguments& arguments) { return arguments.dim; };
  entry.initial = [](const Arguments&, std::span<const double> mean, std::span<const double>) {
    std::vector<double> lambda;
    for (const double m : mean) {
      const double p = std::clamp(m, 0.01, 0.99);
      lambda.push_back(std::log(p / (1 - p)));
    }
    return lambda;
  };
  entry.make = [](const Arguments&, std::span<const double> lambda) { return std::make_unique<BernoulliFamily>(lambda); };
  entry.smoke.dim = 3;
  return entry;
}

}  // namespace variscope::families
