/// SHA-256 of bytes as they come and of whole files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace variscope::store {

/// One digest under way.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void add(const void* bytes, std::size_t size);
  /// Eight bytes, little-endian.
  void add_number(std::uint64_t value);
  /// A length in front, so that "ab","c" and "a","bc" differ.
  void add_text(std::string_view text);
  /// 64 hexadecimal digits; the digest is then finished.
  [[nodiscard]] std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of some bytes, in hexadecimal.
[[nodiscard]] std::string sha256(std::string_view bytes);

/// SHA-256 of a file's bytes, read in blocks.
[[nodiscard]] std::string sha256_file(const std::filesystem::path& path);

}  // namespace variscope::store
