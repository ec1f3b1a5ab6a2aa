/// Draw, evaluate, weigh.
#include "engine/samplers/importance_sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/climb.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Index kMostOfClimb = 1000;
/// Step of central differences, relative to a coordinate of 1 or more: the cube root of epsilon.
constexpr double kDifference = 6e-6;

/// precision (n x n, lower triangle) becomes J with precision = J J^T; false unless positive definite.
bool factorise(double* precision, Index n) {
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const double rest = precision[i * n + j] - dot(precision + i * n, precision + j * n, j);
      if (i == j && !(rest > 0)) return false;
      precision[i * n + j] = i == j ? std::sqrt(rest) : rest / precision[j * n + j];
    }
  }
  return true;
}

/// Log density of the proposal where L^-1 (x - mean) has this square, log det L apart.
double log_kernel(double square, Index dim, Index degrees) {
  const auto n = static_cast<double>(dim);
  if (degrees == 0) return -0.5 * square - 0.5 * n * std::log(2 * std::numbers::pi);
  const auto nu = static_cast<double>(degrees);
  return std::lgamma(0.5 * (nu + n)) - std::lgamma(0.5 * nu) - 0.5 * n * std::log(nu * std::numbers::pi) -
         0.5 * (nu + n) * std::log1p(square / nu);
}

}  // namespace

Proposal independent_proposal(std::vector<double> mean, const std::vector<double>& sd, Index degrees) {
  const std::size_t n = mean.size();
  Proposal proposal{std::move(mean), std::vector<double>(n * n, 0.0), degrees};
  for (std::size_t d = 0; d < n; ++d) proposal.factor[d * n + d] = sd[d];
  return proposal;
}

ImportanceSampling::ImportanceSampling(Index dim, Proposal proposal, Flaw flaw)
    : Sampler(dim), proposal_(std::move(proposal)), flaw_(flaw) {}

std::vector<Statistic> ImportanceSampling::statistics() const {
  return {{"log_weight", "log of the draw's importance weight; the mean of the weights is the evidence", StatisticKind::real}};
}

Index ImportanceSampling::scratch_size() const { return 3 * padded(dim()) + (proposal_.mean.empty() ? climb_scratch(dim()) : 0); }

Transition ImportanceSampling::approximate(Step& step, bool& found) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  Summit summit{chain.position.data(), chain.gradient.data(), chain.log_density};
  co_await climb(step, n, summit, step.scratch, kMostOfClimb);
  chain.log_density = summit.value;
  double* mean = chain.state.data();
  double* precision = mean + n;
  std::copy_n(summit.x, n, mean);
  // Both sides of every coordinate at once.
  std::vector<double> memory(static_cast<std::size_t>(4 * n * n));
  std::vector<Query> queries;
  std::vector<double> width;
  for (Index k = 0; k < 2 * n; ++k) {
    double* x = memory.data() + 2 * k * n;
    const Index d = k / 2;
    const double h = kDifference * std::max(1.0, std::abs(mean[d]));
    std::copy_n(mean, n, x);
    x[d] += k % 2 == 0 ? h : -h;
    width.push_back(x[d]);
    queries.push_back({x, x + n, 0});
  }
  co_await step.query(queries);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto slope = [&](Index of, Index along) {
        const auto k = static_cast<std::size_t>(2 * along);
        return (queries[k + 1].gradient[of] - queries[k].gradient[of]) / (width[k] - width[k + 1]);
      };
      precision[i * n + j] = 0.5 * (slope(i, j) + slope(j, i));
    }
  }
  found = factorise(precision, n);
}

Transition ImportanceSampling::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const Index stride = padded(n);
  const bool laplace = proposal_.mean.empty();
  if (laplace && step.iteration() == 0) {
    bool found = false;
    co_await approximate(step, found);
    if (!found) {
      chain.log_density = -kInfinity;
      co_return;
    }
  }
  double* z = step.scratch;
  double* x = z + stride;
  step.normals(Purpose::chain_proposal, 0, n, z);
  if (proposal_.degrees > 0) {
    double chi = 0;
    const random::Stream own = step.stream(Purpose::chain_length);
    for (Index k = 0; k < proposal_.degrees; ++k) {
      const double normal = random::normal(own, static_cast<std::uint32_t>(k));
      chi += normal * normal;
    }
    const double stretch = std::sqrt(static_cast<double>(proposal_.degrees) / chi);
    for (Index d = 0; d < n; ++d) z[d] *= stretch;
  }
  double log_proposal = log_kernel(dot(z, z, n), n, proposal_.degrees);
  if (laplace) {
    // Precision J J^T: x = mean + J^-T z.
    const double* mean = chain.state.data();
    const double* factor = mean + n;
    for (Index i = n - 1; i >= 0; --i) {
      double rest = z[i];
      for (Index j = i + 1; j < n; ++j) rest -= factor[j * n + i] * (x[j] - mean[j]);
      x[i] = mean[i] + rest / factor[i * n + i];
      log_proposal += std::log(factor[i * n + i]);
    }
  } else {
    for (Index i = 0; i < n; ++i) {
      x[i] = proposal_.mean[static_cast<std::size_t>(i)] + dot(proposal_.factor.data() + i * n, z, i + 1);
      log_proposal -= std::log(proposal_.factor[static_cast<std::size_t>(i * n + i)]);
    }
  }
  const double value = co_await step.value(x);
  if (flaw_ == Flaw::no_correction) log_proposal = 0;
  step.statistics[0] = std::isfinite(value) ? value - log_proposal : -kInfinity;
  if (!std::isfinite(value)) co_return;
  std::copy_n(x, n, chain.position.begin());
  chain.log_density = value;
}

Entry importance_sampling_entry() {
  Entry entry;
  entry.name = "importance_sampling";
  entry.summary = "independent weighted draws from a normal or Student proposal: Laplace's, or one about 0";
  entry.source = "Geweke 1989, Econometrica 57(6); k-hat: Vehtari et al. 2024, JMLR 25(72)";
  entry.capabilities = {.gradient = true, .exact = false, .independent = true, .weighted = true};
  entry.parameters = {{"proposal_sd", "N(0, proposal_sd^2) in every coordinate; 0: Laplace's approximation, made by every chain itself", 0},
                      {"degrees", "degrees of freedom of a Student proposal of the same scale; 0: normal", 0}};
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    const double sd = number_within(arguments, "proposal_sd", 0, 1e10);
    const Index degrees = whole_number(arguments, "degrees", 0, 1000);
    const Index dim = model.dim();
    if (sd == 0) return std::make_unique<ImportanceSampling>(dim, degrees);
    const auto n = static_cast<std::size_t>(dim);
    return std::make_unique<ImportanceSampling>(dim,
                                                independent_proposal(std::vector<double>(n, 0.0), std::vector<double>(n, sd), degrees));
  };
  entry.smoke = {{"laplace", {{"degrees", 5}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
