/// The run directories of a study's parts, below that of the study: parts/0, parts/1, ... Each is held, resumed and damaged by itself.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/store/manifest.hpp"

namespace variscope::experiments {

struct RunOptions;

/// run_study() of the cells of one part ("3/8"; empty: of all), in a directory below that of the study.
int run_study_part(const RunOptions& options, const std::string& part);

/// "3/8": part 3 of 8, counted from 0. of 0: the whole study.
struct Part {
  Index index = 0;
  Index of = 0;
  friend bool operator==(const Part&, const Part&) = default;
};
[[nodiscard]] std::string text_of(const Part& part);
/// Throws UserError naming `option`.
[[nodiscard]] Part parse_part(const std::string& option, const std::string& text);

/// Keys of a part's Manifest::state: "3/8"; the ids of its cells, by blanks; there once all that it had to do is committed.
inline constexpr const char* part_key = "part";
inline constexpr const char* part_cells_key = "part_cells";
inline constexpr const char* part_done_key = "part_done";
/// Of the manifest that parts were put together in: from then on the run goes on as one.
inline constexpr const char* gathered_key = "gathered";

[[nodiscard]] std::filesystem::path part_directory(const std::filesystem::path& run, Index part);

/// A part as it is found on disk.
struct PartFound {
  std::filesystem::path directory;
  Part part;
  std::optional<store::Manifest> manifest;  ///< nothing: it has not begun
  [[nodiscard]] bool done() const { return manifest && manifest->state.count(part_done_key) > 0; }
  [[nodiscard]] std::string cells() const;
};

/// The parts of a run that is still worked on in parts, in their order; those without a directory too, once one that has begun says how
/// many there are. Empty if there are none. A manifest that cannot be read counts as none.
[[nodiscard]] std::vector<PartFound> find_parts(const std::filesystem::path& run);

/// All that parts have committed as if one run had: entries are named relative to `base`, a run directory for those who read segments.
struct JoinedParts {
  std::filesystem::path base;
  store::Manifest manifest;
};
[[nodiscard]] std::optional<JoinedParts> join_parts(const std::filesystem::path& run);

/// Puts the parts' segments into the run directory, without copying where the file system links, commits them with one manifest, and
/// removes the parts: the run then goes on as one, with nothing left to do if all parts were done. Damaged segments are replaced by the
/// checkpoint before, or left out with a warning. Does nothing where there are no parts. One process calls it. Cost: reads what was
/// committed once. Throws UserError where a part is at work, or where parts are not of one study, program, CPU kind and data.
void gather_parts(const std::filesystem::path& run, bool take_over);

}  // namespace variscope::experiments
