/// Read a spec file and expand its sweeps into cells.
#include "experiments/spec/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/error.hpp"
#include "experiments/spec/expand.hpp"
#include "experiments/spec/nearest.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {
namespace {

constexpr std::uintmax_t largest_spec = 16u << 20;

/// Another spec in the same directory with a similar name.
std::string similar_file(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const std::string found = nearest(file.filename().string(), names);
  return found.empty() ? "Give the path of a .toml file." : fmt::format("Did you mean '{}'?", (file.parent_path() / found).string());
}

}  // namespace

std::string Place::text() const { return line == 0 ? file : fmt::format("{}:{}:{}", file, line, column); }

std::string Spec::where(const std::string& key) const {
  for (const Place& place : places) {
    if (place.key == key) return place.text();
  }
  return file;
}

Spec parse_spec(const std::string& text, const std::string& file) {
  const detail::Document document = detail::read_document(text, file);
  Spec spec;
  spec.file = file;
  spec.text = text;
  for (const detail::Given& given : document.givens) {
    // A sweep has many values and no one place: its key stands for it.
    const detail::Position at = given.swept ? given.at : given.alternatives.front().at;
    spec.places.push_back({file, given.key.name, at.line, at.column});
  }
  detail::expand(document, spec);
  return spec;
}

Spec read_spec(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (std::filesystem::is_directory(status)) throw UserError(fmt::format("{}: is a directory. Give the path of a .toml file.", file));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw UserError(fmt::format("{}: cannot be read ({}). {}", file, std::strerror(errno), similar_file(file)));
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > largest_spec)
    throw UserError(fmt::format("{}: is larger than {} MiB (not a spec). Give the path of a .toml file.", file, largest_spec >> 20));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) throw UserError(fmt::format("{}: cannot be read to its end. Check the file system.", file));
  return parse_spec(text, file);
}

std::string spec_directory(const std::string& spec_file) {
  const auto directory = std::filesystem::path(spec_file).parent_path();
  return directory.empty() ? "." : directory.string();
}

std::string output_directory(const Settings& settings) {
  return settings.output.directory.empty() ? "runs/" + settings.study.name : settings.output.directory;
}

}  // namespace variscope::experiments
