/// Other programs, found and run without a shell.
#pragma once

#include <string>
#include <vector>

namespace variscope::experiments {

/// First executable of this name on PATH; empty if there is none.
std::string find_program(const std::string& name);

/// Runs a program to its end with nothing on its standard input; what it wrote to standard output, empty if it failed.
std::string output_of(const std::vector<std::string>& command);

/// A child's standard streams; -1: the parent's own. Closes nothing of the parent's.
struct ChildStreams {
  int output = -1;
  int error = -1;
};
/// Starts arguments[0] with our environment and `set` (NAME=value), its standard input empty, in a process group of its own that ends with
/// us. Returns its process id. Throws SystemError.
int start_child(const std::vector<std::string>& arguments, const std::vector<std::string>& set, const ChildStreams& streams);

}  // namespace variscope::experiments
