/// `--reduce fast` gives other bits on some layouts and the same numbers to rounding; a changed run file is refused.
#include <fmt/format.h>
#include <cmath>

#include "engine/store/hdf5.hpp"
#include "engine/store/run_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

class ReduceTest : public ProgramTest {
 protected:
  store::RunRecord run_study(const std::string& name, Words words) {
    words.insert(words.begin(), {"run", "study.toml", "--output", name, "--quiet"});
    const Outcome outcome = variscope(words);
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / name / "run.h5");
  }
};

/// Largest difference of two vectors over the largest number of the first.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  double scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(a[i] - b[i]));
    scale = std::max(scale, std::fabs(a[i]));
  }
  return most / scale;
}

double difference(const store::RunRecord& a, const store::RunRecord& b) {
  double most = 0;
  for (std::size_t c = 0; c < a.cells.size(); ++c) {
    for (std::size_t p = 0; p < a.cells[c].points.size(); ++p) {
      const PointRecord& at = a.cells[c].points[p];
      const PointRecord& other = b.cells[c].points[p];
      most = std::max(most, difference(at.lambda, other.lambda));
      for (std::size_t e = 0; e < at.estimators.size(); ++e) {
        most = std::max(most, difference(at.estimators[e].moments.square, other.estimators[e].moments.square));
        most = std::max(most, difference(at.estimators[e].moments.norm, other.estimators[e].moments.norm));
        if (a.cells[c].designs == 0) continue;
        const ComponentMoments& components = at.estimators[e].components;
        most = std::max(most, difference(components.mean_square_noise, other.estimators[e].components.mean_square_noise));
        most = std::max(most, difference(components.mean_square_rows, other.estimators[e].components.mean_square_rows));
      }
    }
  }
  return most;
}

TEST_F(ReduceTest, FastGivesOtherBitsAndTheSameNumbers) {
  // The optimum is left out: its search may stop a step earlier or later.
  write("study.toml", with_value(quickstart_spec(), "path", "optimum", "false"));
  const store::RunRecord exact = run_study("exact", {});
  for (const std::string layout : {"replicates=2", "samples=2", "shards=2", "shards=3", "samples=4", "samples=2,shards=2"}) {
    SCOPED_TRACE(layout);
    const int ranks = layout.find(',') != std::string::npos ? 4 : layout.back() - '0';
    const store::RunRecord fast =
        run_study("fast " + layout, {"--reduce", "fast", "--ranks", std::to_string(ranks), "--threads", "1", "--layout", layout});
    // Two, and with most libraries four, ranks add up one node each as the tree does. Three do not.
    if (layout == "shards=3") {
      EXPECT_NE(fast.results_hash, exact.results_hash);
    }
    // Forty steps of Adam amplify rounding somewhat.
    EXPECT_LT(difference(exact, fast), 1e-9);
    EXPECT_EQ(fast.provenance.at("reduce"), "fast");
  }
}

TEST_F(ReduceTest, FastOverReplicasGivesTheSameNumbers) {
  std::string text = with_value(quickstart_spec(), "path", "optimum", "false");
  text = replaced(text, "batch_rows = [\"all\", 32]", "batch_rows = 32\nreplicas = 12\nnoise_policy = [\"independent\", \"shared\"]");
  write("study.toml", text + "[components]\ndesigns = 12\nrow_sets = 12\nnoise_sets = 2\n");
  const store::RunRecord exact = run_study("exact", {});
  bool other_bits = false;
  for (const std::string layout : {"replicas=2", "replicas=3", "replicas=2,samples=2"}) {
    SCOPED_TRACE(layout);
    const int ranks = layout.find(',') != std::string::npos ? 4 : layout.back() - '0';
    const store::RunRecord fast =
        run_study("fast " + layout, {"--reduce", "fast", "--ranks", std::to_string(ranks), "--threads", "1", "--layout", layout});
    EXPECT_EQ(fast.provenance.at("reduce"), "fast");
    EXPECT_NE(fast.provenance.at("layout").find("replicas="), std::string::npos);
    EXPECT_LT(difference(exact, fast), 1e-9);
    other_bits = other_bits || fast.results_hash != exact.results_hash;
  }
  // Three ranks with four replicas each: their nodes do not add up as the tree does. Otherwise nothing was done fast.
  EXPECT_TRUE(other_bits);
}

TEST_F(ReduceTest, OneChangedBitIsRefusedByReport) {
  write("study.toml", gaussian_spec());
  ASSERT_EQ(variscope({"run", "study.toml", "--quiet"}).status, 0);
  ASSERT_EQ(variscope({"report", "runs/cheap"}).status, 0);
  {
    auto file = store::open_file(path("runs/cheap/run.h5"), store::Access::write);
    const auto cell = store::open_group(store::open_group(file, "results"), "cell_000");
    auto dataset = store::open_dataset(cell, "lambda");
    const auto extent = store::extent_of(dataset);
    std::vector<double> values(store::element_count(extent));
    const store::Extent zero(extent.size(), 0);
    store::read_slab(dataset, H5T_NATIVE_DOUBLE, zero, extent, values.data());
    values.back() = std::nextafter(values.back(), 2 * values.back() + 1);
    store::write_slab(dataset, H5T_NATIVE_DOUBLE, zero, extent, values.data());
    dataset.close();
    file.close();
  }
  expect_refused({"report", "runs/cheap"}, {"runs/cheap/run.h5: ", "do not match their hash", "run the study again"});
}

}  // namespace
}  // namespace variscope::testing
