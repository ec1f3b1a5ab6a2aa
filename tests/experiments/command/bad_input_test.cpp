/// Specs and data that are wrong: one line that says where, why and what to do, status 2, and nothing on disk.
#include <fmt/format.h>
#include <cmath>

#include "engine/store/table_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::gaussian_spec;
using testing::logistic_spec;
using testing::replaced;
using testing::Words;

class BadInputTest : public testing::ProgramTest {
 protected:
  /// Refused in the same words on one rank and on two.
  void expect_refused_on_one_and_two(const std::string& spec, const Words& parts) {
    expect_refused({"run", spec}, parts);
    expect_refused({"run", spec, "--ranks", "2", "--threads", "1"}, parts);
  }
};

TEST_F(BadInputTest, MissingSpec) {
  expect_refused_on_one_and_two("none.toml", {"none.toml: cannot be read (No such file or directory). Give the path of a .toml file."});
  expect_refused({"plan", "none.toml"}, {"none.toml: "});
  expect_refused({"report", "none"}, {"none: no run file (it does not exist)"});
}

TEST_F(BadInputTest, KeysAndNamesOfTheSpec) {
  write("s.toml", replaced(gaussian_spec(), "steps = 10", "stpes = 10"));
  expect_refused_on_one_and_two("s.toml", {"s.toml:8:1: unknown key 'path.stpes' (", "Did you mean 'path.steps'?"});
  write("s.toml", replaced(gaussian_spec(), "\"gaussian\"", "\"gausian\""));
  expect_refused({"run", "s.toml"}, {"s.toml:4:8: ", "'gausian'", "Did you mean 'gaussian'?"});
  write("s.toml", replaced(gaussian_spec(), "\"pw_cfe\"", "\"pw_cef\""));
  expect_refused({"run", "s.toml"}, {"s.toml:11:10: ", "'pw_cef'", "Did you mean 'pw_cfe'?"});
  write("s.toml", gaussian_spec() + "[replicates\n");
  expect_refused({"run", "s.toml"}, {"s.toml:", ": not valid TOML ("});
}

TEST_F(BadInputTest, SamplesThatAnEstimatorCannotTake) {
  write("s.toml", replaced(gaussian_spec("count = 8\nbatches = 4\n", "\"pw_antithetic\""), "samples = 8", "samples = 7"));
  expect_refused({"run", "s.toml"}, {"s.toml:12:11: estimators.samples = 7", "'pw_antithetic'", "even", "Use 6 or 8"});
  write("s.toml", replaced(gaussian_spec("count = 8\nbatches = 4\n", "\"sf_loo\""), "samples = 8", "samples = 1"));
  expect_refused({"run", "s.toml"}, {"s.toml:12:11: estimators.samples = 1", "'sf_loo'", "at least 2", "Use 2"});
}

TEST_F(BadInputTest, MissingDataFile) {
  write("s.toml", logistic_spec("none.csv"));
  expect_refused_on_one_and_two("s.toml", {"none.csv: cannot open (No such file or directory)."});
  write("s.toml", logistic_spec("none.h5"));
  expect_refused({"run", "s.toml"}, {"none.h5: "});
  write("s.toml", logistic_spec("none.txt"));
  expect_refused({"run", "s.toml"}, {"none.txt: unknown kind of data file", "Use .csv, .tsv, .h5, .hdf5, .npy or .libsvm"});
}

TEST_F(BadInputTest, CellsOfACsvFile) {
  write("s.toml", logistic_spec("d.csv"));
  const std::vector<std::pair<std::string, Words>> cases = {
      {"a,b,y\n1,2,0\n2,1\n3,4,1\n", {"d.csv:3: 2 cells found, 3 expected", "Complete or remove the row."}},
      {"a,b,y\n1,2,0\n2,1,1,7\n", {"d.csv:3: 4 cells found, 3 expected"}},
      {"a,b,y\n1,2,0\n2,yes,1\n", {"d.csv:3: column 'b': 'yes' is not a number"}},
      {"a,b,y\n1,2,0\n2,nan,1\n", {"d.csv:3: column 'b': 'nan' is not finite"}},
      {"a,b,y\n1,-inf,0\n2,3,1\n", {"d.csv:2: column 'b': '-inf' is not finite"}},
      {"a,b,y\n1,,0\n2,3,1\n", {"d.csv:2: column 'b': missing value"}},
      {"a,b,y\n", {"d.csv: no data rows"}},
      {"", {"d.csv: the file is empty"}},
      {"a,b,z\n1,2,0\n2,1,1\n", {"d.csv: no column 'y' (columns: a, b, z)"}},
      {"a,b,y\n1,2,0\n2,1,2\n", {"d.csv:3: response 'y': 2 is neither 0 nor 1", "Recode the column."}},
      {"a,b,y\n1,2,0\n2,2,1\n3,2,1\n", {"d.csv: column 'b' is constant", "set data.standardize = false."}},
  };
  for (const auto& [text, parts] : cases) {
    SCOPED_TRACE(text);
    write("d.csv", text);
    expect_refused({"run", "s.toml"}, parts);
  }
}

TEST_F(BadInputTest, CellsOfACsvFileOnTwoRanks) {
  write("s.toml", logistic_spec("d.csv"));
  write("d.csv", "a,b,y\n1,2,0\n2,1\n3,4,1\n");
  expect_refused({"run", "s.toml", "--ranks", "2"}, {"d.csv:3: 2 cells found, 3 expected"});
  write("d.csv", "a,b,y\n1,2,0\n2,2,1\n3,2,1\n");
  expect_refused({"run", "s.toml", "--ranks", "2"}, {"d.csv: column 'b' is constant"});
}

/// A table of 64 rows whose last response is wrong: with two shards only rank 1 reads it.
TEST_F(BadInputTest, WhatOnlyOneRankReads) {
  std::string rows = "a,y\n";
  for (int row = 0; row < 64; ++row) rows += fmt::format("{},{}\n", row, row == 63 ? 5 : row % 2);
  write("d.csv", rows);
  for (const std::string standardize : {"true", "false"}) {
    write("s.toml", logistic_spec("d.csv", "\"pw_cfe\"", "8", "", "standardize = " + standardize + "\n"));
    expect_refused({"run", "s.toml", "--ranks", "2", "--layout", "shards=2"}, {"d.csv:65: response 'y': 5 is neither 0 nor 1"});
  }
}

TEST_F(BadInputTest, CellsOfAnHdf5Table) {
  std::vector<double> design(64 * 2);
  std::vector<double> response(64);
  for (std::size_t i = 0; i < design.size(); ++i) design[i] = std::sin(static_cast<double>(i));
  for (std::size_t i = 0; i < response.size(); ++i) response[i] = i % 3 == 0 ? 1 : 0;
  const auto store_table = [&] {
    store::ParallelTableWriter::create(work() / "d.h5", {64, {"a", "b"}, "y", {}});
    store::ParallelTableWriter writer(work() / "d.h5");
    writer.write({0, 64}, design.data(), response.data());
    writer.close();
    store::ParallelTableWriter::finish(work() / "d.h5");
  };
  write("s.toml", logistic_spec("d.h5"));
  design[2 * 60 + 1] = std::nan("");
  store_table();
  expect_refused({"run", "s.toml"}, {"d.h5: row 60 (counted from 0): column 'b': nan is not finite"});
  expect_refused({"run", "s.toml", "--ranks", "2", "--layout", "shards=2"},
                 {"d.h5: row 60 (counted from 0): column 'b': nan is not finite"});
  design[2 * 60 + 1] = 1;
  response[3] = HUGE_VAL;
  std::filesystem::remove(work() / "d.h5");
  store_table();
  expect_refused({"run", "s.toml"}, {"d.h5: row 3 (counted from 0): response 'y': inf is not finite"});
  write("d.h5", "this is no HDF5 file");
  expect_refused({"run", "s.toml"}, {"d.h5: "});
}

TEST_F(BadInputTest, MinibatchesLargerThanTheData) {
  std::string rows = "a,y\n";
  for (int row = 0; row < 20; ++row) rows += fmt::format("{},{}\n", row * row, row % 2);
  write("d.csv", rows);
  write("s.toml", logistic_spec("d.csv", "\"pw_cfe\"", "8", "batch_rows = 21\n"));
  expect_refused_on_one_and_two("s.toml", {"s.toml:", "estimators.batch_rows = 21 exceeds the data's 20 rows", "Use at most 20"});
  write("s.toml", logistic_spec("d.csv", "\"pw_cfe\"", "8", "batch_rows = 21\nrow_policy = \"with_replacement\"\n"));
  EXPECT_EQ(variscope({"run", "s.toml", "--quiet"}).status, 0);
}

TEST_F(BadInputTest, MoreRanksThanWork) {
  write("s.toml", gaussian_spec("count = 8\nbatches = 4\n"));
  for (const std::string command : {"plan", "run"}) {
    expect_refused({command, "s.toml", "--ranks", "64"},
                   {"--ranks 64: more ranks than work (", "Use --ranks 4, the nearest that divides."});
  }
  // No rank is started to find that out.
  EXPECT_LT(variscope({"run", "s.toml", "--ranks", "64"}).seconds, 2);
  expect_refused({"run", "s.toml", "--ranks", "2", "--layout", "shards=2"}, {"--ranks 2: more ranks than work ("});
  expect_refused({"run", "s.toml", "--ranks", "2", "--layout", "replicates=3"}, {"--layout: "});
}

TEST_F(BadInputTest, MoreMemoryThanThereIs) {
  write("s.toml", gaussian_spec() + "[limits]\nmemory_gib = 0.00001\n");
  expect_refused_on_one_and_two("s.toml", {"s.toml: needs ", "GiB per rank (data ", "1e-05 GiB are allowed by limits.memory_gib."});
  expect_refused({"plan", "s.toml"}, {"s.toml: needs "});
  // Real memory: thousands of cells of 256 batches.
  std::string seeds = "[1";
  for (int seed = 2; seed <= 2000; ++seed) seeds += fmt::format(", {}", seed);
  auto text = replaced(gaussian_spec("count = 256\nbatches = 256\n", "[\"pw_cfe\", \"stl\", \"sf_loo\"]"), "name = \"cheap\"",
                       "name = \"cheap\"\nseed = " + seeds + "]");
  text = replaced(text, "names = [[", "names = [");
  text = replaced(text, "\"sf_loo\"]]", "\"sf_loo\"]");
  text = replaced(text, "points = [0, 100]",
                  "points = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]\n"
                  "samples = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]");
  write("s.toml", text);
  expect_refused({"plan", "s.toml"}, {"s.toml: needs ", "GiB per rank (", "GiB are there on this machine"});
}

}  // namespace
}  // namespace variscope::experiments
