/// A SHA-256 of what a group contains, whatever the place of its bytes in the file.
#pragma once

#include <string>
#include <vector>

#include "engine/store/hdf5.hpp"

namespace variscope::store {

/// Walks everything below `group` by name: every object's path and kind, every dataset's and attribute's type, shape and values.
/// Numbers are taken little-endian, texts by content, references by the path they lead to (which must lie below the group); order of
/// creation, layout on disk and everything outside the group do not enter, nor do attributes named in `except` (times, say). Holds one
/// block of a dataset at a time (texts: one dataset).
[[nodiscard]] std::string content_hash(const Handle& file, const std::string& group, const std::vector<std::string>& except = {});

}  // namespace variscope::store
