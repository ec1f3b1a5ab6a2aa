/// Hostile words: what a real shell reads back must be what went in, and directives take no such word.
#include "cluster/schedulers/shell.hpp"

#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/error.hpp"
#include "tests/cluster/schedulers/jobs.hpp"

namespace variscope::cluster {
namespace {

const std::vector<std::string>& hostile() {
  static const std::vector<std::string> words = {"",
                                                 " ",
                                                 "a b",
                                                 "it's",
                                                 "'",
                                                 "''; touch owned; '",
                                                 "\"double\"",
                                                 "$(touch owned)",
                                                 "`touch owned`",
                                                 "${HOME}",
                                                 "; touch owned",
                                                 "& touch owned &",
                                                 "| touch owned",
                                                 "line\nbreak",
                                                 "\ntouch owned\n",
                                                 "back\\slash\\",
                                                 "-n",
                                                 "--help",
                                                 "*",
                                                 "~",
                                                 "#comment",
                                                 "NAME=value",
                                                 "--option=a b",
                                                 "!!",
                                                 "{a,b}",
                                                 "\t",
                                                 "gr\xc3\xbc n",
                                                 "<in >out"};
  return words;
}

/// What `bash` writes when it runs this text in a directory of its own; fails if anything else appears there.
std::string bash(const std::string& script) {
  std::string pattern = (std::filesystem::temp_directory_path() / "variscope-shell-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  const std::filesystem::path directory = pattern;
  std::ofstream(directory / "script") << script;
  const std::string command = "cd " + directory.string() + " && timeout 20 bash ./script 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) output.append(buffer.data(), n);
  ::pclose(pipe);
  for (const auto& entry : std::filesystem::directory_iterator(directory)) EXPECT_EQ(entry.path().filename(), "script");
  std::filesystem::remove_all(directory);
  return output;
}

TEST(Shell, QuotedWordsComeBackAsTheyWere) {
  // printf ends each argument with a byte that no word has.
  std::string expected;
  for (const std::string& word : hostile()) expected += word + "\x01";
  EXPECT_EQ(bash("printf '%s\\1' " + quote_line(hostile()) + "\n"), expected);
  EXPECT_EQ(bash("command=(" + quote_lines(hostile(), "  ") + ")\nprintf '%s\\1' \"${command[@]}\"\n"), expected);
}

TEST(Shell, AnUnquotedWordWouldBeCaught) {
  // The twin that does not quote.
  std::string line = "printf '%s\\1'";
  for (const char* word : {"a b", "${HOME}"}) line += std::string(" ") + word;
  EXPECT_NE(bash(line + "\n"), std::string("a b") + "\x01" + "${HOME}" + "\x01");
}

TEST(Shell, HarmlessWordsStayReadable) {
  EXPECT_EQ(quote("/opt/variscope-1.0/bin"), "/opt/variscope-1.0/bin");
  EXPECT_EQ(quote("--nodes=2"), "--nodes=2");
  EXPECT_EQ(quote("A=2"), "'A=2'");
  EXPECT_EQ(quote("it's"), "'it'\\''s'");
}

TEST(Shell, DirectivesTakePlainWordsAlone) {
  for (const std::string word : {"project", "a.b@c.org", "gpu|cpu&big", "rack[1-2]", "user%x"}) EXPECT_EQ(plain("account", word), word);
  for (const std::string word : {"a b", "it's", "a\nb", "$(x)", "`x`", "a;b", "a#b", "-x", "a\\b", "\"", "gr\xc3\xbcn"}) {
    try {
      plain("account", word);
      ADD_FAILURE() << word;
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, 9), "account '");
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(Shell, NamesOfJobsAreMadeOfAnything) {
  EXPECT_EQ(job_name("my study"), "my_study");
  EXPECT_EQ(job_name("$(rm -rf)\n"), "v__rm_-rf__");
  EXPECT_EQ(job_name("1st"), "v1st");
  EXPECT_EQ(job_name(""), "v");
  EXPECT_EQ(job_name("gr\xc3\xbcn"), "gr_n");
  EXPECT_EQ(job_name(std::string(100, 'a')).size(), 64u);
}

TEST(Shell, AScriptOfHostileValuesIsOneThatBashRunsAsMeant) {
  for (const SchedulerEntry& entry : schedulers()) {
    SCOPED_TRACE(entry.name);
    Job job = testing::small_job("none");
    job.resources = {1, 1, 1, 0, 3600};
    job.account.clear();
    job.partition.clear();
    job.name = "''; touch owned; '\ntouch owned";
    job.site = "here\ntouch owned";
    job.made_by = "$(touch owned)\ntouch owned";
    job.spec.clear();
    job.requeue = false;
    job.environment = {{"HOSTILE", "'; touch owned\n$(touch owned)"}};
    job.directory = "/no/such/'; touch owned; '\n$(touch owned)";
    job.start = {"true"};
    // The run directory is missing, so that the script ends there, with nothing run that was not meant.
    EXPECT_EQ(bash(testing::script_of(entry.name, job)), "");
    for (const std::string& line : head_lines(*entry.make(), job)) EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace variscope::cluster
