/// run.h5: all comes back, other tools open it, and no bit of the results changes unnoticed.
#include "engine/store/run_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "engine/error.hpp"
#include "engine/store/content_hash.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {
namespace {

const PathRecord sample_path{"path_000", {0.5, -1, 2, 3, 4, 5.25}, 10, 3, 2};
const ExecutionTable sample_execution{{"bytes held", "seconds"}, 3, {1, 2, 3, 4, 5, 6}};
const std::map<std::string, std::string> sample_provenance{
    {"spec", std::string(100000, 's') + "\n[model]\n"}, {"compiler", "g++ 12"}, {"flags", ""}};

std::string write_sample(const std::filesystem::path& file) {
  return write_run_file(file, {sample_cell("cell_000", 1), sample_cell("cell_001", 5000)}, {sample_path}, sample_execution,
                        sample_provenance);
}

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

void expect_same(const PointRecord& a, const PointRecord& b) {
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.lambda, b.lambda);
  EXPECT_EQ(a.reference, b.reference);
  EXPECT_EQ(a.reference_error, b.reference_error);
  EXPECT_EQ(a.reference_method, b.reference_method);
  EXPECT_EQ(a.objective, b.objective);
  EXPECT_EQ(a.objective_error, b.objective_error);
  ASSERT_EQ(a.estimators.size(), b.estimators.size());
  for (std::size_t e = 0; e < a.estimators.size(); ++e) {
    EXPECT_EQ(a.estimators[e].name, b.estimators[e].name);
    EXPECT_EQ(a.estimators[e].counts, b.estimators[e].counts);
    EXPECT_EQ(a.estimators[e].seconds_per_call, b.estimators[e].seconds_per_call);
    expect_same(a.estimators[e].moments, b.estimators[e].moments);
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

std::string user_error_of(const auto& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError was thrown";
  return {};
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
  expect_same(run.cells[1], sample_cell("cell_001", 5000));
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
  write_run_file(scratch / "run.h5", {sample_cell("cell_2", 1), empty, no_estimators}, {}, {}, {});
  const auto run = read_run_file(scratch / "run.h5");
  ASSERT_EQ(run.cells.size(), 3U);
  EXPECT_EQ(run.cells[0].id, "cell_2");
  expect_same(run.cells[1], empty);
  expect_same(run.cells[2], no_estimators);
}

TEST(RunFile, NonFiniteValuesRoundTrip) {
  const Scratch scratch;
  auto cell = sample_cell("cell_000", 1);
  cell.points[0].estimators[0].moments.square[3] = std::numeric_limits<double>::infinity();
  cell.points[0].estimators[0].moments.sum[3] = std::numeric_limits<double>::quiet_NaN();
  write_run_file(scratch / "run.h5", {cell}, {}, {}, {});
  const auto& moments = read_run_file(scratch / "run.h5").cells[0].points[0].estimators[0].moments;
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

struct Found {
  std::vector<std::string> datasets;
  std::vector<std::string> attributes;  ///< "object@name"
};

void find_all(const Handle& group, const std::string& path, Found& found) {
  const auto note = [&](const Handle& object, const std::string& where) {
    for (const auto& name : attribute_names(object)) found.attributes.push_back(where + "@" + name);
  };
  note(group, path);
  for (const auto& name : child_names(group, Order::name)) {
    const auto below = path + "/" + name;
    if (object_type(group, name) == H5O_TYPE_GROUP) {
      find_all(open_group(group, name), below, found);
    } else {
      found.datasets.push_back(below);
      note(open_dataset(group, name), below);
    }
  }
}

/// Flips the lowest bit of one byte of a dataset's last element: of the number, or of the first character of the text.
void flip(const Handle& file, const std::string& name) {
  auto dataset = open_dataset(file, name);
  if (H5Tget_class(type_of(dataset).id()) == H5T_STRING) {
    auto texts = read_texts(file, name);
    texts.back() = texts.back().empty() ? "x" : std::string(1, static_cast<char>(texts.back()[0] ^ 1)) + texts.back().substr(1);
    std::vector<const char*> pointers;
    for (const auto& text : texts) pointers.push_back(text.c_str());
    ASSERT_GE(H5Dwrite(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), 0);
  } else {
    std::vector<unsigned char> bytes(element_count(extent_of(dataset)) * H5Tget_size(type_of(dataset).id()));
    ASSERT_FALSE(bytes.empty());
    ASSERT_GE(H5Dread(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
    bytes[bytes.size() - 8] ^= 1U;  // the least significant byte of the last number
    ASSERT_GE(H5Dwrite(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
  }
  dataset.close();
}

TEST(RunFile, OneFlippedBitInAnyResultsDatasetIsNoticed) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  find_all(open_group(open_file(scratch / "run.h5", Access::read), "/results"), "/results", found);
  ASSERT_GT(found.datasets.size(), 40U);
  for (const auto& name : found.datasets) {
    SCOPED_TRACE(name);
    const auto copy = scratch / "copy.h5";
    std::filesystem::copy_file(scratch / "run.h5", copy, std::filesystem::copy_options::overwrite_existing);
    auto file = open_file(copy, Access::write);
    flip(file, name);
    file.close();
    EXPECT_NE(content_hash(open_file(copy, Access::read), "/results"), hash);
    const auto message = user_error_of([&] { (void)read_run_file(copy); });
    EXPECT_NE(message.find("copy.h5"), std::string::npos) << message;
    EXPECT_NE(message.find("hash"), std::string::npos) << message;
    EXPECT_NE(message.find("run the study again"), std::string::npos) << message;
  }
}

TEST(RunFile, AnyMissingResultsAttributeIsNoticed) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  find_all(open_group(open_file(scratch / "run.h5", Access::read), "/results"), "/results", found);
  ASSERT_GT(found.attributes.size(), 100U);
  const auto copy = scratch / "copy.h5";
  std::filesystem::copy_file(scratch / "run.h5", copy);
  auto before = hash;
  for (const auto& name : found.attributes) {
    auto file = open_file(copy, Access::write);
    const auto at = name.find('@');
    ASSERT_GE(H5Adelete_by_name(file.id(), name.substr(0, at).c_str(), name.substr(at + 1).c_str(), H5P_DEFAULT), 0) << name;
    const auto after = content_hash(file, "/results");
    EXPECT_NE(after, before) << name;
    before = after;
    file.close();
  }
}

TEST(RunFile, OneFlippedBitOutsideTheResultsLeavesTheHash) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  const auto path = scratch / "run.h5";
  for (const auto* group : {"/timings", "/execution"}) find_all(open_group(open_file(path, Access::read), group), group, found);
  ASSERT_GE(found.datasets.size(), 6U);
  for (const auto& name : found.datasets) {
    auto file = open_file(path, Access::write);
    flip(file, name);
    file.close();
    EXPECT_EQ(verified_results_hash(path), hash) << name;
  }
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

int run_python(const std::filesystem::path& script, const std::string& argument) {
  return std::system(("/usr/bin/python3 " + script.string() + " " + argument).c_str());
}

TEST(RunFile, XarrayOpensIt) {
  const Scratch scratch;
  write_sample(scratch / "run.h5");
  std::ofstream(scratch / "check.py") << R"(
import sys, math
import h5netcdf, xarray
path = sys.argv[1]
engines = ["h5netcdf"]
try:
    import netCDF4
    engines.append("netcdf4")
except ImportError:
    pass
shape = {"point": 2, "estimator": 3, "batch": 4, "parameter": 6, "block": 2, "kind": 4, "setting": 3, "exclusion": 2}
dims = {"count": ("point", "estimator", "batch"), "sum": ("point", "estimator", "batch", "parameter"),
        "square": ("point", "estimator", "batch", "parameter"), "norm": ("point", "estimator", "batch", "block"),
        "norm_square": ("point", "estimator", "batch", "block"), "lambda": ("point", "parameter"),
        "reference": ("point", "parameter"), "reference_error": ("point", "parameter"), "objective": ("point",),
        "objective_error": ("point",), "counts": ("point", "estimator", "kind")}
for engine in engines:
    for group in ("cell_000", "cell_001"):
        with xarray.open_dataset(path, group="results/" + group, engine=engine) as data:
            assert dict(data.sizes) == shape, data.sizes
            for name, along in dims.items():
                assert data[name].dims == along, (name, data[name].dims)
                assert data[name].attrs["long_name"] and data[name].attrs["units"], name
            assert list(data["estimator"].values) == ["score", "pathwise", "stick-the-landing"]
            assert list(data["block"].values) == ["mean", "log_scale"]
            assert list(data["batch"].values) == [0, 1, 2, 3]
            assert data["parameter"].values[5] == "log_scale[\u03b6]"
            assert data["setting_value"].values[2] == "Gr\u00f6\u00dfe \"\u03b2\", \u00fcn\u00efcode"
            assert data.attrs["model"] == "logistic" and data.attrs["rows"] == 2**40
            if group == "cell_000":
                cut = data["sum"].sel(point="0 %", estimator="score", parameter="mean[y]", batch=0)
                assert float(cut) == 1 / (1 + (232 * 2654435761 % 1000003)) - 0.25, float(cut)
    with xarray.open_dataset(path, group="results/path_000", engine=engine) as data:
        assert data["lambda"].dims == ("step", "parameter")
        assert list(data["step"].values) == [0, 10, 20]
        assert data["lambda"].values.tolist() == [[0.5, -1.0], [2.0, 3.0], [4.0, 5.25]]
    with xarray.open_dataset(path, group="timings/cell_000", engine=engine) as data:
        assert data["seconds_per_call"].dims == ("point", "estimator")
    with xarray.open_dataset(path, group="execution", engine=engine) as data:
        assert float(data["values"].sel(rank=2, name="seconds")) == 6
print("opened by", engines)
)";
  EXPECT_EQ(run_python(scratch / "check.py", (scratch / "run.h5").string()), 0);
}

TEST(RunFile, H5dumpReadsIt) {
  if (std::system("command -v h5dump >/dev/null") != 0) GTEST_SKIP() << "h5dump is not installed";
  const Scratch scratch;
  write_sample(scratch / "run.h5");
  const auto dump = scratch / "dump.txt";
  ASSERT_EQ(std::system(("h5dump " + (scratch / "run.h5").string() + " > " + dump.string() + " 2>&1").c_str()), 0);
  const auto text = read_text_file(dump);
  EXPECT_NE(text.find("stick-the-landing"), std::string::npos);
}

}  // namespace
}  // namespace variscope::store
