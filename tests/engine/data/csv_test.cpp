/// Reading CSV: every tolerated form, every refused one with its message, and shares that hold nothing but their rows.
#include "engine/data/csv.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"

namespace variscope::data {
namespace {

class CsvTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("variscope_csv_" + std::to_string(getpid()) + "_" + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& text, const std::string& name = "t.csv") {
    const auto path = directory_ / name;
    std::filesystem::remove(path);  // truncating a file in place makes some file systems write it to disk at once
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  Table load(const std::string& text, const std::string& response = "") {
    const CsvScan scan = scan_csv(write(text));
    return load_csv(scan, {response, {0, scan.rows}, 0});
  }

  /// The message less the directory, checked to be one line in the form "place: problem (why). Suggestion."
  std::string error(const std::string& text, const std::string& response = "") {
    try {
      load(text, response);
    } catch (const UserError& e) {
      std::string what = e.what();
      EXPECT_EQ(what.find('\n'), std::string::npos);
      const std::string prefix = (directory_ / "").string();
      EXPECT_EQ(what.rfind(prefix, 0), 0U) << what;
      what.erase(0, prefix.size());
      EXPECT_NE(what.find(": "), std::string::npos) << what;
      EXPECT_NE(what.find(" ("), std::string::npos) << what;
      EXPECT_NE(what.find("). "), std::string::npos) << what;
      EXPECT_TRUE(what.back() == '.' || what.back() == '?') << what;
      return what;
    }
    return "no error";
  }

  std::filesystem::path directory_;
};

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

Numbers design(const Table& table) { return {table.design.begin(), table.design.end()}; }

TEST_F(CsvTest, ReadsDesignAndResponse) {
  const Table table = load("a,y,b\n1,0,-2.5e-3\n4,1,6\n", "y");
  EXPECT_EQ(table.rows, 2);
  EXPECT_EQ(table.held, (Range{0, 2}));
  EXPECT_EQ(table.columns, (Names{"a", "b"}));
  EXPECT_EQ(design(table), (Numbers{1, -2.5e-3, 4, 6}));
  EXPECT_EQ(table.response, (Numbers{0, 1}));
  EXPECT_EQ(table.response_name, "y");
}

TEST_F(CsvTest, WithoutResponseEveryColumnIsDesign) {
  const Table table = load("a,y\n1,2\n");
  EXPECT_EQ(table.columns, (Names{"a", "y"}));
  EXPECT_TRUE(table.response.empty());
}

TEST_F(CsvTest, ToleratesOrdinaryVariants) {
  const Numbers expected = {1, 2, 3, 4};
  for (const std::string& text : std::vector<std::string>{
           "a,b\n1,2\n3,4\n",                                // plain
           "a,b\n1,2\n3,4",                                  // no line end at the end
           "a,b\r\n1,2\r\n3,4\r\n",                          // CRLF
           "a,b\r\n1,2\r\n3,4",                              //
           std::string("\xEF\xBB\xBF") + "a,b\n1,2\n3,4\n",  // byte order mark
           "\"a\",\"b\"\n\"1\",2\n3,\"4\"\n",                // quotes
           "\xEF\xBB\xBF\"a\",b\r\n1,\"2\"\r\n3,4\r\n\r\n",  // all of it
           "a,b\n1,2\n3,4\n\n",                              // empty lines at the end
           "a,b\n1,2\n3,4\n\n  \n\r\n",                      //
           " a , b \n 1 ,\t2\n3 , 4 \n",                     // blanks
           "a,b\n+1,2.\n3.0e0,0.4E+1\n",                     // ways to write a number
       }) {
    SCOPED_TRACE(text);
    const Table table = load(text);
    EXPECT_EQ(table.columns, (Names{"a", "b"}));
    EXPECT_EQ(design(table), expected);
  }
}

TEST_F(CsvTest, QuotedNamesMayHoldCommasAndQuotes) {
  EXPECT_EQ(load("\"a, b\",\"say \"\"c\"\"\"\n1,2\n").columns, (Names{"a, b", "say \"c\""}));
}

TEST_F(CsvTest, NumbersAreExact) {
  const Table table = load("a\n-1.0856306033005612\n0.1\n1e-320\n1e-400\n1.7976931348623157e308\n");
  EXPECT_EQ(design(table), (Numbers{-1.0856306033005612, 0.1, 1e-320, 0.0, 1.7976931348623157e308}));
}

TEST_F(CsvTest, RefusesFilesWithoutData) {
  EXPECT_EQ(error(""), "t.csv: the file is empty (a header line is expected). Name the columns in line 1.");
  EXPECT_EQ(error("\xEF\xBB\xBF"), "t.csv: the file is empty (a header line is expected). Name the columns in line 1.");
  EXPECT_EQ(error("\n1,2\n"), "t.csv:1: the header is empty (line 1 names the columns). Name them, separated by commas.");
  EXPECT_EQ(error("a,b\n"), "t.csv: no data rows (line 1 is the header, nothing follows). Add rows.");
  EXPECT_EQ(error("a,b\n\n\n"), "t.csv: no data rows (line 1 is the header, nothing follows). Add rows.");
}

TEST_F(CsvTest, RefusesFilesThatCannotBeOpened) {
  const std::string missing = (directory_ / "missing.csv").string();
  try {
    scan_csv(missing);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_EQ(std::string(e.what()), missing + ": cannot open (No such file or directory). Check the path.");
  }
  try {
    scan_csv(directory_.string());
    FAIL();
  } catch (const UserError& e) {
    EXPECT_EQ(std::string(e.what()), directory_.string() + ": cannot read (it is a directory). Name the file in it.");
  }
}

TEST_F(CsvTest, RefusesBadHeaders) {
  EXPECT_EQ(error("a,b,a\n1,2,3\n"), "t.csv:1: duplicate column name 'a' (columns 1 and 3). Rename one of them.");
  EXPECT_EQ(error("a,,c\n1,2,3\n"), "t.csv:1: column 2 has no name (of 3 columns). Name every column in the header.");
  EXPECT_EQ(error("1,2\n3,4\n"), "t.csv:1: the header holds numbers only (line 1 names the columns). Put a header line above the data.");
  EXPECT_EQ(error("a;b\n1;2\n"), "t.csv:1: one column called 'a;b' (cells are separated by commas). Replace the separator.");
  EXPECT_EQ(error("a\tb\n1\t2\n"),
            "t.csv:1: column 1 is called 'a?b' (control characters; cells are separated by commas). Mend the header.");
  EXPECT_EQ(error("a,\"b\n1,2\n"),
            "t.csv:1: cell 2 has no closing quote (it is still open a MiB later, or where the file ends). Close the quote.");
}

TEST_F(CsvTest, RefusesRaggedRows) {
  EXPECT_EQ(error("a,b\n1,2\n3\n"), "t.csv:3: 1 cell found, 2 expected (the header names 2 columns). Complete or remove the row.");
  EXPECT_EQ(error("a,b\n1,2,\n"), "t.csv:2: 3 cells found, 2 expected (the header names 2 columns). Complete or remove the row.");
  EXPECT_EQ(error("a,b\n\"1,5\"\n"), "t.csv:2: 1 cell found, 2 expected (the header names 2 columns). Complete or remove the row.");
  EXPECT_EQ(error("a\n1,2\n"), "t.csv:2: 2 cells found, 1 expected (the header names 1 column). Complete or remove the row.");
  EXPECT_EQ(error("a,b\n1,2\n\n3,4\n"), "t.csv:3: empty line (rows follow in line 4). Delete it.");
}

TEST_F(CsvTest, RefusesCellsThatAreNoFiniteNumber) {
  const std::string number = " is not a number (with a decimal point). Correct it, or name the column in data.categorical.";
  EXPECT_EQ(error("a,b\n1,2\n3,abc\n"), "t.csv:3: column 'b': 'abc'" + number);
  EXPECT_EQ(error("a,b\n1.5x,2\n"), "t.csv:2: column 'a': '1.5x'" + number);
  EXPECT_EQ(error("a,b\n1 2,2\n"), "t.csv:2: column 'a': '1 2'" + number);
  EXPECT_EQ(error("a,b\n\"1,5\",2\n"), "t.csv:2: column 'a': '1,5'" + number);
  EXPECT_EQ(error("a,b\n0x10,2\n"), "t.csv:2: column 'a': '0x10'" + number);
  EXPECT_EQ(error("a,b\n+-1,2\n"), "t.csv:2: column 'a': '+-1'" + number);
  EXPECT_EQ(error("a,b\n-,2\n"), "t.csv:2: column 'a': '-'" + number);
  EXPECT_EQ(error("a,b\n" + std::string(50, 'z') + ",2\n"), "t.csv:2: column 'a': '" + std::string(40, 'z') + "...'" + number);
  EXPECT_EQ(error("a,b\nx\ry,2\n"), "t.csv:2: column 'a': 'x?y'" + number);
  EXPECT_EQ(error("a,b\n1,\n"), "t.csv:2: column 'b': missing value (the cell is empty). Fill it in, or set data.missing = \"drop_rows\".");
  EXPECT_EQ(error("a,b\n\"\",1\n"),
            "t.csv:2: column 'a': missing value (the cell is empty). Fill it in, or set data.missing = \"drop_rows\".");
  for (const std::string word : {"NA", "n/a", "?", "null", "None", "."}) {
    EXPECT_EQ(error("a,b\n1," + word + "\n"),
              "t.csv:2: column 'b': missing value (the cell is '" + word + "'). Fill it in, or set data.missing = \"drop_rows\".");
  }
  for (const std::string word : {"nan", "NaN", "-nan", "inf", "-Inf", "+inf", "infinity"}) {
    EXPECT_EQ(error("a,b\n1," + word + "\n"),
              "t.csv:2: column 'b': '" + word + "' is not finite (models need finite numbers). Replace it or remove the row.");
  }
  EXPECT_EQ(error("a,b\n1,-1e999\n"), "t.csv:2: column 'b': '-1e999' is too large (the largest double is 1.8e308). Rescale the column.");
  EXPECT_EQ(error("a,b\n1,\"2\"x\n"),
            "t.csv:2: cell 2 has text after its closing quote (a quote inside a cell is doubled). Mend the quotes.");
}

TEST_F(CsvTest, RefusesUnknownResponseWithTheNearestName) {
  EXPECT_EQ(error("radius,texture,malignant\n1,2,0\n", "Malignent"),
            "t.csv: no column 'Malignent' (columns: radius, texture, malignant). Did you mean 'malignant'?");
}

TEST_F(CsvTest, QuotedCellsMayHoldSeparatorsQuotesAndLineBreaks) {
  const std::string text = "name,x,note\n\"a, b\",1,\"say \"\"c\"\"\"\r\n\"two\r\nlines\",2,\"\n\n\"\nplain, 3 , d e \n";
  CsvReader reader(write(text));
  Names cells;
  ASSERT_TRUE(reader.read_texts(cells));
  EXPECT_EQ(cells, (Names{"a, b", "1", "say \"c\""}));
  ASSERT_TRUE(reader.read_texts(cells));
  EXPECT_EQ(cells, (Names{"two\nlines", "2", "\n\n"}));
  EXPECT_TRUE(reader.place().ends_with("t.csv:3"));
  ASSERT_TRUE(reader.read_texts(cells));
  EXPECT_EQ(cells, (Names{"plain", "3", "d e"}));
  EXPECT_TRUE(reader.place().ends_with("t.csv:7"));
  EXPECT_FALSE(reader.read_texts(cells));
  // Counting rows and starting in the middle see the same rows.
  const CsvScan scan = scan_csv(write(text));
  EXPECT_EQ(scan.rows, 3);
  EXPECT_EQ(error("a,b\n1,\"2\n3,4\n"),
            "t.csv:2: cell 2 has no closing quote (it is still open a MiB later, or where the file ends). "
            "Close the quote.");
}

TEST_F(CsvTest, TabsSeparateWhereAsked) {
  CsvReader reader(write("a\tb c\td\n1\t\t 3 \n\t\t\n"), NonFinite::refuse, '\t');
  EXPECT_EQ(reader.columns(), (Names{"a", "b c", "d"}));
  Names cells;
  ASSERT_TRUE(reader.read_texts(cells));
  EXPECT_EQ(cells, (Names{"1", "", "3"}));
  ASSERT_TRUE(reader.read_texts(cells));
  EXPECT_EQ(cells, (Names{"", "", ""}));
  EXPECT_FALSE(reader.read_texts(cells));
  const CsvScan scan = scan_csv(write("a\tb\n1\t2,5\n"), '\t');
  EXPECT_EQ(scan.rows, 1);
  EXPECT_EQ(scan.columns, (Names{"a", "b"}));
}

TEST_F(CsvTest, KeepsNonFiniteWhereAsked) {
  CsvReader reader(write("a,b\n,inf\nNA,-nan\n2,x\n"), NonFinite::keep);
  double row[2];
  ASSERT_TRUE(reader.read(row));
  EXPECT_TRUE(std::isnan(row[0]));
  EXPECT_TRUE(std::isinf(row[1]));
  ASSERT_TRUE(reader.read(row));
  EXPECT_TRUE(std::isnan(row[0]) && std::isnan(row[1]));
  EXPECT_THROW(reader.read(row), UserError);
}

TEST_F(CsvTest, ErrorInOneShareIsNotSeenByAnother) {
  const CsvScan scan = scan_csv(write("a\n1\n2\nx\n"));
  EXPECT_EQ(design(load_csv(scan, {"", {0, 2}, 0})), (Numbers{1, 2}));
  EXPECT_THROW(load_csv(scan, {"", {2, 3}, 0}), UserError);
}

TEST_F(CsvTest, SharesHoldTheirRowsAndNoMore) {
  // 300 000 rows: the marks are thinned out on the way, the file is longer than one block of the reader.
  std::string text = "n,square\n";
  const Index rows = 300000;
  for (Index n = 0; n < rows; ++n) text += std::to_string(n) + "," + std::to_string(n * n) + (n % 3 == 0 ? "\r\n" : "\n");
  const CsvScan scan = scan_csv(write(text));
  EXPECT_EQ(scan.rows, rows);
  EXPECT_LE(scan.marks.size(), 1024U);
  EXPECT_GT(scan.marks.size(), 256U);
  for (const Index parts : {1, 2, 3, 7}) {
    for (Index part = 0; part < parts; ++part) {
      const Range held = balanced_range(rows, parts, part);
      const Table table = load_csv(scan, {"square", held, 1});
      ASSERT_EQ(table.held, held);
      ASSERT_EQ(static_cast<Index>(table.response.size()), held.size());
      EXPECT_EQ(table.bytes(), held.size() * 3 * 8);  // one column, the spare one, the response
      for (Index row = held.first; row < held.last; ++row) {
        const auto expected = static_cast<double>(row);
        ASSERT_EQ(*table.row(row), expected);
        ASSERT_EQ(table.response[static_cast<std::size_t>(row - held.first)], expected * expected);
      }
    }
  }
  EXPECT_TRUE(load_csv(scan, {"square", {5, 5}, 0}).design.empty());
}

TEST_F(CsvTest, FileThatShrankIsNoticed) {
  const std::string file = write("a\n1\n2\n3\n");
  const CsvScan scan = scan_csv(file);
  write("a\n1\n");
  EXPECT_THROW(load_csv(scan, {"", {1, 3}, 0}), UserError);
}

TEST_F(CsvTest, LineLongerThanABlock) {
  std::string header;
  std::string row;
  const int columns = 60000;
  for (int c = 0; c < columns; ++c) {
    header += (c == 0 ? "c" : ",c") + std::to_string(c);
    row += (c == 0 ? "" : ",") + std::to_string(c) + ".125";
  }
  const Table table = load(header + "\n" + row + "\n" + row + "\n", "c59999");
  EXPECT_EQ(table.width(), columns - 1);
  EXPECT_EQ(table.row(1)[59998], 59998.125);
  EXPECT_EQ(table.response[1], 59999.125);
}

TEST_F(CsvTest, RandomBytesGiveNumbersOrAUserError) {
  std::mt19937 engine(1);
  const std::string alphabet = "01,,\"\n\r .-+einfa\t;\xEF\xBB";
  int accepted = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::string text = trial % 2 == 0 ? "a,b\n" : "";
    const std::size_t length = engine() % 24;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[engine() % alphabet.size()];
    try {
      const Table table = load(text);
      for (const double x : table.design) ASSERT_TRUE(std::isfinite(x)) << text;
      ++accepted;
    } catch (const UserError& e) {
      ASSERT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(ColumnsTest, NearestNameIgnoresCase) {
  EXPECT_EQ(nearest_name({"alpha", "beta"}, "BETTA"), "beta");
  EXPECT_EQ(nearest_name({}, "x"), "");
  EXPECT_EQ(list_names({"a", "b", "c"}, 2), "a, b, ... 3 in all");
}

}  // namespace
}  // namespace variscope::data
