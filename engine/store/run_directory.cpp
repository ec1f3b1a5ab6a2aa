/// Who may use a run directory, whether there is room, and what may be removed from it.
#include "engine/store/run_directory.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <system_error>
#include <utility>
#include <vector>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/fault.hpp"
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
  for (const auto* name : {"run.h5", "run.h5.tmp", "MANIFEST", "MANIFEST.tmp", "MANIFEST.previous", "MANIFEST.previous.tmp", "status.json",
                           "status.json.tmp"}) {
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

void refuse_existing(const fs::path& path) {
  if (fs::exists(path / "run.h5")) {
    throw UserError(fmt::format("{}: there is a record already. Choose another directory, or ask to overwrite it with --overwrite.",
                                (path / "run.h5").string()));
  }
  for (const char* name : {"MANIFEST", "MANIFEST.previous"}) {
    if (!fs::exists(path / name)) continue;
    throw UserError(
        fmt::format("{}: there is an unfinished run. `variscope resume {}` goes on with it; or choose another directory, or overwrite it "
                    "with --overwrite.",
                    (path / name).string(), path.string()));
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

RunDirectory::RunDirectory(fs::path path, Existing existing, Index predicted_bytes, ForeignLock foreign, LockTimes times)
    : path_(std::move(path)) {
  // A refused run changes nothing: what can be wrong is looked at first; in a directory that is there already, under its lock.
  std::error_code ignored;
  const bool fresh = !fs::exists(path_, ignored);
  if (fresh) require_space(path_, predicted_bytes, existing);
  make_directories(path_);
  const bool begun = fs::exists(path_ / "run.h5") || fs::exists(path_ / "MANIFEST") || fs::exists(path_ / "MANIFEST.previous");
  if (existing == Existing::refuse && foreign == ForeignLock::respect && !begun) foreign = ForeignLock::wait;
  lock_.emplace(path_ / "lock", foreign, times);
  if (existing == Existing::refuse) refuse_existing(path_);
  if (existing == Existing::resume && is_complete(path_)) {
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

void RunDirectory::remove_segments() { store::remove_segments(path_); }

void remove_segments(const fs::path& run) {
  fault_point("clean.begin");
  // In this order: a manifest without its predecessor is still one, a predecessor alone would look like a run to resume.
  fs::remove(run / "MANIFEST.previous");
  fs::remove(run / "MANIFEST");
  fault_point("clean.manifest");
  synchronise(run);
  if (fs::is_directory(run / "segments")) remove_uncommitted(run, std::nullopt);
  std::error_code not_empty;
  fs::remove(run / "segments", not_empty);
  fault_point("clean.end");
}

bool is_complete(const fs::path& run) {
  if (!fs::exists(run / "run.h5")) return false;
  std::optional<Manifest> manifest;
  try {
    manifest = read_manifest(run);
  } catch (const UserError&) {
    // Then run.h5 is all there is.
    return true;
  }
  if (!manifest) return true;
  try {
    const auto hash = verified_results_hash(run / "run.h5");
    const auto extends = manifest->state.find(extended_hash_key);
    return extends == manifest->state.end() || extends->second != hash;
  } catch (const UserError&) {
    // Damaged; but what it was made from is still there.
    return false;
  }
}

}  // namespace variscope::store
