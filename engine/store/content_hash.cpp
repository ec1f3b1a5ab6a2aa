/// The canonical walk: names in byte order, values in a form that does not depend on where or how HDF5 put them.
#include "engine/store/content_hash.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "engine/error.hpp"
#include "engine/store/sha256.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

constexpr hsize_t block_elements = hsize_t{1} << 19;

bool is_plain_number(hid_t type) {
  const auto kind = H5Tget_class(type);
  return kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM || kind == H5T_BITFIELD;
}

Handle base_of(hid_t type, const std::string& where) { return Handle(H5Tget_super(type), Handle::Kind::datatype, "H5Tget_super", where); }

Handle member_of(hid_t type, unsigned int member, const std::string& where) {
  return Handle(H5Tget_member_type(type, member), Handle::Kind::datatype, "H5Tget_member_type", where);
}

/// HDF5's element as memory has it, numbers little-endian.
Handle memory_type(hid_t type, const std::string& where) {
  Handle copy(H5Tcopy(type), Handle::Kind::datatype, "H5Tcopy", where);
  if (is_plain_number(type) && H5Tget_class(type) != H5T_ENUM) checked(H5Tset_order(copy.id(), H5T_ORDER_LE), "H5Tset_order", where);
  return copy;
}

class Walk {
 public:
  Walk(const Handle& file, std::string root, const std::vector<std::string>& except)
      : file_(file), root_(std::move(root)), except_(except) {}

  std::string run() {
    const auto top = open_group(file_, root_);
    collect_paths(top, "");
    group(top, "");
    return digest_.hex();
  }

 private:
  void group(const Handle& group, const std::string& path) {
    digest_.add_text("group");
    digest_.add_text(path);
    attributes(group);
    for (const auto& name : child_names(group, Order::name)) {
      const auto below = path + "/" + name;
      switch (object_type(group, name)) {
        case H5O_TYPE_GROUP:
          this->group(open_group(group, name), below);
          break;
        case H5O_TYPE_DATASET:
          dataset(open_dataset(group, name), below);
          break;
        default:
          throw SystemError("content hash: " + group.where() + "/" + name + " (neither group nor dataset)");
      }
    }
    digest_.add_text("end");
  }

  void dataset(const Handle& dataset, const std::string& path) {
    digest_.add_text("dataset");
    digest_.add_text(path);
    const auto stored = type_of(dataset);
    const auto type = memory_type(stored.id(), dataset.where());
    const auto extent = extent_of(dataset);
    describe(type.id(), extent, dataset.where());
    if (is_plain_number(type.id()) && !extent.empty()) {
      numbers(dataset, type, extent);
    } else {
      const Handle space(H5Dget_space(dataset.id()), Handle::Kind::dataspace, "H5Dget_space", dataset.where());
      values(type, space, dataset.where(), [&](void* buffer) {
        checked(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer), "H5Dread", dataset.where());
      });
    }
    attributes(dataset);
  }

  void attributes(const Handle& object) {
    auto names = attribute_names(object);
    std::erase_if(names, [&](const std::string& name) { return std::find(except_.begin(), except_.end(), name) != except_.end(); });
    digest_.add_number(names.size());
    for (const auto& name : names) {
      const auto where = object.where() + "@" + name;
      const Handle attribute(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), Handle::Kind::attribute, "H5Aopen", where);
      const Handle stored(H5Aget_type(attribute.id()), Handle::Kind::datatype, "H5Aget_type", where);
      const Handle space(H5Aget_space(attribute.id()), Handle::Kind::dataspace, "H5Aget_space", where);
      const auto type = memory_type(stored.id(), where);
      Extent extent(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space.id()), "H5Sget_simple_extent_ndims", where)));
      checked(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), "H5Sget_simple_extent_dims", where);
      digest_.add_text(name);
      describe(type.id(), extent, where);
      values(type, space, where, [&](void* buffer) { checked(H5Aread(attribute.id(), type.id(), buffer), "H5Aread", where); });
    }
  }

  void describe(hid_t type, const Extent& extent, const std::string& where) {
    describe(type, where);
    digest_.add_number(extent.size());
    for (const auto size : extent) digest_.add_number(size);
  }

  void describe(hid_t type, const std::string& where) {
    const auto kind = H5Tget_class(type);
    digest_.add_number(static_cast<std::uint64_t>(kind));
    if (is_plain_number(type)) digest_.add_number(H5Tget_size(type));
    if (kind == H5T_INTEGER) digest_.add_number(H5Tget_sign(type) == H5T_SGN_NONE ? 0 : 1);
    if (kind == H5T_COMPOUND) {
      const auto members = static_cast<unsigned int>(checked(H5Tget_nmembers(type), "H5Tget_nmembers", where));
      digest_.add_number(members);
      for (unsigned int member = 0; member < members; ++member) {
        char* name = H5Tget_member_name(type, member);
        digest_.add_text(name == nullptr ? "" : name);
        H5free_memory(name);
        describe(member_of(type, member, where).id(), where);
      }
    }
    if (kind == H5T_VLEN || kind == H5T_ARRAY || kind == H5T_ENUM) describe(base_of(type, where).id(), where);
  }

  /// Numbers in blocks: whole trailing axes, a run of one axis, single steps of the axes before it.
  void numbers(const Handle& dataset, const Handle& type, const Extent& extent) {
    if (element_count(extent) == 0) return;
    std::size_t axis = extent.size();
    hsize_t inner = 1;
    while (axis > 1 && inner * extent[axis - 1] <= block_elements) inner *= extent[--axis];
    --axis;
    Extent count = extent;
    std::fill_n(count.begin(), axis, hsize_t{1});
    const hsize_t run = std::clamp(block_elements / inner, hsize_t{1}, extent[axis]);
    const auto element_bytes = H5Tget_size(type.id());
    std::vector<char> buffer(run * inner * element_bytes);
    Extent offset(extent.size(), 0);
    while (true) {
      count[axis] = std::min(run, extent[axis] - offset[axis]);
      read_slab(dataset, type.id(), offset, count, buffer.data());
      digest_.add(buffer.data(), count[axis] * inner * element_bytes);
      offset[axis] += count[axis];
      for (std::size_t carry = axis; carry > 0 && offset[carry] == extent[carry]; --carry) {
        offset[carry] = 0;
        ++offset[carry - 1];
      }
      if (offset[0] == extent[0]) break;
    }
  }

  template <class Read>
  void values(const Handle& type, const Handle& space, const std::string& where, Read read) {
    const auto count = static_cast<std::size_t>(checked(H5Sget_simple_extent_npoints(space.id()), "H5Sget_simple_extent_npoints", where));
    if (count == 0) return;
    const auto size = H5Tget_size(type.id());
    std::vector<char> buffer(count * size, '\0');
    read(buffer.data());
    for (std::size_t i = 0; i < count; ++i) value(type.id(), buffer.data() + i * size, where);
    if (H5Tdetect_class(type.id(), H5T_VLEN) > 0 || H5Tis_variable_str(type.id()) > 0) {
      checked(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, buffer.data()), "H5Dvlen_reclaim", where);
    }
  }

  void value(hid_t type, const char* bytes, const std::string& where) {
    switch (H5Tget_class(type)) {
      case H5T_STRING:
        text(type, bytes);
        break;
      case H5T_REFERENCE:
        reference(type, bytes, where);
        break;
      case H5T_COMPOUND:
        for (unsigned int member = 0; member < static_cast<unsigned int>(H5Tget_nmembers(type)); ++member) {
          value(member_of(type, member, where).id(), bytes + H5Tget_member_offset(type, member), where);
        }
        break;
      case H5T_VLEN: {
        hvl_t list;
        std::memcpy(&list, bytes, sizeof list);
        digest_.add_number(list.len);
        elements(base_of(type, where), static_cast<const char*>(list.p), list.len, where);
        break;
      }
      case H5T_ARRAY: {
        const auto base = base_of(type, where);
        elements(base, bytes, H5Tget_size(type) / H5Tget_size(base.id()), where);
        break;
      }
      default:
        digest_.add(bytes, H5Tget_size(type));
    }
  }

  void elements(const Handle& base, const char* bytes, std::size_t count, const std::string& where) {
    const auto size = H5Tget_size(base.id());
    for (std::size_t i = 0; i < count; ++i) value(base.id(), bytes + i * size, where);
  }

  void text(hid_t type, const char* bytes) {
    if (H5Tis_variable_str(type) > 0) {
      const char* pointer = nullptr;
      std::memcpy(&pointer, bytes, sizeof pointer);
      digest_.add_text(pointer == nullptr ? "" : pointer);
    } else {
      digest_.add_text(std::string_view(bytes, strnlen(bytes, H5Tget_size(type))));
    }
  }

  /// An address in the file means nothing; the path it leads to does.
  void reference(hid_t type, const char* bytes, const std::string& where) {
    if (H5Tequal(type, H5T_STD_REF_OBJ) <= 0) throw SystemError("content hash: " + where + " (a reference to a region)");
    hobj_ref_t address = 0;
    std::memcpy(&address, bytes, sizeof address);
    const auto found = paths_.find(address);
    if (found == paths_.end()) throw SystemError("content hash: " + where + " (a reference to something outside the group)");
    digest_.add_text(found->second);
  }

  /// The paths of all objects by address. H5Rget_name would search the whole file for each reference.
  void collect_paths(const Handle& group, const std::string& path) {
    for (const auto& name : child_names(group, Order::name)) {
      H5O_info_t info{};
      checked(H5Oget_info_by_name2(group.id(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT), "H5Oget_info_by_name",
              group.where() + "/" + name);
      paths_.emplace(info.addr, path + "/" + name);
      if (info.type == H5O_TYPE_GROUP) collect_paths(open_group(group, name), path + "/" + name);
    }
  }

  const Handle& file_;
  std::string root_;
  const std::vector<std::string>& except_;
  std::unordered_map<haddr_t, std::string> paths_;
  Sha256 digest_;
};

}  // namespace

std::string content_hash(const Handle& file, const std::string& group, const std::vector<std::string>& except) {
  return Walk(file, group, except).run();
}

}  // namespace variscope::store
