/// Handles, files, groups and hyperslabs over the HDF5 C interface.
#include "engine/store/hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/error.hpp"

namespace variscope::store {
namespace {

herr_t close_id(hid_t id, Handle::Kind kind) {
  switch (kind) {
    case Handle::Kind::file:
      return H5Fclose(id);
    case Handle::Kind::group:
      return H5Gclose(id);
    case Handle::Kind::dataset:
      return H5Dclose(id);
    case Handle::Kind::attribute:
      return H5Aclose(id);
    case Handle::Kind::dataspace:
      return H5Sclose(id);
    case Handle::Kind::datatype:
      return H5Tclose(id);
    case Handle::Kind::property_list:
      return H5Pclose(id);
  }
  return -1;
}

const char* close_name(Handle::Kind kind) {
  switch (kind) {
    case Handle::Kind::file:
      return "H5Fclose";
    case Handle::Kind::group:
      return "H5Gclose";
    case Handle::Kind::dataset:
      return "H5Dclose";
    case Handle::Kind::attribute:
      return "H5Aclose";
    case Handle::Kind::dataspace:
      return "H5Sclose";
    case Handle::Kind::datatype:
      return "H5Tclose";
    case Handle::Kind::property_list:
      return "H5Pclose";
  }
  return "close";
}

/// What the outermost call was about, and what the innermost met: that one carries errno's text where the system is to blame.
herr_t keep_description(unsigned position, const H5E_error2_t* entry, void* text) {
  if (entry->desc == nullptr || *entry->desc == '\0') return 0;
  auto& reason = *static_cast<std::pair<std::string, std::string>*>(text);
  (position == 0 ? reason.first : reason.second) = entry->desc;
  return 0;
}

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

Handle property_list(hid_t list_class, const std::string& where) {
  return Handle(H5Pcreate(list_class), Handle::Kind::property_list, "H5Pcreate", where);
}

/// Creation order in files and groups: netCDF-C cannot append without it.
template <class SetOrder>
Handle ordered(hid_t list_class, SetOrder set_order, const std::string& where) {
  auto list = property_list(list_class, where);
  checked(set_order(list.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "H5Pset_link_creation_order", where);
  checked(H5Pset_attr_creation_order(list.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "H5Pset_attr_creation_order", where);
  return list;
}

std::string below(const Handle& parent, const std::string& name) {
  const auto& where = parent.where();
  if (!where.empty() && where.back() == '/') return where + (name.starts_with('/') ? name.substr(1) : name);
  return where + (name.starts_with('/') ? "" : "/") + name;
}

Handle file_access(const std::string& where) {
  auto list = property_list(H5P_FILE_ACCESS, where);
  checked(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), "H5Pset_libver_bounds", where);
  return list;
}

Handle slab_memory(const Extent& count, const std::string& where) {
  return Handle(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), Handle::Kind::dataspace, "H5Screate_simple",
                where);
}

Handle slab_file(const Handle& dataset, const Extent& offset, const Extent& count) {
  Handle space(H5Dget_space(dataset.id()), Handle::Kind::dataspace, "H5Dget_space", dataset.where());
  checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, offset.data(), nullptr, count.data(), nullptr), "H5Sselect_hyperslab",
          dataset.where());
  return space;
}

}  // namespace

void throw_hdf5(std::string_view call, std::string_view where) {
  std::pair<std::string, std::string> reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &reason);
  if (reason.first.empty()) reason.first = "no reason given";
  // Of a failed system call HDF5 also tells time, buffer and offset: errno's text is enough.
  const std::string mark = "error message = '";
  if (const auto begin = reason.second.find(mark); begin != std::string::npos) {
    const auto text = reason.second.substr(begin + mark.size());
    reason.second = text.substr(0, text.find('\''));
  }
  throw SystemError(fmt::format("{}: {} ({}{}{})", call, where, reason.first, reason.second.empty() ? "" : ": ", reason.second));
}

Handle::Handle(hid_t id, Kind kind, std::string_view call, std::string where) : id_(id), kind_(kind), where_(std::move(where)) {
  if (id < 0) throw_hdf5(call, where_);
}

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, H5I_INVALID_HID)), kind_(other.kind_), where_(std::move(other.where_)) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(kind_, other.kind_);
  std::swap(where_, other.where_);
  return *this;
}

Handle::~Handle() {
  if (id_ >= 0) close_id(id_, kind_);
}

void Handle::close() {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  if (id >= 0) checked(close_id(id, kind_), close_name(kind_), where_);
}

void silence_hdf5() {
  // No clean-up at exit: everything is closed by then, but for a file whose H5Fclose failed, on which the clean-up crashes (1.10.8).
  [[maybe_unused]] static const herr_t first_call = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Handle create_file(const std::filesystem::path& path) {
  silence_hdf5();
  const std::string where = path.string() + ":";
  const auto creation = ordered(H5P_FILE_CREATE, H5Pset_link_creation_order, where);
  const auto access = file_access(where);
  return Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), Handle::Kind::file, "H5Fcreate", where);
}

Handle open_file(const std::filesystem::path& path, Access access) {
  silence_hdf5();
  const std::string where = path.string() + ":";
  const auto properties = access == Access::write ? file_access(where) : property_list(H5P_FILE_ACCESS, where);
  return Handle(H5Fopen(path.c_str(), access == Access::write ? H5F_ACC_RDWR : H5F_ACC_RDONLY, properties.id()), Handle::Kind::file,
                "H5Fopen", where);
}

Handle create_group(const Handle& parent, const std::string& name) {
  const auto where = below(parent, name);
  const auto creation = ordered(H5P_GROUP_CREATE, H5Pset_link_creation_order, where);
  return Handle(H5Gcreate2(parent.id(), name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), Handle::Kind::group, "H5Gcreate2", where);
}

Handle open_group(const Handle& parent, const std::string& name) {
  return Handle(H5Gopen2(parent.id(), name.c_str(), H5P_DEFAULT), Handle::Kind::group, "H5Gopen2", below(parent, name));
}

Handle open_dataset(const Handle& parent, const std::string& name) {
  return Handle(H5Dopen2(parent.id(), name.c_str(), H5P_DEFAULT), Handle::Kind::dataset, "H5Dopen2", below(parent, name));
}

bool exists(const Handle& parent, const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const auto part = path.substr(0, end);
    if (!part.empty() && part != "/" && checked(H5Lexists(parent.id(), part.c_str(), H5P_DEFAULT), "H5Lexists", below(parent, part)) == 0) {
      return false;
    }
    if (end == std::string::npos) break;
  }
  return checked(H5Oexists_by_name(parent.id(), path.c_str(), H5P_DEFAULT), "H5Oexists_by_name", below(parent, path)) > 0;
}

std::vector<std::string> child_names(const Handle& group, Order order) {
  std::vector<std::string> names;
  const auto index = order == Order::name ? H5_INDEX_NAME : H5_INDEX_CRT_ORDER;
  checked(H5Literate(group.id(), index, H5_ITER_INC, nullptr, collect_name, &names), "H5Literate", group.where());
  if (order == Order::name) std::sort(names.begin(), names.end());
  return names;
}

H5O_type_t object_type(const Handle& parent, const std::string& name) {
  H5O_info_t info{};
  checked(H5Oget_info_by_name2(parent.id(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT), "H5Oget_info_by_name", below(parent, name));
  return info.type;
}

Handle create_dataset(const Handle& parent, const std::string& name, hid_t type, const Extent& extent) {
  const auto where = below(parent, name);
  auto creation = property_list(H5P_DATASET_CREATE, where);
  checked(H5Pset_layout(creation.id(), H5D_CONTIGUOUS), "H5Pset_layout", where);
  checked(H5Pset_alloc_time(creation.id(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time", where);
  checked(H5Pset_fill_time(creation.id(), H5D_FILL_TIME_IFSET), "H5Pset_fill_time", where);
  checked(H5Pset_attr_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "H5Pset_attr_creation_order", where);
  const auto space = slab_memory(extent, where);
  return Handle(H5Dcreate2(parent.id(), name.c_str(), type, space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), Handle::Kind::dataset,
                "H5Dcreate2", where);
}

Extent extent_of(const Handle& dataset) {
  const Handle space(H5Dget_space(dataset.id()), Handle::Kind::dataspace, "H5Dget_space", dataset.where());
  Extent extent(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space.id()), "H5Sget_simple_extent_ndims", dataset.where())));
  checked(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), "H5Sget_simple_extent_dims", dataset.where());
  return extent;
}

hsize_t element_count(const Extent& extent) {
  hsize_t count = 1;
  for (const auto size : extent) count *= size;
  return count;
}

Handle type_of(const Handle& dataset) { return Handle(H5Dget_type(dataset.id()), Handle::Kind::datatype, "H5Dget_type", dataset.where()); }

void write_slab(const Handle& dataset, hid_t memory_type, const Extent& offset, const Extent& count, const void* data) {
  if (element_count(count) == 0) return;
  const auto space = slab_file(dataset, offset, count);
  const auto memory = slab_memory(count, dataset.where());
  checked(H5Dwrite(dataset.id(), memory_type, memory.id(), space.id(), H5P_DEFAULT, data), "H5Dwrite", dataset.where());
}

void read_slab(const Handle& dataset, hid_t memory_type, const Extent& offset, const Extent& count, void* data) {
  if (element_count(count) == 0) return;
  const auto space = slab_file(dataset, offset, count);
  const auto memory = slab_memory(count, dataset.where());
  checked(H5Dread(dataset.id(), memory_type, memory.id(), space.id(), H5P_DEFAULT, data), "H5Dread", dataset.where());
}

}  // namespace variscope::store
