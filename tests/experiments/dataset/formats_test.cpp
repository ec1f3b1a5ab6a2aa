/// The same table from every format: separated text, NumPy arrays of every type and order, LIBSVM, HDF5.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "experiments/dataset/commands.hpp"
#include "experiments/dataset/dataset.hpp"
#include "tests/experiments/dataset/temporary_directory.hpp"

namespace variscope::experiments {
namespace {

using models::ResponseKind;
using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

class FormatsTest : public testing::TemporaryDirectoryTest {
 protected:
  /// A .npy file as the format's description asks for: magic, version, length, dictionary padded to 64 bytes, numbers.
  std::string npy(const std::string& name, const std::string& type, bool fortran, const std::string& shape, const std::string& numbers,
                  char version = 1) const {
    std::string header = "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': (" + shape + "), }";
    const std::size_t before = version == 1 ? 10 : 12;
    while ((before + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string text = "\x93NUMPY";
    text += version;
    text += '\0';
    for (std::size_t k = 0; k < before - 8; ++k) text += static_cast<char>((header.size() >> (8 * k)) & 255);
    return write(text + header + numbers, name);
  }
  template <class T>
  static std::string raw(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  data::Table load(const std::string& file, const std::string& response, ResponseKind kind = ResponseKind::real,
                   const std::string& response_file = "") const {
    Settings::Data data;
    data.file = file;
    data.response = response;
    data.response_file = response_file;
    data.standardize = false;
    data.intercept = false;
    return load_table(data, directory_.string(), kind);
  }
  static Numbers design(const data::Table& table) { return {table.design.begin(), table.design.end()}; }
};

TEST_F(FormatsTest, ArraysOfEveryTypeAndOrder) {
  const Numbers rows = {1, 2, 3, 4, 5, 6};     // 2 x 3, row by row
  const Numbers columns = {1, 4, 2, 5, 3, 6};  // column by column
  const auto check = [&](const std::string& type, auto zero, char version) {
    using T = decltype(zero);
    const std::string by_rows = raw(std::vector<T>(rows.begin(), rows.end()));
    const std::string by_columns = raw(std::vector<T>(columns.begin(), columns.end()));
    for (const bool fortran : {false, true}) {
      npy("t.npy", type, fortran, "2, 3", fortran ? by_columns : by_rows, version);
      const data::Table table = load("t.npy", "x1");
      EXPECT_EQ(table.columns, (Names{"x0", "x2"})) << type;
      EXPECT_EQ(design(table), (Numbers{1, 3, 4, 6})) << type << fortran;
      EXPECT_EQ(table.response, (Numbers{2, 5})) << type;
    }
  };
  check("<f8", 0.0, 1);
  check("<f4", 0.0F, 2);
  check("<i8", std::int64_t{}, 1);
  check("<i4", std::int32_t{}, 3);
  check("<i2", std::int16_t{}, 1);
  check("|i1", std::int8_t{}, 1);
  check("<u8", std::uint64_t{}, 1);
  check("<u4", std::uint32_t{}, 1);
  check("<u2", std::uint16_t{}, 1);
  check("|u1", std::uint8_t{}, 1);
  npy("negative.npy", "<i2", false, "2, 2", raw(std::vector<std::int16_t>{-1, 2, -300, 4}));
  EXPECT_EQ(design(load("negative.npy", "x1")), (Numbers{-1, -300}));
}

TEST_F(FormatsTest, AnArrayOfItsOwnForTheResponse) {
  npy("x.npy", "<f8", false, "3, 2", raw(Numbers{1, 2, 3, 4, 5, 6}));
  npy("y.npy", "|b1", false, "3,", std::string("\1\0\1", 3));
  const data::Table table = load("x.npy", "", ResponseKind::binary, "y.npy");
  EXPECT_EQ(table.columns, (Names{"x0", "x1"}));
  EXPECT_EQ(table.response, (Numbers{1, 0, 1}));
  EXPECT_EQ(table.response_name, "y");
  npy("short.npy", "<f8", false, "2,", raw(Numbers{1, 2}));
  EXPECT_EQ(error([&] { load("x.npy", "", ResponseKind::binary, "short.npy"); }),
            "short.npy: 2 x 1 numbers for the 3 rows of x.npy (the response is one number a row). Name its own array.");
  EXPECT_EQ(error([&] { load("x.npy", ""); }), "x.npy: no response named (the model explains one; columns: x0, x1). Set data.response.");
}

TEST_F(FormatsTest, RefusesOtherArrays) {
  write("PK no array", "zip.npy");
  EXPECT_EQ(error([&] { load("zip.npy", "x0"); }),
            "zip.npy: not a .npy file that can be read (it does not begin as one). Save it anew with numpy.save.");
  npy("cut.npy", "<f8", false, "3, 2", raw(Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(error([&] { load("cut.npy", "x0"); }),
            "cut.npy: not a .npy file that can be read (it is cut short). Save it anew with numpy.save.");
  for (const std::string type : {">f8", "<c16", "<U4", "|O", "<f2", "<M8[ns]"}) {
    npy("type.npy", type, false, "1, 2", std::string(64, '\0'));
    EXPECT_EQ(error([&] { load("type.npy", "x0"); }),
              "type.npy: numbers of type '" + type +
                  "' (float32, float64, integers and booleans are read, little-endian). Convert with astype('<f8').");
  }
  npy("cube.npy", "<f8", false, "1, 2, 1", raw(Numbers{1, 2}));
  EXPECT_EQ(error([&] { load("cube.npy", "x0"); }), "cube.npy: 3 dimensions (rows, or rows x columns, are expected). Reshape the array.");
  npy("nan.npy", "<f8", false, "2, 2", raw(Numbers{1, 2, std::nan(""), 4}));
  EXPECT_EQ(error([&] { load("nan.npy", "x1"); }),
            "nan.npy: row 1 (counted from 0): column 'x0': nan is not finite (models need finite numbers). Replace it, or set data.missing "
            "= \"drop_rows\".");
}

TEST_F(FormatsTest, SparseRowsBecomeDense) {
  write("# remark\n+1 1:0.5 3:-2\n\n-1 2:1e-3 # another\r\n-1\n1 4:7\n", "t.libsvm");
  const data::Table table = load("t.libsvm", "", ResponseKind::binary);
  EXPECT_EQ(table.columns, (Names{"x1", "x2", "x3", "x4"}));
  EXPECT_EQ(design(table), (Numbers{0.5, 0, -2, 0, 0, 1e-3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}));
  EXPECT_EQ(table.response, (Numbers{1, 0, 0, 1}));  // -1 stands for 0
  EXPECT_EQ(load("t.libsvm", "label", ResponseKind::real).response, (Numbers{1, -1, -1, 1}));
  const auto fails = [&](const std::string& text) {
    write(text, "bad.libsvm");
    return error([&] { load("bad.libsvm", "", ResponseKind::binary); });
  };
  EXPECT_EQ(fails("1 0:2\n"), "bad.libsvm:1: '0:2' is wrong (indices count from 1). Correct the line.");
  EXPECT_EQ(fails("1 2:2\n1 3:1 2:5\n"), "bad.libsvm:2: '2:5' is wrong (indices ascend within a line). Correct the line.");
  EXPECT_EQ(fails("1 a:2\n"), "bad.libsvm:1: 'a:2' is wrong (index:value is expected). Correct the line.");
  EXPECT_EQ(fails("1 2:x\n"), "bad.libsvm:1: '2:x' is wrong (the value is no number). Correct the line.");
  EXPECT_EQ(fails("2,3 2:1\n"), "bad.libsvm:1: '2,3' is wrong (a line begins with its label, one number). Correct the line.");
  EXPECT_EQ(fails("# nothing\n"), "bad.libsvm: no data rows (every line is empty or a remark). Add rows.");
  EXPECT_EQ(fails("1 1:1\n2 1:1\n"),
            "bad.libsvm:2: response 'label': 2 is neither 0 nor 1 (the model explains a binary response). Recode the column.");
}

TEST_F(FormatsTest, TheSameTableInEveryFormat) {
  // Ten thousand rows of three columns, one of whole numbers, coded, chosen and split alike.
  const Index rows = 10000;
  std::string csv = "x0,x1,x2\n";
  std::string tsv = "x0\tx1\tx2\n";
  Numbers numbers;
  for (Index n = 0; n < rows; ++n) {
    const double a = static_cast<double>(n) / 8;
    const auto b = static_cast<double>(n % 3);
    const double y = static_cast<double>(n) - 0.5;
    for (const double x : {a, b, y}) numbers.push_back(x);
    csv += std::to_string(a) + "," + std::to_string(n % 3) + "," + std::to_string(y) + "\n";
    tsv += std::to_string(a) + "\t" + std::to_string(n % 3) + "\t" + std::to_string(y) + "\r\n";
  }
  write(csv, "t.csv");
  write(tsv, "t.tsv");
  npy("t.npy", "<f8", false, "10000, 3", raw(numbers));
  import_data({path("t.csv"), path("t.h5"), "x2", false});
  Settings::Data data;
  data.file = "t.csv";
  data.response = "x2";
  data.categorical = {"x1"};
  data.test_fraction = 0.1;
  const data::Table expected = load_table(data, directory_.string(), ResponseKind::real);
  EXPECT_EQ(expected.columns, (Names{"x0", "x1[1]", "x1[2]", "intercept"}));
  for (const std::string file : {"t.tsv", "t.npy", "t.h5"}) {
    data.file = file;
    const Dataset dataset = open_dataset(data, directory_.string(), ResponseKind::real);
    const data::Table whole = load_table(data, directory_.string(), ResponseKind::real);
    EXPECT_EQ(whole.columns, expected.columns) << file;
    EXPECT_EQ(design(whole), design(expected)) << file;
    EXPECT_EQ(whole.response, expected.response) << file;
    const data::Table part = read_share(dataset, data, ResponseKind::real, {5000, 5010});
    EXPECT_EQ(part.response, Numbers(expected.response.begin() + 5000, expected.response.begin() + 5010)) << file;
  }
}

}  // namespace
}  // namespace variscope::experiments
