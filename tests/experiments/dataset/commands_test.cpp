/// `variscope data inspect` and `import`: their numbers, their files and what they refuse.
#include "experiments/dataset/commands.hpp"

#include <algorithm>
#include <cmath>

#include "engine/data/standardize.hpp"
#include "tests/engine/data/breast_cancer_moments.hpp"
#include "tests/experiments/dataset/temporary_directory.hpp"

namespace variscope::experiments {
namespace {

const std::string kBreastCancer = VARISCOPE_SOURCE_DIR "/experiments/data/breast_cancer.csv";

class CommandsTest : public testing::TemporaryDirectoryTest {
 protected:
  [[nodiscard]] SynthOptions synth(const std::string& name, Index rows = 1000, Index columns = 5) const {
    SynthOptions options;
    options.output = path(name);
    options.rows = rows;
    options.columns = columns;
    options.seed = 42;
    return options;
  }
};

TEST_F(CommandsTest, InspectAgreesWithNumpyInBothFormats) {
  EXPECT_EQ(import_data({kBreastCancer, path("bc.h5"), "malignant", false}), 569);
  for (const std::string& file : {kBreastCancer, path("bc.h5")}) {
    const DatasetInfo info = inspect_data(file);
    EXPECT_EQ(info.rows, 569);
    ASSERT_EQ(info.columns.size(), 31U);
    for (std::size_t c = 0; c < 31; ++c) {
      const auto& expected = data::testing::kBreastCancerMoments[c];
      EXPECT_EQ(info.columns[c].name, expected.column);
      EXPECT_NEAR(info.columns[c].mean / expected.mean, 1.0, 2e-14);
      EXPECT_NEAR(info.columns[c].sd / expected.sd, 1.0, 2e-14);
      EXPECT_EQ(info.columns[c].non_finite, 0);
      EXPECT_EQ(info.columns[c].binary, c == 30);
      EXPECT_FALSE(info.columns[c].constant);
    }
    EXPECT_EQ(info.columns[0].minimum, 6.981);
    EXPECT_EQ(info.columns[0].maximum, 28.11);
  }
  EXPECT_EQ(inspect_data(kBreastCancer).format, "csv");
  EXPECT_EQ(inspect_data(kBreastCancer).response, "");
  EXPECT_EQ(inspect_data(path("bc.h5")).format, "hdf5");
  EXPECT_EQ(inspect_data(path("bc.h5")).response, "malignant");
}

TEST_F(CommandsTest, InspectHasTheBitsOfTheTablesMoments) {
  const DatasetInfo info = inspect_data(kBreastCancer);
  const data::CsvScan scan = data::scan_csv(kBreastCancer);
  const std::vector<double> folded = data::fold_moments(data::load_csv(scan, {"", {0, 569}, 0}), Settings::Data{}.row_tile);
  for (std::size_t c = 0; c < 31; ++c) {
    EXPECT_EQ(info.columns[c].mean, data::ColumnMoments{folded}.mean(c));
    EXPECT_EQ(info.columns[c].sd, data::ColumnMoments{folded}.sd(c));
  }
}

TEST_F(CommandsTest, InspectCountsWhatAStudyWouldRefuse) {
  const DatasetInfo info = inspect_data(write("a,b,c,d\n1,NA,5,0\n3,,5,1\ninf,nan,5,1\n", "t.csv"));
  EXPECT_EQ(info.rows, 3);
  EXPECT_EQ(info.columns[0].non_finite, 1);
  EXPECT_EQ(info.columns[0].mean, 2.0);
  EXPECT_EQ(info.columns[0].sd, 1.0);
  EXPECT_EQ(info.columns[1].non_finite, 3);
  EXPECT_TRUE(std::isnan(info.columns[1].mean));
  EXPECT_TRUE(info.columns[2].constant);
  EXPECT_TRUE(info.columns[3].binary);
  const std::string text = describe(info);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
  EXPECT_NE(text.find("3 rows, 4 columns"), std::string::npos);
  EXPECT_NE(text.find("constant"), std::string::npos);
  EXPECT_NE(text.find("binary"), std::string::npos);
  EXPECT_EQ(error([&] { inspect_data(write("a\n", "empty.csv")); }),
            "empty.csv: no data rows (line 1 is the header, nothing follows). Add rows.");
  EXPECT_THROW(inspect_data(path("none.h5")), UserError);
}

TEST_F(CommandsTest, InspectKnowsTypesLevelsAndMissingCells) {
  const DatasetInfo info = inspect_data(write("n\tw\tt\n1.5\t2\tb\nNA\t10\ta\n2\t\tb\n3\t2\t7\n", "t.tsv"));
  EXPECT_EQ(info.format, "tsv");
  ASSERT_EQ(info.columns.size(), 3U);
  EXPECT_EQ(info.columns[0].type, "number");
  EXPECT_EQ(info.columns[0].missing, 1);
  EXPECT_TRUE(info.columns[0].levels.empty());
  EXPECT_EQ(info.columns[1].type, "whole");
  EXPECT_EQ(info.columns[1].missing, 1);
  EXPECT_EQ(info.columns[1].levels, (std::vector<std::string>{"2", "10"}));
  EXPECT_EQ(info.columns[2].type, "text");
  EXPECT_EQ(info.columns[2].missing, 0);
  EXPECT_EQ(info.columns[2].levels, (std::vector<std::string>{"7", "a", "b"}));
  EXPECT_NE(describe(info).find("3 levels: 7, a, b"), std::string::npos);
  const DatasetInfo sparse = inspect_data(write("+1 2:0.5 # remark\n-1 1:3\n", "t.libsvm"));
  EXPECT_EQ(sparse.rows, 2);
  ASSERT_EQ(sparse.columns.size(), 3U);
  EXPECT_EQ(sparse.columns[0].mean, 1.5);
  EXPECT_EQ(sparse.columns[1].maximum, 0.5);
  EXPECT_EQ(sparse.response, "label");
}

TEST_F(CommandsTest, ImportKeepsEveryBitAndSaysWhereFrom) {
  import_data({kBreastCancer, path("bc.h5"), "malignant", false});
  const data::CsvScan scan = data::scan_csv(kBreastCancer);
  const data::Table csv = data::load_csv(scan, {"malignant", {0, 569}, 0});
  std::vector<double> design(569 * 30);
  std::vector<double> response(569);
  store::read_table_rows(path("bc.h5"), {}, {0, 569}, {design.data(), 30, response.data()});
  EXPECT_TRUE(std::equal(design.begin(), design.end(), csv.design.begin(), csv.design.end()));
  EXPECT_EQ(response, csv.response);
  const store::TableHeader header = store::inspect_table(path("bc.h5"));
  EXPECT_EQ(header.columns, csv.columns);
  EXPECT_EQ(header.response_name, "malignant");
  EXPECT_EQ(header.provenance.at("source"), "breast_cancer.csv");
  EXPECT_EQ(header.provenance.at("source_sha256"), "24e220f06a0844385ea0e0f551c2ee1f9725e248e1dd662fafca95e0c7d1a0bf");
  import_data({kBreastCancer, path("all.h5"), "", false});
  EXPECT_EQ(store::inspect_table(path("all.h5")).columns.size(), 31U);
  EXPECT_EQ(store::inspect_table(path("all.h5")).response_name, "");
}

TEST_F(CommandsTest, ImportRefusesAndLeavesNothingBehind) {
  write("a,y\n1,0\n2,x\n", "bad.csv");
  EXPECT_EQ(error([&] {
              import_data({path("bad.csv"), path("out.h5"), "y", false});
            }).rfind("bad.csv:3: column 'y': 'x' is not a number", 0),
            0U);
  EXPECT_EQ(file_count(), 1U);
  write("a,y\n1,0\n2,1\n", "good.csv");
  EXPECT_EQ(error([&] {
              import_data({path("good.csv"), path("out.csv"), "y", false});
            }),
            "out.csv: cannot write this kind of file (data are written as HDF5). Let its name end in .h5.");
  EXPECT_EQ(error([&] {
              import_data({path("good.h5"), path("out.h5"), "y", false});
            }),
            "good.h5: cannot import this kind of file (CSV and TSV are imported). Other formats are read as they are.");
  EXPECT_EQ(error([&] {
              import_data({path("good.csv"), path("no/out.h5"), "y", false});
            }),
            "no/out.h5: no directory 'no' (the file is written beside its final name). Create it.");
  EXPECT_EQ(error([&] {
              import_data({path("good.csv"), path("out.h5"), "z", false});
            }),
            "good.csv: no column 'z' (columns: a, y). Did you mean 'a'?");
  write("y\n1\n", "one.csv");
  EXPECT_EQ(error([&] {
              import_data({path("one.csv"), path("out.h5"), "y", false});
            }),
            "one.csv: no design column is left (the only column is the response). Import it without a response.");
  EXPECT_EQ(file_count(), 3U);
}

TEST_F(CommandsTest, ExistingOutputIsKeptUnlessToldOtherwise) {
  write("a,y\n1,0\n2,1\n", "t.csv");
  import_data({path("t.csv"), path("t.h5"), "y", false});
  const std::string before = bytes(path("t.h5"));
  const std::string refusal = "t.h5: the file exists (and is kept). Choose another name or use --overwrite.";
  EXPECT_EQ(error([&] { import_data({path("t.csv"), path("t.h5"), "a", false}); }), refusal);
  EXPECT_EQ(error([&] { synth_data(synth("t.h5"), cluster::Communicator::serial()); }), refusal);
  EXPECT_TRUE(bytes(path("t.h5")) == before);
  // A failing overwrite keeps the old file too.
  write("a,y\n1,0\n2,x\n", "bad.csv");
  EXPECT_THROW(import_data({path("bad.csv"), path("t.h5"), "y", true}), UserError);
  EXPECT_TRUE(bytes(path("t.h5")) == before);
  import_data({path("t.csv"), path("t.h5"), "a", true});
  EXPECT_EQ(store::inspect_table(path("t.h5")).response_name, "a");
  EXPECT_EQ(file_count(), 3U);
}

}  // namespace
}  // namespace variscope::experiments
