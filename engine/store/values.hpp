/// Numbers and texts as HDF5 datasets and attributes; texts are variable-length UTF-8, the one form every reader takes.
#pragma once

#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/store/hdf5.hpp"

namespace variscope::store {

/// New datasets, returned open so that scales and attributes can be added; the caller closes them.
[[nodiscard]] Handle write_doubles(const Handle& parent, const std::string& name, const Extent& extent, const double* data);
[[nodiscard]] Handle write_integers(const Handle& parent, const std::string& name, const Extent& extent, const Index* data);
[[nodiscard]] Handle write_texts(const Handle& parent, const std::string& name, const std::vector<std::string>& texts);

/// Whole datasets, converted by HDF5. Texts may be of variable or fixed length.
[[nodiscard]] std::vector<double> read_doubles(const Handle& parent, const std::string& name);
[[nodiscard]] std::vector<Index> read_integers(const Handle& parent, const std::string& name);
[[nodiscard]] std::vector<std::string> read_texts(const Handle& parent, const std::string& name);

void write_attribute(const Handle& object, const std::string& name, const std::string& text);
void write_attribute(const Handle& object, const std::string& name, Index value);
void write_attribute_int32(const Handle& object, const std::string& name, std::int32_t value);
[[nodiscard]] bool has_attribute(const Handle& object, const std::string& name);
[[nodiscard]] std::string read_text_attribute(const Handle& object, const std::string& name);
[[nodiscard]] Index read_integer_attribute(const Handle& object, const std::string& name);
/// Sorted by bytes.
[[nodiscard]] std::vector<std::string> attribute_names(const Handle& object);

}  // namespace variscope::store
