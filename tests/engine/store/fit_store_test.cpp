/// Fits in segments and in run.h5: everything comes back, any bit counts, and what does not fit is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "engine/error.hpp"
#include "engine/store/content_hash.hpp"
#include "engine/store/fit_arrays.hpp"
#include "engine/store/fit_segments.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/flip.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

/// 2 estimators x 3 repeats, 4 recorded steps, 6 parameters, 2 variables. `seed` varies every number.
FitCellRecord sample_fits(const std::string& id, std::uint64_t seed) {
  FitCellRecord cell;
  cell.id = id;
  cell.model = "logistic";
  cell.family = "mean_field_gaussian";
  cell.optimizer = "adam";
  cell.objective = "elbo";
  cell.settings = {{"model.name", "logistic"}, {"fit.step_size", "0.1"}};
  cell.parameter_names = {"mean[x]", "mean[y]", "mean[z]", "log_scale[x]", "log_scale[y]", "log_scale[z]"};
  cell.variable_names = {"beta[0]", "sigma"};
  cell.samples = 16;
  cell.batch_rows = 100;
  cell.rows = Index{1} << 40;
  cell.repeats = 3;
  cell.posterior_draws = 4096;
  cell.estimators = {"pw_cfe", "sf_loo"};
  cell.trace = {0, 1, 3, 10};
  cell.target = {"quadrature",           distinct(seed),         distinct(seed + 1),     distinct(seed + 2),    std::vector<double>(6),
                 std::vector<double>(2), std::vector<double>(2), std::vector<double>(2), std::vector<double>(2)};
  for (std::vector<double>* values :
       {&cell.target.lambda, &cell.target.mean, &cell.target.sd, &cell.target.mean_error, &cell.target.sd_error})
    fill(*values, seed += 10);
  for (int f = 0; f < 6; ++f) {
    FitRecord& fit = cell.fits.emplace_back();
    fit.resize({4, 6, 2});
    end_as(fit, f == 4 ? FitEnding::refused : FitEnding::converged);
    fit.steps = 10 + f;
    fit.refused = f;
    for (const FitArray& array : fit_arrays) fill(fit.*array.values, seed += 100);
    for (const FitNumber& number : fit_numbers) fit.*number.value = distinct(++seed);
    for (models::Counts& counts : fit.counts) counts = sample_counts(++seed);
    fit.evaluation = sample_counts(++seed);
    fill(fit.seconds, seed += 100);
    fit.state.refused_in_a_row = f;
    fit.state.recorded = 3;
    fit.state.held = f % 2 == 1;
    fit.state.seconds = distinct(++seed);
    fit.state.lambda.resize(6);
    fit.state.optimizer.resize(14);
    fit.state.stopping.resize(7);
    for (const auto& array : state_arrays) fill(fit.state.*array.values, seed += 100);
    fit.state.own = sample_counts(++seed);
    fit.state.evaluation = sample_counts(++seed);
  }
  cell.fits[4].objective[3] = std::nan("");
  cell.exclusions = {{"svrg", "has to be prepared"}};
  return cell;
}

/// Bits, so that NaN equals itself.
bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void expect_same(const FitRecord& a, const FitRecord& b) {
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.ending, b.ending);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.refused, b.refused);
  for (const FitArray& array : fit_arrays) EXPECT_TRUE(same(a.*array.values, b.*array.values)) << array.name;
  for (const FitNumber& number : fit_numbers) EXPECT_EQ(a.*number.value, b.*number.value) << number.name;
  EXPECT_EQ(a.counts, b.counts);
  EXPECT_EQ(a.evaluation, b.evaluation);
  EXPECT_EQ(a.seconds, b.seconds);
  for (const FitStateArray& array : state_arrays) EXPECT_TRUE(same(a.state.*array.values, b.state.*array.values)) << array.name;
  EXPECT_EQ(a.state.refused_in_a_row, b.state.refused_in_a_row);
  EXPECT_EQ(a.state.recorded, b.state.recorded);
  EXPECT_EQ(a.state.held, b.state.held);
  EXPECT_EQ(a.state.seconds, b.state.seconds);
  EXPECT_EQ(a.state.own, b.state.own);
  EXPECT_EQ(a.state.evaluation, b.state.evaluation);
}

TEST(FitStore, RunFileBringsEverythingBack) {
  const Scratch scratch;
  const auto cell = sample_fits("cell_000", 5);
  auto unknown = sample_fits("cell_001", 500);
  unknown.target = {};
  write_run_file(scratch / "run.h5", std::vector<FitCellRecord>{cell, unknown}, {}, {});
  const auto run = read_run_file(scratch / "run.h5");
  EXPECT_TRUE(run.cells.empty());
  ASSERT_EQ(run.fits.size(), 2U);
  const FitCellRecord& back = run.fits[0];
  EXPECT_EQ(back.settings, cell.settings);
  EXPECT_EQ(back.parameter_names, cell.parameter_names);
  EXPECT_EQ(back.variable_names, cell.variable_names);
  EXPECT_EQ(back.optimizer, cell.optimizer);
  EXPECT_EQ(back.estimators, cell.estimators);
  EXPECT_EQ(back.trace, cell.trace);
  EXPECT_EQ(back.repeats, 3);
  EXPECT_EQ(back.rows, cell.rows);
  EXPECT_EQ(back.posterior_draws, 4096);
  EXPECT_EQ(back.target.method, "quadrature");
  EXPECT_EQ(back.target.objective, cell.target.objective);
  EXPECT_EQ(back.target.gradient_norm, cell.target.gradient_norm);
  EXPECT_EQ(back.target.lambda, cell.target.lambda);
  EXPECT_EQ(back.target.sd_error, cell.target.sd_error);
  EXPECT_EQ(back.exclusions[0].reason, "has to be prepared");
  for (std::size_t f = 0; f < 6; ++f) expect_same(back.fits[f], cell.fits[f]);
  EXPECT_EQ(run.fits[1].target.method, "");
  EXPECT_TRUE(run.fits[1].target.mean.empty());
}

TEST(FitStore, OneFlippedBitInAnyResultsDatasetIsNoticed) {
  const Scratch scratch;
  const auto hash = write_run_file(scratch / "run.h5", std::vector<FitCellRecord>{sample_fits("cell_000", 5)}, {}, {});
  Found found;
  find_all(open_group(open_file(scratch / "run.h5", Access::read), "/results"), "/results", found);
  ASSERT_GT(found.datasets.size(), 25U);
  for (const auto& name : found.datasets) {
    SCOPED_TRACE(name);
    const auto copy = scratch / "copy.h5";
    std::filesystem::copy_file(scratch / "run.h5", copy, std::filesystem::copy_options::overwrite_existing);
    auto file = open_file(copy, Access::write);
    flip(file, name);
    file.close();
    EXPECT_NE(content_hash(open_file(copy, Access::read), "/results"), hash);
    EXPECT_THROW((void)read_run_file(copy), UserError);
  }
}

TEST(FitStore, StatesAreNoPartOfTheHashAndMayBeMissing) {
  const Scratch scratch;
  auto cell = sample_fits("cell_000", 5);
  const auto hash = write_run_file(scratch / "a.h5", std::vector<FitCellRecord>{cell}, {}, {});
  for (FitRecord& fit : cell.fits) fit.state = {};
  EXPECT_EQ(write_run_file(scratch / "b.h5", std::vector<FitCellRecord>{cell}, {}, {}), hash);
  EXPECT_FALSE(read_run_file(scratch / "b.h5").fits[0].fits[2].state.exists());
  cell.fits[1].state.lambda.resize(3);
  EXPECT_THROW(write_run_file(scratch / "c.h5", std::vector<FitCellRecord>{cell}, {}, {}), std::invalid_argument);
}

TEST(FitStore, TimingsAreNoPartOfTheHash) {
  const Scratch scratch;
  auto cell = sample_fits("cell_000", 5);
  const auto hash = write_run_file(scratch / "a.h5", std::vector<FitCellRecord>{cell}, {}, {});
  cell.fits[2].seconds[1] += 1;
  EXPECT_EQ(write_run_file(scratch / "b.h5", std::vector<FitCellRecord>{cell}, {}, {}), hash);
  EXPECT_EQ(read_run_file(scratch / "b.h5").fits[0].fits[2].seconds, cell.fits[2].seconds);
}

TEST(FitStore, SegmentsMergeInAnyOrderEachFitOnce) {
  const Scratch scratch;
  std::filesystem::create_directories(scratch / "segments");
  const auto cell = sample_fits("cell_000", 5);
  const auto chunk = [&](Index estimator, Index repeat) {
    return FitChunk{cell.id, estimator, repeat, cell.fit(static_cast<std::size_t>(estimator), repeat)};
  };
  Manifest manifest;
  manifest.segments.push_back(write_fit_segment(scratch.path(), 1, 1, {chunk(1, 2), chunk(0, 0)}));
  manifest.segments.push_back(write_fit_segment(scratch.path(), 1, 0, {chunk(1, 0), chunk(0, 1), chunk(0, 2), chunk(1, 1)}));
  std::vector<FitCellRecord> merged{cell};
  merged[0].fits.clear();
  merge_fit_segments(scratch.path(), manifest, merged);
  for (std::size_t f = 0; f < 6; ++f) expect_same(merged[0].fits[f], cell.fits[f]);

  Manifest missing = manifest;
  missing.segments.pop_back();
  EXPECT_THROW(merge_fit_segments(scratch.path(), missing, merged), SystemError);
  Manifest twice = manifest;
  twice.segments.push_back(write_fit_segment(scratch.path(), 2, 0, {chunk(0, 1)}));
  EXPECT_THROW(merge_fit_segments(scratch.path(), twice, merged), SystemError);
  Manifest alien = manifest;
  auto wrong = chunk(0, 1);
  wrong.repeat = 3;
  alien.segments.push_back(write_fit_segment(scratch.path(), 3, 0, {wrong}));
  EXPECT_THROW(merge_fit_segments(scratch.path(), alien, merged), SystemError);
  std::ofstream(scratch / "segments" / manifest.segments[0].name, std::ios::app) << "x";
  EXPECT_THROW(merge_fit_segments(scratch.path(), manifest, merged), SystemError);
}

TEST(FitStore, XarrayOpensIt) {
  const Scratch scratch;
  write_run_file(scratch / "run.h5", std::vector<FitCellRecord>{sample_fits("cell_000", 5)}, {}, {});
  std::ofstream(scratch / "check.py") << R"(
import sys
import h5netcdf, xarray
with xarray.open_dataset(sys.argv[1], group="results/cell_000", engine="h5netcdf") as data:
    for name, along in {"lambda": ("estimator", "repeat", "step", "parameter"), "objective": ("estimator", "repeat", "step"),
                        "mean": ("estimator", "repeat", "variable"), "correlation": ("estimator", "repeat", "pair"), "counts": ("estimator", "repeat", "step", "kind"),
                        "k_hat": ("estimator", "repeat"), "optimum_lambda": ("parameter",)}.items():
        assert data[name].dims == along, (name, data[name].dims)
    assert list(data["step"].values) == [0, 1, 3, 10]
    assert list(data["variable"].values) == ["beta[0]", "sigma"]
    assert int(data["diverged"].sel(estimator="sf_loo", repeat=1)) == 1
    assert data["objective"].sel(estimator="sf_loo", repeat=1).isnull().sum() == 1
with xarray.open_dataset(sys.argv[1], group="timings/cell_000", engine="h5netcdf") as data:
    assert data["seconds"].dims == ("estimator", "repeat", "step")
with xarray.open_dataset(sys.argv[1], group="states/cell_000", engine="h5netcdf") as data:
    assert data["optimizer"].dims == ("fit", "optimizer_entry")
    assert list(data["places"].sel(place="recorded").values) == [3] * 6
)";
  EXPECT_EQ(std::system(("/usr/bin/python3 " + (scratch / "check.py").string() + " " + (scratch / "run.h5").string()).c_str()), 0);
}

TEST(FitStore, RefusesWhatDoesNotFit) {
  const Scratch scratch;
  auto cell = sample_fits("cell_000", 5);
  cell.fits[1].mean.pop_back();
  EXPECT_THROW(write_run_file(scratch / "run.h5", std::vector<FitCellRecord>{cell}, {}, {}), std::invalid_argument);
  std::filesystem::create_directories(scratch / "segments");
  EXPECT_THROW((void)write_fit_segment(scratch.path(), 1, 0, {{cell.id, 0, 1, cell.fits[1]}}), std::invalid_argument);
  cell = sample_fits("cell_000", 5);
  cell.fits.pop_back();
  EXPECT_THROW(write_run_file(scratch / "run.h5", std::vector<FitCellRecord>{cell}, {}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::store
