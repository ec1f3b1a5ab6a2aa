/// `variscope new`: starting points for specs, models, estimators and samplers.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/error.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/samplers/catalogue.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/command/templates.hpp"

namespace variscope::experiments {

namespace {

namespace fs = std::filesystem;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

/// "tilted_walk" -> "TiltedWalk".
std::string class_name(const std::string& name) {
  std::string made;
  bool first = true;
  for (const char c : name) {
    if (c != '_') made += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = c == '_';
  }
  return made;
}

std::string filled(const std::string& which, const std::string& name) {
  std::string text = templates().at(which);
  replace_all(text, "new_name", name);
  replace_all(text, "NewName", class_name(name));
  return text;
}

void check_name(const NewOptions& options) {
  const std::string& name = options.name;
  const bool letters =
      !name.empty() && std::islower(static_cast<unsigned char>(name.front())) != 0 &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_'; });
  if (!letters) {
    throw UserError(
        fmt::format("variscope new: '{}' names no file and no class (names are lower-case letters, digits and _, a letter first). "
                    "Use one like my_study.",
                    name));
  }
  const bool taken = (options.kind == NewKind::estimator && estimators::find(name) != nullptr) ||
                     (options.kind == NewKind::sampler && samplers::find(name) != nullptr);
  if (taken) throw UserError(fmt::format("variscope new: '{}' is in the catalogue already (names are unique). Choose another.", name));
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Files to be written, all or none.
class Files {
 public:
  void add(fs::path file, std::string text, bool change = false) { files_.push_back({std::move(file), std::move(text), change}); }

  void write(bool overwrite) const {
    for (const File& file : files_) {
      if (!file.change && !overwrite && fs::exists(file.path))
        throw UserError(fmt::format("{}: it exists (nothing was written). Choose another name, or --overwrite.", file.path.string()));
    }
    for (const File& file : files_) {
      std::error_code ignored;
      if (file.path.has_parent_path()) fs::create_directories(file.path.parent_path(), ignored);
      std::ofstream out(file.path, std::ios::binary | std::ios::trunc);
      out << file.text << std::flush;
      if (!out)
        throw UserError(
            fmt::format("{}: cannot be written (no such directory, or no space). Choose another --output.", file.path.string()));
      fmt::print("{} {}\n", file.change ? "changed" : "wrote  ", file.path.string());
    }
  }

 private:
  struct File {
    fs::path path;
    std::string text;
    bool change = false;
  };
  std::vector<File> files_;
};

/// A catalogue with one include and one entry more: the include before the first, as formatters sort it, the entry behind the last.
std::string with_entry(const fs::path& catalogue, const std::string& folder, const std::string& name) {
  std::string text = read(catalogue);
  const std::string include = fmt::format("#include \"engine/{}/", folder);
  const std::size_t list = text.find("entries = {");
  const std::size_t end = list == std::string::npos ? list : text.find("\n  };", list);
  if (text.find(include) == std::string::npos || end == std::string::npos) {
    throw UserError(
        fmt::format("{}: no catalogue of variscope's sources (an estimator or a sampler becomes part of the tree). Give its root "
                    "with --output.",
                    catalogue.string()));
  }
  text.insert(end, fmt::format("\n      {}_entry(),  //", name));
  // Behind the last include of the folder that sorts before it.
  const std::string line = include + name + ".hpp\"\n";
  std::size_t place = text.find(include);
  for (std::size_t at = place; at != std::string::npos; at = text.find(include, at + 1)) {
    const std::size_t next = text.find('\n', at) + 1;
    if (text.substr(at, next - at) < line) place = next;
  }
  text.insert(place, line);
  return text;
}

/// engine/FOLDER/NAME.hpp and .cpp, and the line of the catalogue.
void add_to_tree(const NewOptions& options, const std::string& what, Files& files) {
  const fs::path root = options.output.empty() ? fs::path(".") : fs::path(options.output);
  const std::string folder = what + "s";
  const fs::path place = (root / "engine" / folder).lexically_normal();
  const std::string catalogue = with_entry(place / "catalogue.cpp", folder, options.name);
  files.add(place / (options.name + ".hpp"), filled(what + ".hpp", options.name));
  files.add(place / (options.name + ".cpp"), filled(what + ".cpp", options.name));
  files.add(place / "catalogue.cpp", catalogue, true);
}

}  // namespace

int write_new(const NewOptions& options) {
  check_name(options);
  const std::string& name = options.name;
  const fs::path directory = options.output.empty() ? fs::path(".") : fs::path(options.output);
  const auto at = [&](const std::string& file) { return (directory / file).lexically_normal(); };
  Files files;
  std::string next;
  switch (options.kind) {
    case NewKind::spec:
      files.add(at(name + ".toml"), filled("spec.toml", name));
      next = fmt::format("variscope run {}", at(name + ".toml").string());
      break;
    case NewKind::model:
      files.add(at(name + ".cpp"), filled("model.cpp", name));
      files.add(at(name + ".toml"), filled("model.toml", name));
      files.add(at(name + ".csv"), filled("model.csv", name));
      // The same for every model beside it.
      files.add(at("variscope_plugin.h"), templates().at("variscope_plugin.h"), fs::exists(at("variscope_plugin.h")));
      next = fmt::format("c++ -std=c++17 -O3 -march=native -ffp-contract=off -shared -fPIC -I {} {} -o {}\n      variscope run {}",
                         directory.lexically_normal().string(), at(name + ".cpp").string(), at(name + ".so").string(),
                         at(name + ".toml").string());
      break;
    case NewKind::estimator:
      add_to_tree(options, "estimator", files);
      next = fmt::format(
          "its formula into engine/estimators/formulas.cpp and its exact variance into engine/oracles (tests ask for both)\n"
          "      cmake --build build/dev --target engine_tests && build/dev/tests/engine_tests --gtest_filter='*{}*'",
          name);
      break;
    case NewKind::sampler:
      add_to_tree(options, "sampler", files);
      next = fmt::format("cmake --build build/dev --target engine_tests && build/dev/tests/engine_tests --gtest_filter='*{}*'", name);
      break;
  }
  files.write(options.overwrite);
  fmt::print("next: {}\n", next);
  return 0;
}

void add_new(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("new", "Write a commented starting point: a spec, a model, an estimator or a sampler");
  auto options = std::make_shared<NewOptions>();
  auto kind = std::make_shared<std::string>();
  app->add_option("KIND", *kind,
                  "spec; model: a shared library over rows, its spec and data; estimator, sampler: sources in variscope's tree")
      ->required()
      ->check(CLI::IsMember({"spec", "model", "estimator", "sampler"}));
  app->add_option("NAME", options->name, "Lower-case letters, digits and _")->required();
  app->add_option("--output", options->output, "Directory; of an estimator or a sampler the root of variscope's sources (default: here)");
  app->add_flag("--overwrite", options->overwrite, "Replace files that are there");
  app->footer(
      "A model starts as a shared library (docs/plugins.md): no source of variscope is needed to build it. Part of the tree it becomes as\n"
      "README.md says. An estimator or a sampler is one file and one line of its folder's catalogue, both written here; conformance tests "
      "find\n"
      "it there.\n\n"
      "Examples:\n"
      "  variscope new spec my_study\n"
      "  variscope new model my_model --output models");
  app->callback([&chosen, options, kind] {
    static const std::map<std::string, NewKind> kinds = {
        {"spec", NewKind::spec}, {"model", NewKind::model}, {"estimator", NewKind::estimator}, {"sampler", NewKind::sampler}};
    options->kind = kinds.at(*kind);
    chosen = [options] { return write_new(*options); };
  });
}

}  // namespace variscope::experiments
