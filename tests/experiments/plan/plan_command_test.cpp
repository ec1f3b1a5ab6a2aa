/// `variscope plan` for thousands of pretended ranks and data that are far larger than this machine.
#include <hdf5.h>

#include "engine/store/hdf5.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::logistic_spec;
using testing::replaced;

class PlanCommandTest : public testing::ProgramTest {
 protected:
  /// A table of which only the header takes room: its rows are declared, never written.
  void declare_table(const std::string& name, hsize_t rows, hsize_t columns) const {
    const auto file = store::create_file(path(name));
    const auto declare = [&](const char* dataset, const store::Extent& extent) {
      const hid_t space = H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr);
      const hid_t made = H5Dcreate2(file.id(), dataset, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      ASSERT_GE(made, 0);
      H5Dclose(made);
      H5Sclose(space);
    };
    declare("design", {rows, columns});
    declare("response", {rows});
  }
};

TEST_F(PlanCommandTest, FourThousandRanksOnALaptop) {
  declare_table("big.h5", 100000000, 100);
  EXPECT_LT(std::filesystem::file_size(path("big.h5")), 100000u);
  auto text =
      replaced(logistic_spec("big.h5", R"("sf_loo", "pw_cfe")", "128", "batch_rows = [\"all\", 10000]\n"), "response = \"y\"\n", "");
  text = replaced(text, "count = 16\nbatches = 8", "count = 4096\nbatches = 256");
  // A share of an eighth is the largest that fits into 16 GiB: no more shards are chosen than that.
  write("s.toml", replaced(text, "row_tile = 16", "row_tile = 256") + "[limits]\nmemory_gib = 16\n");
  const auto outcome = variscope({"plan", "s.toml", "--ranks", "4096", "--threads", "1"}, 20);
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_LT(outcome.seconds, 5);
  EXPECT_LT(outcome.peak_kib, 200 * 1024);
  for (const std::string part :
       {"2 cells, 1 path", "ranks 4096 x 1 threads: 256 along replicates, 2 along sample blocks, 8 along data shards",
        "100000000 rows x 101 columns, 390625 row tiles of 256", "cell_000", "cell_001", "4096", "value evaluations",
        "gradient evaluations", "value rows", "gradient rows", "memory", "run.h5"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
  }
  // 3 points x 4096 replicates x 128 samples x 1e8 rows do not fit in 32 or 53 bits.
  EXPECT_NE(outcome.out.find("157286400000000"), std::string::npos) << outcome.out;
}

TEST_F(PlanCommandTest, SharesOfTheDataShrinkWithTheShards) {
  declare_table("big.h5", 100000000, 100);
  auto text = replaced(logistic_spec("big.h5"), "response = \"y\"\n", "");
  write("s.toml", replaced(text, "row_tile = 16", "row_tile = 256"));
  // 1e8 rows of 104 numbers (101 and the zeros behind them), a response and its sign: too much for any machine that runs this test.
  const auto one = variscope({"plan", "s.toml", "--ranks", "8", "--layout", "replicates=8"});
  if (one.status != 0) {
    EXPECT_EQ(one.status, 2);
    EXPECT_NE(one.err.find("GiB per rank (data 79,"), std::string::npos) << one.err;
    EXPECT_NE(one.err.find("Use more data shards"), std::string::npos) << one.err;
  }
  const auto many = variscope({"plan", "s.toml", "--ranks", "4096", "--layout", "shards=4096"});
  ASSERT_EQ(many.status, 0) << many.all();
  EXPECT_NE(many.out.find("24576 rows per shard at most"), std::string::npos) << many.out;
}

TEST_F(PlanCommandTest, RanksThatDoNotDivideAreToldTheNearestThatDo) {
  write("s.toml", testing::gaussian_spec("count = 256\nbatches = 64\n"));
  expect_refused({"plan", "s.toml", "--ranks", "4096"},
                 {"--ranks 4096: more ranks than work (", "Use --ranks 64, the nearest that divides."});
  expect_refused({"plan", "s.toml", "--ranks", "63"}, {"Use --ranks 64, the nearest that divides."});
  EXPECT_EQ(variscope({"plan", "s.toml", "--ranks", "64"}).status, 0);
}

TEST_F(PlanCommandTest, NothingIsWritten) {
  write("s.toml", testing::gaussian_spec());
  const auto before = files();
  ASSERT_EQ(variscope({"plan", "s.toml", "--output", "some/where"}).status, 0);
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace variscope::experiments
