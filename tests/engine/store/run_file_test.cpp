/// run.h5: all comes back, and what cannot be stored or read is refused.
#include "engine/store/run_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

void expect_same(const BatchMoments& a, const BatchMoments& b) {
  EXPECT_EQ(a.batches, b.batches);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.blocks, b.blocks);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.square, b.square);
  EXPECT_EQ(a.norm, b.norm);
  EXPECT_EQ(a.norm_square, b.norm_square);
}

void expect_same(const ComponentMoments& a, const ComponentMoments& b) {
  EXPECT_EQ(a.batches, b.batches);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.blocks, b.blocks);
  EXPECT_EQ(a.row_sets, b.row_sets);
  EXPECT_EQ(a.noise_sets, b.noise_sets);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.mean_square_noise, b.mean_square_noise);
  EXPECT_EQ(a.mean_square_rows, b.mean_square_rows);
  EXPECT_EQ(a.mean_square_interaction, b.mean_square_interaction);
  EXPECT_EQ(a.trace_square_noise, b.trace_square_noise);
  EXPECT_EQ(a.trace_square_rows, b.trace_square_rows);
  EXPECT_EQ(a.trace_square_interaction, b.trace_square_interaction);
}

void expect_same(const PointRecord& a, const PointRecord& b) {
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.lambda, b.lambda);
  EXPECT_EQ(a.snapshot, b.snapshot);
  EXPECT_EQ(a.reference, b.reference);
  EXPECT_EQ(a.reference_error, b.reference_error);
  EXPECT_EQ(a.reference_method, b.reference_method);
  EXPECT_EQ(a.objective, b.objective);
  EXPECT_EQ(a.objective_error, b.objective_error);
  ASSERT_EQ(a.estimators.size(), b.estimators.size());
  for (std::size_t e = 0; e < a.estimators.size(); ++e) {
    EXPECT_EQ(a.estimators[e].name, b.estimators[e].name);
    EXPECT_EQ(a.estimators[e].counts, b.estimators[e].counts);
    EXPECT_EQ(a.estimators[e].preparation, b.estimators[e].preparation);
    EXPECT_EQ(a.estimators[e].preparation_share, b.estimators[e].preparation_share);
    EXPECT_EQ(a.estimators[e].component_counts, b.estimators[e].component_counts);
    EXPECT_EQ(a.estimators[e].seconds_per_call, b.estimators[e].seconds_per_call);
    EXPECT_EQ(a.estimators[e].preparation_seconds, b.estimators[e].preparation_seconds);
    expect_same(a.estimators[e].moments, b.estimators[e].moments);
    expect_same(a.estimators[e].components, b.estimators[e].components);
    expect_same(a.estimators[e].shard_components, b.estimators[e].shard_components);
  }
}

void expect_same(const CellRecord& a, const CellRecord& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.settings, b.settings);
  EXPECT_EQ(a.parameter_names, b.parameter_names);
  EXPECT_EQ(a.family, b.family);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.batch_rows, b.batch_rows);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.replicates, b.replicates);
  EXPECT_EQ(a.replicas, b.replicas);
  EXPECT_EQ(a.designs, b.designs);
  EXPECT_EQ(a.row_sets, b.row_sets);
  EXPECT_EQ(a.noise_sets, b.noise_sets);
  EXPECT_EQ(a.shards, b.shards);
  EXPECT_EQ(a.shard_row_sets, b.shard_row_sets);
  EXPECT_EQ(a.noise_policy, b.noise_policy);
  EXPECT_EQ(a.row_policy, b.row_policy);
  EXPECT_EQ(a.objective, b.objective);
  ASSERT_EQ(a.blocks.size(), b.blocks.size());
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    EXPECT_EQ(a.blocks[i].name, b.blocks[i].name);
    EXPECT_EQ(a.blocks[i].parameters, b.blocks[i].parameters);
  }
  ASSERT_EQ(a.exclusions.size(), b.exclusions.size());
  for (std::size_t i = 0; i < a.exclusions.size(); ++i) {
    EXPECT_EQ(a.exclusions[i].estimator, b.exclusions[i].estimator);
    EXPECT_EQ(a.exclusions[i].reason, b.exclusions[i].reason);
  }
  ASSERT_EQ(a.points.size(), b.points.size());
  for (std::size_t p = 0; p < a.points.size(); ++p) expect_same(a.points[p], b.points[p]);
}

TEST(RunFile, RoundTrips) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  const auto run = read_run_file(scratch / "run.h5");
  EXPECT_EQ(run.results_hash, hash);
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_FALSE(std::filesystem::exists(scratch / "run.h5.tmp"));
  ASSERT_EQ(run.cells.size(), 2U);
  expect_same(run.cells[0], sample_cell("cell_000", 1));
  expect_same(run.cells[1], sample_crossed_cell("cell_001", 5000));
  ASSERT_EQ(run.paths.size(), 1U);
  EXPECT_EQ(run.paths[0].id, sample_path.id);
  EXPECT_EQ(run.paths[0].lambda, sample_path.lambda);
  EXPECT_EQ(run.paths[0].stride, sample_path.stride);
  EXPECT_EQ(run.paths[0].steps, sample_path.steps);
  EXPECT_EQ(run.paths[0].parameters, sample_path.parameters);
  EXPECT_EQ(run.execution.names, sample_execution.names);
  EXPECT_EQ(run.execution.ranks, sample_execution.ranks);
  EXPECT_EQ(run.execution.values, sample_execution.values);
  EXPECT_EQ(run.provenance, sample_provenance);
}

TEST(RunFile, KeepsTheOrderOfCellsAndEmptyParts) {
  const Scratch scratch;
  CellRecord empty;
  empty.id = "cell_1000";
  empty.parameter_names = {"a"};
  auto no_estimators = sample_cell("cell_101", 3);
  for (auto& point : no_estimators.points) point.estimators.clear();
  no_estimators.settings.clear();
  no_estimators.exclusions.clear();
  const auto sharded = sample_sharded_cell("cell_103", 5);
  auto no_crossed_estimators = sample_crossed_cell("cell_102", 4);
  for (auto& point : no_crossed_estimators.points) point.estimators.clear();
  write_run_file(scratch / "run.h5", {sample_cell("cell_2", 1), empty, no_estimators, no_crossed_estimators, sharded}, {}, {}, {});
  const auto run = read_run_file(scratch / "run.h5");
  ASSERT_EQ(run.cells.size(), 5U);
  EXPECT_EQ(run.cells[0].id, "cell_2");
  expect_same(run.cells[1], empty);
  expect_same(run.cells[2], no_estimators);
  expect_same(run.cells[3], no_crossed_estimators);
  expect_same(run.cells[4], sharded);
}

TEST(RunFile, NonFiniteValuesRoundTrip) {
  const Scratch scratch;
  auto cell = sample_cell("cell_000", 1);
  cell.points[0].estimators[0].moments.square[3] = std::numeric_limits<double>::infinity();
  cell.points[0].estimators[0].moments.sum[3] = std::numeric_limits<double>::quiet_NaN();
  write_run_file(scratch / "run.h5", {cell}, {}, {}, {});
  const auto run = read_run_file(scratch / "run.h5");
  const auto& moments = run.cells.at(0).points.at(0).estimators.at(0).moments;
  EXPECT_TRUE(std::isinf(moments.square[3]));
  EXPECT_TRUE(std::isnan(moments.sum[3]));
}

TEST(RunFile, HashDependsOnResultsAlone) {
  const Scratch scratch;
  auto cell = sample_cell("cell_000", 1);
  const auto hash = write_run_file(scratch / "a.h5", {cell}, {sample_path}, sample_execution, sample_provenance);
  cell.points[0].estimators[0].seconds_per_call = 99;
  EXPECT_EQ(write_run_file(scratch / "b.h5", {cell}, {sample_path}, {}, {}), hash);
  cell.points[0].estimators[0].counts.value_rows += 1;
  EXPECT_NE(write_run_file(scratch / "c.h5", {cell}, {sample_path}, sample_execution, sample_provenance), hash);
  EXPECT_NE(write_run_file(scratch / "d.h5", {sample_cell("cell_000", 1)}, {}, sample_execution, sample_provenance), hash);
}

TEST(RunFile, HashDependsOnComponentsAndPolicies) {
  const Scratch scratch;
  const auto hash_with = [&](const auto& change) {
    auto cell = sample_crossed_cell("cell_000", 1);
    change(cell, cell.points[1].estimators[2]);
    return write_run_file(scratch / "run.h5", {cell}, {}, {}, {});
  };
  const auto hash = hash_with([](CellRecord&, EstimatorRecord&) {});
  EXPECT_EQ(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.seconds_per_call = 99; }), hash);
  EXPECT_EQ(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.preparation_seconds = 99; }), hash);
  EXPECT_NE(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.components.count[3] += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.component_counts.hessian_rows += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.preparation.value_rows += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord&, EstimatorRecord& estimator) { estimator.preparation_share += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord& cell, EstimatorRecord&) { cell.designs += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord& cell, EstimatorRecord&) { cell.replicas += 1; }), hash);
  EXPECT_NE(hash_with([](CellRecord& cell, EstimatorRecord&) { cell.noise_policy = "independent"; }), hash);
  EXPECT_NE(hash_with([](CellRecord& cell, EstimatorRecord&) { cell.row_policy = "with_replacement"; }), hash);
  EXPECT_NE(hash_with([](CellRecord& cell, EstimatorRecord&) { cell.objective = "iwae"; }), hash);
}

TEST(RunFile, RefusesComponentsThatDoNotFitTheCell) {
  const Scratch scratch;
  const auto expect_refused = [&](CellRecord cell, const auto& change) {
    change(cell, cell.points[1].estimators[2]);
    EXPECT_THROW(write_run_file(scratch / "run.h5", {cell}, {}, {}, {}), std::invalid_argument);
    EXPECT_FALSE(std::filesystem::exists(scratch / "run.h5"));
  };
  const auto crossed = sample_crossed_cell("cell_000", 1);
  expect_refused(crossed, [](CellRecord&, EstimatorRecord& estimator) { estimator.components.trace_square_rows.pop_back(); });
  expect_refused(crossed, [](CellRecord&, EstimatorRecord& estimator) { estimator.components = {}; });
  expect_refused(crossed, [](CellRecord&, EstimatorRecord& estimator) { estimator.components.resize(3, 6, 2, 5, 3); });
  expect_refused(crossed, [](CellRecord&, EstimatorRecord& estimator) { estimator.components.resize(4, 2, 6, 5, 3); });
  expect_refused(crossed, [](CellRecord&, EstimatorRecord& estimator) { estimator.components.row_sets = 4; });
  expect_refused(crossed, [](CellRecord& cell, EstimatorRecord&) { cell.noise_sets = 4; });
  expect_refused(crossed, [](CellRecord& cell, EstimatorRecord&) { cell.designs = 0; });
  const auto sharded = sample_sharded_cell("cell_000", 1);
  expect_refused(sharded, [](CellRecord&, EstimatorRecord& estimator) { estimator.shard_components.trace_square_rows.pop_back(); });
  expect_refused(sharded, [](CellRecord&, EstimatorRecord& estimator) { estimator.shard_components = {}; });
  expect_refused(sharded, [](CellRecord& cell, EstimatorRecord&) { cell.shards = 2; });
  expect_refused(sharded, [](CellRecord& cell, EstimatorRecord&) { cell.shards = 0; });
  expect_refused(sharded, [](CellRecord& cell, EstimatorRecord&) { cell.shard_row_sets = 5; });
  const auto plain = sample_cell("cell_000", 1);
  expect_refused(plain, [](CellRecord& cell, EstimatorRecord&) { cell.designs = 32; });
  expect_refused(plain, [](CellRecord&, EstimatorRecord& estimator) { estimator.component_counts.value_rows = 1; });
}

TEST(RunFile, RefusesCellsItCannotStore) {
  const Scratch scratch;
  auto differing = sample_cell("cell_000", 1);
  differing.points[1].estimators[0].name = "another";
  EXPECT_THROW(write_run_file(scratch / "run.h5", {differing}, {}, {}, {}), std::invalid_argument);
  auto short_moments = sample_cell("cell_000", 1);
  short_moments.points[1].estimators[2].moments.norm.pop_back();
  EXPECT_THROW(write_run_file(scratch / "run.h5", {short_moments}, {}, {}, {}), std::invalid_argument);
  auto short_lambda = sample_cell("cell_000", 1);
  short_lambda.points[0].lambda.pop_back();
  EXPECT_THROW(write_run_file(scratch / "run.h5", {short_lambda}, {}, {}, {}), std::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(scratch / "run.h5"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "run.h5.tmp"));
}

TEST(RunFile, RefusesWhatItCannotRead) {
  const Scratch scratch;
  const auto path = scratch / "run.h5";
  EXPECT_NE(user_error_of([&] { (void)read_run_file(path); }).find("does not exist"), std::string::npos);
  write_text_file(path, "not HDF5");
  EXPECT_NE(user_error_of([&] { (void)read_run_file(path); }).find("run.h5: cannot be read"), std::string::npos);
  EXPECT_FALSE(is_run_file(path));
  create_file(path).close();
  EXPECT_NE(user_error_of([&] { (void)read_run_file(path); }).find("not a run file"), std::string::npos);

  write_sample(path);
  EXPECT_TRUE(is_run_file(path));
  auto file = open_file(path, Access::write);
  ASSERT_GE(H5Adelete(file.id(), "format_version"), 0);
  write_attribute(file, "format_version", Index{99});
  file.close();
  const auto message = user_error_of([&] { (void)read_run_file(path); });
  EXPECT_NE(message.find("version 99"), std::string::npos) << message;
  EXPECT_NE(message.find("Use the variscope that wrote it"), std::string::npos) << message;
}

TEST(RunFile, TruncationIsNoticedAtAnyLength) {
  const Scratch scratch;
  write_sample(scratch / "run.h5");
  const auto size = std::filesystem::file_size(scratch / "run.h5");
  for (const auto length : {size - 1, size / 2, size / 10, std::uintmax_t{100}, std::uintmax_t{0}}) {
    std::filesystem::copy_file(scratch / "run.h5", scratch / "cut.h5", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(scratch / "cut.h5", length);
    EXPECT_THROW((void)read_run_file(scratch / "cut.h5"), UserError) << length;
  }
}

}  // namespace
}  // namespace variscope::store
