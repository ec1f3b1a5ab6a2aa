/// Small studies for tests that start the program.
#pragma once

#include <stdexcept>
#include <string>

#include "tests/invariance/program.hpp"

namespace variscope::testing {

/// `text` with the one place where `from` stands replaced.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos)
    throw std::runtime_error("'" + from + "' is not there exactly once");
  return text.replace(at, from.size(), to);
}

/// `text` with the value of a key that stands in a section, once, replaced.
inline std::string with_value(const std::string& text, const std::string& section, const std::string& key, const std::string& value) {
  std::string made;
  std::string current;
  int found = 0;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with('[')) current = line;
    const bool here = current == "[" + section + "]" && line.starts_with(key + " = ");
    found += here ? 1 : 0;
    made += (here ? key + " = " + value : line) + "\n";
  }
  if (found != 1) throw std::runtime_error(section + "." + key + " is not there exactly once");
  return made;
}

/// The quickstart study made small: 40 steps, M = 32 (four sample blocks), 96 replicates in 12 batches. 569 rows are 36 tiles of 16, and
/// 569 is prime.
inline std::string quickstart_spec() {
  const std::string source = VARISCOPE_SOURCE_DIR;
  std::string text = read_text(source + "/experiments/specs/breast_cancer_variance.toml");
  text = with_value(text, "data", "file", "\"" + source + "/experiments/data/breast_cancer.csv\"");
  text = with_value(text, "data", "row_tile", "16");
  text = with_value(text, "path", "steps", "40");
  text = with_value(text, "estimators", "samples", "32");
  text = with_value(text, "estimators", "batch_rows", "[\"all\", 32]");
  text = with_value(text, "replicates", "count", "96");
  return with_value(text, "replicates", "batches", "12");
}

/// A study without data that takes next to no time.
inline std::string gaussian_spec(const std::string& replicates = "count = 64\nbatches = 8\n",
                                 const std::string& estimators = "\"pw_cfe\"") {
  return R"([study]
name = "cheap"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[path]
steps = 10
points = [0, 100]
[estimators]
names = [)" +
         estimators + R"(]
samples = 8
[replicates]
)" + replicates;
}

/// Logistic regression of column y of `file`. `extra` is put at the end of [estimators].
inline std::string logistic_spec(const std::string& file, const std::string& estimators = "\"pw_cfe\"", const std::string& samples = "8",
                                 const std::string& extra = "", const std::string& data = "") {
  return "[study]\nname = \"small\"\n[data]\nfile = \"" + file + "\"\nresponse = \"y\"\nrow_tile = 16\n" + data +
         "[model]\nname = \"logistic_regression\"\n[path]\nsteps = 5\npoints = [0, 100]\n[replicates]\ncount = 16\nbatches = 8\n"
         "[estimators]\nnames = [" +
         estimators + "]\nsamples = " + samples + "\n" + extra;
}

}  // namespace variscope::testing
