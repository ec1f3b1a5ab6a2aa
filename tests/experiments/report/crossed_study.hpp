/// A made-up study whose variance components are known: rows with effects, noise that all rows share, replicas under policies.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/diagnostics/strata.hpp"
#include "engine/record.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::experiments::testing {

/// g(n, eps) = G + e eps + d b_n + c b_n eps' per parameter, sum b_n = 0, mean b_n^2 = 1: s2_e = e^2, s2_d = d^2, s2_ed = c^2.
class CrossedStudy {
 public:
  static constexpr Index rows = 60;
  static constexpr Index dim = 2;
  static constexpr double noise = 2.0;
  static constexpr double data = 3.0;
  static constexpr double interaction = 1.5;

  struct Sizes {
    Index samples = 4;
    Index batch_rows = 10;
    Index replicas = 1;
    std::string noise_policy = "independent";
    std::string row_policy = "without_replacement";
    Index designs = 0;
    std::string cheat = {};  ///< policy that is really used for noise, if not the declared one
    bool strata = true;      ///< designs within fixed shards too, where replicas own them
  };

  /// ordered: the first half of the rows has the one effect, the second half the other, but for the first `swapped` of each half.
  explicit CrossedStudy(bool ordered = false, Index swapped = 0) {
    for (Index n = 0; n < rows; ++n) effect_.push_back((ordered ? (n < rows / 2) == (n % (rows / 2) >= swapped) : n % 2 == 0) ? 1.0 : -1.0);
  }

  [[nodiscard]] double effect(Index row) const { return effect_[static_cast<std::size_t>(row)]; }

  CellRecord cell(Index id, const Sizes& sizes, Index replicates = 2048, Index batches = 64) {
    CellRecord cell;
    cell.id = "cell_00" + std::to_string(id);
    cell.settings = {{"model.name", "crossed"},
                     {"family.name", "mean_field_gaussian"},
                     {"estimators.samples", std::to_string(sizes.samples)},
                     {"estimators.batch_rows", std::to_string(sizes.batch_rows)},
                     {"estimators.replicas", std::to_string(sizes.replicas)},
                     {"estimators.noise_policy", sizes.noise_policy},
                     {"estimators.row_policy", sizes.row_policy},
                     {"components.designs", std::to_string(sizes.designs)}};
    cell.blocks = {{"mean", {0, dim}}, {"log_scale", {dim, 2 * dim}}};
    cell.parameter_names = {"mean[a]", "mean[b]", "log_scale[a]", "log_scale[b]"};
    cell.family = "mean_field_gaussian";
    cell.model = "crossed";
    cell.samples = sizes.samples;
    cell.rows = rows;
    cell.batch_rows = sizes.batch_rows;
    cell.replicates = replicates;
    cell.replicas = sizes.replicas;
    cell.designs = sizes.designs;
    cell.noise_policy = sizes.noise_policy;
    cell.row_policy = sizes.row_policy;
    cell.objective = "elbo";
    if (sizes.designs > 0 && sizes.replicas > 1 && sizes.row_policy == "shards" && sizes.strata) {
      cell.shards = sizes.replicas;
      cell.shard_row_sets = shard_sets;
    }
    for (const char* label : {"0 %", "100 %"}) {
      PointRecord point;
      point.label = label;
      point.lambda = {0.1, 0.2, -0.5, -0.7};
      point.reference.assign(2 * dim, 2.0);
      point.reference_error.assign(2 * dim, 1e-9);
      point.reference_method = "closed form";
      for (const char* name : {"pw_cfe", "pw_antithetic"}) {
        point.estimators.push_back(estimator(name, cell, sizes, replicates, batches));
      }
      cell.points.push_back(std::move(point));
    }
    return cell;
  }

 private:
  static constexpr Index sets = 4;
  static constexpr Index shard_sets = 2;
  using Parameters = std::vector<double>;
  /// Noise of M samples: for each, [parameter] of eps and eps'.
  using Noise = std::vector<double>;

  /// pairs: opposite signs, so that both kinds of noise cancel up to what the second sample adds of its own.
  Noise draw_noise(Index samples, bool pairs) {
    Noise drawn(static_cast<std::size_t>(samples * 4 * dim));
    const auto half = static_cast<std::size_t>(4 * dim);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const double fresh = diagnostics::testing::normal(engine_);
      const bool second = pairs && i / half % 2 == 1;
      drawn[i] = second ? -0.8 * drawn[i - half] + 0.6 * fresh : fresh;
    }
    return drawn;
  }

  std::vector<Index> draw_rows(Index count, Range from = {0, rows}) {
    std::vector<Index> all(static_cast<std::size_t>(from.size()));
    std::iota(all.begin(), all.end(), from.first);
    std::shuffle(all.begin(), all.end(), engine_);
    all.resize(static_cast<std::size_t>(count));
    return all;
  }

  /// Deviation from G of the estimate with these samples and rows, added into `sum`.
  void add(const Noise& noise_of, const std::vector<Index>& drawn, Parameters& sum) const {
    double b = 0;
    for (const Index n : drawn) b += effect_[static_cast<std::size_t>(n)] / static_cast<double>(drawn.size());
    const std::size_t parameters = 2 * dim;
    const std::size_t samples = noise_of.size() / (2 * parameters);
    for (std::size_t p = 0; p < parameters; ++p) {
      double e = 0;
      double c = 0;
      for (std::size_t m = 0; m < samples; ++m) {
        e += noise_of[m * 2 * parameters + p] / static_cast<double>(samples);
        c += noise_of[m * 2 * parameters + parameters + p] / static_cast<double>(samples);
      }
      sum[p] += noise * e + data * b * sign(p) + interaction * b * c;
    }
  }

  static double sign(std::size_t p) { return p % 2 == 0 ? 1.0 : -1.0; }

  EstimatorRecord estimator(const std::string& name, const CellRecord& cell, const Sizes& sizes, Index replicates, Index batches) {
    const bool pairs = name == "pw_antithetic";
    EstimatorRecord record;
    record.name = name;
    record.moments.resize(batches, 2 * dim, 2);
    const std::string policy = sizes.cheat.empty() ? sizes.noise_policy : sizes.cheat;
    for (Index i = 0; i < replicates; ++i) {
      Parameters g(2 * dim, 0.0);
      Noise drawn_noise = draw_noise(sizes.samples, pairs);
      const std::vector<Index> dealt = draw_rows(sizes.row_policy == "disjoint" ? sizes.batch_rows * sizes.replicas : sizes.batch_rows);
      for (Index r = 0; r < sizes.replicas; ++r) {
        if (r > 0 && policy == "independent") drawn_noise = draw_noise(sizes.samples, pairs);
        std::vector<Index> mine = dealt;
        if (sizes.row_policy == "disjoint") {
          mine.assign(dealt.begin() + r * sizes.batch_rows, dealt.begin() + (r + 1) * sizes.batch_rows);
        } else if (sizes.row_policy == "shards") {
          mine = draw_rows(sizes.batch_rows, balanced_range(rows, sizes.replicas, r));
        } else if (r > 0) {
          mine = draw_rows(sizes.batch_rows);
        }
        add(drawn_noise, mine, g);
      }
      for (double& value : g) value /= static_cast<double>(sizes.replicas);
      diagnostics::testing::add(record.moments, i * batches / replicates, cell.blocks, g);
    }
    record.counts.gradient_evaluations = sizes.samples * sizes.replicas * replicates;
    record.counts.gradient_rows = record.counts.gradient_evaluations * sizes.batch_rows;
    record.seconds_per_call = 1e-4 * static_cast<double>(sizes.replicas);
    if (sizes.designs > 0) add_designs(record, cell, sizes, batches, pairs);
    return record;
  }

  void add_designs(EstimatorRecord& record, const CellRecord& cell, const Sizes& sizes, Index batches, bool pairs) {
    record.components.resize(batches, 2 * dim, 2, sets, sets);
    if (cell.shards > 0) record.shard_components.resize(batches, 2 * cell.shards, 2 * cell.shards, shard_sets, sets);
    for (Index i = 0; i < sizes.designs; ++i) {
      std::vector<Noise> noises;
      for (Index l = 0; l < sets; ++l) noises.push_back(draw_noise(sizes.samples, pairs));
      std::vector<double> gradients;
      const auto cross = [&](Index minibatches, Range from) {
        for (Index k = 0; k < minibatches; ++k) {
          const std::vector<Index> drawn = draw_rows(sizes.batch_rows, from);
          for (const Noise& of_set : noises) {
            Parameters g(2 * dim, 2.0);
            add(of_set, drawn, g);
            gradients.insert(gradients.end(), g.begin(), g.end());
          }
        }
      };
      cross(sets, {0, rows});
      const Index batch = i * batches / sizes.designs;
      diagnostics::add_design(record.components, batch, cell.blocks, gradients);
      gradients.clear();
      for (Index r = 0; r < cell.shards; ++r) cross(shard_sets, balanced_range(rows, cell.shards, r));
      if (cell.shards > 0) diagnostics::add_shard_designs(record.shard_components, batch, cell.blocks, gradients);
    }
  }

  diagnostics::testing::Engine engine_{71};
  std::vector<double> effect_;
};

}  // namespace variscope::experiments::testing
