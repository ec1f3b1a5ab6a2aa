/// Starts in batches: whoever has none yet draws again.
#include "engine/samplers/start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.hpp"

namespace variscope::samplers {

namespace {

bool finite(const Chain& chain) {
  return std::isfinite(chain.log_density) &&
         std::all_of(chain.gradient.begin(), chain.gradient.end(), [](double g) { return std::isfinite(g); });
}

void place(const models::Model& model, const Run& run, const Start& start, int attempt, Chain& chain) {
  const Index which = chain.index / start.chains_per_start;
  const auto dim = static_cast<Index>(chain.position.size());
  const random::Stream stream{run.seed, random::Purpose::chain_start, static_cast<std::uint32_t>(which),
                              static_cast<std::uint32_t>(attempt), 0};
  switch (start.kind) {
    case StartKind::uniform:
      for (Index d = 0; d < dim; ++d)
        chain.position[static_cast<std::size_t>(d)] = start.radius * (2 * random::uniform(stream, static_cast<std::uint32_t>(d)) - 1);
      break;
    case StartKind::prior:
      model.simulate_prior(stream, chain.position);
      break;
    case StartKind::given: {
      const bool common = static_cast<Index>(start.given.size()) == dim;
      std::copy_n(start.given.begin() + (common ? 0 : which * dim), dim, chain.position.begin());
      break;
    }
  }
}

/// What is wrong at a chain's position, by coordinate.
std::string blame(const approximations::Density& density, const models::Model& model, const Chain& chain) {
  const auto names = model.parameter_names();
  if (std::isfinite(chain.log_density)) {
    for (std::size_t d = 0; d < chain.gradient.size(); ++d) {
      if (!std::isfinite(chain.gradient[d])) return fmt::format("the gradient in '{}' is {}", names[d], chain.gradient[d]);
    }
  }
  for (std::size_t d = 0; d < chain.position.size(); ++d) {
    if (!std::isfinite(chain.position[d])) return fmt::format("'{}' is {}", names[d], chain.position[d]);
  }
  // Each parameter in turn at 0, the others where they are.
  const Index dim = density.dim;
  tiles::Batch theta(dim, dim);
  for (Index column = 0; column < dim; ++column) {
    for (Index d = 0; d < dim; ++d) theta(d, column) = d == column ? 0 : chain.position[static_cast<std::size_t>(d)];
  }
  const models::Wanted wanted{.value = true, .gradient = false};
  tiles::Batch out(wanted.rows(dim), dim);
  density.evaluate(theta.view(), wanted, {}, out.view());
  for (Index d = 0; d < dim; ++d) {
    const auto i = static_cast<std::size_t>(d);
    if (std::isfinite(out(0, d)))
      return fmt::format("the log density is {}, and finite once '{}' is 0 instead of {:.4g}", chain.log_density, names[i],
                         chain.position[i]);
  }
  return fmt::format("the log density is {}, and no parameter alone is to blame, '{}' to '{}'", chain.log_density, names.front(),
                     names.back());
}

[[noreturn]] void give_up(const approximations::Density& density, const models::Model& model, const Start& start, const Chain& chain) {
  const std::string reason = blame(density, model, chain);
  switch (start.kind) {
    case StartKind::uniform:
      throw UserError(
          fmt::format("sampler.init: chain {} finds no place to start in {} draws from uniform(-{}, {}) (at the last, {}). Give "
                      "values, or a smaller radius.",
                      chain.index, start.attempts, start.radius, start.radius, reason));
    case StartKind::prior:
      throw UserError(
          fmt::format("sampler.init: chain {} finds no place to start in {} draws from the prior (at the last, {}). Give values.",
                      chain.index, start.attempts, reason));
    case StartKind::given:
      break;
  }
  throw UserError(fmt::format("sampler.init: the values given for chain {} are no place to start ({}). Give others.", chain.index, reason));
}

void check(const models::Model& model, const Start& start, Range range) {
  if (start.chains_per_start < 1) throw UserError("sampler.chains_per_start: not a number of chains (it counts). Give 1 or more.");
  if (start.kind == StartKind::uniform && !(start.radius >= 0 && std::isfinite(start.radius)))
    throw UserError(fmt::format("sampler.init: a radius of {} (starts are uniform within it). Give a number of 0 or more.", start.radius));
  if (start.kind == StartKind::prior && !model.has_prior_simulation())
    throw UserError("sampler.init: this model cannot be drawn from its prior (it is improper, or its draws are not known). Use uniform.");
  if (start.kind != StartKind::given) return;
  const auto size = static_cast<Index>(start.given.size());
  const Index starts = (range.last - 1) / start.chains_per_start + 1;
  if (size != model.dim() && (size % model.dim() != 0 || size < starts * model.dim()))
    throw UserError(fmt::format("sampler.init: {} values for {} starts of {} parameters (one start for all, or one each). Give {} or {}.",
                                size, starts, model.dim(), model.dim(), starts * model.dim()));
}

}  // namespace

void evaluate_chains(const Sampler& sampler, const approximations::Density& density, std::span<Chain> chains) {
  const Index dim = sampler.dim();
  const auto count = static_cast<Index>(chains.size());
  if (count == 0) return;
  const models::Wanted wanted{.value = true, .gradient = sampler.uses_gradient()};
  tiles::Batch theta(dim, count);
  tiles::Batch out(wanted.rows(dim), count);
  for (Index c = 0; c < count; ++c) {
    for (Index d = 0; d < dim; ++d) theta(d, c) = chains[static_cast<std::size_t>(c)].position[static_cast<std::size_t>(d)];
  }
  density.evaluate(theta.view(), wanted, {}, out.view());
  for (Index c = 0; c < count; ++c) {
    Chain& chain = chains[static_cast<std::size_t>(c)];
    chain.log_density = out(0, c);
    chain.gradient.resize(static_cast<std::size_t>(wanted.gradient ? dim : 0));
    for (std::size_t d = 0; d < chain.gradient.size(); ++d) chain.gradient[d] = out(1 + static_cast<Index>(d), c);
  }
}

std::vector<Chain> start_chains(const Sampler& sampler, const approximations::Density& density, const models::Model& model, const Run& run,
                                const Start& start, Range range) {
  check(model, start, range);
  std::vector<Chain> chains(static_cast<std::size_t>(range.size()));
  for (std::size_t i = 0; i < chains.size(); ++i) {
    chains[i].index = range.first + static_cast<Index>(i);
    chains[i].position.resize(static_cast<std::size_t>(sampler.dim()));
  }
  std::vector<std::size_t> without(chains.size());
  for (std::size_t i = 0; i < without.size(); ++i) without[i] = i;
  const int attempts = start.kind == StartKind::given ? 1 : start.attempts;
  for (int attempt = 0; attempt < attempts && !without.empty(); ++attempt) {
    std::vector<Chain> trial;
    for (const std::size_t i : without) {
      place(model, run, start, attempt, chains[i]);
      trial.push_back(chains[i]);
    }
    evaluate_chains(sampler, density, trial);
    std::vector<std::size_t> still;
    for (std::size_t k = 0; k < trial.size(); ++k) {
      if (!finite(trial[k])) still.push_back(without[k]);
      chains[without[k]] = std::move(trial[k]);
    }
    without = std::move(still);
  }
  if (!without.empty()) give_up(density, model, start, chains[without.front()]);
  for (Chain& chain : chains) {
    chain.state.assign(static_cast<std::size_t>(sampler.state_size()), 0.0);
    sampler.start(run, chain);
  }
  return chains;
}

}  // namespace variscope::samplers
