/// The header's dictionary, and numbers of every width.
#include "engine/data/npy.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "engine/error.hpp"

namespace variscope::data {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are taken as they lie in the file");

std::FILE* open(const std::string& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    throw UserError(fmt::format("{}: cannot read (it is a directory). Name the file in it.", file));
  std::FILE* opened = std::fopen(file.c_str(), "rb");
  if (opened == nullptr) throw UserError(fmt::format("{}: cannot open ({}). Check the path.", file, std::strerror(errno)));
  return opened;
}

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw UserError(fmt::format("{}: not a .npy file that can be read ({}). Save it anew with numpy.save.", file, why));
}

/// What stands behind 'key': in the header's dictionary.
std::string_view after(const std::string& file, std::string_view text, const char* key) {
  const std::size_t at = text.find(fmt::format("'{}'", key));
  const std::size_t colon = at == std::string_view::npos ? at : text.find(':', at);
  if (colon == std::string_view::npos) refuse(file, fmt::format("its header has no {}", key));
  text.remove_prefix(colon + 1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

void parse_type(NpyHeader& header, std::string_view text) {
  if (text.size() < 4 || text[0] != '\'') {
    throw UserError(fmt::format("{}: an array of records (an array of numbers is expected). Save the columns as one array.", header.file));
  }
  const std::string type(text.substr(1, text.find('\'', 1) - 1));
  header.kind = type.size() < 3 ? '?' : type[1];
  header.bytes = type.size() < 3 ? 0 : type[2] - '0';
  const bool is_float = header.kind == 'f' && (type.substr(2) == "4" || type.substr(2) == "8");
  const bool is_integer = (header.kind == 'i' || header.kind == 'u') &&
                          (type.substr(2) == "1" || type.substr(2) == "2" || type.substr(2) == "4" || type.substr(2) == "8");
  const bool is_boolean = type == "|b1";
  if ((!is_float && !is_integer && !is_boolean) || (type[0] == '>' && header.bytes > 1)) {
    throw UserError(fmt::format(
        "{}: numbers of type '{}' (float32, float64, integers and booleans are read, little-endian). Convert with astype('<f8').",
        header.file, type));
  }
}

void parse_shape(NpyHeader& header, std::string_view text) {
  const std::string_view inside = text.substr(0, text.find(')'));
  std::vector<Index> shape;
  for (std::size_t at = 0; at < inside.size();) {
    if (std::isdigit(static_cast<unsigned char>(inside[at])) == 0) {
      ++at;
      continue;
    }
    Index extent = 0;
    const auto [stop, error] = std::from_chars(inside.data() + at, inside.data() + inside.size(), extent);
    if (error != std::errc()) refuse(header.file, "its shape is damaged");
    shape.push_back(extent);
    at = static_cast<std::size_t>(stop - inside.data());
  }
  if (shape.empty() || shape.size() > 2) {
    throw UserError(
        fmt::format("{}: {} dimensions (rows, or rows x columns, are expected). Reshape the array.", header.file, shape.size()));
  }
  header.rows = shape[0];
  header.columns = shape.size() == 2 ? shape[1] : 1;
}

template <class T>
void convert(const char* raw, Index count, Index from_stride, double* out, Index stride) {
  for (Index k = 0; k < count; ++k) {
    T value;
    std::memcpy(&value, raw + k * from_stride * static_cast<Index>(sizeof(T)), sizeof(T));
    out[k * stride] = static_cast<double>(value);
  }
}

/// `count` numbers, every `from_stride`-th one.
void convert(const NpyHeader& header, const char* raw, Index count, Index from_stride, double* out, Index stride) {
  const bool with_sign = header.kind == 'i';
  if (header.kind == 'f') {
    header.bytes == 4 ? convert<float>(raw, count, from_stride, out, stride) : convert<double>(raw, count, from_stride, out, stride);
    return;
  }
  switch (header.bytes) {
    case 1:
      return with_sign ? convert<std::int8_t>(raw, count, from_stride, out, stride)
                       : convert<std::uint8_t>(raw, count, from_stride, out, stride);
    case 2:
      return with_sign ? convert<std::int16_t>(raw, count, from_stride, out, stride)
                       : convert<std::uint16_t>(raw, count, from_stride, out, stride);
    case 4:
      return with_sign ? convert<std::int32_t>(raw, count, from_stride, out, stride)
                       : convert<std::uint32_t>(raw, count, from_stride, out, stride);
    default:
      return with_sign ? convert<std::int64_t>(raw, count, from_stride, out, stride)
                       : convert<std::uint64_t>(raw, count, from_stride, out, stride);
  }
}

}  // namespace

NpyHeader read_npy_header(const std::string& file) {
  NpyHeader header;
  header.file = file;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(open(file), std::fclose);
  std::array<unsigned char, 12> start{};
  if (std::fread(start.data(), 1, 10, opened.get()) != 10 || std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
    refuse(file, "it does not begin as one");
  std::size_t length = start[8] + 256U * start[9];
  header.offset = 10;
  if (start[6] >= 2) {  // four bytes of length instead of two
    if (std::fread(start.data() + 10, 1, 2, opened.get()) != 2) refuse(file, "it is cut short");
    length += 65536U * start[10] + 16777216U * start[11];
    header.offset = 12;
  }
  constexpr std::size_t kLongestHeader = std::size_t{1} << 20;
  if (length > kLongestHeader) refuse(file, "its header is too long");
  std::string text(length, ' ');
  if (std::fread(text.data(), 1, length, opened.get()) != length) refuse(file, "it is cut short");
  header.offset += static_cast<Index>(length);
  parse_type(header, after(file, text, "descr"));
  header.fortran = after(file, text, "fortran_order").starts_with("True");
  parse_shape(header, after(file, text, "shape"));
  std::error_code error;
  const auto size = static_cast<Index>(std::filesystem::file_size(file, error));
  if (header.columns > 0 && header.rows > (size - header.offset) / header.columns / header.bytes) refuse(file, "it is cut short");
  return header;
}

NpyReader::NpyReader(const NpyHeader& header) : header_(header), file_(open(header.file)) {}

void NpyReader::fetch(Index first, Index count) {
  const auto bytes = static_cast<std::size_t>(count * header_.bytes);
  raw_.resize(bytes);
  if (fseeko(file_.get(), static_cast<off_t>(header_.offset + first * header_.bytes), SEEK_SET) != 0)
    throw SystemError(fmt::format("fseeko {}: {}", header_.file, std::strerror(errno)));
  if (std::fread(raw_.data(), 1, bytes, file_.get()) == bytes) return;
  if (std::ferror(file_.get()) != 0) throw SystemError(fmt::format("fread {}: {}", header_.file, std::strerror(errno)));
  throw UserError(fmt::format("{}: rows are missing (the file has changed meanwhile). Start again.", header_.file));
}

void NpyReader::read(Range rows, double* out, Index stride) {
  const Index count = rows.size();
  if (count == 0) return;
  if (!header_.fortran) fetch(rows.first * header_.columns, count * header_.columns);
  for (Index c = 0; c < header_.columns; ++c) {
    if (header_.fortran) fetch(c * header_.rows + rows.first, count);
    const char* from = header_.fortran ? raw_.data() : raw_.data() + c * header_.bytes;
    convert(header_, from, count, header_.fortran ? 1 : header_.columns, out + c, stride);
  }
}

}  // namespace variscope::data
