/// The checks of `variscope doctor`, one by one.
#pragma once

#include <string>
#include <vector>

namespace variscope::experiments {

enum class Health { ok, warn, fail };

struct Check {
  Health health = Health::ok;
  std::string name;
  std::string found;
  std::string suggestion;  ///< empty if there is nothing to do
};

std::vector<Check> check_machine();
std::vector<Check> check_libraries();
/// Free space, writing and file locking in a directory, by trying.
std::vector<Check> check_directory(const std::string& directory);

/// One line a check, aligned.
std::string render(const std::vector<Check>& checks);

}  // namespace variscope::experiments
