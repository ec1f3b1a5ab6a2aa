/// report/paper.tex compiles where there is a LaTeX (packages.txt, section latex); where there is none, it is held against its syntax
/// alone.
#include <cstdlib>
#include <filesystem>

#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

class SlowPaperTest : public ProgramTest {
 protected:
  /// Braces outside of escapes close, every environment ends, nothing but ASCII and what fonts have.
  static void expect_sound(const std::string& text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
        continue;
      }
      depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
      EXPECT_GE(depth, 0);
      EXPECT_LT(static_cast<unsigned char>(text[i]), 0x80) << text.substr(i > 40 ? i - 40 : 0, 80);
    }
    EXPECT_EQ(depth, 0);
  }

  void expect_compiles(const std::string& spec) {
    write("s.toml", spec);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--overwrite", "--quiet"});
    ASSERT_EQ(outcome.status, 0) << outcome.all();
    const auto report = work() / "run" / "report";
    for (const auto& entry : std::filesystem::directory_iterator(report)) {
      if (entry.path().extension() == ".tex") expect_sound(read_text(entry.path()));
    }
    if (run({"which", "pdflatex"}).status != 0) {
      skipped_ = true;
      return;
    }
    const Outcome made = run({"bash", "-c", "cd run/report && pdflatex -interaction=nonstopmode -halt-on-error paper.tex"});
    EXPECT_EQ(made.status, 0) << made.all().substr(made.all().size() > 2000 ? made.all().size() - 2000 : 0);
    EXPECT_TRUE(std::filesystem::exists(report / "paper.pdf"));
    EXPECT_EQ(made.out.find("Missing character"), std::string::npos);
  }

  bool skipped_ = false;
};

TEST_F(SlowPaperTest, OfEveryKindOfStudy) {
  expect_compiles(gaussian_spec("count = 64\nbatches = 8\n", R"("pw_cfe", "stl", "sf_loo")"));
  expect_compiles(
      "[study]\nname = \"f_1\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[reference]\nquadrature = true\n"
      "[fit]\nsteps = 50\nmethod = [\"exact\", \"laplace\", \"svgd\", \"map\"]\nparticles = 8\n");
  expect_compiles(
      "[study]\nname = \"chains\"\nkind = \"sample\"\n[model]\nname = \"banana\"\n[sampler]\nnames = [\"nuts\"]\nwarmup = 100\ndraws = "
      "100\n");
  if (skipped_) GTEST_SKIP() << "no pdflatex: the documents' syntax alone was looked at";
}

}  // namespace
}  // namespace variscope::testing
