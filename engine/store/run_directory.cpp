/// Who may use a run directory, whether there is room, and what may be removed from it.
#include "engine/store/run_directory.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <system_error>
#include <utility>
#include <vector>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/trace_file.hpp"

namespace variscope::store {
namespace {

namespace fs = std::filesystem;

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    throw UserError(fmt::format("{}: cannot be created ({}). Choose a run directory that can be written.", path.string(), error.message()));
}

/// All that variscope leaves in a run directory, by name.
std::vector<fs::path> own_files(const fs::path& path) {
  std::vector<fs::path> files;
  for (const auto* name : {"run.h5", "run.h5.tmp", "MANIFEST", "MANIFEST.tmp"}) {
    if (fs::is_regular_file(path / name)) files.push_back(path / name);
  }
  const auto add = [&](const char* folder, bool (*is_ours)(const std::string&)) {
    if (!fs::is_directory(path / folder)) return;
    for (const auto& file : fs::directory_iterator(path / folder)) {
      if (is_ours(file.path().filename().string()) && file.is_regular_file()) files.push_back(file.path());
    }
  };
  add("segments", is_segment_name);
  add("traces", is_trace_name);
  return files;
}

void refuse_existing(const fs::path& path, const char* name) {
  if (fs::exists(path / name)) {
    throw UserError(fmt::format("{}: there is a record already. Choose another directory, or ask to overwrite it with --overwrite.",
                                (path / name).string()));
  }
}

/// A run.h5 or MANIFEST of someone else's making is not ours to remove.
void require_own(const fs::path& path) {
  if (fs::exists(path / "run.h5") && !is_run_file(path / "run.h5")) {
    throw UserError(fmt::format("{}: not written by variscope, or damaged. Remove it yourself, or choose another directory.",
                                (path / "run.h5").string()));
  }
  if (fs::exists(path / "MANIFEST") && read_text_file(path / "MANIFEST").find("variscope") == std::string::npos) {
    throw UserError(fmt::format("{}: not written by variscope, or damaged. Remove it yourself, or choose another directory.",
                                (path / "MANIFEST").string()));
  }
}

void require_space(const fs::path& path, Index predicted, Existing existing) {
  // Where the directory is to be, as far as there is anything.
  std::error_code ignored;
  fs::path there = fs::absolute(path);
  while (there.has_relative_path() && !fs::exists(there, ignored)) there = there.parent_path();
  struct statvfs figures {};
  if (::statvfs(there.c_str(), &figures) != 0) throw_errno("statvfs", there);
  auto available = static_cast<Index>(figures.f_bavail * figures.f_frsize);
  if (existing == Existing::overwrite) {
    for (const auto& file : own_files(path)) available += static_cast<Index>(fs::file_size(file));
  }
  if (available < predicted) {
    constexpr double megabyte = 1e6;
    throw UserError(
        fmt::format("{}: not enough space (the run needs {:.1f} MB, {:.1f} MB are free). Free some, or choose another directory.",
                    path.string(), static_cast<double>(predicted) / megabyte, static_cast<double>(available) / megabyte));
  }
}

}  // namespace

RunDirectory::RunDirectory(fs::path path, Existing existing, Index predicted_bytes, ForeignLock foreign) : path_(std::move(path)) {
  // A refused run changes nothing: what can be wrong is looked at first; in a directory that is there already, under its lock.
  std::error_code ignored;
  const bool fresh = !fs::exists(path_, ignored);
  if (fresh) require_space(path_, predicted_bytes, existing);
  make_directories(path_);
  lock_.emplace(path_ / "lock", foreign);
  if (existing == Existing::refuse) {
    refuse_existing(path_, "run.h5");
    refuse_existing(path_, "MANIFEST");
  }
  if (existing == Existing::resume && fs::exists(run_file())) {
    throw UserError(fmt::format("{}: the run is complete. There is nothing to resume; report on it.", run_file().string()));
  }
  if (existing == Existing::overwrite) require_own(path_);
  if (!fresh) require_space(path_, predicted_bytes, existing);
  make_directories(path_ / "segments");
  if (existing == Existing::overwrite) {
    for (const auto& file : own_files(path_)) fs::remove(file);
    synchronise(path_);
  } else {
    remove_uncommitted(path_, read_manifest(path_));
  }
}

void RunDirectory::remove_segments() {
  fs::remove(path_ / "MANIFEST");
  synchronise(path_);
  remove_uncommitted(path_, std::nullopt);
  std::error_code not_empty;
  fs::remove(path_ / "segments", not_empty);
}

}  // namespace variscope::store
