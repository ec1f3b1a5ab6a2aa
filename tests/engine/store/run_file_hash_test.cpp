/// No bit of the results changes unnoticed, and nothing else counts.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/store/content_hash.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/values.hpp"
#include "tests/engine/store/flip.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

TEST(RunFile, OneFlippedBitInAnyResultsDatasetIsNoticed) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  find_all(open_group(open_file(scratch / "run.h5", Access::read), "/results"), "/results", found);
  ASSERT_GT(found.datasets.size(), 60U);
  for (const auto* name : {"component_count", "mean_square_noise", "mean_square_rows", "mean_square_interaction", "trace_square_noise",
                           "trace_square_rows", "trace_square_interaction", "component_counts", "preparation", "preparation_share"}) {
    EXPECT_EQ(std::count(found.datasets.begin(), found.datasets.end(), std::string("/results/cell_001/") + name), 1) << name;
  }
  for (const auto& name : found.datasets) {
    SCOPED_TRACE(name);
    const auto copy = scratch / "copy.h5";
    std::filesystem::copy_file(scratch / "run.h5", copy, std::filesystem::copy_options::overwrite_existing);
    auto file = open_file(copy, Access::write);
    flip(file, name);
    file.close();
    EXPECT_NE(content_hash(open_file(copy, Access::read), "/results"), hash);
    const auto message = user_error_of([&] { (void)read_run_file(copy); });
    EXPECT_NE(message.find("copy.h5"), std::string::npos) << message;
    EXPECT_NE(message.find("hash"), std::string::npos) << message;
    EXPECT_NE(message.find("run the study again"), std::string::npos) << message;
  }
}

TEST(RunFile, AnyMissingResultsAttributeIsNoticed) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  find_all(open_group(open_file(scratch / "run.h5", Access::read), "/results"), "/results", found);
  ASSERT_GT(found.attributes.size(), 100U);
  const auto copy = scratch / "copy.h5";
  std::filesystem::copy_file(scratch / "run.h5", copy);
  auto before = hash;
  for (const auto& name : found.attributes) {
    auto file = open_file(copy, Access::write);
    const auto at = name.find('@');
    ASSERT_GE(H5Adelete_by_name(file.id(), name.substr(0, at).c_str(), name.substr(at + 1).c_str(), H5P_DEFAULT), 0) << name;
    const auto after = content_hash(file, "/results");
    EXPECT_NE(after, before) << name;
    before = after;
    file.close();
  }
}

TEST(RunFile, OneFlippedBitOutsideTheResultsLeavesTheHash) {
  const Scratch scratch;
  const auto hash = write_sample(scratch / "run.h5");
  Found found;
  const auto path = scratch / "run.h5";
  for (const auto* group : {"/timings", "/execution"}) find_all(open_group(open_file(path, Access::read), group), group, found);
  ASSERT_GE(found.datasets.size(), 6U);
  for (const auto& name : found.datasets) {
    auto file = open_file(path, Access::write);
    flip(file, name);
    file.close();
    EXPECT_EQ(verified_results_hash(path), hash) << name;
  }
}

}  // namespace
}  // namespace variscope::store
