/// Leapfrog trajectories side by side.
#include "engine/samplers/tempered.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What a trajectory needs beside its move.
struct Trajectory {
  std::size_t move;
  double* x;
  double* g;
  double* p;
  double before;
};

}  // namespace

Reference::Reference(std::vector<double> mean, std::vector<double> sd) : mean_(std::move(mean)), sd_(std::move(sd)) {
  for (const double s : sd_) constant_ -= 0.5 * std::log(2 * std::numbers::pi) + std::log(s);
}

double Reference::log_density(const double* x) const {
  double sum = constant_;
  for (std::size_t d = 0; d < mean_.size(); ++d) {
    const double w = (x[d] - mean_[d]) / sd_[d];
    sum -= 0.5 * w * w;
  }
  return sum;
}

void Reference::place(double* x) const {
  for (std::size_t d = 0; d < mean_.size(); ++d) x[d] = mean_[d] + sd_[d] * x[d];
}

Parameter reference_parameter() {
  return {"reference_sd", "tempering starts from N(0, reference_sd^2); 0: from the prior, or N(0, 5^2) where that is no independent normal",
          0};
}

Reference reference_of(const Arguments& arguments, const models::Model& model) {
  const auto dim = static_cast<std::size_t>(model.dim());
  const double sd = number_within(arguments, "reference_sd", 0, 1e10);
  if (sd > 0) return {std::vector<double>(dim, 0.0), std::vector<double>(dim, sd)};
  if (const models::GaussianPrior* prior = model.gaussian_prior()) return {prior->mean, prior->sd};
  return {std::vector<double>(dim, 0.0), std::vector<double>(dim, 5.0)};
}

double Particles::log_ratio(Index i) const {
  const double ratio = value(i) - log_reference(i);
  return std::isfinite(value(i)) ? ratio : -kInfinity;
}

void Particles::copy_to(Index from, const Particles& to, Index i) const {
  to.value(i) = value(from);
  to.log_reference(i) = log_reference(from);
  std::copy_n(position(from), 2 * dim_, to.position(i));
}

Transition move(Step& step, const Reference& reference, const Particles& particles, const double* scale, Index steps,
                std::span<TemperedMove> moves, Flaw flaw) {
  const Index n = reference.dim();
  const Index stride = padded(n);
  std::vector<double> memory(moves.size() * static_cast<std::size_t>(3 * stride));
  std::vector<Trajectory> running;
  for (std::size_t m = 0; m < moves.size(); ++m) {
    TemperedMove& move = moves[m];
    move.rate = 0;
    double* x = memory.data() + static_cast<Index>(m) * 3 * stride;
    Trajectory trajectory{m, x, x + stride, x + 2 * stride, 0};
    step.normals(Purpose::chain_momentum, move.set, n, trajectory.p);
    trajectory.before = 0.5 * dot(trajectory.p, trajectory.p, n) - particles.at(move.particle, move.beta);
    std::copy_n(particles.position(move.particle), n, trajectory.x);
    std::copy_n(particles.gradient(move.particle), n, trajectory.g);
    running.push_back(trajectory);
  }
  const auto kick = [&](const Trajectory& t, double share) {
    const TemperedMove& move = moves[t.move];
    const double half = share * move.step_size;
    const double* mean = reference.mean();
    const double* sd = reference.sd();
    for (Index d = 0; d < n; ++d)
      t.p[d] += half * scale[d] * (move.beta * t.g[d] - (1 - move.beta) * ((t.x[d] - mean[d]) / (sd[d] * sd[d])));
  };
  std::vector<Query> queries;
  for (Index taken = 0; taken < steps && !running.empty(); ++taken) {
    queries.clear();
    for (const Trajectory& t : running) {
      kick(t, taken == 0 ? 0.5 : 1);
      const double size = moves[t.move].step_size;
      for (Index d = 0; d < n; ++d) t.x[d] += size * (scale[d] * t.p[d]);
      queries.push_back({t.x, t.g, 0});
    }
    co_await step.query(queries);
    std::vector<Trajectory> still;
    for (std::size_t r = 0; r < running.size(); ++r) {
      const double value = queries[r].value;
      if (!std::isfinite(value)) continue;
      const Trajectory& t = running[r];
      still.push_back(t);
      if (taken + 1 < steps) continue;
      kick(t, 0.5);
      TemperedMove& move = moves[t.move];
      const double log_reference = reference.log_density(t.x);
      const double there = log_reference + move.beta * (value - log_reference);
      double error = 0.5 * dot(t.p, t.p, n) - there - t.before;
      if (std::isnan(error)) error = kInfinity;
      if (flaw == Flaw::accept_sign) error = -error;
      move.rate = flaw == Flaw::never_rejects ? 1 : std::min(1.0, std::exp(-error));
      if (!(step.uniform(Purpose::chain_accept, move.set) < move.rate)) continue;
      const Index i = move.particle;
      particles.value(i) = value;
      particles.log_reference(i) = log_reference;
      std::copy_n(t.x, n, particles.position(i));
      std::copy_n(t.g, n, particles.gradient(i));
    }
    running = std::move(still);
  }
}

}  // namespace variscope::samplers
