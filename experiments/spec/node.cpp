/// A parsed TOML file as a plain tree in the order of the file, every value with its place. The only file that knows toml++.
#include "experiments/spec/node.hpp"

#include <fmt/core.h>

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "engine/error.hpp"

namespace variscope::experiments::detail {
namespace {

Position position(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

Node convert(const toml::node& source) {
  Node node;
  node.at = position(source.source());
  if (const auto* table = source.as_table()) {
    node.kind = NodeKind::table;
    for (const auto& [key, value] : *table) node.members.push_back({std::string(key.str()), position(key.source()), convert(value)});
    std::sort(node.members.begin(), node.members.end(), [](const Member& a, const Member& b) { return a.at < b.at; });
  } else if (const auto* array = source.as_array()) {
    node.kind = NodeKind::array;
    for (const auto& item : *array) node.items.push_back(convert(item));
  } else if (const auto* text = source.as_string()) {
    node.kind = NodeKind::text;
    node.text = text->get();
  } else if (const auto* integer = source.as_integer()) {
    node.kind = NodeKind::integer;
    node.integer = integer->get();
    node.real = static_cast<double>(integer->get());
  } else if (const auto* real = source.as_floating_point()) {
    node.kind = NodeKind::real;
    node.real = real->get();
  } else if (const auto* boolean = source.as_boolean()) {
    node.kind = NodeKind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = NodeKind::date;
  }
  return node;
}

/// Names and texts of users may hold line breaks; a message may not.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

Node parse_toml(const std::string& text, const std::string& file) {
  try {
    return convert(toml::parse(std::string_view(text), file));
  } catch (const toml::parse_error& error) {
    fail(file, position(error.source()), "not valid TOML", std::string(error.description()), "");
  }
}

std::string with_integers(const std::string& text, const std::string& file,
                          const std::vector<std::pair<std::string, std::int64_t>>& values) {
  try {
    toml::table table = toml::parse(std::string_view(text), file);
    for (const auto& [key, value] : values) {
      const auto dot = key.find('.');
      toml::table* section = &table;
      if (dot != std::string::npos) {
        table.insert(key.substr(0, dot), toml::table{});
        section = table[key.substr(0, dot)].as_table();
      }
      const std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
      const toml::node* there = section == nullptr ? nullptr : section->get(name);
      if (section == nullptr || (there != nullptr && !there->is_integer()))
        throw UserError(fmt::format("{}: {} is not one whole number (it is swept). Write a spec of its own.", file, key));
      section->insert_or_assign(name, value);
    }
    std::ostringstream out;
    out << table << "\n";
    return out.str();
  } catch (const toml::parse_error& error) {
    fail(file, position(error.source()), "not valid TOML", std::string(error.description()), "");
  }
}

std::string_view kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::boolean:
      return "true or false";
    case NodeKind::integer:
      return "a whole number";
    case NodeKind::real:
      return "a real number";
    case NodeKind::text:
      return "a text";
    case NodeKind::array:
      return "a list";
    case NodeKind::table:
      return "a table";
    case NodeKind::date:
      return "a date or time";
  }
  return "";
}

void fail(const std::string& file, Position at, const std::string& problem, const std::string& why, const std::string& suggestion) {
  std::string text = at.line == 0 ? fmt::format("{}: {}", file, problem) : fmt::format("{}:{}:{}: {}", file, at.line, at.column, problem);
  if (!why.empty()) text += fmt::format(" ({})", why);
  text += '.';
  if (!suggestion.empty()) text += " " + suggestion;
  throw UserError(one_line(std::move(text)));
}

}  // namespace variscope::experiments::detail
