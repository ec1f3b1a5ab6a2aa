/// Segments written beside and renamed; size, hash and format checked on the way back.
#include "engine/store/segment_file.hpp"

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/sha256.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

std::filesystem::path path_of(const std::filesystem::path& run, const std::string& name) { return run / "segments" / name; }

}  // namespace

SegmentEntry write_segment_file(const std::filesystem::path& run, Index checkpoint, Index writer,
                                const std::function<void(const Handle& file)>& write) {
  SegmentEntry entry{fmt::format("seg.{:06d}.{:06d}.h5", checkpoint, writer), 0, {}};
  const auto path = path_of(run, entry.name);
  write_beside(path, [&](const std::filesystem::path& beside) {
    auto file = create_file(beside);
    write(file);
    file.close();
    entry.bytes = static_cast<Index>(std::filesystem::file_size(beside));
    entry.sha256 = sha256_file(beside);
  });
  return entry;
}

void check_segment_file(const std::filesystem::path& run, const SegmentEntry& entry) {
  const auto path = path_of(run, entry.name);
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  if (missing) throw SystemError(fmt::format("segment: {} ({})", path.string(), missing.message()));
  if (static_cast<Index>(size) != entry.bytes) {
    throw SystemError(fmt::format("segment: {} (it has {} bytes, {} were committed)", path.string(), size, entry.bytes));
  }
  if (sha256_file(path) != entry.sha256)
    throw SystemError(fmt::format("segment: {} (its bytes do not match the committed SHA-256)", path.string()));
}

Handle open_segment_file(const std::filesystem::path& run, const SegmentEntry& entry, const std::string& format, Index version) {
  check_segment_file(run, entry);
  const auto path = path_of(run, entry.name);
  auto file = open_file(path, Access::read);
  if (read_text_attribute(file, "format") != format || read_integer_attribute(file, "format_version") != version) {
    throw SystemError(fmt::format("segment: {} (of another format version)", path.string()));
  }
  return file;
}

}  // namespace variscope::store
