/// `variscope new`: what it writes runs, builds, and refuses to overwrite.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/invariance/program.hpp"

namespace variscope::testing {
namespace {

namespace fs = std::filesystem;

class NewTest : public ProgramTest {};

TEST_F(NewTest, ASpecPlansAndRuns) {
  ASSERT_EQ(variscope({"new", "spec", "first"}).status, 0);
  EXPECT_EQ(files(), std::set<std::string>{"first.toml"});
  EXPECT_NE(read_text(work() / "first.toml").find("name = \"first\""), std::string::npos);
  EXPECT_EQ(read_text(work() / "first.toml").find("new_name"), std::string::npos);
  const Outcome outcome = variscope({"run", "first.toml", "--quiet"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_EQ(outcome.hash().size(), 64U);
}

/// Sections of a kind that the file has commented out, in the place of others.
TEST_F(NewTest, ItsCommentedSectionsAreRight) {
  ASSERT_EQ(variscope({"new", "spec", "first"}).status, 0);
  const std::string text = read_text(work() / "first.toml");
  for (const std::string kind : {"fit", "sample"}) {
    std::string made;
    bool on = true;
    bool wanted = false;
    for (const std::string& line : lines_of(text)) {
      if (line.starts_with('['))
        on = line == "[study]" || line == "[model]" || (kind == "fit" && (line == "[family]" || line == "[estimators]"));
      if (line.starts_with("# kind = ")) wanted = line.starts_with("# kind = \"" + kind);
      if (line.starts_with("kind = "))
        made += "kind = \"" + kind + "\"\n";
      else if (on && !line.starts_with('#'))
        made += line + "\n";
      else if (wanted && line.starts_with("# ") && !line.starts_with("# kind"))
        made += line.substr(2) + "\n";
    }
    const auto small = [&](const std::string& from, const std::string& to) {
      if (const std::size_t at = made.find(from); at != std::string::npos) made.replace(at, from.size(), to);
    };
    small("steps = 1000", "steps = 20");
    write(kind + ".toml", made);
    const Outcome outcome = variscope({"run", kind + ".toml", "--output", kind, "--quiet"});
    EXPECT_EQ(outcome.status, 0) << made << outcome.all();
  }
}

TEST_F(NewTest, AModelBuildsAndItsGradientPassesTheGate) {
  ASSERT_EQ(variscope({"new", "model", "tilted"}).status, 0);
  const Outcome built = run({"c++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-shared", "-fPIC", "-I", ".",
                             "tilted.cpp", "-o", "tilted.so"});
  ASSERT_EQ(built.status, 0) << built.all();
  const Outcome outcome = variscope({"run", "tilted.toml", "--quiet"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  const std::string table = read_text(work() / "runs" / "tilted" / "report" / "t1.txt");
  for (const char* name : {"pw_cfe", "stl", "sf_loo"}) EXPECT_NE(table.find(name), std::string::npos);
  EXPECT_EQ(table.find("failed"), std::string::npos) << table;
  // The same bits however its rows lie.
  const std::string hash = outcome.hash();
  EXPECT_EQ(variscope({"run", "tilted.toml", "--quiet", "--output", "ranks", "--ranks", "2"}).hash(), hash);
  // A twin whose gradient has lost its data is caught by the gate.
  std::string wrong = read_text(work() / "tilted.cpp");
  const std::string slope = "gradient[d] += residual * x[d];";
  ASSERT_NE(wrong.find(slope), std::string::npos);
  wrong.replace(wrong.find(slope), slope.size(), "gradient[d] += 0.5 * residual * x[d];");
  write("tilted.cpp", wrong);
  ASSERT_EQ(run({"c++", "-std=c++17", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-I", ".", "tilted.cpp", "-o", "tilted.so"}).status,
            0);
  ASSERT_EQ(variscope({"run", "tilted.toml", "--quiet", "--overwrite"}).status, 0);
  EXPECT_NE(read_text(work() / "runs" / "tilted" / "report" / "t1.txt").find("bias"), std::string::npos);
  EXPECT_NE(read_text(work() / "runs" / "tilted" / "report" / "t1.txt"), table);
  // Nothing is replaced unasked.
  const Outcome again = variscope({"new", "model", "tilted"});
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.err.find("exists"), std::string::npos);
  EXPECT_EQ(variscope({"new", "model", "tilted", "--overwrite"}).status, 0);
  EXPECT_NE(read_text(work() / "tilted.cpp"), wrong);
}

TEST_F(NewTest, RefusesNames) {
  expect_refused({"new", "spec", "My-Study"}, {"names no file and no class", "Use one like my_study"});
  expect_refused({"new", "sampler", "nuts"}, {"'nuts' is in the catalogue already"});
  expect_refused({"new", "estimator", "fresh"}, {"no catalogue of variscope's sources", "--output"});
}

/// A sampler and an estimator in a copy of their folders; compiled with the catalogue, and the conformance tests of this build linked with
/// them.
TEST_F(NewTest, AnEstimatorAndASamplerJoinTheirCatalogues) {
  const fs::path source = VARISCOPE_SOURCE_DIR;
  for (const std::string kind : {"estimator", "sampler"}) {
    const fs::path folder = work() / "engine" / (kind + "s");
    fs::create_directories(folder);
    fs::copy_file(source / "engine" / (kind + "s") / "catalogue.cpp", folder / "catalogue.cpp");
    const Outcome outcome = variscope({"new", kind, "my_first_one", "--output", "."});
    ASSERT_EQ(outcome.status, 0) << outcome.all();
    const std::string catalogue = read_text(folder / "catalogue.cpp");
    EXPECT_NE(catalogue.find("my_first_one_entry(),"), std::string::npos);
    EXPECT_NE(catalogue.find("#include \"engine/" + kind + "s/my_first_one.hpp\"\n"), std::string::npos);
    EXPECT_NE(read_text(folder / "my_first_one.cpp").find("MyFirstOne"), std::string::npos);
  }
}

}  // namespace
}  // namespace variscope::testing
