/// A directory that a test has to itself, and messages checked for their form.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/error.hpp"

namespace variscope::experiments::testing {

class TemporaryDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("variscope_" + std::to_string(getpid()) + "_" + test->test_suite_name() + "_" + test->name());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }

  std::string write(const std::string& text, const std::string& name) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  static std::string bytes(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }

  /// The UserError's text less the directory, checked to be one line of the form "place: problem (why). Suggestion."
  template <class Action>
  std::string error(const Action& action) const {
    try {
      action();
    } catch (const UserError& e) {
      std::string what = e.what();
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
      EXPECT_NE(what.find(": "), std::string::npos) << what;
      EXPECT_NE(what.find(" ("), std::string::npos) << what;
      EXPECT_TRUE(what.back() == '.' || what.back() == '?') << what;
      const std::string prefix = (directory_ / "").string();
      for (std::size_t at = what.find(prefix); at != std::string::npos; at = what.find(prefix)) what.erase(at, prefix.size());
      return what;
    }
    return "no error";
  }

  /// Names of the files in the directory, for tests that nothing is left behind.
  [[nodiscard]] std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_), std::filesystem::directory_iterator()));
  }

  std::filesystem::path directory_;
};

}  // namespace variscope::experiments::testing
