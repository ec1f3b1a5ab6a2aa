/// Lines of a text file, one at a time, however long the file: byte order mark and line ends removed, positions kept.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/index.hpp"

namespace variscope::data {

/// Holds one block of the file (more only if a line is longer). LF and CRLF end a line; the last line may lack either.
class LineReader {
 public:
  /// Starts at `byte`, whose line number is `line`. UserError if the file cannot be opened.
  explicit LineReader(const std::string& file, Index byte = 0, Index line = 1);

  /// The next line without its end, valid until the next call; false at the end of the file. SystemError if reading fails.
  bool next(std::string_view& line);

  /// Where the line that comes next starts.
  [[nodiscard]] Index byte() const { return byte_; }
  [[nodiscard]] Index line() const { return line_; }

 private:
  bool fill();

  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< first byte not given out
  std::size_t end_ = 0;    ///< behind the last byte read
  Index byte_ = 0;
  Index line_ = 1;
};

}  // namespace variscope::data
