/// Many manifests to one, in an order in which a kill at any moment leaves either the parts or the whole.
#include "experiments/run/parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <list>
#include <set>
#include <sstream>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/fault.hpp"
#include "engine/store/run_directory.hpp"

namespace variscope::experiments {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_digits = 6;

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= most_digits && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string state_of(const store::Manifest& manifest, const char* key) {
  const auto found = manifest.state.find(key);
  return found == manifest.state.end() ? std::string() : found->second;
}

void warn(const std::string& text) { fmt::print(stderr, "warning: {}\n", text); }

/// The first damage of any file that a manifest names; empty: none.
std::string first_damage(const fs::path& run, const store::Manifest& manifest) {
  for (const store::SegmentEntry& entry : manifest.segments) {
    if (auto why = store::damage_of(run, entry); !why.empty()) return why;
  }
  for (const auto& bundle : manifest.bundles) {
    if (auto why = store::damage_of(run, bundle.second); !why.empty()) return why;
  }
  return {};
}

/// What of a part can be used. Chains build on what was before: they fall back to a whole checkpoint, other pieces stand by themselves.
store::Manifest usable(const PartFound& part) {
  store::Manifest manifest = *part.manifest;
  std::string why = first_damage(part.directory, manifest);
  if (why.empty()) return manifest;
  warn(why);
  if (const auto previous = store::read_previous_manifest(part.directory)) {
    if (first_damage(part.directory, *previous).empty()) {
      warn(fmt::format("part {}: the checkpoint before it ({}) is used", part.part.index, previous->checkpoint));
      return *previous;
    }
  }
  const bool chained = state_of(manifest, "kind") == "sample";
  std::erase_if(manifest.segments, [&](const auto& entry) { return chained || !store::damage_of(part.directory, entry).empty(); });
  std::erase_if(manifest.bundles, [&](const auto& bundle) { return chained || !store::damage_of(part.directory, bundle.second).empty(); });
  warn(fmt::format("part {}: what cannot be used is computed again", part.part.index));
  return manifest;
}

/// Keys that all parts of one study have alike.
constexpr std::array<const char*, 6> common_keys = {"spec_text", "kind", "reduce", "program_sha256", "cpu_features_sha256", "data"};

void require_one_study(const std::vector<PartFound>& parts) {
  const store::Manifest* first = nullptr;
  std::set<std::string> cells;
  for (const PartFound& part : parts) {
    if (!part.manifest) continue;
    if (first == nullptr) first = &*part.manifest;
    for (const char* key : common_keys) {
      if (state_of(*first, key) == state_of(*part.manifest, key)) continue;
      throw UserError(
          fmt::format("{}: its {} differs from that of the parts before it, so they are not of one study. Remove the parts that are not "
                      "meant, or run the study again.",
                      part.directory.string(), key));
    }
    std::istringstream own(part.cells());
    for (std::string cell; own >> cell;) {
      if (!cells.insert(cell).second)
        throw UserError(fmt::format("{}: works on {}, and so does a part before it (they were cut differently). Remove one of them.",
                                    part.directory.string(), cell));
    }
  }
}

/// Adds what a part knows beside its segments. Numbers that parts share (reference paths) are the same bits in all of them.
void join_state(store::Manifest& whole, const PartFound& part, const store::Manifest& manifest) {
  if (whole.run_id.empty()) {
    whole.run_id = manifest.run_id;
    whole.state = manifest.state;
    for (const char* key : {part_key, part_cells_key, part_done_key, "sessions", "failed_evaluations"}) whole.state.erase(key);
  }
  for (const auto& [key, text] : manifest.state) {
    if (key.starts_with("prepared ")) whole.state.emplace(key, text);
  }
  std::istringstream sessions(state_of(manifest, "sessions"));
  for (std::string line; std::getline(sessions, line);) whole.state["sessions"] += fmt::format("part {}: {}\n", text_of(part.part), line);
  if (const std::string failed = state_of(manifest, "failed_evaluations"); !failed.empty()) {
    const std::string before = state_of(whole, "failed_evaluations");
    whole.state["failed_evaluations"] = std::to_string(std::stoll(failed) + (before.empty() ? 0 : std::stoll(before)));
  }
}

/// A second name for a file, or a copy where names cannot be given.
void place(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove(to, error);
  fs::create_hard_link(from, to, error);
  if (!error) return;
  store::write_beside(to, [&](const fs::path& beside) { fs::copy_file(from, beside, fs::copy_options::overwrite_existing); });
}

/// What variscope leaves in a part's directory, and the directory if nothing else is there.
void remove_part(const fs::path& directory) {
  std::error_code ignored;
  store::remove_segments(directory);
  for (const char* name : {"status.json", "status.json.tmp"}) fs::remove(directory / name, ignored);
}

void remove_parts(const fs::path& run) {
  std::error_code ignored;
  if (!fs::is_directory(run / "parts", ignored)) return;
  std::vector<fs::path> directories;
  for (const auto& entry : fs::directory_iterator(run / "parts", ignored)) {
    if (is_number(entry.path().filename().string())) directories.push_back(entry.path());
  }
  for (const fs::path& directory : directories) {
    remove_part(directory);
    fs::remove(directory / "lock", ignored);
    fs::remove(directory, ignored);
    store::fault_point("gather.part");
  }
  fs::remove(run / "parts", ignored);
}

}  // namespace

std::string text_of(const Part& part) { return fmt::format("{}/{}", part.index, part.of); }

Part parse_part(const std::string& option, const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string index = text.substr(0, slash);
  const std::string of = slash == std::string::npos ? "" : text.substr(slash + 1);
  if (is_number(index) && is_number(of)) {
    const Part part{std::stoll(index), std::stoll(of)};
    if (part.index < part.of) return part;
  }
  throw UserError(
      fmt::format("{}: '{}' names no part (they are counted from 0). Write 0/4, 1/4, 2/4 or 3/4 for one of four.", option, text));
}

fs::path part_directory(const fs::path& run, Index part) { return run / "parts" / std::to_string(part); }

std::string PartFound::cells() const { return manifest ? state_of(*manifest, part_cells_key) : std::string(); }

std::vector<PartFound> find_parts(const fs::path& run) {
  std::vector<PartFound> parts;
  std::error_code ignored;
  if (!fs::is_directory(run / "parts", ignored)) return parts;
  Index of = 0;
  for (const auto& entry : fs::directory_iterator(run / "parts", ignored)) {
    const std::string name = entry.path().filename().string();
    if (!is_number(name) || !entry.is_directory(ignored)) continue;
    PartFound part{entry.path(), {std::stoll(name), 0}, std::nullopt};
    try {
      part.manifest = store::read_manifest(entry.path());
      if (part.manifest) part.part = parse_part("part", state_of(*part.manifest, part_key));
    } catch (const UserError&) {
      part.manifest.reset();
    }
    of = std::max(of, part.part.of);
    parts.push_back(std::move(part));
  }
  for (Index index = 0; index < of; ++index) {
    if (std::none_of(parts.begin(), parts.end(), [&](const PartFound& part) { return part.part.index == index; }))
      parts.push_back({part_directory(run, index), {index, of}, std::nullopt});
  }
  for (PartFound& part : parts) part.part.of = part.part.of > 0 ? part.part.of : of;
  std::sort(parts.begin(), parts.end(), [](const PartFound& a, const PartFound& b) { return a.part.index < b.part.index; });
  return parts;
}

std::optional<JoinedParts> join_parts(const fs::path& run) {
  JoinedParts joined;
  for (const PartFound& part : find_parts(run)) {
    if (!part.manifest) continue;
    if (joined.base.empty()) joined.base = part.directory;
    const store::Manifest& manifest = *part.manifest;
    join_state(joined.manifest, part, manifest);
    // segments/ of the first part is where names begin.
    const std::string prefix = fmt::format("../../{}/segments/", part.part.index);
    const auto add = [&](store::SegmentEntry entry) {
      entry.name = prefix + entry.name;
      return entry;
    };
    for (const store::SegmentEntry& entry : manifest.segments) joined.manifest.segments.push_back(add(entry));
    for (const auto& [name, entry] : manifest.bundles) joined.manifest.bundles.emplace(name, add(entry));
    joined.manifest.checkpoint += manifest.checkpoint;
  }
  if (joined.base.empty()) return std::nullopt;
  return joined;
}

void gather_parts(const fs::path& run, bool take_over) {
  std::error_code ignored;
  if (!fs::is_directory(run / "parts", ignored)) return;
  const auto foreign = take_over ? store::ForeignLock::take_over : store::ForeignLock::wait;
  const store::RunLock lock(run / "lock", foreign);
  if (fs::exists(run / "run.h5") || fs::exists(run / "MANIFEST") || fs::exists(run / "MANIFEST.previous")) {
    const auto manifest = store::read_manifest(run);
    // Put together already, by a process that did not live to clear away; or they are of another run.
    if (manifest && manifest->state.count(gathered_key) > 0) remove_parts(run);
    return;
  }
  std::list<store::RunLock> locks;
  for (const PartFound& part : find_parts(run)) {
    if (fs::is_directory(part.directory, ignored)) locks.emplace_back(part.directory / "lock", foreign);
  }
  // As they are now that nobody writes. Whatever is wrong with them changes nothing.
  const std::vector<PartFound> parts = find_parts(run);
  require_one_study(parts);
  if (std::none_of(parts.begin(), parts.end(), [](const PartFound& part) { return part.manifest.has_value(); })) return;
  fs::create_directories(run / "segments");
  store::remove_uncommitted(run, std::nullopt);
  store::Manifest whole;
  for (const PartFound& part : parts) {
    if (!part.manifest) continue;
    const store::Manifest manifest = usable(part);
    join_state(whole, part, manifest);
    const auto take = [&](store::SegmentEntry entry) {
      const fs::path from = part.directory / "segments" / entry.name;
      entry.name = fmt::format("seg.{:06d}.{:06d}.h5", ++whole.checkpoint, 0);
      place(from, run / "segments" / entry.name);
      store::fault_point("gather.segment");
      return entry;
    };
    for (const store::SegmentEntry& entry : manifest.segments) whole.segments.push_back(take(entry));
    for (const auto& [name, entry] : manifest.bundles) {
      if (whole.bundles.count(name) == 0) whole.bundles.emplace(name, take(entry));
    }
  }
  whole.state[gathered_key] = fmt::format("{} parts", parts.size());
  store::synchronise(run / "segments");
  store::write_manifest(run, whole);
  remove_parts(run);
}

}  // namespace variscope::experiments
