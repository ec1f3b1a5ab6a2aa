/// HDF5 handles that close themselves and calls that throw with file, object and HDF5's own reason.
/// HDF5 as Debian builds it is not thread-safe: one thread of a process uses this folder.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace variscope::store {

/// An open HDF5 object. On a full disk H5Dclose may be the only call that fails: whoever writes calls close(), which throws;
/// the destructor closes too, but only for reading and for unwinding, and cannot report.
class Handle {
 public:
  enum class Kind { file, group, dataset, attribute, dataspace, datatype, property_list };

  Handle() = default;
  /// Takes over `id`; throws SystemError "call: where (reason)" if it is negative.
  Handle(hid_t id, Kind kind, std::string_view call, std::string where);
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  [[nodiscard]] hid_t id() const { return id_; }
  /// "file.h5:/group/name", for messages.
  [[nodiscard]] const std::string& where() const { return where_; }
  void close();

 private:
  hid_t id_ = H5I_INVALID_HID;
  Kind kind_ = Kind::file;
  std::string where_;
};

/// Throws SystemError "call: where (reason)" with the reason from HDF5's error stack.
[[noreturn]] void throw_hdf5(std::string_view call, std::string_view where);

/// Returns `status`, or throws SystemError if it is negative.
template <class Status>
Status checked(Status status, std::string_view call, std::string_view where) {
  if (status < 0) {
    throw_hdf5(call, where);
  }
  return status;
}

using Extent = std::vector<hsize_t>;

/// Switches off HDF5's own printing and its clean-up at exit; every function here that opens or creates a file does so first.
void silence_hdf5();

enum class Access { read, write };
/// A new file (an old one of this name is truncated): format bounds V18 (a killed writer leaves no flag), creation order kept.
[[nodiscard]] Handle create_file(const std::filesystem::path& path);
[[nodiscard]] Handle open_file(const std::filesystem::path& path, Access access);
[[nodiscard]] Handle create_group(const Handle& parent, const std::string& name);
[[nodiscard]] Handle open_group(const Handle& parent, const std::string& name);
[[nodiscard]] Handle open_dataset(const Handle& parent, const std::string& name);
/// Whether every link of a path exists and the last is an object.
[[nodiscard]] bool exists(const Handle& parent, const std::string& path);
enum class Order { name, creation };
/// Names of a group's links, sorted by bytes or as they were made.
[[nodiscard]] std::vector<std::string> child_names(const Handle& group, Order order);
[[nodiscard]] H5O_type_t object_type(const Handle& parent, const std::string& name);

/// Contiguous, allocated at once and not filled; of fixed extent.
[[nodiscard]] Handle create_dataset(const Handle& parent, const std::string& name, hid_t type, const Extent& extent);
[[nodiscard]] Extent extent_of(const Handle& dataset);
[[nodiscard]] hsize_t element_count(const Extent& extent);
[[nodiscard]] Handle type_of(const Handle& dataset);
/// Transfers the hyperslab [offset, offset + count) from or to a dense row-major buffer.
void write_slab(const Handle& dataset, hid_t memory_type, const Extent& offset, const Extent& count, const void* data);
void read_slab(const Handle& dataset, hid_t memory_type, const Extent& offset, const Extent& count, void* data);

}  // namespace variscope::store
