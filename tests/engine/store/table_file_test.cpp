/// Tables: written by several at once, read in any shape, and refused with a reason.
#include "engine/store/table_file.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

constexpr Index rows = 1001;
constexpr Index width = 3;

double entry(Index row, Index column) { return distinct(static_cast<std::uint64_t>(row * 7 + column)); }
double response(Index row) { return static_cast<double>(row % 2); }

TableHeader header() { return {rows, {"age", "Größe", "z"}, "sick", {{"source", "a test"}}}; }

void write_range(const std::filesystem::path& target, Range range) {
  ParallelTableWriter writer(target);
  std::vector<double> design;
  std::vector<double> responses;
  for (Index row = range.first; row < range.last; ++row) {
    for (Index column = 0; column < width; ++column) design.push_back(entry(row, column));
    responses.push_back(response(row));
  }
  writer.write(range, design.data(), responses.data());
  writer.close();
}

void write_table(const std::filesystem::path& target) {
  ParallelTableWriter::create(target, header());
  write_range(target, {0, rows});
  ParallelTableWriter::finish(target);
}

void expect_rows(const std::filesystem::path& file, const TablePaths& paths, Range range) {
  std::vector<double> design(static_cast<std::size_t>(range.size() * width), -1);
  std::vector<double> responses(static_cast<std::size_t>(range.size()), -1);
  read_table_rows(file, paths, range, {design.data(), width, responses.data()});
  for (Index row = range.first; row < range.last; ++row) {
    const auto r = static_cast<std::size_t>(row - range.first);
    for (std::size_t c = 0; c < width; ++c) ASSERT_EQ(design[r * width + c], entry(row, static_cast<Index>(c))) << row << ' ' << c;
    ASSERT_EQ(responses[r], response(row)) << row;
  }
}

TEST(TableFile, RoundTripsWithHeader) {
  const Scratch scratch;
  const auto file = scratch / "table.h5";
  ParallelTableWriter::create(file, header());
  EXPECT_FALSE(std::filesystem::exists(file));
  write_range(file, {0, rows});
  EXPECT_FALSE(std::filesystem::exists(file));
  ParallelTableWriter::finish(file);
  EXPECT_FALSE(std::filesystem::exists(unfinished(file)));
  const auto found = inspect_table(file);
  EXPECT_EQ(found.rows, rows);
  EXPECT_EQ(found.columns, header().columns);
  EXPECT_EQ(found.response_name, "sick");
  EXPECT_EQ(found.provenance, header().provenance);
  for (const Range range : {Range{0, rows}, Range{0, 1}, Range{17, 500}, Range{rows - 1, rows}, Range{5, 5}}) expect_rows(file, {}, range);
}

TEST(TableFile, SeveralProcessesWriteAtOnce) {
  const Scratch scratch;
  const auto file = scratch / "table.h5";
  ParallelTableWriter::create(file, header());
  constexpr Index writers = 4;
  std::array<pid_t, writers> children{};
  for (Index writer = 0; writer < writers; ++writer) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      int status = 0;
      try {
        // Row by row, so that the processes' writes interleave.
        const auto range = balanced_range(rows, writers, writer);
        for (Index row = range.first; row < range.last; ++row) write_range(file, {row, row + 1});
      } catch (const std::exception&) {
        status = 1;
      }
      ::_exit(status);
    }
    children[static_cast<std::size_t>(writer)] = child;
  }
  for (const auto child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  ParallelTableWriter::finish(file);
  expect_rows(file, {}, {0, rows});
}

TEST(TableFile, WithoutAResponseOrRows) {
  const Scratch scratch;
  const auto file = scratch / "table.h5";
  ParallelTableWriter::create(file, {0, {"a", "b"}, "", {}});
  ParallelTableWriter(file).close();
  ParallelTableWriter::finish(file);
  EXPECT_EQ(inspect_table(file).rows, 0);
  EXPECT_EQ(inspect_table(file).response_name, "");
  read_table_rows(file, {}, {0, 0}, {nullptr, 2, nullptr});
}

TEST(TableFile, LeavesRoomBetweenRows) {
  const Scratch scratch;
  write_table(scratch / "table.h5");
  constexpr Index stride = width + 2;
  for (const Index block_bytes : {1, 100, 1 << 20}) {
    std::vector<double> design(static_cast<std::size_t>(100 * stride), -1);
    read_table_rows(scratch / "table.h5", {}, {50, 150}, {design.data() + 1, stride, nullptr}, block_bytes);
    for (Index row = 0; row < 100; ++row) {
      const double* found = design.data() + row * stride;
      EXPECT_EQ(found[0], -1);
      EXPECT_EQ(found[stride - 1], -1);
      for (Index column = 0; column < width; ++column) ASSERT_EQ(found[1 + column], entry(50 + row, column));
    }
  }
}

TEST(TableFile, ResponseMayBeAColumn) {
  const Scratch scratch;
  write_table(scratch / "table.h5");
  for (const auto* name : {"Größe", "1"}) {
    TablePaths paths;
    paths.response_column = name;
    const auto found = inspect_table(scratch / "table.h5", paths);
    EXPECT_EQ(found.columns, (std::vector<std::string>{"age", "z"}));
    EXPECT_EQ(found.response_name, "Größe");
    std::vector<double> design(static_cast<std::size_t>(2 * rows));
    std::vector<double> responses(static_cast<std::size_t>(rows));
    read_table_rows(scratch / "table.h5", paths, {0, rows}, {design.data(), 2, responses.data()}, 1000);
    for (Index row = 0; row < rows; ++row) {
      const auto r = static_cast<std::size_t>(row);
      ASSERT_EQ(design[2 * r], entry(row, 0));
      ASSERT_EQ(design[2 * r + 1], entry(row, 2));
      ASSERT_EQ(responses[r], entry(row, 1));
    }
  }
}

TEST(TableFile, ReadsWhatH5pyWrote) {
  const Scratch scratch;
  std::ofstream(scratch / "make.py") << R"(
import sys, h5py, numpy
with h5py.File(sys.argv[1], "w") as file:
    group = file.create_group("study")
    x = numpy.arange(60).reshape(20, 3)
    group.create_dataset("ints", data=x.astype("i2"))
    group.create_dataset("floats", data=x.astype(">f4"), chunks=(7, 2), compression="gzip")
    group.create_dataset("y", data=(x[:, :1] % 2).astype("u1"))
    group.create_dataset("names", data=numpy.array([b"a", b"bb", b"ccc"], dtype="S3"))
    group.create_dataset("texts", data=["one", "two"])
    group.create_dataset("flags", data=x[:, 0] > 5)
    group.create_dataset("cube", data=x.reshape(5, 4, 3))
    group.create_dataset("short", data=x[:7, 0])
)";
  const auto file = scratch / "user.h5";
  ASSERT_EQ(std::system(("/usr/bin/python3 " + (scratch / "make.py").string() + " " + file.string()).c_str()), 0);
  for (const auto* design : {"/study/ints", "study/floats"}) {
    TablePaths paths{design, "/study/y", {}, "/study/names"};
    const auto found = inspect_table(file, paths);
    EXPECT_EQ(found.rows, 20);
    EXPECT_EQ(found.columns, (std::vector<std::string>{"a", "bb", "ccc"}));
    EXPECT_EQ(found.response_name, "y");
    std::vector<double> values(15);
    std::vector<double> responses(5);
    read_table_rows(file, paths, {10, 15}, {values.data(), 3, responses.data()});
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], 30.0 + static_cast<double>(i));
    for (std::size_t i = 0; i < responses.size(); ++i) EXPECT_EQ(responses[i], static_cast<double>(i % 2));
  }
  EXPECT_EQ(inspect_table(file, {"study/ints", {}, {}, {}}).columns, (std::vector<std::string>{"x0", "x1", "x2"}));

  const auto refusal = [&](const TablePaths& paths) { return user_error_of([&] { (void)inspect_table(file, paths); }); };
  const auto expect_refusal = [&](const TablePaths& paths, const std::string& dataset, const std::string& problem) {
    const auto message = refusal(paths);
    EXPECT_NE(message.find("user.h5:" + dataset + ":"), std::string::npos) << message;
    EXPECT_NE(message.find(problem), std::string::npos) << message;
  };
  expect_refusal({}, "/design", "no such dataset");
  expect_refusal({"/study", {}, {}, {}}, "/study", "not a dataset");
  expect_refusal({"/study/cube", {}, {}, {}}, "/study/cube", "3 dimensions");
  expect_refusal({"/study/short", {}, {}, {}}, "/study/short", "1 dimensions");
  expect_refusal({"/study/texts", {}, {}, {}}, "/study/texts", "wrong type");
  expect_refusal({"/study/ints", "/study/nothing", {}, {}}, "/study/nothing", "no such dataset");
  expect_refusal({"/study/ints", "/study/short", {}, {}}, "/study/short", "7 entries for 20 rows");
  expect_refusal({"/study/ints", "/study/ints", {}, {}}, "/study/ints", "wrong rank");
  expect_refusal({"/study/ints", "/study/flags", {}, {}}, "/study/flags", "booleans as 0 and 1");
  expect_refusal({"/study/ints", {}, {}, "/study/texts"}, "/study/texts", "2 names for 3 columns");
  expect_refusal({"/study/ints", {}, {}, "/study/y"}, "/study/y", "must be text");
  expect_refusal({"/study/ints", {}, "q", {}}, "/study/ints", "no column 'q'");
  expect_refusal({"/study/ints", {}, "3", {}}, "/study/ints", "no column '3'");
}

TEST(TableFile, RefusesOtherFiles) {
  const Scratch scratch;
  EXPECT_NE(user_error_of([&] { (void)inspect_table(scratch / "none.h5"); }).find("no such file"), std::string::npos);
  EXPECT_NE(user_error_of([&] { (void)inspect_table(scratch.path()); }).find("not an HDF5 file"), std::string::npos);
  write_text_file(scratch / "table.csv", "a,b\n1,2\n");
  EXPECT_NE(user_error_of([&] { (void)inspect_table(scratch / "table.csv"); }).find("not an HDF5 file"), std::string::npos);
  write_table(scratch / "table.h5");
  std::vector<double> buffer(width);
  EXPECT_NE(user_error_of([&] {
              read_table_rows(scratch / "table.h5", {}, {rows, rows + 1}, {buffer.data(), width, nullptr});
            }).find("has 1001"),
            std::string::npos);
  std::filesystem::resize_file(scratch / "table.h5", std::filesystem::file_size(scratch / "table.h5") - 1);
  EXPECT_NE(user_error_of([&] { (void)inspect_table(scratch / "table.h5"); }).find("truncated"), std::string::npos);
}

TEST(TableFile, WriterRefusesRowsOutside) {
  const Scratch scratch;
  const auto file = scratch / "table.h5";
  ParallelTableWriter::create(file, header());
  ParallelTableWriter writer(file);
  std::vector<double> values(2 * width);
  EXPECT_THROW(writer.write({rows - 1, rows + 1}, values.data(), values.data()), std::invalid_argument);
  EXPECT_THROW(writer.write({0, 1}, values.data(), nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::store
