/// Writing tables: HDF5 lays the file out, then plain pwrite fills it, so that many processes can at once.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/table_file.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

constexpr Index double_bytes = sizeof(double);

/// Where a contiguous dataset's bytes begin. An empty dataset has none.
Index offset_of(const Handle& dataset) {
  if (element_count(extent_of(dataset)) == 0) return 0;
  const auto offset = H5Dget_offset(dataset.id());
  if (offset == HADDR_UNDEF) throw_hdf5("H5Dget_offset", dataset.where());
  return static_cast<Index>(offset);
}

/// Blocks for every byte now, so that a full disk is found here and not by some rank hours later. File systems that cannot are left alone.
void reserve(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw_errno("open", path);
  const auto size = static_cast<off_t>(std::filesystem::file_size(path));
  const int status = size > 0 ? ::fallocate(descriptor, 0, 0, size) : 0;
  const int reason = errno;
  if (::close(descriptor) != 0) throw_errno("close", path);
  if (status != 0 && reason == ENOSPC) {
    throw UserError(
        fmt::format("{}: a table of {} bytes does not fit (no space left on the disk). Free some space or choose another directory.",
                    path.string(), size));
  }
  if (status != 0 && reason != EOPNOTSUPP && reason != ENOSYS) {
    errno = reason;
    throw_errno("fallocate", path);
  }
}

}  // namespace

void ParallelTableWriter::create(const std::filesystem::path& target, const TableHeader& header) {
  const auto path = unfinished(target);
  try {
    auto file = create_file(path);
    for (const auto& [key, text] : header.provenance) write_attribute(file, key, text);
    auto columns = write_texts(file, "columns", header.columns);
    columns.close();
    const auto rows = static_cast<hsize_t>(header.rows);
    auto design = create_dataset(file, "design", H5T_NATIVE_DOUBLE, {rows, header.columns.size()});
    write_attribute(design, "long_name", "design matrix, one row per observation");
    design.close();
    if (!header.response_name.empty()) {
      auto response = create_dataset(file, "response", H5T_NATIVE_DOUBLE, {rows});
      write_attribute(response, "name", header.response_name);
      response.close();
    }
    file.close();
    reserve(path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    throw;
  }
}

ParallelTableWriter::ParallelTableWriter(const std::filesystem::path& target) : file_(unfinished(target)) {
  auto file = open_file(file_, Access::read);
  {
    const auto design = open_dataset(file, "design");
    const auto extent = extent_of(design);
    rows_ = static_cast<Index>(extent.at(0));
    width_ = static_cast<Index>(extent.at(1));
    design_offset_ = offset_of(design);
    if (exists(file, "response")) response_offset_ = offset_of(open_dataset(file, "response"));
  }
  // HDF5 lets go of the file before it changes below it.
  file.close();
  descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw_errno("open", file_);
}

ParallelTableWriter::~ParallelTableWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void ParallelTableWriter::write(Range rows, const double* design, const double* response) {
  if (rows.first < 0 || rows.first > rows.last || rows.last > rows_) throw std::invalid_argument("table writer: rows outside the table");
  if ((response != nullptr) != (response_offset_ >= 0))
    throw std::invalid_argument("table writer: a response where the table has none, or none where it has one");
  const auto size = static_cast<std::size_t>(rows.size());
  write_at(descriptor_, design, size * static_cast<std::size_t>(width_ * double_bytes), design_offset_ + rows.first * width_ * double_bytes,
           file_);
  if (response != nullptr) write_at(descriptor_, response, size * sizeof(double), response_offset_ + rows.first * double_bytes, file_);
}

void ParallelTableWriter::close() {
  if (descriptor_ < 0) return;
  if (::fsync(descriptor_) != 0) throw_errno("fsync", file_);
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_errno("close", file_);
}

void ParallelTableWriter::finish(const std::filesystem::path& target) { commit_file(target); }

}  // namespace variscope::store
