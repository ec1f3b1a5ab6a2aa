/// NUTS against a plain one that keeps the whole trajectory and checks every sub-tree by its definition.
#include "engine/samplers/nuts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "engine/dense.hpp"
#include "engine/models/funnel.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using random::Purpose;
using samplers::Chain;
using samplers::Step;

struct State {
  std::vector<double> q;
  std::vector<double> p;
  std::vector<double> v;  ///< Sigma p
  std::vector<double> g;
  double error = 0;
};

using Trajectory = std::vector<State>;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

/// Momenta of [first, last), summed, along both ends' velocities.
bool goes_on(const Trajectory& t, std::size_t first, std::size_t last) {
  std::vector<double> rho(t[first].p.size());
  for (std::size_t i = first; i < last; ++i) {
    for (std::size_t d = 0; d < rho.size(); ++d) rho[d] += t[i].p[d];
  }
  return dot(t[first].v, rho) > 0 && dot(t[last - 1].v, rho) > 0;
}

bool joined_goes_on(const Trajectory& t, std::size_t first, std::size_t middle, std::size_t last) {
  return goes_on(t, first, last) && goes_on(t, first, middle + 1) && goes_on(t, middle - 1, last);
}

struct Answer {
  std::vector<double> q;
  int depth = 0;
  int steps = 0;
};

/// sub_trees: false leaves out their checks (the twin).
Answer plain_nuts(const models::Model& model, const dense::Matrix& sigma, const Step& step, double size, bool sub_trees) {
  const auto density = approximations::density_of(model);
  const auto dim = static_cast<std::size_t>(model.dim());
  const auto energy = [&](State& s) {
    s.v = dense::product(sigma, s.p);
    return 0.5 * dot(s.p, s.v) - approximations::value_and_gradient(density, s.q, s.g);
  };
  State start;
  start.q = step.chain->position;
  start.g.resize(dim);
  AlignedVector z(static_cast<std::size_t>(samplers::padded(model.dim())));
  step.normals(Purpose::chain_momentum, 0, model.dim(), z.data());
  start.p.assign(z.begin(), z.begin() + static_cast<std::ptrdiff_t>(dim));
  dense::solve_lower_transposed(*dense::cholesky(sigma), start.p);
  const double begin = energy(start);
  Trajectory whole = {start};
  Answer answer{start.q, 0, 0};
  double weight = 1;
  while (answer.depth < 10) {
    const auto doubling = static_cast<std::uint32_t>(answer.depth);
    const bool forward = step.uniform(Purpose::chain_direction, doubling) < 0.5;
    const double h = forward ? size : -size;
    Trajectory part;  // in the order it is built
    State now = forward ? whole.back() : whole.front();
    double part_weight = 0;
    std::vector<double> proposal;
    for (std::size_t leaf = 0; leaf < (std::size_t{1} << answer.depth); ++leaf) {
      for (std::size_t d = 0; d < dim; ++d) {
        now.p[d] += 0.5 * h * now.g[d];
      }
      now.v = dense::product(sigma, now.p);
      for (std::size_t d = 0; d < dim; ++d) now.q[d] += h * now.v[d];
      approximations::value_and_gradient(density, now.q, now.g);
      for (std::size_t d = 0; d < dim; ++d) now.p[d] += 0.5 * h * now.g[d];
      now.error = energy(now) - begin;
      ++answer.steps;
      if (!(now.error <= 1000)) return answer;
      const double w = std::exp(-now.error);
      part_weight += w;
      if (leaf == 0 || step.uniform(Purpose::chain_choice, doubling, static_cast<std::uint32_t>(1 + leaf)) < w / part_weight)
        proposal = now.q;
      part.push_back(now);
      for (std::size_t span = 2; sub_trees && span <= leaf + 1 && (leaf + 1) % span == 0; span *= 2) {
        if (!joined_goes_on(part, leaf + 1 - span, leaf + 1 - span / 2, leaf + 1)) return answer;
      }
    }
    ++answer.depth;
    if (step.uniform(Purpose::chain_choice, doubling) < part_weight / weight) answer.q = proposal;
    weight += part_weight;
    const std::size_t old = whole.size();
    if (forward) {
      whole.insert(whole.end(), part.begin(), part.end());
    } else {
      whole.insert(whole.begin(), part.rbegin(), part.rend());
    }
    if (!joined_goes_on(whole, 0, old, whole.size())) return answer;  // halves are of one size
  }
  return answer;
}

dense::Matrix some_metric(samplers::MetricKind kind, Index dim) {
  dense::Matrix sigma = dense::identity(dim);
  for (Index i = 0; i < dim; ++i) {
    if (kind != samplers::MetricKind::unit) sigma(i, i) = 0.5 + 0.3 * static_cast<double>(i);
    if (kind == samplers::MetricKind::dense && i > 0) sigma(i, i - 1) = sigma(i - 1, i) = 0.3;
  }
  return sigma;
}

// 11 dimensions: a whole vector of eight and a rest.
TEST(Nuts, DoesWhatAPlainOneDoes) {
  constexpr Index kDim = 11;
  const models::Funnel model(kDim, 1.5);
  constexpr double kSize = 0.2;
  const auto density = approximations::density_of(model);
  const samplers::Run run{31, 0};
  for (const auto kind : {samplers::MetricKind::unit, samplers::MetricKind::diagonal, samplers::MetricKind::dense}) {
    const samplers::Nuts sampler(kDim, {kind, kSize}, 10);
    auto chains = samplers::start_chains(sampler, density, model, run, {}, {0, 200});
    const dense::Matrix sigma = some_metric(kind, kDim);
    std::vector<double> values = sigma.values;
    if (kind == samplers::MetricKind::diagonal) {
      values.clear();
      for (Index d = 0; d < kDim; ++d) values.push_back(sigma(d, d));
    }
    for (Chain& chain : chains) {
      samplers::Metric metric(kind, kDim, chain.state.data() + samplers::DualAveraging::kSize + 1);
      ASSERT_TRUE(metric.set(values));
    }
    const auto before = chains;
    test::Trace trace(chains.size());
    samplers::Schedule(sampler, density, run).run(chains, 1, {}, trace.observer());
    const std::size_t depth = test::place_of(sampler, "tree_depth");
    const std::size_t steps = test::place_of(sampler, "n_steps");
    std::map<int, int> depths;
    int twins = 0;
    for (std::size_t c = 0; c < chains.size(); ++c) {
      Chain chain = before[c];
      Step step;
      step.chain = &chain;
      step.run = run;
      const Answer plain = plain_nuts(model, sigma, step, kSize, true);
      EXPECT_EQ(trace.records[c][0][depth], plain.depth) << c;
      EXPECT_EQ(trace.records[c][0][steps], plain.steps) << c;
      for (std::size_t d = 0; d < kDim; ++d) EXPECT_NEAR(chains[c].position[d], plain.q[d], 1e-9) << c;
      ++depths[plain.depth];
      twins += plain_nuts(model, sigma, step, kSize, false).steps != plain.steps ? 1 : 0;
    }
    EXPECT_GE(depths.size(), 4U);
    EXPECT_GE(twins, 1);  // checks of sub-trees matter here
  }
}

TEST(Nuts, SaysWhenItDivergesAndWhenItIsTooDeep) {
  const models::Funnel model(6, 3);
  const samplers::Run run{3, 0};
  const samplers::Nuts wild(6, {samplers::MetricKind::unit, 30.0}, 10);
  const test::Chains diverging(wild, model, run, {0, 20}, 5);
  const samplers::Nuts timid(6, {samplers::MetricKind::unit, 1e-3}, 3);
  const test::Chains deep(timid, model, run, {0, 20}, 5);
  int divergences = 0;
  for (std::size_t c = 0; c < 20; ++c) {
    for (std::size_t k = 0; k < 5; ++k) {
      const auto& wild_record = diverging.trace.records[c][k];
      divergences += wild_record[test::place_of(wild, "diverging")] == 1 ? 1 : 0;
      EXPECT_EQ(wild_record[3], 0);
      const auto& record = deep.trace.records[c][k];
      EXPECT_EQ(record[test::place_of(timid, "reached_max_treedepth")], 1);
      EXPECT_EQ(record[test::place_of(timid, "tree_depth")], 3);
      EXPECT_EQ(record[test::place_of(timid, "n_steps")], 7);
      EXPECT_EQ(record[1], 7);
      EXPECT_GT(record[test::place_of(timid, "acceptance_rate")], 0.99);
      EXPECT_LT(std::abs(record[test::place_of(timid, "max_energy_error")]), 0.1);
      const double lp = record[0];
      EXPECT_GT(record[test::place_of(timid, "energy")], -lp);
    }
  }
  EXPECT_GT(divergences, 80);
}

}  // namespace
}  // namespace variscope
