/// The manifest as JSON, and what it makes of the segments folder.
#include "engine/store/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope manifest";
constexpr Index format_version = 1;

std::filesystem::path path_of(const std::filesystem::path& run) { return run / "MANIFEST"; }

}  // namespace

void write_manifest(const std::filesystem::path& run, const Manifest& manifest) {
  auto segments = nlohmann::ordered_json::array();
  for (const auto& segment : manifest.segments) {
    segments.push_back({{"name", segment.name}, {"bytes", segment.bytes}, {"sha256", segment.sha256}});
  }
  const nlohmann::ordered_json text{{"format", format_name},     {"format_version", format_version},
                                    {"run_id", manifest.run_id}, {"checkpoint", manifest.checkpoint},
                                    {"state", manifest.state},   {"segments", std::move(segments)}};
  // The segments' own names must be on disk before the list that relies on them.
  synchronise(run / "segments");
  write_text_file(path_of(run), text.dump(1) + "\n");
}

std::optional<Manifest> read_manifest(const std::filesystem::path& run) {
  const auto path = path_of(run);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto content = read_text_file(path);
  try {
    const auto text = nlohmann::json::parse(content);
    if (text.at("format") != format_name) {
      throw UserError(fmt::format("{}: not a manifest of variscope. Choose another run directory.", path.string()));
    }
    if (text.at("format_version") != format_version) {
      throw UserError(fmt::format("{}: format version {} (this program reads version {}). Resume with the variscope that wrote it.",
                                  path.string(), text.at("format_version").dump(), format_version));
    }
    Manifest manifest;
    text.at("run_id").get_to(manifest.run_id);
    text.at("checkpoint").get_to(manifest.checkpoint);
    text.at("state").get_to(manifest.state);
    for (const auto& segment : text.at("segments")) {
      manifest.segments.push_back(
          {segment.at("name").get<std::string>(), segment.at("bytes").get<Index>(), segment.at("sha256").get<std::string>()});
    }
    return manifest;
  } catch (const nlohmann::json::exception& error) {
    throw UserError(fmt::format("{}: damaged ({}). Restore it from a copy, or run again with overwrite.", path.string(), error.what()));
  }
}

void visit_chunks(const std::filesystem::path& run, const Manifest& manifest, const std::function<void(Chunk&&)>& visit) {
  for (const auto& segment : manifest.segments) visit_segment(run, segment, visit);
}

std::vector<ChunkKey> committed_keys(const std::filesystem::path& run, const Manifest& manifest) {
  std::vector<ChunkKey> keys;
  for (const auto& segment : manifest.segments) {
    auto more = segment_keys(run, segment);
    keys.insert(keys.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return keys;
}

bool is_segment_name(const std::string& name) { return name.starts_with("seg.") && (name.ends_with(".h5") || name.ends_with(".h5.tmp")); }

void remove_uncommitted(const std::filesystem::path& run, const std::optional<Manifest>& manifest) {
  std::filesystem::remove(unfinished(path_of(run)));
  std::filesystem::remove(unfinished(run / "run.h5"));
  std::vector<std::string> committed;
  if (manifest) {
    for (const auto& segment : manifest->segments) committed.push_back(segment.name);
  }
  std::sort(committed.begin(), committed.end());
  std::vector<std::filesystem::path> stray;
  for (const auto& file : std::filesystem::directory_iterator(run / "segments")) {
    const auto name = file.path().filename().string();
    if (is_segment_name(name) && !std::binary_search(committed.begin(), committed.end(), name)) stray.push_back(file.path());
  }
  for (const auto& file : stray) std::filesystem::remove(file);
}

}  // namespace variscope::store
