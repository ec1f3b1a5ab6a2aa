/// Every ```console example of the documentation: commands end well and print what stands below them.
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "tests/invariance/program.hpp"

namespace variscope::testing {
namespace {

namespace fs = std::filesystem;

/// A command and the lines that it is said to print; "..." for any number of them.
struct Example {
  std::string command;
  std::vector<std::string> printed;
};

/// Of all ```console blocks, in order. "> " goes on with the command above.
std::vector<Example> examples_of(const fs::path& page) {
  std::vector<Example> examples;
  bool inside = false;
  for (const std::string& line : lines_of(read_text(page))) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      examples.push_back({line.substr(2), {}});
    } else if (inside && line.starts_with("> ") && !examples.empty() && examples.back().printed.empty()) {
      examples.back().command += "\n" + line.substr(2);
    } else if (inside && !examples.empty()) {
      examples.back().printed.push_back(line);
    }
  }
  return examples;
}

/// Whether a line is as it is said to be, "..." at its end standing for any rest.
bool agrees(const std::string& line, const std::string& said) {
  return said.ends_with("...") ? line.starts_with(said.substr(0, said.size() - 3)) : line == said;
}

/// Whether the lines printed are those said, in their order, with gaps at "..." alone.
bool follows(const std::vector<std::string>& printed, const std::vector<std::string>& said) {
  std::size_t at = 0;
  bool gap = false;
  for (const std::string& line : said) {
    if (line == "...") {
      gap = true;
      continue;
    }
    if (gap) {
      while (at < printed.size() && !agrees(printed[at], line)) ++at;
    }
    if (at == printed.size() || !agrees(printed[at], line)) return false;
    ++at;
    gap = false;
  }
  return gap || at == printed.size();
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  const fs::path readme = fs::path(VARISCOPE_SOURCE_DIR) / "README.md";
  if (!examples_of(readme).empty()) found.push_back(readme);
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(VARISCOPE_SOURCE_DIR) / "docs")) {
    if (entry.path().extension() == ".md" && !examples_of(entry.path()).empty()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Slow: studies are run as the page has them.
class SlowDocsTest : public ProgramTest, public ::testing::WithParamInterface<fs::path> {};

TEST_P(SlowDocsTest, CommandsDoAsTheyAreSaidTo) {
  fs::create_directory_symlink(fs::path(VARISCOPE_SOURCE_DIR) / "experiments", work() / "experiments");
  const std::string prefix = "export PATH=" + fs::path(VARISCOPE_PROGRAM).parent_path().string() + ":$PATH HOME=" + work().string() + "\n";
  for (const Example& example : examples_of(GetParam())) {
    const Outcome outcome = run({"bash", "-c", prefix + example.command});
    EXPECT_EQ(outcome.status, 0) << example.command << "\n" << outcome.all();
    EXPECT_TRUE(follows(lines_of(outcome.out), example.printed)) << example.command << "\n" << outcome.all();
    if (HasFailure()) return;  // what follows builds on it
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, SlowDocsTest, ::testing::ValuesIn(pages()), [](const auto& at) {
  std::string name = fs::relative(at.param, VARISCOPE_SOURCE_DIR).string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(Docs, OutputIsHeldAgainstWhatIsSaid) {
  EXPECT_TRUE(follows({"a", "b"}, {"a", "b"}));
  EXPECT_TRUE(follows({"a", "b", "c"}, {"...", "c"}));
  EXPECT_TRUE(follows({"a", "b", "c"}, {"a", "..."}));
  EXPECT_TRUE(follows({"hash 12"}, {"hash ..."}));
  EXPECT_TRUE(follows({}, {"..."}));
  EXPECT_FALSE(follows({"a", "b"}, {"a"}));
  EXPECT_FALSE(follows({"a"}, {"a", "b"}));
  EXPECT_FALSE(follows({"a", "b"}, {"...", "a"}));
}

TEST(Docs, EveryLinkBetweenPagesLeadsToAFile) {
  int links = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(VARISCOPE_SOURCE_DIR) / "docs")) {
    if (entry.path().extension() != ".md") continue;
    const std::string text = read_text(entry.path());
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      std::string target = text.substr(at + 2, text.find(')', at) - at - 2);
      target = target.substr(0, target.find('#'));
      if (target.empty() || target.find("://") != std::string::npos) continue;
      ++links;
      EXPECT_TRUE(fs::exists(entry.path().parent_path() / target)) << entry.path() << ": " << target;
    }
  }
  EXPECT_GT(links, 20);
}

}  // namespace
}  // namespace variscope::testing
