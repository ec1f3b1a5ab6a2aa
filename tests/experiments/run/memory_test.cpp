/// Memory is flat in the number of replicates.
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

class MemoryTest : public testing::ProgramTest {
 protected:
  /// Peak of one run, in KiB.
  long peak(const std::string& replicates) {
    write("s.toml", testing::gaussian_spec("count = " + replicates + "\nbatches = 16\n", R"("sf_raw", "sf_loo", "pw_cfe", "stl")"));
    const auto outcome = variscope({"run", "s.toml", "--threads", "1", "--overwrite", "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return outcome.peak_kib;
  }
};

TEST_F(MemoryTest, IsFlatInTheNumberOfReplicates) {
  const long few = peak("4096");
  const long many = peak("262144");
  EXPECT_GT(few, 1000);
  // 262144 gradients of 6 numbers by 4 estimators would be 50 MB. Page-level noise is below 1 MB.
  EXPECT_LT(many, few + 2048);
}

TEST_F(MemoryTest, HardlyGrowsFromTheSmallestStudy) {
  // Up to a full group of columns work space grows with the replicates, no further.
  EXPECT_LT(peak("4096"), peak("64") + 8192);
}

}  // namespace
}  // namespace variscope::experiments
