/// Gradient-like random vectors with known variances, gathered into batch moments: what the coverage tests draw from.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "engine/record.hpp"

namespace variscope::diagnostics::testing {

/// Generator with the spare normal kept.
struct Engine : std::mt19937_64 {
  using std::mt19937_64::mt19937_64;
  std::normal_distribution<double> unit;
};
/// Fills one replicate of one estimator.
using Draw = std::function<void(Engine&, std::span<double>)>;

inline double normal(Engine& engine) { return engine.unit(engine); }

/// Independent standard normals.
inline Draw gaussian() {
  return [](Engine& engine, std::span<double> g) {
    for (double& value : g) {
      value = normal(engine);
    }
  };
}

/// Unit variances, every correlation `rho`.
inline Draw equicorrelated(double rho) {
  return [rho](Engine& engine, std::span<double> g) {
    const double common = std::sqrt(rho) * normal(engine);
    for (double& value : g) {
      value = common + std::sqrt(1 - rho) * normal(engine);
    }
  };
}

/// Unit variances, correlation rho^|i - j|.
inline Draw autoregressive(double rho) {
  return [rho](Engine& engine, std::span<double> g) {
    double last = normal(engine);
    for (double& value : g) {
      value = last;
      last = rho * last + std::sqrt(1 - rho * rho) * normal(engine);
    }
  };
}

/// Student t scaled to unit variances; together: one chi-square for the whole vector, else one per coordinate.
inline Draw student(double freedom, bool together) {
  return [freedom, together](Engine& engine, std::span<double> g) {
    std::chi_squared_distribution<double> chi(freedom);
    double scale = std::sqrt((freedom - 2) / chi(engine));
    for (double& value : g) {
      value = scale * normal(engine);
      scale = together ? scale : std::sqrt((freedom - 2) / chi(engine));
    }
  };
}

/// exp(sigma z - sigma^2) times independent normals: unit variances, one log-normal weight per replicate, as score functions have.
inline Draw log_normal_weighted(double sigma) {
  return [sigma](Engine& engine, std::span<double> g) {
    const double weight = std::exp(sigma * normal(engine) - sigma * sigma);
    for (double& value : g) {
      value = weight * normal(engine);
    }
  };
}

/// Score function of l(z) = |z|^2 / 2 at q = N(0, I): cubic in Gaussians. Every variance is (15 + 6 (d - 1) + (d^2 - 1)) / 4.
inline Draw score_function() {
  return [](Engine& engine, std::span<double> g) {
    double density = 0;
    for (double& value : g) {
      value = normal(engine);
      density += value * value / 2;
    }
    for (double& value : g) {
      value *= density;
    }
  };
}

/// The gradient with respect to log scales of log p = -z'(H z) / 2 at q = N(1, I), H = I + 0.3 in every entry, averaged over `samples`:
/// -(H z)_d eps_d + 1, products of normals. Pairs: of eps and -eps, in which the part linear in eps cancels.
inline Draw log_scale_gradient(int samples, bool pairs) {
  return [samples, pairs](Engine& engine, std::span<double> g) {
    std::vector<double> eps(g.size());
    std::fill(g.begin(), g.end(), 1.0);
    const int draws = pairs ? samples / 2 : samples;
    for (int j = 0; j < draws; ++j) {
      double sum = 0;
      for (double& value : eps) sum += value = normal(engine);
      for (std::size_t d = 0; d < g.size(); ++d) {
        const double fixed = pairs ? 0.0 : 1 + 0.3 * static_cast<double>(g.size());
        g[d] -= (fixed + eps[d] + 0.3 * sum) * eps[d] / draws;
      }
    }
  };
}

/// The trace of its variance: Var (h + sum_k H_dk eps_k) eps_d = h^2 + 2 H_dd^2 + sum over the others of H_dk^2.
inline double log_scale_gradient_trace(int samples, bool pairs, int dim) {
  const double fixed = pairs ? 0.0 : 1 + 0.3 * dim;
  const double one = fixed * fixed + 2 * 1.3 * 1.3 + (dim - 1) * 0.3 * 0.3;
  return dim * one / (pairs ? samples / 2 : samples);
}

inline void add(BatchMoments& moments, Index batch, const std::vector<Block>& blocks, std::span<const double> g) {
  const auto parameters = static_cast<std::size_t>(moments.parameters);
  const auto b = static_cast<std::size_t>(batch);
  moments.count[b] += 1;
  for (std::size_t p = 0; p < parameters; ++p) {
    moments.sum[b * parameters + p] += g[p];
    moments.square[b * parameters + p] += g[p] * g[p];
  }
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    double norm = 0;
    for (Index p = blocks[k].parameters.first; p < blocks[k].parameters.last; ++p) {
      norm += g[static_cast<std::size_t>(p)] * g[static_cast<std::size_t>(p)];
    }
    moments.norm[b * blocks.size() + k] += norm;
    moments.norm_square[b * blocks.size() + k] += norm * norm;
  }
}

/// Moments of `replicates` draws spread over `batches` as evenly as possible, about a reference of zero.
inline BatchMoments gather(Engine& engine, const Draw& draw, Index parameters, const std::vector<Block>& blocks, Index replicates,
                           Index batches) {
  BatchMoments moments;
  moments.resize(batches, parameters, static_cast<Index>(blocks.size()));
  std::vector<double> g(static_cast<std::size_t>(parameters));
  for (Index i = 0; i < replicates; ++i) {
    draw(engine, g);
    add(moments, i * batches / replicates, blocks, g);
  }
  return moments;
}

}  // namespace variscope::diagnostics::testing
