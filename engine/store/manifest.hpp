/// MANIFEST: the list of segments that count. Writing it is the commit of a checkpoint.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/store/segments.hpp"

namespace variscope::store {

/// All segments of all checkpoints up to this one. Everything else in segments/ is to be ignored.
struct Manifest {
  std::string run_id;    ///< same for all checkpoints of one run; the caller's choice (a hash of the plan, say)
  Index checkpoint = 0;  ///< the last committed
  std::vector<SegmentEntry> segments;
  std::map<std::string, std::string> state;       ///< whatever the caller needs to resume; UTF-8
  std::map<std::string, SegmentEntry> bundles{};  ///< segments that are read one at a time, by name (bundle.hpp)
};

/// One process commits, after all have written their segments. The manifest before stays beside it as MANIFEST.previous.
void write_manifest(const std::filesystem::path& run, const Manifest& manifest);

/// Empty if nothing was committed yet. A manifest that is damaged (it carries its own SHA-256) or lost is replaced by the one before;
/// `warning`, unless null, then says so in one line. Throws UserError if there is no good one, or if it is of another version.
[[nodiscard]] std::optional<Manifest> read_manifest(const std::filesystem::path& run, std::string* warning = nullptr);
/// The last but one, if it is there and good.
[[nodiscard]] std::optional<Manifest> read_previous_manifest(const std::filesystem::path& run);

/// The manifest's text and back, to send it to other processes. decode throws UserError naming `file` for what is damaged.
[[nodiscard]] std::string encode(const Manifest& manifest);
[[nodiscard]] Manifest decode_manifest(const std::string& text, const std::filesystem::path& file);

/// Why a segment cannot be used (missing, truncated, changed); empty: it is what was committed. Cost: reads it whole.
[[nodiscard]] std::string damage_of(const std::filesystem::path& run, const SegmentEntry& entry);

/// Visits every committed chunk, segment by segment, holding one chunk at a time.
void visit_chunks(const std::filesystem::path& run, const Manifest& manifest, const std::function<void(Chunk&&)>& visit);
/// What is done already.
[[nodiscard]] std::vector<ChunkKey> committed_keys(const std::filesystem::path& run, const Manifest& manifest);

/// Whether a file of segments/ is ours by name, finished or not.
[[nodiscard]] bool is_segment_name(const std::string& name);

/// Removes segments the manifest (or its absence) does not name, and all unfinished files. Needs the run directory's lock.
void remove_uncommitted(const std::filesystem::path& run, const std::optional<Manifest>& manifest);

}  // namespace variscope::store
