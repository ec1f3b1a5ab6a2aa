/// One step from exact draws: what comes out must be distributed as what went in.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/special_functions/erf.hpp>

#include "engine/models/funnel.hpp"
#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope::test {

/// A target that can be drawn from, and a map of its draws to independent standard normals.
struct ExactTarget {
  std::string name;
  std::shared_ptr<const models::Model> model;
  std::function<void(const double* x, double* w)> whiten;
};

/// A target that says it had a normal prior N(1/2, 2^2): any density can be split into that and a likelihood, which is all that samplers
/// that know the prior rely on.
class WithPrior final : public models::Model {
 public:
  explicit WithPrior(std::shared_ptr<const models::Model> target)
      : target_(std::move(target)),
        prior_{std::vector<double>(static_cast<std::size_t>(target_->dim()), 0.5),
               std::vector<double>(static_cast<std::size_t>(target_->dim()), 2.0)} {}
  [[nodiscard]] Index dim() const override { return target_->dim(); }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override { target_->log_prior(theta, out); }
  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override { target_->simulate_prior(stream, theta); }
  [[nodiscard]] const models::GaussianPrior* gaussian_prior() const override { return &prior_; }

 private:
  std::shared_ptr<const models::Model> target_;
  models::GaussianPrior prior_;
};

inline ExactTarget gaussian_target(const std::string& name, const std::vector<double>& precision, const std::vector<double>& mean) {
  auto model = std::make_shared<models::Gaussian>(precision, mean);
  auto whiten = [model](const double* x, double* w) {
    // precision = L L^T: w = L^T (x - a).
    const Index n = model->dim();
    for (Index j = 0; j < n; ++j) {
      w[j] = 0;
      for (Index i = j; i < n; ++i)
        w[j] += model->factor()[static_cast<std::size_t>(i * n + j)] * (x[i] - model->mean()[static_cast<std::size_t>(i)]);
    }
  };
  return {name, std::make_shared<WithPrior>(model), whiten};
}

inline std::vector<ExactTarget> exact_targets() {
  std::vector<ExactTarget> targets;
  targets.push_back(gaussian_target("normal", {0.8}, {0.5}));
  targets.push_back(gaussian_target("correlated", {1.5, -0.9, 0.2, -0.9, 1.2, 0.3, 0.2, 0.3, 0.8}, {1.0, -1.0, 0.0}));
  targets.push_back({"funnel", std::make_shared<WithPrior>(std::make_shared<models::Funnel>(3, 1.0)), [](const double* x, double* w) {
                       w[0] = x[0];
                       for (int d = 1; d < 3; ++d) w[d] = x[d] * std::exp(-0.5 * x[0]);
                     }});
  return targets;
}

struct InvarianceResult {
  double statistic = 0;  ///< the largest distance of any test function from its distribution
  double bound = 0;      ///< what it exceeds with probability 1e-6 at the most, if the step is right
  double moved = 0;      ///< share of chains that are not where they were
  double distance = 0;   ///< mean square of the way, in whitened coordinates
};

/// `draws` exact draws (a chain each), one step each from sampler's state at the start, warm-up being over. Test functions: whitened
/// coordinates, 30 projections of them, and their sum of squares, whose distributions are known: the inequality of Dvoretzky, Kiefer and
/// Wolfowitz with Massart's constant, P(sup |F_n - F| > e) <= 2 exp(-2 n e^2), Bonferroni over test functions.
/// What a warm-up has left: Chain::state for all chains (empty: each as it starts) and `shared`.
struct Adapted {
  std::vector<double> state;
  std::vector<double> shared;
};

inline InvarianceResult one_step(const samplers::Sampler& sampler, const ExactTarget& target, const approximations::Density& density,
                                 Index draws = 50000, const Adapted* adapted = nullptr) {
  const models::Model& model = *target.model;
  const auto dim = static_cast<std::size_t>(model.dim());
  const samplers::Run run{20, 0};
  const samplers::Observe nothing = [](Index, const samplers::Chain&, std::span<const double>) {};
  std::vector<std::vector<double>> directions;
  for (std::uint32_t k = 0; k < 30 && dim > 1; ++k) {
    std::vector<double> along(dim);
    double norm = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      along[d] = random::normal({3, random::Purpose::testing, 77, k, 0}, static_cast<std::uint32_t>(d));
      norm += along[d] * along[d];
    }
    for (double& x : along) x /= std::sqrt(norm);
    directions.push_back(along);
  }
  const std::size_t functions = dim + directions.size() + 1;
  std::vector<std::vector<double>> values(functions);  // as probabilities: uniform if all is well
  InvarianceResult result;
  const boost::math::chi_squared squares(static_cast<double>(dim));
  const auto normal_cdf = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  std::vector<double> shared(static_cast<std::size_t>(sampler.shared_size()));
  sampler.start_shared(shared);
  if (adapted != nullptr) shared = adapted->shared;
  constexpr Index kChunk = 2500;
  for (Index first = 0; first < draws; first += kChunk) {
    std::vector<samplers::Chain> chains(static_cast<std::size_t>(std::min(kChunk, draws - first)));
    for (std::size_t c = 0; c < chains.size(); ++c) {
      chains[c].index = first + static_cast<Index>(c);
      chains[c].position.resize(dim);
      model.simulate_prior({8, random::Purpose::prior_draw, 0, static_cast<std::uint32_t>(chains[c].index), 0}, chains[c].position);
    }
    samplers::evaluate_chains(sampler, density, chains);
    for (samplers::Chain& chain : chains) {
      chain.state.resize(static_cast<std::size_t>(sampler.state_size()));
      sampler.start(run, chain);
      if (adapted != nullptr && !adapted->state.empty()) chain.state = adapted->state;
    }
    const auto before = chains;
    samplers::Schedule(sampler, density, run).run(chains, 1, shared, nothing);
    std::vector<double> w(dim);
    std::vector<double> old(dim);
    for (std::size_t c = 0; c < chains.size(); ++c) {
      target.whiten(chains[c].position.data(), w.data());
      target.whiten(before[c].position.data(), old.data());
      result.moved += chains[c].position != before[c].position ? 1 : 0;
      double square = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        values[d].push_back(normal_cdf(w[d]));
        square += w[d] * w[d];
        result.distance += (w[d] - old[d]) * (w[d] - old[d]);
      }
      for (std::size_t k = 0; k < directions.size(); ++k) {
        double sum = 0;
        for (std::size_t d = 0; d < dim; ++d) sum += directions[k][d] * w[d];
        values[dim + k].push_back(normal_cdf(sum));
      }
      values.back().push_back(std::isfinite(square) ? boost::math::cdf(squares, square) : 0);
    }
  }
  const auto n = static_cast<double>(draws);
  result.moved /= n;
  result.distance /= n;
  result.bound = std::sqrt(std::log(2 * static_cast<double>(functions) / 1e-6) / (2 * n));
  for (auto& probabilities : values) {
    std::sort(probabilities.begin(), probabilities.end());
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      const double u = probabilities[i];
      result.statistic = std::max({result.statistic, static_cast<double>(i + 1) / n - u, u - static_cast<double>(i) / n});
    }
  }
  return result;
}

inline InvarianceResult one_step(const samplers::Sampler& sampler, const ExactTarget& target) {
  return one_step(sampler, target, approximations::density_of(*target.model));
}

}  // namespace variscope::test
