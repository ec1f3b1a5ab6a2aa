/// Mixture of normals: responsibilities first, then everything as averages over components.
#include "engine/models/normal_mixture.hpp"

#include <cmath>
#include <memory>
#include <numbers>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::models {

NormalMixture::NormalMixture(const std::vector<double>& weights, const std::vector<double>& means, const std::vector<double>& sds)
    : weights_(weights), means_(means), sds_(sds) {
  const std::size_t count = weights.size();
  if (count == 0 || means.empty() || means.size() % count != 0) {
    throw UserError(fmt::format("model.means: {} numbers for {} weights (every component has one mean per coordinate). Give weights x dim.",
                                means.size(), count));
  }
  dim_ = static_cast<Index>(means.size() / count);
  if (sds_.size() == 1) sds_.assign(count, sds_.front());
  if (sds_.size() != count) {
    throw UserError(
        fmt::format("model.sds: {} numbers for {} weights (every component has one spread). Give {}, or one for all components.",
                    sds.size(), count, count));
  }
  double sum = 0;
  for (const double w : weights) {
    if (!(w > 0) || !std::isfinite(w))
      throw UserError("model.weights: not positive (a component of no weight is none). Give numbers above 0.");
    sum += w;
  }
  for (const double m : means) {
    if (!std::isfinite(m)) throw UserError("model.means: not finite. Give finite numbers.");
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (!(sds_[k] > 0) || !std::isfinite(sds_[k])) throw UserError("model.sds: not positive (they are spreads). Give numbers above 0.");
    weights_[k] /= sum;
    precisions_.push_back(1.0 / (sds_[k] * sds_[k]));
    constants_.push_back(std::log(weights_[k]) - static_cast<double>(dim_) * (std::log(sds_[k]) + 0.5 * std::log(2.0 * std::numbers::pi)));
  }
}

std::vector<std::string> NormalMixture::parameter_names() const {
  if (dim_ == 1) return {"x"};
  std::vector<std::string> names;
  for (Index d = 0; d < dim_; ++d) names.push_back(fmt::format("x[{}]", d));
  return names;
}

std::vector<Variable> NormalMixture::variables() const { return {{"x", dim_ == 1 ? std::vector<Index>{} : std::vector{dim_}}}; }

void NormalMixture::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  using transforms::packs::rows;
  const Index count = components();
  const Index product = out.wanted.hessian_row(dim_);
  thread_local AlignedVector work;  // kept between calls
  work.resize(static_cast<std::size_t>(2 * count * tiles::kLanes));
  const transforms::packs::PackRows<double> shares{work.data()};  // log terms, then responsibilities
  const transforms::packs::PackRows<double> slopes{work.data() + count * tiles::kLanes};
  transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
    const auto x = rows(theta, block, lane, 0);
    const auto to = rows(out.out, block, lane, 0);
    Pack largest{};
    for (Index k = 0; k < count; ++k) {
      Pack square{};
      for (Index d = 0; d < dim_; ++d) {
        const Pack gap = x[d] - mean(k, d);
        square += gap * gap;
      }
      const Pack term = constants_[static_cast<std::size_t>(k)] - 0.5 * precisions_[static_cast<std::size_t>(k)] * square;
      shares.set(k, term);
      largest = k == 0 ? term : simd::max(largest, term);
    }
    Pack sum{};
    for (Index k = 0; k < count; ++k) {
      const Pack e = simd::exp_nonpositive(shares[k] - largest);
      shares.set(k, e);
      sum += e;
    }
    if (out.wanted.value) to.add(0, largest + simd::log_positive(sum));
    if (!out.wanted.gradient && !out.wanted.hessian_vector) return;
    for (Index k = 0; k < count; ++k) shares.set(k, shares[k] / sum);
    if (out.wanted.gradient) {
      for (Index d = 0; d < dim_; ++d) {
        Pack slope{};
        for (Index k = 0; k < count; ++k) slope += shares[k] * (precisions_[static_cast<std::size_t>(k)] * (mean(k, d) - x[d]));
        to.add(1 + d, slope);
      }
    }
    if (!out.wanted.hessian_vector) return;
    // With g_k the gradient of component k: H v = sum_k r_k (g_k (g_k'v - g'v) - v / s_k^2).
    const auto along = rows(out.direction, block, lane, 0);
    Pack average{};
    for (Index k = 0; k < count; ++k) {
      Pack dot{};
      for (Index d = 0; d < dim_; ++d) dot += precisions_[static_cast<std::size_t>(k)] * (mean(k, d) - x[d]) * along[d];
      slopes.set(k, dot);
      average += shares[k] * dot;
    }
    for (Index d = 0; d < dim_; ++d) {
      Pack entry{};
      for (Index k = 0; k < count; ++k) {
        const double precision = precisions_[static_cast<std::size_t>(k)];
        entry += shares[k] * (precision * ((mean(k, d) - x[d]) * (slopes[k] - average) - along[d]));
      }
      to.add(product + d, entry);
    }
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void NormalMixture::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  // Uniform 0 is in block 0, normals 2, 3, ... in the blocks behind it.
  double left = random::uniform(stream, 0);
  Index k = 0;
  while (k + 1 < components() && left >= weight(k)) left -= weight(k++);
  for (std::size_t d = 0; d < theta.size(); ++d)
    theta[d] = mean(k, static_cast<Index>(d)) + sd(k) * random::normal(stream, static_cast<std::uint32_t>(2 + d));
}

Entry normal_mixture_entry() {
  Entry entry;
  entry.name = "normal_mixture";
  entry.summary = "mixture of spherical normals, normalised; default 0.2 N(-0.3, 0.1) + 0.8 N(0.5, 0.1), modes 8 sd apart";
  entry.source = "definition";
  entry.parameters = {{"weights", "weight of each component; divided by their sum", {0.2, 0.8}},
                      {"means", "mean of each component, one per coordinate, component by component", {-0.3, 0.5}, true},
                      {"sds", "standard deviation of each component in every direction, or one for all", {0.1}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<NormalMixture>(arguments.numbers.at("weights"), arguments.numbers.at("means"), arguments.numbers.at("sds"));
  };
  entry.smoke.numbers = {{"weights", {0.3, 0.7}}, {"means", {-0.5, 0.2, 0.9, -0.4}}, {"sds", {0.6, 0.9}}};
  return entry;
}

}  // namespace variscope::models
