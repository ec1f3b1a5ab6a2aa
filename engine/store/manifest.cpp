/// The manifest as JSON that carries its own hash, and what it makes of the segments folder.
#include "engine/store/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/fault.hpp"
#include "engine/store/segment_file.hpp"
#include "engine/store/sha256.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope manifest";
constexpr Index format_version = 2;

std::filesystem::path path_of(const std::filesystem::path& run) { return run / "MANIFEST"; }
std::filesystem::path previous_of(const std::filesystem::path& run) { return run / "MANIFEST.previous"; }

nlohmann::ordered_json to_json(const SegmentEntry& segment) {
  return {{"name", segment.name}, {"bytes", segment.bytes}, {"sha256", segment.sha256}};
}

SegmentEntry entry_of(const nlohmann::ordered_json& json) {
  return {json.at("name").get<std::string>(), json.at("bytes").get<Index>(), json.at("sha256").get<std::string>()};
}

[[noreturn]] void refuse_damaged(const std::filesystem::path& file, const std::string& reason) {
  throw UserError(fmt::format("{}: damaged ({}). Restore it from a copy, or run again with --overwrite.", file.string(), reason));
}

/// A manifest of another program or version is not damaged: the one before it would be no better.
class ForeignManifest : public UserError {
 public:
  using UserError::UserError;
};

}  // namespace

std::string encode(const Manifest& manifest) {
  auto segments = nlohmann::ordered_json::array();
  for (const auto& segment : manifest.segments) segments.push_back(to_json(segment));
  auto bundles = nlohmann::ordered_json::object();
  for (const auto& [name, segment] : manifest.bundles) bundles[name] = to_json(segment);
  nlohmann::ordered_json text{
      {"format", format_name},   {"format_version", format_version}, {"run_id", manifest.run_id},    {"checkpoint", manifest.checkpoint},
      {"state", manifest.state}, {"segments", std::move(segments)},  {"bundles", std::move(bundles)}};
  text["sha256"] = sha256(text.dump());
  return text.dump(1) + "\n";
}

Manifest decode_manifest(const std::string& text, const std::filesystem::path& file) {
  try {
    auto json = nlohmann::ordered_json::parse(text);
    if (json.at("format") != format_name) {
      throw ForeignManifest(fmt::format("{}: not a manifest of variscope. Choose another run directory.", file.string()));
    }
    if (json.at("format_version") != format_version) {
      throw ForeignManifest(fmt::format("{}: format version {} (this program reads version {}). Resume with the variscope that wrote it.",
                                        file.string(), json.at("format_version").dump(), format_version));
    }
    const auto stated = json.at("sha256").get<std::string>();
    json.erase("sha256");
    if (sha256(json.dump()) != stated) refuse_damaged(file, "its bytes do not match its SHA-256");
    Manifest manifest;
    json.at("run_id").get_to(manifest.run_id);
    json.at("checkpoint").get_to(manifest.checkpoint);
    for (const auto& [key, value] : json.at("state").items()) manifest.state[key] = value.get<std::string>();
    for (const auto& segment : json.at("segments")) manifest.segments.push_back(entry_of(segment));
    for (const auto& [name, segment] : json.at("bundles").items()) manifest.bundles[name] = entry_of(segment);
    return manifest;
  } catch (const nlohmann::ordered_json::exception& error) {
    refuse_damaged(file, error.what());
  }
}

void write_manifest(const std::filesystem::path& run, const Manifest& manifest) {
  // The segments' own names must be on disk before the list that relies on them.
  synchronise(run / "segments");
  std::error_code none;
  if (std::filesystem::exists(path_of(run), none)) {
    const auto before = read_text_file(path_of(run));
    try {
      (void)decode_manifest(before, path_of(run));
      write_text_file(previous_of(run), before);
    } catch (const UserError&) {
      // What is damaged must not replace a good one.
    }
  }
  write_text_file(path_of(run), encode(manifest));
}

std::optional<Manifest> read_manifest(const std::filesystem::path& run, std::string* warning) {
  const bool there = std::filesystem::exists(path_of(run));
  if (!there && !std::filesystem::exists(previous_of(run))) return std::nullopt;
  std::string problem = fmt::format("{}: missing", path_of(run).string());
  if (there) {
    try {
      return decode_manifest(read_text_file(path_of(run)), path_of(run));
    } catch (const ForeignManifest&) {
      throw;
    } catch (const UserError& error) {
      problem = error.what();
      problem = problem.substr(0, problem.find(". "));
    }
  }
  if (auto previous = read_previous_manifest(run)) {
    if (warning != nullptr) *warning = fmt::format("{}; the checkpoint before it ({}) is used", problem, previous->checkpoint);
    return previous;
  }
  throw UserError(problem + ". There is no good MANIFEST.previous either: restore one from a copy, or run again with --overwrite.");
}

std::optional<Manifest> read_previous_manifest(const std::filesystem::path& run) {
  try {
    return decode_manifest(read_text_file(previous_of(run)), previous_of(run));
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

std::string damage_of(const std::filesystem::path& run, const SegmentEntry& entry) {
  try {
    check_segment_file(run, entry);
    return {};
  } catch (const SystemError& error) {
    return error.what();
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
  for (const auto& target : {path_of(run), previous_of(run), run / "run.h5"}) std::filesystem::remove(unfinished(target));
  std::vector<std::string> committed;
  if (manifest) {
    for (const auto& segment : manifest->segments) committed.push_back(segment.name);
    for (const auto& bundle : manifest->bundles) committed.push_back(bundle.second.name);
  }
  std::sort(committed.begin(), committed.end());
  std::vector<std::filesystem::path> stray;
  for (const auto& file : std::filesystem::directory_iterator(run / "segments")) {
    const auto name = file.path().filename().string();
    if (is_segment_name(name) && !std::binary_search(committed.begin(), committed.end(), name)) stray.push_back(file.path());
  }
  for (const auto& file : stray) {
    std::filesystem::remove(file);
    fault_point("clean.segment");
  }
}

}  // namespace variscope::store
