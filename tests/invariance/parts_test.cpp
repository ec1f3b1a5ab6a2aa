/// Studies in parts: each part a run of its own, put together to the hash of the study in one run, whatever happened to the parts.
#include <nlohmann/json.hpp>

#include "tests/invariance/killing.hpp"

namespace variscope::testing {
namespace {

/// Four cells on two paths, two estimators each.
std::string four_cells() {
  std::string text = gaussian_spec("count = 120\nbatches = 12\n", "\"pw_cfe\", \"sf_loo\"");
  text = with_value(text, "path", "steps", "[10, 20]");
  return with_value(text, "estimators", "samples", "[8, 16]");
}

class PartsTest : public KillingTest {
 protected:
  Words part_words(const std::string& spec, const std::string& directory, const std::string& part, const Words& more = {}) const {
    Words words = {"run", spec, "--output", directory, "--part", part, "--quiet", "--checkpoint-seconds", "0", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void run_part(const std::string& spec, const std::string& directory, const std::string& part, const Words& more = {}) {
    const auto outcome = variscope(part_words(spec, directory, part, more));
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    EXPECT_NE(outcome.out.find("part " + part + ": all of"), std::string::npos) << outcome.all();
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "run.h5"));
  }
  /// Put together, with nothing left to compute: no rank evaluates anything but what the study begins with.
  void expect_together(const std::string& directory, const std::string& hash, const Words& more = {"--threads", "1"}) {
    expect_resumes(directory, hash, more);
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "parts"));
    EXPECT_FALSE(std::filesystem::exists(work() / directory / "MANIFEST"));
  }
  void set_fault(const std::string& step) const { ::setenv("VARISCOPE_FAULT", step.c_str(), 1); }
  nlohmann::json status(const std::string& directory) { return nlohmann::json::parse(variscope({"status", directory, "--json"}).out); }
};
using SlowPartsTest = PartsTest;

TEST_F(SlowPartsTest, OfAStudyOfVariancesEndInItsHash) {
  const auto spec = write("s.toml", four_cells());
  const std::string hash = whole_hash(spec);
  for (const int parts : {2, 4}) {
    const std::string directory = fmt::format("in_{}", parts);
    for (int part = parts - 1; part >= 0; --part) run_part(spec, directory, fmt::format("{}/{}", part, parts));
    // A second start of a part that is done does nothing, whichever way it is asked.
    EXPECT_EQ(variscope({"resume", directory, "--part", fmt::format("0/{}", parts), "--quiet"}).status, 0);
    const auto told = status(directory);
    EXPECT_EQ(told["parts_done"], parts);
    for (const auto& cell : told["cells"]) EXPECT_EQ(cell["done"], cell["total"]) << told.dump(1);
    const auto text = variscope({"status", directory}).out;
    for (const char* word : {"cell_003", "committed", "time left", "node"}) EXPECT_NE(text.find(word), std::string::npos) << text;
    EXPECT_NE(variscope({"report", directory, "--partial"}).out.find("sf_loo"), std::string::npos);
    expect_together(directory, hash, {"--ranks", "2", "--threads", "1"});
    EXPECT_EQ(variscope({"resume", directory, "--part", fmt::format("1/{}", parts)}).status, 0) << "a late start of a task";
  }
}

TEST_F(SlowPartsTest, ThatWereKilledOrNeverBegunAreMadeUpFor) {
  const auto spec = write("s.toml", four_cells());
  const std::string hash = whole_hash(spec);
  run_part(spec, "some", "0/4", {"--ranks", "2"});
  set_fault("manifest.committed:9");
  EXPECT_EQ(variscope(part_words(spec, "some", "1/4")).status, 137);
  set_fault("segment.written:7");
  EXPECT_EQ(variscope(part_words(spec, "some", "2/4")).status, 137);
  ::unsetenv("VARISCOPE_FAULT");
  const auto told = status("some");
  EXPECT_EQ(told["parts_done"], 1);
  EXPECT_EQ(told["parts"].size(), 4u);
  EXPECT_EQ(told["parts"][1]["state"], "killed");
  EXPECT_EQ(told["parts"][3]["state"], "waiting");
  // Part 2 goes on by itself, on two ranks; 1 and 3 are done by whoever puts the parts together.
  const auto outcome = variscope({"resume", "some", "--part", "2/4", "--quiet", "--ranks", "2", "--threads", "1"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  expect_together("some", hash);
}

TEST_F(SlowPartsTest, ArePutTogetherThroughKillsAtEveryStep) {
  const auto spec = write("s.toml", four_cells());
  const std::string hash = whole_hash(spec);
  for (const char* part : {"0/2", "1/2"}) run_part(spec, "parts_done", part);
  int killed = 0;
  for (const std::string step :
       {"gather.segment:1", "gather.segment:20", "manifest.written:1", "manifest.renamed:1", "manifest.committed:1", "clean.begin:1",
        "clean.manifest:1", "clean.segment:1", "clean.segment:30", "gather.part:1", "gather.part:2"}) {
    SCOPED_TRACE(step);
    const std::string directory = "at_" + step.substr(0, step.find(':')) + "_" + step.substr(step.find(':') + 1);
    std::filesystem::copy(work() / "parts_done", work() / directory, std::filesystem::copy_options::recursive);
    set_fault(step);
    const auto outcome = variscope(session(directory, false, "", {"--threads", "1"}));
    ::unsetenv("VARISCOPE_FAULT");
    killed += outcome.status == 137 ? 1 : 0;
    EXPECT_EQ(outcome.status, 137) << outcome.all();
    expect_together(directory, hash);
  }
  EXPECT_EQ(killed, 11);
}

TEST_F(PartsTest, ThatAreDamagedAreComputedAgain) {
  const auto spec = write("s.toml", four_cells());
  const std::string hash = whole_hash(spec);
  for (const char* part : {"0/2", "1/2"}) run_part(spec, "damaged", part);
  // The part's first segment, which the checkpoint before names as well.
  std::vector<std::filesystem::path> segments;
  for (const auto& entry : std::filesystem::directory_iterator(work() / "damaged/parts/1/segments")) segments.push_back(entry.path());
  std::sort(segments.begin(), segments.end());
  std::string bytes = read_text(segments.at(segments.size() / 2));
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(segments.at(segments.size() / 2), std::ios::binary | std::ios::trunc) << bytes;
  const std::string said = expect_resumes("damaged", hash);
  EXPECT_NE(said.find("warning: "), std::string::npos) << said;
  EXPECT_NE(said.find("computed again"), std::string::npos) << said;
}

TEST_F(SlowPartsTest, AreRefusedWhereTheyDoNotBelongTogether) {
  const auto spec = write("s.toml", four_cells());
  run_part(spec, "mixed", "0/2");
  // Cut in four: its cells overlap with those of a half.
  run_part(spec, "mixed", "1/4");
  run_part(spec, "mixed", "2/4");
  expect_refused({"resume", "mixed"}, {"so does a part before it"});
  const auto other = write("o.toml", with_value(four_cells(), "replicates", "count", "132"));
  run_part(spec, "other", "0/2");
  run_part(other, "other", "1/2");
  expect_refused({"resume", "other"}, {"its spec_text differs"});
  expect_refused({"run", spec, "--output", "five", "--part", "0/5"}, {"the study has 4 cells", "Use 4."});
  expect_refused({"run", spec, "--output", "five", "--part", "4/4"}, {"--part: '4/4' names no part"});
  expect_refused({"resume", "other", "--part", "0/3"}, {"was begun as part 0/2"});
  // Once it goes on as one, a part is no longer run.
  leave_killed(spec, "whole_killed", 3);
  expect_refused({"run", spec, "--output", "whole_killed", "--part", "0/2"}, {"goes on as one"});
  expect_refused({"resume", "whole_killed", "--part", "0/2"}, {"goes on as one"});
}

TEST_F(SlowPartsTest, OfFitsAndOfChainsEndInTheirHash) {
  const auto fits = write("f.toml", R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[estimators]
names = ["pw_cfe", "stl"]
samples = [8, 16, 32]
[fit]
steps = 40
repeats = 3
posterior_draws = 512
)");
  const auto chains = write("c.toml", R"([study]
name = "chains"
kind = "sample"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[sampler]
names = ["nuts", "hmc"]
chains = 4
warmup = [40, 60, 80]
draws = 60
)");
  for (const auto& spec : {fits, chains}) {
    SCOPED_TRACE(spec);
    const auto plain = variscope({"run", spec, "--output", "plain_" + spec, "--quiet"});
    ASSERT_EQ(plain.status, 0) << plain.all();
    const std::string directory = "parts_" + spec;
    run_part(spec, directory, "0/3", {"--ranks", "2"});
    run_part(spec, directory, "1/3");
    // The last is killed on its way, and goes on from what it has.
    set_fault("manifest.committed:3");
    EXPECT_EQ(variscope(part_words(spec, directory, "2/3")).status, 137);
    ::unsetenv("VARISCOPE_FAULT");
    EXPECT_NE(variscope({"status", directory}).out.find("killed"), std::string::npos);
    const auto so_far = variscope({"report", directory, "--partial"});
    EXPECT_EQ(so_far.status, 0) << so_far.all();
    EXPECT_EQ(variscope({"resume", directory, "--part", "2/3", "--quiet"}).status, 0);
    expect_together(directory, plain.hash());
  }
}

TEST_F(SlowPartsTest, APartAtWorkIsNotTakenFromIt) {
  const auto spec = write("e.toml", with_value(four_cells(), "replicates", "count", "1200000000"));
  const std::string directory = fmt::format("at_work_{}", ::getpid());
  const auto started = start(variscope_words(part_words(spec, directory, "0/2")), 60);
  for (int wait = 0; wait < 1000 && !std::filesystem::exists(work() / directory / "parts/0/status.json"); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto refused = variscope({"resume", directory});
  EXPECT_EQ(refused.status, 2) << refused.all();
  EXPECT_NE(refused.err.find("parts/0: in use by process"), std::string::npos) << refused.err;
  const auto told = status(directory);
  EXPECT_EQ(told["state"], "running");
  EXPECT_EQ(told["parts"][0]["state"], "running");
  EXPECT_FALSE(told["parts"][0]["hosts"].get<std::string>().empty());
  // To the program itself: `timeout` has the directory on its command line as well.
  for (const pid_t process : processes(directory)) {
    if (read_text(fmt::format("/proc/{}/cmdline", process)).starts_with(std::string(VARISCOPE_PROGRAM) + '\0')) ::kill(process, SIGUSR1);
  }
  const auto outcome = finish(started);
  EXPECT_EQ(outcome.status, 85) << outcome.all();
  EXPECT_EQ(status(directory)["parts"][0]["state"], "paused");
}

}  // namespace
}  // namespace variscope::testing
