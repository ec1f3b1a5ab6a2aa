/// Every dataset and attribute of a file, and one flipped bit in any of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {

struct Found {
  std::vector<std::string> datasets;
  std::vector<std::string> attributes;  ///< "object@name"
};

inline void find_all(const Handle& group, const std::string& path, Found& found) {
  const auto note = [&](const Handle& object, const std::string& where) {
    for (const auto& name : attribute_names(object)) found.attributes.push_back(where + "@" + name);
  };
  note(group, path);
  for (const auto& name : child_names(group, Order::name)) {
    const auto below = path + "/" + name;
    if (object_type(group, name) == H5O_TYPE_GROUP) {
      find_all(open_group(group, name), below, found);
    } else {
      found.datasets.push_back(below);
      note(open_dataset(group, name), below);
    }
  }
}

/// Flips the lowest bit of one byte of a dataset's last element: of the number, or of the first character of the text.
inline void flip(const Handle& file, const std::string& name) {
  auto dataset = open_dataset(file, name);
  if (H5Tget_class(type_of(dataset).id()) == H5T_STRING) {
    auto texts = read_texts(file, name);
    texts.back() = texts.back().empty() ? "x" : std::string(1, static_cast<char>(texts.back()[0] ^ 1)) + texts.back().substr(1);
    std::vector<const char*> pointers;
    for (const auto& text : texts) pointers.push_back(text.c_str());
    ASSERT_GE(H5Dwrite(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), 0);
  } else {
    std::vector<unsigned char> bytes(element_count(extent_of(dataset)) * H5Tget_size(type_of(dataset).id()));
    ASSERT_FALSE(bytes.empty());
    ASSERT_GE(H5Dread(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
    bytes[bytes.size() - 8] ^= 1U;  // the least significant byte of the last number
    ASSERT_GE(H5Dwrite(dataset.id(), type_of(dataset).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
  }
  dataset.close();
}

}  // namespace variscope::store
