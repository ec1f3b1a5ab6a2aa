/// A small run file with everything in it (cell_001 has crossed designs), and what a refusal says.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/error.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/store/scratch.hpp"

namespace variscope::store {

inline const PathRecord sample_path{"path_000", {0.5, -1, 2, 3, 4, 5.25}, 10, 3, 2};
inline const ExecutionTable sample_execution{{"bytes held", "seconds"}, 3, {1, 2, 3, 4, 5, 6}};
inline const std::map<std::string, std::string> sample_provenance{
    {"spec", std::string(100000, 's') + "\n[model]\n"}, {"compiler", "g++ 12"}, {"flags", ""}};

inline std::string write_sample(const std::filesystem::path& file) {
  return write_run_file(file, {sample_cell("cell_000", 1), sample_crossed_cell("cell_001", 5000)}, {sample_path}, sample_execution,
                        sample_provenance);
}

/// The text of the UserError that `call` throws.
std::string user_error_of(const auto& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError was thrown";
  return {};
}

}  // namespace variscope::store
