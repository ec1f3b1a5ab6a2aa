/// Durable files by POSIX calls, every return value checked.
#include "engine/store/durable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/error.hpp"
#include "engine/store/fault.hpp"

namespace variscope::store {

void throw_errno(std::string_view call, const std::filesystem::path& object) {
  throw SystemError(fmt::format("{}: {} ({})", call, object.string(), std::strerror(errno)));
}

std::filesystem::path unfinished(const std::filesystem::path& target) { return target.string() + ".tmp"; }

void synchronise(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_errno("open", path);
  if (::fsync(descriptor) != 0) {
    const int reason = errno;
    ::close(descriptor);
    errno = reason;
    throw_errno("fsync", path);
  }
  if (::close(descriptor) != 0) throw_errno("close", path);
}

void commit_file(const std::filesystem::path& target) {
  fault_point(target, "written");
  synchronise(unfinished(target));
  fault_point(target, "synchronised");
  if (std::rename(unfinished(target).c_str(), target.c_str()) != 0) throw_errno("rename", target);
  fault_point(target, "renamed");
  const auto directory = target.parent_path();
  synchronise(directory.empty() ? std::filesystem::path(".") : directory);
  fault_point(target, "committed");
}

void write_text_file(const std::filesystem::path& target, std::string_view text) {
  write_beside(target, [&](const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) throw_errno("open", path);
    try {
      write_at(descriptor, text.data(), text.size(), 0, path);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    if (::close(descriptor) != 0) throw_errno("close", path);
  });
}

void write_at(int descriptor, const void* bytes, std::size_t size, Index offset, const std::filesystem::path& path) {
  const auto* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const auto written = ::pwrite(descriptor, next, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("pwrite", path);
    next += written;
    offset += written;
    size -= static_cast<std::size_t>(written);
  }
}

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw_errno("open", path);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) throw_errno("read", path);
  return text;
}

}  // namespace variscope::store
