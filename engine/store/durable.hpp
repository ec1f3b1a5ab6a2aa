/// Files that appear whole or not at all: written beside, synchronised, renamed, the directory synchronised.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/index.hpp"

namespace variscope::store {

/// The name a file has until it is complete: "run.h5" -> "run.h5.tmp".
[[nodiscard]] std::filesystem::path unfinished(const std::filesystem::path& target);

/// fsync of a file or a directory by name.
void synchronise(const std::filesystem::path& path);

/// fsync(unfinished(target)), rename onto target, fsync(directory). The rename is the commit: before it target is untouched.
void commit_file(const std::filesystem::path& target);

/// Runs `write(unfinished(target))` and commits. If either throws, the unfinished file is removed (a full disk gets its space back,
/// and HDF5, which may hold a file open that it failed to close, meets a new one on the next attempt).
template <class Write>
void write_beside(const std::filesystem::path& target, Write write) {
  try {
    write(unfinished(target));
    commit_file(target);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(unfinished(target), ignored);
    throw;
  }
}

/// Writes text as a whole new file, by commit_file.
void write_text_file(const std::filesystem::path& target, std::string_view text);

/// pwrite of all bytes; `path` is for the message.
void write_at(int descriptor, const void* bytes, std::size_t size, Index offset, const std::filesystem::path& path);

/// The whole content of a small file.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path);

/// Throws SystemError "call: object (reason)" from errno.
[[noreturn]] void throw_errno(std::string_view call, const std::filesystem::path& object);

}  // namespace variscope::store
