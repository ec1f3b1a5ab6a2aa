/// A manifest that is damaged is noticed and replaced by the one before; bundles come back bit for bit.
#include "engine/store/manifest.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "engine/error.hpp"
#include "engine/store/bundle.hpp"
#include "engine/store/durable.hpp"
#include "tests/engine/store/sample_run.hpp"

namespace variscope::store {
namespace {

class Manifests : public ::testing::Test {
 protected:
  Manifests() {
    std::filesystem::create_directory(run() / "segments");
    write_manifest(run(), {"a run", 1, {{"seg.000001.000000.h5", 10, "00"}}, {{"spec", "text with \"quotes\" and \n"}}});
    write_manifest(run(), {"a run", 2, {{"seg.000001.000000.h5", 10, "00"}, {"seg.000002.000000.h5", 11, "01"}}, {}});
  }
  [[nodiscard]] const std::filesystem::path& run() const { return scratch_.path(); }

 private:
  Scratch scratch_;
};

TEST_F(Manifests, EveryBitCounts) {
  const auto whole = read_text_file(run() / "MANIFEST");
  Index noticed = 0;
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    auto damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 1);
    std::ofstream(run() / "MANIFEST", std::ios::binary) << damaged;
    std::string warning;
    try {
      const auto manifest = read_manifest(run(), &warning);
      ASSERT_TRUE(manifest.has_value());
      if (warning.empty()) {
        // White space between tokens means nothing.
        EXPECT_EQ(encode(*manifest), whole) << byte;
      } else {
        EXPECT_EQ(manifest->checkpoint, 1);
        EXPECT_EQ(manifest->state.at("spec"), "text with \"quotes\" and \n");
        EXPECT_NE(warning.find("the checkpoint before it (1) is used"), std::string::npos) << warning;
        ++noticed;
      }
    } catch (const UserError& error) {
      // Its version: no older one would be better.
      const std::string what = error.what();
      EXPECT_TRUE(what.find("version") != std::string::npos || what.find("not a manifest") != std::string::npos) << what;
    }
  }
  EXPECT_GT(noticed, static_cast<Index>(whole.size()) / 2);
}

TEST_F(Manifests, TruncatedAnywhereTheOneBeforeIsUsed) {
  const auto whole = read_text_file(run() / "MANIFEST");
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    std::ofstream(run() / "MANIFEST", std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_EQ(read_manifest(run())->checkpoint, 1) << size;
  }
  std::filesystem::remove(run() / "MANIFEST");
  EXPECT_EQ(read_manifest(run())->checkpoint, 1);
  write_text_file(run() / "MANIFEST.previous", "{}");
  EXPECT_THROW((void)read_manifest(run()), UserError);
}

TEST_F(Manifests, ADamagedOneDoesNotReplaceTheOneBefore) {
  std::ofstream(run() / "MANIFEST") << "{";
  auto manifest = *read_manifest(run());
  ++manifest.checkpoint;
  write_manifest(run(), manifest);
  EXPECT_EQ(read_manifest(run())->checkpoint, 2);
  EXPECT_EQ(read_previous_manifest(run())->checkpoint, 1);
}

TEST_F(Manifests, BundlesComeBackBitForBit) {
  BundleWriter out;
  out.add("a text, and an empty one");
  out.add("");
  out.add(-0.0);
  out.add(std::vector<double>{1.0 / 3, std::numeric_limits<double>::quiet_NaN(), 5e-324});
  out.add(std::vector<double>{});
  out.add(9007199254740991.0);
  const Bundle bundle = out.take();
  const auto entry = write_bundle(run(), 3, 0, bundle);
  const Bundle back = read_bundle(run(), entry);
  ASSERT_EQ(back.numbers.size(), bundle.numbers.size());
  EXPECT_EQ(std::memcmp(back.numbers.data(), bundle.numbers.data(), 8 * bundle.numbers.size()), 0);
  BundleReader in(back);
  EXPECT_EQ(in.text(), "a text, and an empty one");
  EXPECT_EQ(in.text(), "");
  EXPECT_TRUE(std::signbit(in.number()));
  EXPECT_EQ(in.numbers().size(), 3u);
  EXPECT_TRUE(in.numbers().empty());
  EXPECT_EQ(in.integer(), 9007199254740991);
  EXPECT_THROW((void)in.number(), SystemError);
  EXPECT_THROW((void)in.text(), SystemError);
}

}  // namespace
}  // namespace variscope::store
