/// Columns chosen, coded and multiplied; rows dropped and held out: against tables worked out by hand, and the same in every share.
#include <algorithm>
#include <cmath>
#include <set>

#include "cluster/communicator/communicator.hpp"
#include "engine/data/standardize.hpp"
#include "engine/random/stream.hpp"
#include "experiments/dataset/dataset.hpp"
#include "experiments/run/load.hpp"
#include "tests/experiments/dataset/temporary_directory.hpp"

namespace variscope::experiments {
namespace {

using models::ResponseKind;
using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

class CodingTest : public testing::TemporaryDirectoryTest {
 protected:
  static Settings::Data settings(const std::string& file, const std::string& response, bool standardize = false) {
    Settings::Data data;
    data.file = file;
    data.response = response;
    data.standardize = standardize;
    return data;
  }
  data::Table load(const Settings::Data& data, ResponseKind kind, DataPart part = DataPart::training) const {
    return load_table(data, directory_.string(), kind, part, 7);
  }
  static Numbers design(const data::Table& table) { return {table.design.begin(), table.design.end()}; }

  static constexpr const char* kFlowers =
      "id,species,age,petal,group,y\n"
      "a,versicolor,1,10,3,0.5\n"
      "\"b, \"\"x\"\"\",setosa,2,20,10,1.5\n"
      "c,virginica,3,30,3,2.5\n"
      "d,versicolor,4,40,2,3.5\n";
};

TEST_F(CodingTest, TreatmentCodingInteractionsAndSideColumns) {
  write(kFlowers, "t.csv");
  Settings::Data data = settings("t.csv", "y");
  data.columns = {"petal", "species", "age"};
  data.side_columns = {"group", "age"};
  data.categorical = {"species", "group"};
  data.interactions = {"age*petal", "age * species"};
  const data::Table table = load(data, ResponseKind::real);
  EXPECT_EQ(table.columns, (Names{"petal", "species[versicolor]", "species[virginica]", "age", "age*petal", "age*species[versicolor]",
                                  "age*species[virginica]", "intercept"}));
  EXPECT_EQ(design(table), (Numbers{10, 1, 0, 1, 10,  1, 0, 1,  //
                                    20, 0, 0, 2, 40,  0, 0, 1,  //
                                    30, 0, 1, 3, 90,  0, 3, 1,  //
                                    40, 1, 0, 4, 160, 4, 0, 1}));
  EXPECT_EQ(table.response, (Numbers{0.5, 1.5, 2.5, 3.5}));
  ASSERT_NE(table.side_column("group"), nullptr);
  EXPECT_EQ(table.side_column("group")->levels, (Names{"2", "3", "10"}));  // as numbers, not as texts
  EXPECT_EQ(table.side_column("group")->values, (Numbers{1, 2, 1, 0}));
  EXPECT_TRUE(table.side_column("age")->levels.empty());
  EXPECT_EQ(table.side_column("age")->values, (Numbers{1, 2, 3, 4}));

  data.intercept = false;
  data.columns = {"species"};
  data.side_columns = {};
  data.categorical = {"species"};
  data.interactions = {};
  EXPECT_EQ(load(data, ResponseKind::real).columns, (Names{"species[setosa]", "species[versicolor]", "species[virginica]"}));
}

TEST_F(CodingTest, NumbersAreStandardisedLevelsAreNotAndProductsAreOfStandardisedNumbers) {
  write(kFlowers, "t.csv");
  Settings::Data data = settings("t.csv", "y", true);
  data.columns = {"age", "species"};
  data.categorical = {"species"};
  data.interactions = {"age*age", "age*species"};
  const data::Table table = load(data, ResponseKind::real);
  // age: mean 2.5, sd with 1/N sqrt(1.25).
  for (Index row = 0; row < 4; ++row) {
    const double age = (static_cast<double>(row) + 1 - 2.5) / std::sqrt(1.25);
    EXPECT_NEAR(table.row(row)[0], age, 1e-15);
    EXPECT_EQ(table.row(row)[1], row == 0 || row == 3 ? 1.0 : 0.0);
    EXPECT_EQ(table.row(row)[2], row == 2 ? 1.0 : 0.0);
    EXPECT_NEAR(table.row(row)[3], age * age, 1e-15);
    EXPECT_NEAR(table.row(row)[5], row == 2 ? age : 0.0, 1e-15);
    EXPECT_EQ(table.row(row)[6], 1.0);
  }
}

TEST_F(CodingTest, ResponsesOfEveryKind) {
  write(kFlowers, "t.csv");
  Settings::Data data = settings("t.csv", "species");
  data.columns = {"age"};
  const data::Table category = load(data, ResponseKind::category);
  EXPECT_EQ(category.response, (Numbers{1, 0, 2, 1}));
  EXPECT_EQ(category.response_levels, (Names{"setosa", "versicolor", "virginica"}));
  data.response = "group";
  EXPECT_EQ(load(data, ResponseKind::count).response, (Numbers{3, 10, 3, 2}));
  EXPECT_EQ(load(data, ResponseKind::category).response, (Numbers{1, 2, 1, 0}));
  data.response = "y";
  EXPECT_EQ(error([&] { load(data, ResponseKind::count); }),
            "t.csv:2: response 'y': 0.5 is no count (the model explains whole numbers of at least 0). Choose another column or model.");
  data.response = "species";
  data.categorical = {"species"};
  EXPECT_EQ(error([&] { load(data, ResponseKind::real); }),
            "t.csv: response 'species' is categorical (the model explains a number). Remove it from data.categorical.");
  EXPECT_EQ(error([&] { load(data, ResponseKind::binary); }),
            "t.csv: response 'species' has 3 levels: setosa, versicolor, virginica (the model explains a binary response). Choose another "
            "column.");
  write("x,sick\n1,yes\n2,no\n3,yes\n", "b.csv");
  data = settings("b.csv", "sick");
  data.categorical = {"sick"};
  const data::Table binary = load(data, ResponseKind::binary);
  EXPECT_EQ(binary.response, (Numbers{1, 0, 1}));
  EXPECT_EQ(binary.response_levels, (Names{"no", "yes"}));
}

TEST_F(CodingTest, RefusesWhatMakesNoSense) {
  write(kFlowers, "t.csv");
  const auto fails = [&](auto&& change) {
    Settings::Data data = settings("t.csv", "y");
    data.columns = {"age", "petal"};
    change(data);
    return error([&] { load(data, ResponseKind::real); });
  };
  EXPECT_EQ(fails([](auto& d) {
              d.columns = {"age", "pettal"};
            }),
            "t.csv: no column 'pettal' (columns: id, species, age, petal, group, y). Did you mean 'petal'?");
  EXPECT_EQ(fails([](auto& d) {
              d.columns = {"age", "y"};
            }),
            "t.csv: column 'y' is the response (it is explained, and cannot explain). Remove it from data.columns.");
  EXPECT_EQ(fails([](auto& d) {
              d.columns = {"age", "age"};
            }),
            "t.csv: column 'age' stands twice in data.columns (each is used once). Remove one.");
  EXPECT_EQ(fails([](auto& d) { d.categorical = {"species"}; }),
            "t.csv: column 'species' is named in data.categorical and has no use (it is neither in data.columns nor in data.side_columns). "
            "Add it there, or remove it.");
  EXPECT_EQ(fails([](auto& d) { d.interactions = {"age"}; }),
            "t.csv: 'age' is no interaction (columns with '*' between them are). Write \"x1*x2\" into data.interactions.");
  EXPECT_EQ(fails([](auto& d) { d.interactions = {"age*group"}; }),
            "t.csv: interaction 'age*group': 'group' is no column of the design (products are of those). Add it to data.columns.");
  EXPECT_EQ(fails([](auto& d) {
              d.columns = {"age", "species"};
            }),
            "t.csv:2: column 'species': 'versicolor' is not a number (with a decimal point). Correct it, or name the column in "
            "data.categorical.");
}

TEST_F(CodingTest, NoColumnsAreNoColumns) {
  write("a,b,y\n1,2,0.5\n3,4,1.5\n", "t.csv");
  Settings::Data data = settings("t.csv", "y");
  EXPECT_EQ(load(data, ResponseKind::real).columns, (Names{"a", "b", "intercept"}));  // not given: all
  data.columns = {"*"};
  EXPECT_EQ(load(data, ResponseKind::real).columns, (Names{"a", "b", "intercept"}));
  data.side_columns = {"b"};
  EXPECT_EQ(load(data, ResponseKind::real).columns, (Names{"a", "intercept"}));
  data.columns = {};
  const data::Table none = load(data, ResponseKind::real);
  EXPECT_EQ(none.columns, (Names{"intercept"}));
  EXPECT_EQ(design(none), (Numbers{1, 1}));
  EXPECT_EQ(none.response, (Numbers{0.5, 1.5}));
  EXPECT_EQ(none.side_column("b")->values, (Numbers{2, 4}));
  data.side_columns = {};
  data.standardize = true;
  EXPECT_EQ(design(load(data, ResponseKind::real)), (Numbers{1, 1}));
  data.intercept = false;
  EXPECT_EQ(error([&] { load(data, ResponseKind::real); }),
            "t.csv: no design column is left (data.columns names none). Add columns or set data.intercept = true.");
}

TEST_F(CodingTest, MissingValuesAreNamedOrTheirRowsDropped) {
  write("a,b,c,y\n1,x,1,0\nNA,x,2,1\n3,,3,2\n4,none,,3\n5,x,5,NaN\n6,z,6,5\n", "t.csv");
  Settings::Data data = settings("t.csv", "y");
  data.columns = {"a", "b"};
  data.categorical = {"b"};
  EXPECT_EQ(error([&] { load(data, ResponseKind::real); }),
            "t.csv:3: column 'a': missing value (the cell is 'NA'). Fill it in, or set data.missing = \"drop_rows\".");
  data.missing = "drop_rows";
  const Dataset dataset = open_dataset(data, directory_.string(), ResponseKind::real);
  EXPECT_EQ(dataset.file.rows, 6);
  EXPECT_EQ(dataset.dropped_rows, 3);  // column c is not used, and "none" is a level
  const data::Table table = load(data, ResponseKind::real);
  EXPECT_EQ(table.columns, (Names{"a", "b[x]", "b[z]", "intercept"}));
  EXPECT_EQ(table.response, (Numbers{0, 3, 5}));
  EXPECT_EQ(design(table), (Numbers{1, 1, 0, 1, 4, 0, 0, 1, 6, 0, 1, 1}));
  write("a,y\nNA,1\n,2\n", "all.csv");
  Settings::Data all = settings("all.csv", "y");
  all.missing = "drop_rows";
  EXPECT_EQ(error([&] { load(all, ResponseKind::real); }),
            "all.csv: every row has a missing value (all 2 are dropped). Use fewer columns: set data.columns.");
  write("a,y\ninf,1\n1,2\n", "inf.csv");
  Settings::Data infinite = settings("inf.csv", "y");
  infinite.missing = "drop_rows";
  EXPECT_EQ(error([&] { load(infinite, ResponseKind::real); }),
            "inf.csv:2: column 'a': 'inf' is not finite (models need finite numbers). Replace it or remove the row.");
}

TEST_F(CodingTest, TheSplitIsAFunctionOfSeedAndRowAlone) {
  // 20 000 rows, so that marks are thinned; every 97th row has a missing cell.
  const Index rows = 20000;
  std::string text = "n,g,y\n";
  for (Index n = 0; n < rows; ++n)
    text += (n % 97 == 5 ? std::string("NA") : std::to_string(n)) + ",g" + std::to_string(n % 7) + "," + std::to_string(n * 3) + "\n";
  write(text, "t.csv");
  Settings::Data data = settings("t.csv", "y");
  data.categorical = {"g"};
  data.missing = "drop_rows";
  data.test_fraction = 0.25;
  Numbers training;
  Numbers test;
  for (Index n = 0; n < rows; ++n) {
    if (n % 97 == 5) continue;
    const random::Stream stream{7, random::Purpose::split_rows, 0, 0, static_cast<std::uint32_t>(n)};
    (random::uniform(stream, 0) < 0.25 ? test : training).push_back(static_cast<double>(3 * n));
  }
  const Dataset dataset = open_dataset(data, directory_.string(), ResponseKind::real, 7);
  EXPECT_EQ(dataset.rows, static_cast<Index>(training.size()));
  EXPECT_EQ(dataset.test_rows, static_cast<Index>(test.size()));
  EXPECT_EQ(dataset.dropped_rows, (rows - 6) / 97 + 1);
  EXPECT_LE(dataset.marks.size(), 1024U);
  // A share of about a quarter: binomial, sd sqrt(19 794 * 3/16) = 61. Off by 5 sd with probability 6e-7.
  EXPECT_NEAR(static_cast<double>(test.size()), 0.25 * static_cast<double>(training.size() + test.size()), 305);
  for (const DataPart part : {DataPart::training, DataPart::test}) {
    const Numbers& expected = part == DataPart::training ? training : test;
    for (const Index ranks : {1, 2, 3, 7}) {
      Numbers found;
      for (Index rank = 0; rank < ranks; ++rank) {
        const Range share = balanced_range(static_cast<Index>(expected.size()), ranks, rank);
        data::Table table = read_share(dataset, data, ResponseKind::real, share, part);
        EXPECT_LE(table.bytes(), share.size() * 9 * 8);  // n, six levels, room for the intercept, the response
        for (Index row = share.first; row < share.last; ++row) {
          const auto n = static_cast<Index>(table.row(row)[0]);
          const Index level = n % 7;
          for (Index k = 1; k < 7; ++k) ASSERT_EQ(table.row(row)[k], level == k ? 1.0 : 0.0);
        }
        found.insert(found.end(), table.response.begin(), table.response.end());
      }
      EXPECT_EQ(found, expected) << ranks;
    }
  }
  // Another seed, another split; no fraction, all rows.
  EXPECT_NE(read_share(open_dataset(data, directory_.string(), ResponseKind::real, 8), data, ResponseKind::real, {0, 100}).response,
            read_share(dataset, data, ResponseKind::real, {0, 100}).response);
}

TEST_F(CodingTest, TestRowsAreStandardisedAsTheTrainingRowsAre) {
  std::string text = "x,y\n";
  for (int n = 0; n < 50; ++n) text += std::to_string(n * n) + "," + std::to_string(n) + "\n";
  write(text, "t.csv");
  Settings::Data data = settings("t.csv", "y", true);
  data.test_fraction = 0.3;
  const data::Table training = load(data, ResponseKind::real);
  const data::Table test = load(data, ResponseKind::real, DataPart::test);
  EXPECT_EQ(training.rows + test.rows, 50);
  double mean = 0;
  for (const double y : training.response) mean += y * y / static_cast<double>(training.rows);
  double variance = 0;
  for (const double y : training.response) variance += (y * y - mean) * (y * y - mean) / static_cast<double>(training.rows);
  for (Index row = 0; row < test.rows; ++row) {
    const double y = test.response[static_cast<std::size_t>(row)];
    EXPECT_NEAR(test.row(row)[0], (y * y - mean) / std::sqrt(variance), 1e-12);
  }
  // As a run loads them: by the moments of the training rows.
  DataPlan plan;
  plan.settings = data;
  plan.response = ResponseKind::real;
  plan.dataset = open_dataset(data, directory_.string(), ResponseKind::real, 7);
  plan.rows = plan.dataset.rows;
  plan.row_tile = data.row_tile;
  std::vector<double> moments;
  EXPECT_EQ(design(load_share(plan, cluster::Communicator::serial(), &moments)), design(training));
  EXPECT_EQ(design(load_test_share(plan, cluster::Communicator::serial(), moments)), design(test));

  data.test_fraction = 0.01;
  write("x,y\n1,2\n3,5\n", "small.csv");
  data.file = "small.csv";
  EXPECT_EQ(error([&] { load(data, ResponseKind::real); }),
            "small.csv: 2 rows to learn from and 0 held out (data.test_fraction = 0.01). Choose another fraction.");
}

}  // namespace
}  // namespace variscope::experiments
