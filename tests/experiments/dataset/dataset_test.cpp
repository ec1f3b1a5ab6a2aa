/// A study's data: found, read in shares from CSV and HDF5 alike, refused with the row and column that is wrong.
#include "experiments/dataset/dataset.hpp"

#include <cmath>
#include <limits>

#include "engine/data/standardize.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "experiments/dataset/commands.hpp"
#include "tests/experiments/dataset/temporary_directory.hpp"

namespace variscope::experiments {
namespace {

using models::ResponseKind;
using Names = std::vector<std::string>;

const std::string kData = VARISCOPE_SOURCE_DIR "/experiments/data";

class DatasetTest : public testing::TemporaryDirectoryTest {
 protected:
  static Settings::Data settings(const std::string& file, const std::string& response) {
    Settings::Data data;
    data.file = file;
    data.response = response;
    return data;
  }

  data::Table load(const std::string& file, const std::string& response, ResponseKind kind) const {
    return load_table(settings(file, response), directory_.string(), kind);
  }

  /// A table file with `values` in rows of `width`, the last column being the response.
  std::string table(const std::string& name, const std::vector<double>& values, std::size_t width) const {
    store::TableHeader header;
    header.rows = static_cast<Index>(values.size() / width);
    for (std::size_t c = 0; c + 1 < width; ++c) header.columns.push_back("x" + std::to_string(c));
    header.response_name = "y";
    std::vector<double> design;
    std::vector<double> response;
    for (std::size_t i = 0; i < values.size(); ++i) ((i + 1) % width == 0 ? response : design).push_back(values[i]);
    store::ParallelTableWriter::create(path(name), header);
    store::ParallelTableWriter writer(path(name));
    writer.write({0, header.rows}, design.data(), response.data());
    writer.close();
    store::ParallelTableWriter::finish(path(name));
    return path(name);
  }
};

TEST_F(DatasetTest, FormatByExtension) {
  EXPECT_EQ(data_format("a/b.csv"), DataFormat::csv);
  EXPECT_EQ(data_format("B.CSV"), DataFormat::csv);
  EXPECT_EQ(data_format("b.h5"), DataFormat::hdf5);
  EXPECT_EQ(data_format("b.hdf5"), DataFormat::hdf5);
  EXPECT_EQ(error([] { data_format("b.txt"); }),
            "b.txt: unknown kind of data file (its name ends in '.txt'). Use .csv, .tsv, .h5, .hdf5, .npy or .libsvm, or set data.format.");
  EXPECT_EQ(error([] { data_format("b"); }),
            "b: unknown kind of data file (its name ends in ''). Use .csv, .tsv, .h5, .hdf5, .npy or .libsvm, or set data.format.");
}

TEST_F(DatasetTest, FileIsRelativeToTheSpec) {
  EXPECT_EQ(locate_data(settings("data/x.csv", ""), "/studies/one"), "/studies/one/data/x.csv");
  EXPECT_EQ(locate_data(settings("../x.csv", ""), "/studies/one"), "/studies/x.csv");
  EXPECT_EQ(locate_data(settings("/x.csv", ""), "/studies/one"), "/x.csv");
  EXPECT_EQ(locate_data(settings("x.csv", ""), ""), "x.csv");
}

TEST_F(DatasetTest, LoadsBreastCancer) {
  const data::Table table = load(kData + "/breast_cancer.csv", "malignant", ResponseKind::binary);
  EXPECT_EQ(table.rows, 569);
  EXPECT_EQ(table.width(), 31);
  EXPECT_EQ(table.columns.front(), "mean_radius");
  EXPECT_EQ(table.columns.back(), "intercept");
  EXPECT_EQ(table.response_name, "malignant");
  EXPECT_EQ(table.row(568)[30], 1.0);
  // (17.99 - mean) / sd of mean_radius with numpy's mean and sd.
  EXPECT_NEAR(table.row(0)[0], (17.99 - 14.127291739894563) / 3.5209507607110626, 1e-13);
}

TEST_F(DatasetTest, LoadsTheTutorialsData) {
  const data::Table logistic = load(kData + "/logistic100.csv", "y", ResponseKind::binary);
  EXPECT_EQ(logistic.rows, 100);
  EXPECT_EQ(logistic.columns, (Names{"x", "intercept"}));
  Settings::Data raw = settings(kData + "/sine20.csv", "y");
  raw.standardize = false;
  raw.intercept = false;
  const data::Table sine = load_table(raw, "", ResponseKind::real);
  EXPECT_EQ(sine.rows, 20);
  EXPECT_EQ(sine.row(0)[0], -2.8764930342251853);
  EXPECT_EQ(sine.response[0], -0.37710476649372526);
}

TEST_F(DatasetTest, SharesOfBothFormatsMakeUpTheTable) {
  import_data({kData + "/breast_cancer.csv", path("bc.h5"), "malignant", false});
  const data::Table whole = load(kData + "/breast_cancer.csv", "malignant", ResponseKind::binary);
  for (const std::string& file : {kData + "/breast_cancer.csv", path("bc.h5")}) {
    const Settings::Data data = settings(file, "malignant");
    const Dataset dataset = open_dataset(data, "", ResponseKind::binary);
    EXPECT_EQ(dataset.rows, 569);
    EXPECT_EQ(dataset.columns.size(), 30U);
    EXPECT_EQ(dataset.width(data), 31);
    const data::Table raw = read_share(dataset, data, ResponseKind::binary, {0, 569});
    const std::vector<double> moments = data::fold_moments(raw, data.row_tile);
    for (const Index ranks : {1, 2, 3, 7, 600}) {
      Index rows = 0;
      for (Index rank = 0; rank < ranks; ++rank) {
        const Range share = balanced_range(569, ranks, rank);
        data::Table table = read_share(dataset, data, ResponseKind::binary, share);
        EXPECT_LE(table.bytes(), share.size() * 33 * 8);
        const double* memory = table.design.data();
        finish_share(table, dataset, data, moments);
        EXPECT_LE(table.bytes(), share.size() * 33 * 8);
        EXPECT_EQ(table.design.data(), memory);  // the reserved memory suffices
        ASSERT_EQ(table.held, share);
        ASSERT_EQ(table.columns, whole.columns);
        ASSERT_EQ(static_cast<Index>(table.design.size()), share.size() * 32);
        for (Index row = share.first; row < share.last; ++row, ++rows) {
          for (Index c = 0; c < 31; ++c) ASSERT_EQ(table.row(row)[c], whole.row(row)[c]);
          ASSERT_EQ(table.response[static_cast<std::size_t>(row - share.first)], whole.response[static_cast<std::size_t>(row)]);
        }
      }
      EXPECT_EQ(rows, 569);
    }
  }
}

TEST_F(DatasetTest, ResponseOfAnHdf5File) {
  const std::string file = table("t.h5", {1, 2, 0, 3, 5, 1, 4, 9, 1}, 3);
  EXPECT_EQ(load(file, "", ResponseKind::binary).response, (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(load(file, "y", ResponseKind::binary).columns, (Names{"x0", "x1", "intercept"}));
  EXPECT_EQ(load(file, "/response", ResponseKind::binary).response, (std::vector<double>{0, 1, 1}));
  const data::Table other = load(file, "x1", ResponseKind::real);
  EXPECT_EQ(other.columns, (Names{"x0", "intercept"}));
  EXPECT_EQ(other.response, (std::vector<double>{2, 5, 9}));
  EXPECT_EQ(error([&] { load(file, "z", ResponseKind::real); }), "t.h5: no column 'z' (columns: x0, x1, y). Did you mean 'y'?");
}

TEST_F(DatasetTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(error([&] { load("none.csv", "y", ResponseKind::real); }),
            "none.csv: cannot open (No such file or directory). Check the path.");
  EXPECT_THROW(load("none.h5", "y", ResponseKind::real), UserError);
  EXPECT_THROW(load(write("a,y\n1,2\n", "text.h5"), "y", ResponseKind::real), UserError);
  write("a,y\n1,2\n2,3\n", "t.csv");
  EXPECT_EQ(error([&] { load("t.csv", "x", ResponseKind::real); }), "t.csv: no column 'x' (columns: a, y). Did you mean 'a'?");
  EXPECT_EQ(error([&] { load("t.csv", "", ResponseKind::real); }),
            "t.csv: no response named (the model explains one; columns: a, y). Set data.response.");
  write("y\n1\n2\n", "y.csv");
  EXPECT_EQ(load("y.csv", "y", ResponseKind::real).columns, Names{"intercept"});
  Settings::Data bare = settings("y.csv", "y");
  bare.intercept = false;
  EXPECT_EQ(error([&] { load_table(bare, directory_.string(), ResponseKind::real); }),
            "y.csv: no design column is left (the only column is the response). Add columns or set data.intercept = true.");
  write("intercept,y\n1,2\n2,3\n", "i.csv");
  EXPECT_EQ(error([&] { load("i.csv", "y", ResponseKind::real); }),
            "i.csv: column 'intercept' exists already (the intercept is added). Rename it, or set data.intercept = false.");
}

TEST_F(DatasetTest, BinaryResponseMustBeZeroOrOne) {
  write("a,y\n1,0\n2,1\n3,2\n", "t.csv");
  EXPECT_EQ(error([&] { load("t.csv", "y", ResponseKind::binary); }),
            "t.csv:4: response 'y': 2 is neither 0 nor 1 (the model explains a binary response). Recode the column.");
  EXPECT_EQ(load("t.csv", "y", ResponseKind::real).response[2], 2.0);
  const std::string file = table("t.h5", {1, 0, 2, 0.5}, 2);
  EXPECT_EQ(
      error([&] { load(file, "y", ResponseKind::binary); }),
      "t.h5: row 1 (counted from 0): response 'y': 0.5 is neither 0 nor 1 (the model explains a binary response). Recode the column.");
  // The line is right in a share that does not begin at row 0, and with empty lines at the end.
  write("a,y\r\n1,0\r\n2,1\r\n3,7\r\n\r\n", "crlf.csv");
  const Dataset dataset = open_dataset(settings("crlf.csv", "y"), directory_.string(), ResponseKind::binary);
  EXPECT_EQ(error([&] { read_share(dataset, settings("crlf.csv", "y"), ResponseKind::binary, {1, 3}); }).rfind("crlf.csv:4: ", 0), 0U);
}

TEST_F(DatasetTest, NumbersMustBeFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::string why = " is not finite (models need finite numbers). Replace it or remove the row.";
  const std::string design = table("design.h5", {1, 0, 2, 1, -inf, 1}, 2);
  EXPECT_EQ(error([&] { load(design, "y", ResponseKind::binary); }), "design.h5: row 2 (counted from 0): column 'x0': -inf" + why);
  const std::string response = table("response.h5", {1, 0, 2, nan}, 2);
  EXPECT_EQ(error([&] { load(response, "y", ResponseKind::real); }),
            "response.h5: row 1 (counted from 0): response 'y': nan is not finite (models need finite numbers). Replace it, or set "
            "data.missing = \"drop_rows\".");
  write("a,y\n1,0\nnan,1\n", "t.csv");
  EXPECT_EQ(error([&] { load("t.csv", "y", ResponseKind::binary); }), "t.csv:3: column 'a': 'nan'" + why);
}

TEST_F(DatasetTest, ConstantColumnCannotBeStandardised) {
  write("a,b,y\n1,5,0\n2,5,1\n", "t.csv");
  EXPECT_EQ(error([&] { load("t.csv", "y", ResponseKind::binary); }),
            "t.csv: column 'b' is constant (every value is 5, so it has no scale). Drop it, or set data.standardize = false.");
  Settings::Data raw = settings("t.csv", "y");
  raw.standardize = false;
  EXPECT_EQ(load_table(raw, directory_.string(), ResponseKind::binary).row(1)[1], 5.0);
}

}  // namespace
}  // namespace variscope::experiments
