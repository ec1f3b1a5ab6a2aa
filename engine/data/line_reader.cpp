/// Buffered reading of lines by memchr.
#include "engine/data/line_reader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/error.hpp"

namespace variscope::data {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;

}  // namespace

LineReader::LineReader(const std::string& file, Index byte, Index line) : name_(file), byte_(byte), line_(line) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw UserError(fmt::format("{}: cannot read (it is a directory). Name the file in it.", file));
  }
  file_.reset(std::fopen(file.c_str(), "rb"));
  if (!file_) {
    throw UserError(fmt::format("{}: cannot open ({}). Check the path.", file, std::strerror(errno)));
  }
  if (byte > 0 && fseeko(file_.get(), static_cast<off_t>(byte), SEEK_SET) != 0) {
    throw SystemError(fmt::format("fseeko {}: {}", file, std::strerror(errno)));
  }
  buffer_.resize(kBlock);
  if (byte == 0 && fill() && end_ >= 3 && std::memcmp(buffer_.data(), "\xEF\xBB\xBF", 3) == 0) {
    begin_ = 3;
    byte_ = 3;
  }
}

bool LineReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const std::size_t got = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_.get());
  if (got == 0 && std::ferror(file_.get()) != 0) throw SystemError(fmt::format("fread {}: {}", name_, std::strerror(errno)));
  end_ += got;
  return got > 0;
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = 0;
  for (;;) {
    const char* start = buffer_.data() + begin_;
    const std::size_t held = end_ - begin_;
    const void* found = held > searched ? std::memchr(start + searched, '\n', held - searched) : nullptr;
    std::size_t length = 0;
    std::size_t taken = 0;
    if (found != nullptr) {
      length = static_cast<std::size_t>(static_cast<const char*>(found) - start);
      taken = length + 1;
    } else {
      searched = held;
      if (fill()) continue;
      if (held == 0) return false;
      length = held;
      taken = held;
      start = buffer_.data() + begin_;
    }
    begin_ += taken;
    byte_ += static_cast<Index>(taken);
    ++line_;
    if (length > 0 && start[length - 1] == '\r') --length;
    line = {start, length};
    return true;
  }
}

}  // namespace variscope::data
