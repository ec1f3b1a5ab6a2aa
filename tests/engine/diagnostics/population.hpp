/// A population small enough to enumerate: arbitrary g(n, eps), a discrete noise, and every way of drawing rows and noise with its
/// probability.
#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <vector>

#include "engine/diagnostics/noise.hpp"

namespace variscope::diagnostics::testing {

using Rows = std::vector<std::size_t>;

/// g[n][e] has mean_n E g = G; noise value e has probability p[e].
struct Population {
  std::vector<std::vector<double>> g;
  std::vector<double> probability;

  [[nodiscard]] std::size_t rows() const { return g.size(); }
  [[nodiscard]] std::size_t values() const { return probability.size(); }
};

/// Nothing additive about it.
inline Population arbitrary_population(std::size_t rows, std::size_t values, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(0.2, 1.0);
  Population population;
  double sum = 0;
  for (std::size_t e = 0; e < values; ++e) {
    population.probability.push_back(uniform(engine));
    sum += population.probability.back();
  }
  for (double& p : population.probability) {
    p /= sum;
  }
  for (std::size_t n = 0; n < rows; ++n) {
    population.g.emplace_back();
    const double location = 2 * normal(engine);
    for (std::size_t e = 0; e < values; ++e) {
      population.g.back().push_back(1.0 + location + static_cast<double>(e) + 1.5 * normal(engine));
    }
  }
  return population;
}

/// Components over the rows `members`, straight from their definition.
inline Components components_of(const Population& population, const Rows& members) {
  const auto n = static_cast<long double>(members.size());
  std::vector<long double> a(population.values(), 0);
  std::vector<long double> b(members.size(), 0);
  long double whole = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t e = 0; e < population.values(); ++e) {
      const long double value = population.g[members[i]][e];
      a[e] += value / n;
      b[i] += population.probability[e] * value;
      whole += population.probability[e] * value / n;
    }
  }
  long double monte_carlo = 0;
  long double data = 0;
  long double interaction = 0;
  for (std::size_t e = 0; e < population.values(); ++e) {
    monte_carlo += population.probability[e] * (a[e] - whole) * (a[e] - whole);
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    data += (b[i] - whole) * (b[i] - whole) / n;
    for (std::size_t e = 0; e < population.values(); ++e) {
      const long double c = population.g[members[i]][e] - a[e] - b[i] + whole;
      interaction += population.probability[e] * c * c / n;
    }
  }
  return {static_cast<double>(monte_carlo), static_cast<double>(data), static_cast<double>(interaction)};
}

inline Rows all_rows(std::size_t rows) {
  Rows every(rows);
  for (std::size_t n = 0; n < rows; ++n) {
    every[n] = n;
  }
  return every;
}

/// Rows of every replica, with the weight of each replica in the mean.
struct RowDraw {
  std::vector<Rows> rows;
  std::vector<double> weight;
};

/// All subsets of size `count`.
inline std::vector<Rows> subsets(const Rows& from, std::size_t count) {
  if (count == 0) {
    return {{}};
  }
  std::vector<Rows> result;
  for (std::size_t i = 0; i + count <= from.size(); ++i) {
    const Rows rest(from.begin() + static_cast<std::ptrdiff_t>(i) + 1, from.end());
    for (Rows tail : subsets(rest, count - 1)) {
      tail.insert(tail.begin(), from[i]);
      result.push_back(std::move(tail));
    }
  }
  return result;
}

/// All ordered draws with replacement.
inline std::vector<Rows> sequences(std::size_t rows, std::size_t count) {
  std::vector<Rows> result = {{}};
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<Rows> longer;
    for (const Rows& head : result) {
      for (std::size_t n = 0; n < rows; ++n) {
        longer.push_back(head);
        longer.back().push_back(n);
      }
    }
    result = std::move(longer);
  }
  return result;
}

/// One entry of choices[r] for every r, all combinations.
inline std::vector<std::vector<Rows>> product(const std::vector<std::vector<Rows>>& choices) {
  std::vector<std::vector<Rows>> result = {{}};
  for (const std::vector<Rows>& next : choices) {
    std::vector<std::vector<Rows>> longer;
    for (const auto& head : result) {
      for (const Rows& rows : next) {
        longer.push_back(head);
        longer.back().push_back(rows);
      }
    }
    result = std::move(longer);
  }
  return result;
}

inline Rows without(const Rows& from, const Rows& taken) {
  Rows left;
  for (const std::size_t n : from) {
    bool found = false;
    for (const std::size_t t : taken) {
      found = found || t == n;
    }
    if (!found) {
      left.push_back(n);
    }
  }
  return left;
}

/// All ordered tuples of disjoint subsets of the given sizes: partitions if the sizes add up.
inline std::vector<std::vector<Rows>> disjoint_subsets(const Rows& from, const std::vector<std::size_t>& sizes, std::size_t next = 0) {
  if (next == sizes.size()) {
    return {{}};
  }
  std::vector<std::vector<Rows>> result;
  for (const Rows& first : subsets(from, sizes[next])) {
    for (std::vector<Rows> tail : disjoint_subsets(without(from, first), sizes, next + 1)) {
      tail.insert(tail.begin(), first);
      result.push_back(std::move(tail));
    }
  }
  return result;
}

/// Every draw of the noise: visit(probability, eps) with eps[r][m][n] the noise of row n in sample m of replica r.
using Noise = std::vector<std::vector<std::vector<std::size_t>>>;
inline void every_noise(const Population& population, std::size_t replicas, std::size_t samples, bool shared, bool own,
                        const std::function<void(double, const Noise&)>& visit) {
  const std::size_t streams = shared ? 1 : replicas;
  const std::size_t each = own ? population.rows() : 1;
  std::vector<std::size_t> digit(streams * samples * each, 0);
  Noise eps(replicas, std::vector<std::vector<std::size_t>>(samples, std::vector<std::size_t>(population.rows(), 0)));
  while (true) {
    double probability = 1;
    for (const std::size_t d : digit) {
      probability *= population.probability[d];
    }
    for (std::size_t r = 0; r < replicas; ++r) {
      for (std::size_t m = 0; m < samples; ++m) {
        for (std::size_t n = 0; n < population.rows(); ++n) {
          eps[r][m][n] = digit[((shared ? 0 : r) * samples + m) * each + (own ? n : 0)];
        }
      }
    }
    visit(probability, eps);
    std::size_t place = 0;
    while (place < digit.size() && ++digit[place] == population.values()) {
      digit[place++] = 0;
    }
    if (place == digit.size()) {
      return;
    }
  }
}

/// Mean over samples and rows of one replica.
inline double estimate_of(const Population& population, const Rows& rows, const std::vector<std::vector<std::size_t>>& eps) {
  double sum = 0;
  for (const auto& sample : eps) {
    for (const std::size_t n : rows) {
      sum += population.g[n][sample[n]];
    }
  }
  return sum / static_cast<double>(rows.size() * eps.size());
}

/// Exact variance of the weighted mean over replicas, draws equally likely.
inline double exact_variance(const Population& population, const std::vector<RowDraw>& draws, std::size_t samples, bool shared, bool own) {
  long double mean = 0;
  long double square = 0;
  const auto count = static_cast<long double>(draws.size());
  // About a centre, so that nothing cancels.
  const double centre = population.g[0][0];
  every_noise(population, draws[0].rows.size(), samples, shared, own, [&](double probability, const Noise& eps) {
    for (const RowDraw& draw : draws) {
      long double value = 0;
      for (std::size_t r = 0; r < draw.rows.size(); ++r) {
        value += draw.weight[r] * (estimate_of(population, draw.rows[r], eps[r]) - centre);
      }
      mean += probability * value / count;
      square += probability * value * value / count;
    }
  });
  return static_cast<double>(square - mean * mean);
}

/// Draws of R replicas with equal weights.
inline std::vector<RowDraw> equal_weights(const std::vector<std::vector<Rows>>& rows) {
  std::vector<RowDraw> draws;
  for (const auto& one : rows) {
    draws.push_back({one, std::vector<double>(one.size(), 1.0 / static_cast<double>(one.size()))});
  }
  return draws;
}

}  // namespace variscope::diagnostics::testing
