/// The real program as a subprocess: in a directory of its own, with a time limit, its output, its time and its memory in hand.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace variscope::testing {

using Words = std::vector<std::string>;

inline std::string read_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// How a program ended. Status 124 or 137: it was stopped by the time limit.
struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
  double seconds = 0;
  long peak_kib = 0;  ///< largest resident set of any process it waited for

  [[nodiscard]] std::string all() const { return out + err; }
  /// What follows "results hash " in the output; empty if nothing does.
  [[nodiscard]] std::string hash() const {
    const std::string label = "results hash ";
    const std::size_t at = out.rfind(label);
    return at == std::string::npos ? "" : out.substr(at + label.size(), 64);
  }
};

/// Seconds after which a run is taken for a deadlock. Runs take under 5; four ranks that spin on two cores which others use as well
/// took 70.
inline constexpr int kLimit = 200;

class ProgramTest : public ::testing::Test {
 protected:
  struct Started {
    pid_t pid = -1;
    std::filesystem::path out;
    std::filesystem::path err;
    std::chrono::steady_clock::time_point at;
  };

  void SetUp() override {
    auto pattern = (std::filesystem::temp_directory_path() / "variscope-run-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root_ = pattern;
    std::filesystem::create_directory(work());
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  /// Where programs run; their output is kept elsewhere.
  [[nodiscard]] std::filesystem::path work() const { return root_ / "work"; }
  [[nodiscard]] std::string path(const std::string& name) const { return (work() / name).string(); }
  /// A file in work(); returns its name.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(work() / name, std::ios::binary) << text;
    return name;
  }
  /// Everything below work().
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(work()))
      names.insert(std::filesystem::relative(entry.path(), work()).string());
    return names;
  }

  Started start(const Words& words, int limit_s = kLimit) {
    const std::string number = std::to_string(++started_);
    Started started{-1, root_ / ("out" + number), root_ / ("err" + number), std::chrono::steady_clock::now()};
    Words all = {"timeout", "-k", "5", std::to_string(limit_s)};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (std::string& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    started.pid = ::fork();
    if (started.pid < 0) throw std::runtime_error("fork failed");
    if (started.pid == 0) {
      for (const char* name : {"OMP_NUM_THREADS", "VARISCOPE_LAUNCHED", "VARISCOPE_MPIRUN_OUTPUT"}) ::unsetenv(name);
      const int in = ::open("/dev/null", O_RDONLY);
      const int out = ::open(started.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      const int err = ::open(started.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      ::dup2(in, 0);
      ::dup2(out, 1);
      ::dup2(err, 2);
      if (::chdir(work().c_str()) == 0) ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    return started;
  }
  static Outcome finish(const Started& started) {
    int status = 0;
    rusage usage{};
    if (::wait4(started.pid, &status, 0, &usage) != started.pid) throw std::runtime_error("wait4 failed");
    Outcome outcome;
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started.at).count();
    outcome.peak_kib = usage.ru_maxrss;
    outcome.out = read_text(started.out);
    outcome.err = read_text(started.err);
    return outcome;
  }
  Outcome run(const Words& words, int limit_s = kLimit) { return finish(start(words, limit_s)); }

  static Words variscope_words(Words words) {
    words.insert(words.begin(), VARISCOPE_PROGRAM);
    return words;
  }
  Outcome variscope(Words words, int limit_s = kLimit) { return run(variscope_words(std::move(words)), limit_s); }

  /// The user's error: status 2, nothing on standard output, one line on standard error with all `parts`, nothing changed on disk.
  void expect_refused(const Words& words, const Words& parts) {
    const std::set<std::string> before = files();
    const Outcome outcome = variscope(words);
    std::string call;
    for (const std::string& word : words) call += word + " ";
    SCOPED_TRACE(call + "\n" + outcome.all());
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out, "");
    const auto lines = lines_of(outcome.err);
    EXPECT_EQ(lines.size(), 1u);
    for (const std::string& part : parts) EXPECT_NE(outcome.err.find(part), std::string::npos) << "lacks: " << part;
    if (!lines.empty()) {
      EXPECT_NE(lines.back().find(": "), std::string::npos);
      EXPECT_TRUE(lines.back().ends_with('.') || lines.back().ends_with('?'));
    }
    EXPECT_EQ(files(), before);
  }

 private:
  std::filesystem::path root_;
  int started_ = 0;
};

}  // namespace variscope::testing
