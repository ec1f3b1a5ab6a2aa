/// A directory that goes with the test, and records to store in it.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/record.hpp"

namespace variscope::store {

class Scratch {
 public:
  Scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "variscope-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Distinct, reproducible values that use all bits of a double.
inline double distinct(std::uint64_t key) { return 1.0 / (1.0 + static_cast<double>(key * 2654435761U % 1000003U)) - 0.25; }

inline void fill(std::vector<double>& values, std::uint64_t key) {
  for (auto& value : values) value = distinct(key++);
}

/// Work of all kinds, each another number, one of more than 32 bits.
inline models::Counts sample_counts(std::uint64_t seed) {
  const auto work = static_cast<Index>(seed);
  return {work, work + 1, work + 2, work << 33, work + 4, work + 5};
}

/// A cell with 2 points, 3 estimators, 4 batches, 6 parameters in 2 blocks. `seed` varies every number.
inline CellRecord sample_cell(const std::string& id, std::uint64_t seed) {
  CellRecord cell;
  cell.id = id;
  cell.model = "logistic";
  cell.family = "mean-field gaussian";
  cell.settings = {{"model.name", "logistic"}, {"estimator.samples", "16"}, {"note", "Größe \"β\", ünïcode"}};
  cell.parameter_names = {"mean[x]", "mean[y]", "mean[z]", "log_scale[x]", "log_scale[y]", "log_scale[ζ]"};
  cell.blocks = {{"mean", {0, 3}}, {"log_scale", {3, 6}}};
  cell.samples = 16;
  cell.batch_rows = 100;
  cell.rows = Index{1} << 40;
  cell.replicates = 4096;
  cell.replicas = 4;
  cell.noise_policy = "common";
  cell.row_policy = "without_replacement";
  cell.objective = "elbo";
  cell.exclusions = {{"PW-KL", "the prior is not Gaussian"}, {"other", ""}};
  for (const auto* label : {"0 %", "optimum"}) {
    auto& point = cell.points.emplace_back();
    point.label = label;
    point.reference_method = point.label == "optimum" ? "quadrature" : "";
    point.objective = distinct(seed);
    point.objective_error = distinct(seed + 1);
    for (auto* values : {&point.lambda, &point.reference, &point.reference_error}) {
      values->resize(6);
      fill(*values, seed += 10);
    }
    point.snapshot = point.lambda;
    point.snapshot.front() += 1;
    for (const auto* name : {"score", "pathwise", "stick-the-landing"}) {
      auto& estimator = point.estimators.emplace_back();
      estimator.name = name;
      estimator.moments.resize(4, 6, 2);
      auto& moments = estimator.moments;
      for (auto* values : {&moments.count, &moments.sum, &moments.square, &moments.norm, &moments.norm_square}) fill(*values, seed += 100);
      estimator.counts = sample_counts(seed);
      estimator.preparation = sample_counts(seed + 20);
      estimator.preparation_share = distinct(seed + 6);
      estimator.seconds_per_call = distinct(seed + 7);
      estimator.preparation_seconds = distinct(seed + 8);
    }
  }
  return cell;
}

/// The same with crossed designs of 5 minibatches and 3 sample sets.
inline CellRecord sample_crossed_cell(const std::string& id, std::uint64_t seed) {
  CellRecord cell = sample_cell(id, seed);
  cell.designs = 32;
  cell.row_sets = 5;
  cell.noise_sets = 3;
  seed += 100000;
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) {
      auto& c = estimator.components;
      c.resize(4, 6, 2, 5, 3);
      for (auto* values : {&c.count, &c.mean_square_noise, &c.mean_square_rows, &c.mean_square_interaction, &c.trace_square_noise,
                           &c.trace_square_rows, &c.trace_square_interaction}) {
        fill(*values, seed += 100);
      }
      estimator.component_counts = sample_counts(seed);
    }
  }
  return cell;
}

/// The same with designs of 4 minibatches in each of 3 fixed shards too.
inline CellRecord sample_sharded_cell(const std::string& id, std::uint64_t seed) {
  CellRecord cell = sample_crossed_cell(id, seed);
  cell.shards = 3;
  cell.shard_row_sets = 4;
  seed += 200000;
  for (auto& point : cell.points) {
    for (auto& estimator : point.estimators) {
      auto& c = estimator.shard_components;
      c.resize(4, 6, 6, 4, 3);
      for (auto* values : {&c.count, &c.mean_square_noise, &c.mean_square_rows, &c.mean_square_interaction, &c.trace_square_noise,
                           &c.trace_square_rows, &c.trace_square_interaction}) {
        fill(*values, seed += 100);
      }
    }
  }
  return cell;
}

}  // namespace variscope::store
