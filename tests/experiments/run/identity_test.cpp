/// Ranks that run different programs, or on different kinds of CPU, are refused before they do anything.
#include "experiments/run/identity.hpp"

#include <algorithm>
#include <fstream>

#include "engine/error.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

using testing::Words;

std::string refusal(const std::vector<Identity>& ranks) {
  std::vector<std::string> texts;
  for (const Identity& identity : ranks) texts.push_back(identity.text());
  try {
    require_equal(texts);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Identity, OfThisProcessIsComplete) {
  const Identity identity = this_identity();
  EXPECT_EQ(identity.program.size(), 64u);
  EXPECT_EQ(identity.cpu_features.size(), 64u);
  EXPECT_FALSE(identity.cpu_model.empty());
  EXPECT_EQ(this_identity().text(), identity.text());
}

TEST(Identity, EqualRanksPass) {
  const Identity a{"program", "Zen 3", "features"};
  EXPECT_EQ(refusal({a}), "");
  EXPECT_EQ(refusal({a, a, a}), "");
}

TEST(Identity, AnotherProgramIsNamedWithItsRank) {
  const Identity a{"aaaaaaaaaaaaaaaa", "Zen 3", "features"};
  const Identity b{"bbbbbbbbbbbbbbbb", "Zen 3", "features"};
  EXPECT_EQ(refusal({a, a, b, b}),
            "rank 2 runs another program than rank 0 (executable hash bbbbbbbbbbbb against aaaaaaaaaaaa). Install one build on all hosts.");
}

TEST(Identity, AnotherCpuIsNamedWithItsRank) {
  const Identity a{"program", "Zen 3", "avx2"};
  const Identity b{"program", "Skylake", "avx512"};
  EXPECT_EQ(refusal({a, b}),
            "rank 1 runs on another kind of CPU than rank 0 (Skylake against Zen 3), so bits would differ. Ask the scheduler for nodes of "
            "one kind.");
  // The name alone decides nothing: hypervisors call the same features by many names.
  EXPECT_EQ(refusal({a, {"program", "EPYC", "avx2"}}), "");
}

class MixedProgramsTest : public testing::ProgramTest {};

TEST_F(MixedProgramsTest, AreRefusedAtStart) {
  write("study.toml", testing::gaussian_spec());
  std::filesystem::copy_file(VARISCOPE_PROGRAM, path("other"));
  std::ofstream(path("other"), std::ios::binary | std::ios::app) << 'x';
  const auto before = files();
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  const Words rank0 = {"-n", "1", VARISCOPE_PROGRAM, "run", "study.toml"};
  const Words others = {":", "-n", "1", path("other"), "run", "study.toml"};
  Words words = {"mpirun", "--oversubscribe", "--bind-to", "none"};
  words.insert(words.end(), rank0.begin(), rank0.end());
  words.insert(words.end(), others.begin(), others.end());
  const auto outcome = run(words);
  ::unsetenv("OMPI_ALLOW_RUN_AS_ROOT");
  ::unsetenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  EXPECT_EQ(outcome.status, 2) << outcome.all();
  const auto lines = testing::lines_of(outcome.err);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) { return line.starts_with("rank 1 runs another program than rank 0 ("); }),
            1)
      << outcome.err;
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace variscope::experiments
