/// One segment as a file, whatever it holds: named, written durably, and checked against its entry before it is read.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "engine/store/hdf5.hpp"
#include "engine/store/segments.hpp"

namespace variscope::store {

/// Writes <run>/segments/seg.<checkpoint>.<writer>.h5 by `write`, every close checked, synchronised, renamed.
[[nodiscard]] SegmentEntry write_segment_file(const std::filesystem::path& run, Index checkpoint, Index writer,
                                              const std::function<void(const Handle& file)>& write);
/// Throws SystemError if the file is missing, or its size or SHA-256 differ from the entry's. Cost: reads it whole.
void check_segment_file(const std::filesystem::path& run, const SegmentEntry& entry);
/// Throws SystemError if size or SHA-256 differ from the entry's, or format and version from what is expected.
[[nodiscard]] Handle open_segment_file(const std::filesystem::path& run, const SegmentEntry& entry, const std::string& format,
                                       Index version);

}  // namespace variscope::store
