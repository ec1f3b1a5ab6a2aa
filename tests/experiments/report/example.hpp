/// A small made-up study that has everything a report must cope with: heavy tails, zeros, a biased estimator, an exclusion.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/record.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::experiments::testing {

/// One estimator: standard deviations of both blocks, log-normal weight of the tail, bias of the first coordinate.
struct Recipe {
  std::string name;
  double mean_sd = 1;
  double scale_sd = 1;
  double tail = 0;
  double bias = 0;
  bool value_only = false;
  double seconds = 1e-4;
};

inline EstimatorRecord make_estimator(const Recipe& recipe, Index dim, const std::vector<Block>& blocks, Index rows, Index replicates,
                                      Index batches, std::uint64_t seed) {
  constexpr Index samples = 16;
  diagnostics::testing::Engine engine(seed);  // the same for all estimators: common random numbers
  EstimatorRecord record;
  record.name = recipe.name;
  record.moments.resize(batches, 2 * dim, 2);
  std::vector<double> g(static_cast<std::size_t>(2 * dim));
  for (Index i = 0; i < replicates; ++i) {
    const double common = diagnostics::testing::normal(engine);
    const double weight = std::exp(recipe.tail * diagnostics::testing::normal(engine));
    for (Index p = 0; p < 2 * dim; ++p) {
      const double slope = 1 + 0.5 * static_cast<double>(p % dim);
      const double sd = (p < dim ? recipe.mean_sd : recipe.scale_sd) / slope;
      const double draw = diagnostics::testing::normal(engine);
      g[static_cast<std::size_t>(p)] = sd * weight * (0.8 * draw + 0.6 * common) + (p == 0 ? recipe.bias : 0.0);
    }
    diagnostics::testing::add(record.moments, i * batches / replicates, blocks, g);
  }
  Index& evaluations = recipe.value_only ? record.counts.value_evaluations : record.counts.gradient_evaluations;
  Index& row_count = recipe.value_only ? record.counts.value_rows : record.counts.gradient_rows;
  evaluations = samples * replicates;
  row_count = samples * replicates * rows;
  record.seconds_per_call = recipe.seconds;
  return record;
}

/// Two cells (all rows, minibatch) x three points x six estimators, 3 coordinates.
inline std::vector<CellRecord> example_study(Index replicates = 1024, Index batches = 128) {
  constexpr Index dim = 3;
  std::vector<CellRecord> cells;
  for (Index c = 0; c < 2; ++c) {
    CellRecord cell;
    cell.id = c == 0 ? "cell_000" : "cell_001";
    cell.settings = {{"estimators.batch_rows", c == 0 ? "0" : "64"},
                     {"estimators.row_policy", c == 0 ? "without_replacement" : "with_replacement"}};
    cell.blocks = {{"mean", {0, dim}}, {"log_scale", {dim, 2 * dim}}};
    cell.parameter_names = {"mean[a]", "mean[b]", "mean[c]", "log_scale[a]", "log_scale[b]", "log_scale[c]"};
    cell.family = "mean_field_gaussian";
    cell.model = "logistic";
    cell.samples = 16;
    cell.rows = 569;
    cell.batch_rows = c == 0 ? 0 : 64;
    cell.replicates = replicates;
    const Index rows = c == 0 ? 569 : 64;
    const double noise = c == 0 ? 0.0 : 2.0;
    const std::vector<std::string> labels = {"0 %", "50 %", "optimum"};
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const double size = std::pow(10.0, -static_cast<double>(i));
      PointRecord point;
      point.label = labels[i];
      point.lambda = {0.1, -0.4, 0.9, -0.5, -1.0, -1.5};
      point.reference = {-31.4 * size, 12.7 * size, 3.3 * size, 4.1 * size, -2.2 * size, 0.7 * size};
      point.reference_error.assign(2 * dim, 1e-9);
      point.reference_method = "quadrature";
      point.objective = -151.2 + 20.0 * static_cast<double>(i);
      const std::uint64_t seed = 17 + 10 * static_cast<std::uint64_t>(c) + i;
      const bool optimum = labels[i] == "optimum";
      const std::vector<Recipe> recipes = {
          {"pw_cfe", 5 * size + noise, 2 * size + noise, 0, 0, false, 1.1e-4},
          {"pw_kl", 4.99 * size + noise, 2.02 * size + noise, 0, 0, false, 1.0e-4},
          {"stl", optimum && c == 0 ? 1e-16 : 7 * size + noise, optimum && c == 0 ? 1e-16 : 3 * size + noise, 0, 0, false, 1.2e-4},
          {"pw_antithetic", 1e-15, 1.5 * size + noise, 0, 0, false, 1.1e-4},
          {"sf_raw", 300 * size + noise, 200 * size + noise, 1.0, 0, true, 0.7e-4},
          {"sf_wrong", 40 * size + noise, 30 * size + noise, 0, 8, true, 0.7e-4}};
      for (const Recipe& recipe : recipes) {
        point.estimators.push_back(make_estimator(recipe, dim, cell.blocks, rows, replicates, batches, seed));
      }
      cell.points.push_back(std::move(point));
    }
    cell.exclusions = {{"rqmc", "M = 15 is not a power of two"}};
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace variscope::experiments::testing
