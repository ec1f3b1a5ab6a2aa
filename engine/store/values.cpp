/// Typed reading and writing of datasets and attributes.
#include "engine/store/values.hpp"

#include <algorithm>

#include "engine/error.hpp"

namespace variscope::store {
namespace {

/// HDF5 gives and takes variable-length texts as pointers; those it gives must go back.
Handle text_type(const std::string& where) {
  Handle type(H5Tcopy(H5T_C_S1), Handle::Kind::datatype, "H5Tcopy", where);
  checked(H5Tset_size(type.id(), H5T_VARIABLE), "H5Tset_size", where);
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset", where);
  return type;
}

class TextPointers {
 public:
  TextPointers(std::size_t count, const Handle& type, const Handle& space) : pointers_(count, nullptr), type_(type), space_(space) {}
  TextPointers(const TextPointers&) = delete;
  TextPointers& operator=(const TextPointers&) = delete;
  ~TextPointers() { H5Dvlen_reclaim(type_.id(), space_.id(), H5P_DEFAULT, pointers_.data()); }
  char** data() { return pointers_.data(); }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> result;
    result.reserve(pointers_.size());
    for (const char* text : pointers_) result.emplace_back(text == nullptr ? "" : text);
    return result;
  }

 private:
  std::vector<char*> pointers_;
  const Handle& type_;
  const Handle& space_;
};

/// Fixed-length texts end at the first NUL, or lose their padding.
std::vector<std::string> split_fixed(const std::vector<char>& bytes, std::size_t size, bool space_padded) {
  std::vector<std::string> texts;
  for (std::size_t begin = 0; size > 0 && begin + size <= bytes.size(); begin += size) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = first + static_cast<std::ptrdiff_t>(size);
    std::string text(first, std::find(first, last, '\0'));
    while (space_padded && text.ends_with(' ')) text.pop_back();
    texts.push_back(std::move(text));
  }
  return texts;
}

/// Reads texts of a dataset or attribute; `read(type, buffer)` is H5Dread or H5Aread.
template <class Read>
std::vector<std::string> read_any_texts(const Handle& type, const Handle& space, const std::string& where, Read read) {
  if (H5Tget_class(type.id()) != H5T_STRING) throw SystemError("read texts: " + where + " (not of a text type)");
  const auto count = static_cast<std::size_t>(checked(H5Sget_simple_extent_npoints(space.id()), "H5Sget_simple_extent_npoints", where));
  if (count == 0) return {};
  if (checked(H5Tis_variable_str(type.id()), "H5Tis_variable_str", where) > 0) {
    TextPointers pointers(count, type, space);
    read(type.id(), pointers.data());
    return pointers.texts();
  }
  const auto size = H5Tget_size(type.id());
  std::vector<char> bytes(count * size);
  read(type.id(), bytes.data());
  return split_fixed(bytes, size, H5Tget_strpad(type.id()) == H5T_STR_SPACEPAD);
}

Handle whole_space(const Handle& dataset) {
  return Handle(H5Dget_space(dataset.id()), Handle::Kind::dataspace, "H5Dget_space", dataset.where());
}

template <class Number>
std::vector<Number> read_numbers(const Handle& parent, const std::string& name, hid_t memory_type) {
  auto dataset = open_dataset(parent, name);
  std::vector<Number> numbers(element_count(extent_of(dataset)));
  if (!numbers.empty()) {
    checked(H5Dread(dataset.id(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), "H5Dread", dataset.where());
  }
  dataset.close();
  return numbers;
}

Handle write_numbers(const Handle& parent, const std::string& name, const Extent& extent, hid_t type, const void* data) {
  auto dataset = create_dataset(parent, name, type, extent);
  if (element_count(extent) > 0) {
    checked(H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "H5Dwrite", dataset.where());
  }
  return dataset;
}

void write_scalar_attribute(const Handle& object, const std::string& name, hid_t type, const void* value) {
  const auto where = object.where() + "@" + name;
  const Handle space(H5Screate(H5S_SCALAR), Handle::Kind::dataspace, "H5Screate", where);
  Handle attribute(H5Acreate2(object.id(), name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), Handle::Kind::attribute, "H5Acreate2",
                   where);
  checked(H5Awrite(attribute.id(), type, value), "H5Awrite", where);
  attribute.close();
}

Handle open_attribute(const Handle& object, const std::string& name) {
  return Handle(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), Handle::Kind::attribute, "H5Aopen", object.where() + "@" + name);
}

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

Handle write_doubles(const Handle& parent, const std::string& name, const Extent& extent, const double* data) {
  return write_numbers(parent, name, extent, H5T_NATIVE_DOUBLE, data);
}

Handle write_integers(const Handle& parent, const std::string& name, const Extent& extent, const Index* data) {
  return write_numbers(parent, name, extent, H5T_NATIVE_INT64, data);
}

Handle write_texts(const Handle& parent, const std::string& name, const std::vector<std::string>& texts) {
  const auto type = text_type(name);
  std::vector<const char*> pointers;
  pointers.reserve(texts.size());
  for (const auto& text : texts) pointers.push_back(text.c_str());
  return write_numbers(parent, name, {texts.size()}, type.id(), pointers.data());
}

std::vector<double> read_doubles(const Handle& parent, const std::string& name) {
  return read_numbers<double>(parent, name, H5T_NATIVE_DOUBLE);
}

std::vector<Index> read_integers(const Handle& parent, const std::string& name) {
  return read_numbers<Index>(parent, name, H5T_NATIVE_INT64);
}

std::vector<std::string> read_texts(const Handle& parent, const std::string& name) {
  const auto dataset = open_dataset(parent, name);
  return read_any_texts(type_of(dataset), whole_space(dataset), dataset.where(), [&](hid_t type, void* buffer) {
    checked(H5Dread(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer), "H5Dread", dataset.where());
  });
}

void write_attribute(const Handle& object, const std::string& name, const std::string& text) {
  const char* pointer = text.c_str();
  write_scalar_attribute(object, name, text_type(name).id(), &pointer);
}

void write_attribute(const Handle& object, const std::string& name, Index value) {
  write_scalar_attribute(object, name, H5T_NATIVE_INT64, &value);
}

void write_attribute_int32(const Handle& object, const std::string& name, std::int32_t value) {
  write_scalar_attribute(object, name, H5T_NATIVE_INT32, &value);
}

bool has_attribute(const Handle& object, const std::string& name) {
  return checked(H5Aexists(object.id(), name.c_str()), "H5Aexists", object.where()) > 0;
}

std::string read_text_attribute(const Handle& object, const std::string& name) {
  const auto attribute = open_attribute(object, name);
  const Handle type(H5Aget_type(attribute.id()), Handle::Kind::datatype, "H5Aget_type", attribute.where());
  const Handle space(H5Aget_space(attribute.id()), Handle::Kind::dataspace, "H5Aget_space", attribute.where());
  const auto texts = read_any_texts(type, space, attribute.where(), [&](hid_t memory_type, void* buffer) {
    checked(H5Aread(attribute.id(), memory_type, buffer), "H5Aread", attribute.where());
  });
  return texts.empty() ? std::string() : texts.front();
}

Index read_integer_attribute(const Handle& object, const std::string& name) {
  const auto attribute = open_attribute(object, name);
  Index value = 0;
  const Handle space(H5Aget_space(attribute.id()), Handle::Kind::dataspace, "H5Aget_space", attribute.where());
  if (H5Sget_simple_extent_npoints(space.id()) != 1) throw SystemError("read integer: " + attribute.where() + " (not a scalar)");
  checked(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), "H5Aread", attribute.where());
  return value;
}

std::vector<std::string> attribute_names(const Handle& object) {
  std::vector<std::string> names;
  checked(H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_attribute, &names), "H5Aiterate2", object.where());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace variscope::store
