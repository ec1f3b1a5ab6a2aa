/// Monte Carlo noise, data noise and their interaction: the variance of an averaged gradient under any way of drawing noise and rows.
#include "engine/diagnostics/noise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.hpp"

namespace variscope::diagnostics {

namespace {

double real(Index value) { return static_cast<double>(value); }

/// B as a number of rows.
Index drawn_rows(const Setting& setting) { return setting.batch_rows > 0 ? setting.batch_rows : setting.rows; }

bool distinct_rows(RowPolicy rows) { return rows == RowPolicy::disjoint || rows == RowPolicy::shards || rows == RowPolicy::epoch; }

void check(const Setting& setting, const Policy& policy) {
  if (setting.samples < 1 || setting.replicas < 1 || setting.rows < 0 || setting.batch_rows < 0) {
    throw UserError(fmt::format("noise: M = {}, R = {}, N = {}, B = {} (M and R must be at least 1, N and B at least 0).", setting.samples,
                                setting.replicas, setting.rows, setting.batch_rows));
  }
  if (policy.rows == RowPolicy::with_replacement) {
    return;
  }
  if (setting.batch_rows > setting.rows) {
    throw UserError(fmt::format("noise: B = {} exceeds N = {} (rows without replacement).", setting.batch_rows, setting.rows));
  }
  const bool sharded = policy.rows == RowPolicy::shards;
  const Index each = sharded && setting.batch_rows == 0 ? 1 : drawn_rows(setting);
  if (distinct_rows(policy.rows) && each > setting.rows / setting.replicas && setting.rows > 0) {
    throw UserError(
        fmt::format("noise: B R = {} x {} exceeds N = {} (replicas take distinct rows).", each, setting.replicas, setting.rows));
  }
}

/// Random partition into shards of the sizes of balanced_range, on average: the rows of a shard are then a draw without replacement, so
/// that of the variances d and ed the share u = fpc(N, N_r) / N_r lies between shards, 1 - u within.
Components shard_coefficients(const Setting& setting, NoisePolicy noise) {
  const double m = real(setting.samples);
  const Index base = setting.rows / setting.replicas;
  const Index larger = setting.rows % setting.replicas;
  Components sum;
  for (const Index size : {base + 1, base}) {
    const double count = real(size == base ? setting.replicas - larger : larger);
    if (count == 0) {
      continue;
    }
    const double b = real(setting.batch_rows > 0 ? setting.batch_rows : size);
    const double between = finite_population_correction(setting.rows, size) / real(size);
    const double within = (1 - between) * finite_population_correction(size, static_cast<Index>(b)) / b;
    const double share = real(size) / real(setting.rows);
    const double weight = count * share * share;
    sum.data += weight * within;
    if (setting.own_noise_per_row) {
      sum.monte_carlo += weight / (b * m);
      sum.interaction += weight / (b * m);
    } else if (noise == NoisePolicy::shared) {
      sum.interaction += weight * within / m;
    } else {
      sum.monte_carlo += weight / m;
      sum.interaction += weight * (between + within) / m;
    }
  }
  if (!setting.own_noise_per_row && noise == NoisePolicy::shared) {
    sum.monte_carlo = 1 / m;
  }
  return sum;
}

/// Expected number of times the noise of a drawn row is met among all draws under that noise.
double repeats(const Setting& setting, const Policy& policy) {
  const double n = real(setting.rows);
  const double b = real(drawn_rows(setting));
  const double r = policy.noise == NoisePolicy::shared ? real(setting.replicas) : 1.0;
  if (distinct_rows(policy.rows)) {
    return 1;
  }
  const bool replacement = policy.rows == RowPolicy::with_replacement && setting.batch_rows > 0;
  return replacement ? 1 + (b * r - 1) / n : 1 + (r - 1) * b / n;
}

}  // namespace

std::string to_text(NoisePolicy noise) {
  switch (noise) {
    case NoisePolicy::independent:
      return "independent";
    case NoisePolicy::shared:
      return "shared";
    case NoisePolicy::split_net:
      return "split net";
  }
  return "";
}

std::string to_text(RowPolicy rows) {
  switch (rows) {
    case RowPolicy::with_replacement:
      return "with replacement";
    case RowPolicy::without_replacement:
      return "without replacement";
    case RowPolicy::disjoint:
      return "disjoint";
    case RowPolicy::shards:
      return "shards";
    case RowPolicy::epoch:
      return "epoch";
  }
  return "";
}

double finite_population_correction(Index rows, Index drawn) { return rows > 1 ? real(rows - drawn) / real(rows - 1) : 0.0; }

std::optional<Components> coefficients(const Setting& setting, const Policy& policy) {
  check(setting, policy);
  if (policy.noise == NoisePolicy::split_net && setting.replicas > 1) {
    return std::nullopt;
  }
  const double m = real(setting.samples);
  const double r = real(setting.replicas);
  const bool shared = policy.noise == NoisePolicy::shared;
  if (setting.rows == 0) {
    return Components{1 / (shared ? m : m * r), 0, 0};
  }
  if (policy.rows == RowPolicy::shards) {
    return shard_coefficients(setting, policy.noise);
  }
  const Index batch = drawn_rows(setting);
  const double n = real(batch) * r;
  // All rows are never a draw.
  const bool replacement = policy.rows == RowPolicy::with_replacement && setting.batch_rows > 0;
  const double one = replacement ? 1.0 : finite_population_correction(setting.rows, batch);
  const double together = distinct_rows(policy.rows) ? finite_population_correction(setting.rows, batch * setting.replicas) : one;
  if (setting.own_noise_per_row) {
    const double each = repeats(setting, policy) / (n * m);
    return Components{each, together / n, each};
  }
  return Components{1 / (shared ? m : m * r), together / n, (shared ? together : one) / (n * m)};
}

bool holds_for_any_rows(const Setting& setting, const Policy& policy) {
  return policy.rows != RowPolicy::shards || setting.replicas == 1 || setting.rows == 0;
}

std::optional<double> predicted_variance(const Components& components, const Setting& setting, const Policy& policy) {
  const std::optional<Components> known = coefficients(setting, policy);
  return known ? std::optional<double>(dot(*known, components)) : std::nullopt;
}

std::optional<double> predicted_variance(double monte_carlo, std::span<const Shard> shards, const Setting& setting, NoisePolicy noise) {
  if (noise == NoisePolicy::split_net && shards.size() > 1) {
    return std::nullopt;
  }
  Index rows = 0;
  for (const Shard& shard : shards) {
    rows += shard.rows;
  }
  const bool floor = noise == NoisePolicy::shared && !setting.own_noise_per_row;
  double sum = floor ? monte_carlo / real(setting.samples) : 0.0;
  for (const Shard& shard : shards) {
    Setting alone = setting;
    alone.rows = shard.rows;
    alone.replicas = 1;
    std::optional<Components> known = coefficients(alone, {NoisePolicy::independent, RowPolicy::without_replacement});
    if (floor) {
      known->monte_carlo = 0;
    }
    const double share = real(shard.rows) / real(rows);
    sum += share * share * dot(*known, shard.components);
  }
  return sum;
}

BestSetting best_setting(const Components& components, Index rows, Index budget, bool replacement, bool own_noise_per_row) {
  if (budget < 1) {
    throw UserError(fmt::format("noise: a budget of {} row evaluations (at least 1).", budget));
  }
  const Components positive{std::max(components.monte_carlo, 0.0), std::max(components.data, 0.0), std::max(components.interaction, 0.0)};
  if (rows == 0) {
    return {budget, 0, positive.monte_carlo / real(budget)};
  }
  const Policy policy{NoisePolicy::independent, replacement ? RowPolicy::with_replacement : RowPolicy::without_replacement};
  BestSetting best{0, 0, std::numeric_limits<double>::infinity()};
  // The variance falls in M and in B: of all M with the same floor(budget / M) only the largest can be best, and its B is that floor.
  for (Index m = 1; m <= budget;) {
    const Index b = budget / m;
    const Index last = budget / b;
    const Setting candidate{rows, last, std::min(b, rows), 1, own_noise_per_row};
    const double variance = dot(*coefficients(candidate, policy), positive);
    if (variance < best.variance) {
      best = {candidate.samples, candidate.batch_rows, variance};
    }
    m = last + 1;
  }
  return best;
}

double noise_scale(double variance, double norm_square) {
  return norm_square > 0 ? variance / norm_square : std::numeric_limits<double>::infinity();
}

double replica_efficiency(double variance_of_one, double variance, Index replicas, double norm_square) {
  return (norm_square + variance_of_one) / (real(replicas) * (norm_square + variance));
}

std::optional<Index> largest_useful_replicas(const Components& components, const Setting& setting, const Policy& policy, double norm_square,
                                             double share) {
  Policy dealt = policy;
  dealt.rows = policy.rows == RowPolicy::shards ? RowPolicy::disjoint : policy.rows;
  const Index batch = drawn_rows(setting);
  std::optional<Index> most;
  if (distinct_rows(dealt.rows) && setting.rows > 0) {
    most = setting.rows / batch;
  }
  // R (|G|^2 + V_R), linear in R under every policy.
  const auto cost = [&](Index replicas) {
    Setting at = setting;
    at.replicas = replicas;
    const std::optional<double> variance = predicted_variance(components, at, dealt);
    return real(replicas) * (norm_square + variance.value_or(std::numeric_limits<double>::quiet_NaN()));
  };
  if (most == Index{1}) {
    return most;
  }
  const double one = cost(1);
  const double slope = cost(2) - one;
  if (!std::isfinite(slope) || !(one > 0)) {
    return std::nullopt;
  }
  // A slope of rounding alone is none.
  if (slope <= 4 * std::numeric_limits<double>::epsilon() * one) {
    return most;
  }
  const double largest = 1 + one * (1 / share - 1) / slope;
  constexpr double countable = 9e15;
  if (largest >= countable) {
    return most;
  }
  const auto limit = static_cast<Index>(std::floor(largest * (1 + 4 * std::numeric_limits<double>::epsilon())));
  return most ? std::min(*most, limit) : limit;
}

}  // namespace variscope::diagnostics
