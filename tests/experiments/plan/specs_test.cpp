/// Every study that is shipped: it plans as it stands, and runs, made small, to a report.
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>

#include "experiments/plan/plan.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

/// Files of experiments/specs and below in the order of their names.
std::vector<fs::path> shipped() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(VARISCOPE_SOURCE_DIR) / "experiments" / "specs")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The spec with few steps and few replicates, its data found from anywhere.
std::string made_small(const fs::path& file) {
  struct Small {
    const char* section;
    const char* key;
    const char* value;
  };
  constexpr std::array<Small, 12> small = {{{"path", "steps", "4"},
                                            {"combine", "draws", "200"},
                                            {"replicates", "count", "8"},
                                            {"replicates", "batches", "4"},
                                            {"components", "designs", "4"},
                                            {"components", "row_sets", "2"},
                                            {"components", "noise_sets", "2"},
                                            {"fit", "steps", "5"},
                                            {"fit", "repeats", "2"},
                                            {"sampler", "warmup", "20"},
                                            {"sampler", "draws", "400"},
                                            {"sampler", "chains", "4"}}};
  std::string made;
  std::string section;
  for (const std::string& line : testing::lines_of(testing::read_text(file))) {
    if (line.starts_with('[')) section = line;
    std::string kept = line;
    for (const Small& s : small) {
      if (section == std::string("[") + s.section + "]" && line.starts_with(std::string(s.key) + " = "))
        kept = std::string(s.key) + " = " + s.value;
    }
    // One file, or a sweep over several.
    const std::string data = "\"../";
    for (std::size_t at = kept.find(data); line.starts_with("file = ") && at != std::string::npos; at = kept.find(data)) {
      const std::size_t end = kept.find('"', at + 1);
      kept.replace(at + 1, end - at - 1, (file.parent_path() / kept.substr(at + 1, end - at - 1)).lexically_normal().string());
    }
    made += kept + "\n";
  }
  return made;
}

class ShippedSpec : public testing::ProgramTest, public ::testing::WithParamInterface<fs::path> {};
class SlowShippedSpec : public ShippedSpec {};

/// A data set that is not shipped, made small where the spec expects it: the command stands in the spec.
void make_missing_data(const fs::path& spec, const std::function<testing::Outcome(const testing::Words&)>& variscope) {
  const auto wants = [&](const char* file) {
    return testing::read_text(spec).find(std::string("file = \"") + file + "\"") != std::string::npos;
  };
  const auto make = [&](const testing::Words& words) {
    const auto made = variscope(words);
    EXPECT_EQ(made.status, 0) << made.all();
  };
  if (wants("b7.h5")) make({"data", "synth", "b7.h5", "--model", "columnwise_normal", "--rows", "3000", "--columns", "100", "--seed", "7"});
  if (wants("b8.h5")) make({"data", "synth", "b8.h5", "--rows", "2000", "--columns", "5", "--seed", "8"});
}

TEST_P(ShippedSpec, Plans) {
  make_missing_data(GetParam(), [this](const testing::Words& words) { return variscope(words); });
  const bool here = fs::exists(work() / "b7.h5") || fs::exists(work() / "b8.h5");
  if (here) write("s.toml", testing::read_text(GetParam()));
  const Plan plan = make_plan(here ? (work() / "s.toml").string() : GetParam().string(), 1, 1, {}, "");
  EXPECT_FALSE(plan.cells.empty());
  EXPECT_FALSE(plan.paths.empty());
  // What chains take is found when a plan is printed; draws from a prior take nothing.
  const bool counted = !plan.of_chains() && plan.cells.front().settings.fit.method != "prior";
  EXPECT_GT(static_cast<double>(plan.counts.value_evaluations + plan.counts.gradient_evaluations) + (counted ? 0 : plan.replicate_calls),
            0);
  // Its own directory of results, by its own name.
  EXPECT_EQ(plan.cells.front().settings.study.name, GetParam().stem().string());
}

TEST_P(SlowShippedSpec, RunsMadeSmall) {
  make_missing_data(GetParam(), [this](const testing::Words& words) { return variscope(words); });
  write("s.toml", made_small(GetParam()));
  const auto outcome = variscope({"run", "s.toml", "--output", "run", "--quiet"}, 120);
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.hash().size(), 64u) << outcome.all();
  const bool fit = testing::read_text(GetParam()).find("kind = \"fit\"") != std::string::npos;
  // Particles have no bound, and so no T4.
  const bool particles = testing::read_text(GetParam()).find("method = \"svgd\"") != std::string::npos ||
                         testing::read_text(GetParam()).find("method = \"prior\"") != std::string::npos;
  const bool chains = testing::read_text(GetParam()).find("kind = \"sample\"") != std::string::npos;
  const char* table = chains                                    ? "s1.txt"
                      : fit                                     ? (particles ? "t5.txt" : "t4.txt")
                      : GetParam().stem() == "importance_bound" ? "t1i.txt"
                                                                : "t1.txt";
  EXPECT_TRUE(fs::exists(work() / "run" / "report" / table)) << table;
}

std::string name_of(const ::testing::TestParamInfo<fs::path>& at) { return at.param.stem().string(); }

INSTANTIATE_TEST_SUITE_P(Specs, ShippedSpec, ::testing::ValuesIn(shipped()), name_of);
INSTANTIATE_TEST_SUITE_P(Specs, SlowShippedSpec, ::testing::ValuesIn(shipped()), name_of);

}  // namespace
}  // namespace variscope::experiments
