/// Other programs open run.h5: xarray through h5netcdf (and netCDF4 where installed), and h5dump.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "engine/store/durable.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

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
shape = {"point": 2, "estimator": 3, "batch": 4, "parameter": 6, "block": 2, "kind": 6, "setting": 3, "exclusion": 2}
dims = {"count": ("point", "estimator", "batch"), "sum": ("point", "estimator", "batch", "parameter"),
        "square": ("point", "estimator", "batch", "parameter"), "norm": ("point", "estimator", "batch", "block"),
        "norm_square": ("point", "estimator", "batch", "block"), "lambda": ("point", "parameter"),
        "snapshot": ("point", "parameter"),
        "reference": ("point", "parameter"), "reference_error": ("point", "parameter"), "objective": ("point",),
        "objective_error": ("point",), "counts": ("point", "estimator", "kind"), "preparation": ("point", "estimator", "kind"),
        "preparation_share": ("point", "estimator")}
crossed = {"component_count": ("point", "estimator", "batch"), "component_counts": ("point", "estimator", "kind")}
for component in ("noise", "rows", "interaction"):
    crossed["mean_square_" + component] = ("point", "estimator", "batch", "parameter")
    crossed["trace_square_" + component] = ("point", "estimator", "batch", "block")
for engine in engines:
    for group in ("cell_000", "cell_001"):
        with xarray.open_dataset(path, group="results/" + group, engine=engine) as data:
            assert dict(data.sizes) == shape, data.sizes
            expected = dims | crossed if group == "cell_001" else dims
            assert not (set(crossed) & set(data)) or group == "cell_001", set(data)
            for name, along in expected.items():
                assert data[name].dims == along, (name, data[name].dims)
                assert data[name].attrs["long_name"] and data[name].attrs["units"], name
            assert list(data["estimator"].values) == ["score", "pathwise", "stick-the-landing"]
            assert list(data["block"].values) == ["mean", "log_scale"]
            assert list(data["batch"].values) == [0, 1, 2, 3]
            assert data["parameter"].values[5] == "log_scale[\u03b6]"
            assert data["setting_value"].values[2] == "Gr\u00f6\u00dfe \"\u03b2\", \u00fcn\u00efcode"
            assert data.attrs["model"] == "logistic" and data.attrs["rows"] == 2**40
            designs = (32, 5, 3) if group == "cell_001" else (0, 0, 0)
            assert tuple(data.attrs[name] for name in ("designs", "row_sets", "noise_sets")) == designs, data.attrs
            assert data.attrs["replicas"] == 4 and data.attrs["objective"] == "elbo"
            assert data.attrs["noise_policy"] == "common" and data.attrs["row_policy"] == "without_replacement"
            if group == "cell_001":
                assert data["component_counts"].values[1, 2].tolist() == [109200, 109201, 109202, 938020857446400, 109204, 109205]
                cut = data["trace_square_rows"].sel(point="optimum", estimator="stick-the-landing", block="log_scale", batch=3)
                assert float(cut) == 1 / (1 + (109107 * 2654435761 % 1000003)) - 0.25, float(cut)
            if group == "cell_000":
                cut = data["sum"].sel(point="0 %", estimator="score", parameter="mean[y]", batch=0)
                assert float(cut) == 1 / (1 + (232 * 2654435761 % 1000003)) - 0.25, float(cut)
    with xarray.open_dataset(path, group="results/path_000", engine=engine) as data:
        assert data["lambda"].dims == ("step", "parameter")
        assert list(data["step"].values) == [0, 10, 20]
        assert data["lambda"].values.tolist() == [[0.5, -1.0], [2.0, 3.0], [4.0, 5.25]]
    with xarray.open_dataset(path, group="timings/cell_000", engine=engine) as data:
        for name in ("seconds_per_call", "preparation_seconds"):
            assert data[name].dims == ("point", "estimator") and data[name].attrs["units"] == "s", name
    with xarray.open_dataset(path, group="execution", engine=engine) as data:
        assert float(data["values"].sel(rank=2, name="seconds")) == 6
print("opened by", engines)
)";
  EXPECT_EQ(run_python(scratch / "check.py", (scratch / "run.h5").string()), 0);
}

TEST(RunFile, H5dumpReadsIt) {
  ASSERT_EQ(std::system("command -v h5dump >/dev/null"), 0) << "h5dump is missing (package hdf5-tools)";
  const Scratch scratch;
  write_sample(scratch / "run.h5");
  const auto dump = scratch / "dump.txt";
  ASSERT_EQ(std::system(("h5dump " + (scratch / "run.h5").string() + " > " + dump.string() + " 2>&1").c_str()), 0);
  const auto text = read_text_file(dump);
  for (const auto* name : {"stick-the-landing", "mean_square_interaction", "trace_square_noise", "component_counts", "noise_policy"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace variscope::store
