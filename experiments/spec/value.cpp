/// From TOML values to values of keys: types, ranges, and which lists are sweeps.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/spec/document.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments::detail {
namespace {

[[noreturn]] void wrong_type(const Key& key, const Node& node, const std::string& file, std::string suggestion = "") {
  const bool is_number =
      node.kind == NodeKind::text && !node.text.empty() && node.text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  const bool is_truth = node.kind == NodeKind::text && (node.text == "true" || node.text == "false");
  const bool wants_text = key.type == Type::text || key.type == Type::names;
  if (suggestion.empty() && (is_number || is_truth) && !wants_text) suggestion = "Remove the quotes.";
  if (suggestion.empty() && wants_text) suggestion = "Write it in double quotes.";
  fail(file, node.at, fmt::format("{} is {}", key.name, kind_name(node.kind)), "must be " + key.describe_type(), suggestion);
}

void check_range(const Key& key, double value, const Node& node, const std::string& file) {
  const bool inside = std::isfinite(value) && value <= key.maximum && (key.above_minimum ? value > key.minimum : value >= key.minimum);
  const bool power = !key.power_of_two || std::exp2(std::round(std::log2(value))) == value;
  if (inside && power) return;
  std::string suggestion;
  if (key.type == Type::rows) suggestion = "Write \"all\" for all rows.";
  if (inside && !power) suggestion = fmt::format("Try {}.", std::exp2(std::round(std::log2(value))));
  const std::string why = value > key.maximum ? fmt::format("must be at most {}", key.maximum) : "must be " + key.describe_type();
  fail(file, node.at, fmt::format("{} = {} is out of range", key.name, value), why, suggestion);
}

double read_real(const Key& key, const Node& node, const std::string& file) {
  if (node.kind != NodeKind::integer && node.kind != NodeKind::real) wrong_type(key, node, file);
  check_range(key, node.real, node, file);
  return node.real;
}

std::int64_t read_integer(const Key& key, const Node& node, const std::string& file) {
  if (key.type == Type::rows && node.kind == NodeKind::text && node.text == "all") return 0;
  if (node.kind == NodeKind::real && std::abs(node.real) < 1e15 && node.real == std::round(node.real)) {
    wrong_type(key, node, file, fmt::format("Write {}.", static_cast<std::int64_t>(node.real)));
  }
  if (node.kind != NodeKind::integer) wrong_type(key, node, file);
  check_range(key, node.real, node, file);
  return node.integer;
}

std::string read_text(const Key& key, const Node& node, const std::string& file) {
  if (node.kind != NodeKind::text) wrong_type(key, node, file);
  if (!key.choices.empty() && std::find(key.choices.begin(), key.choices.end(), node.text) == key.choices.end()) {
    std::string problem = fmt::format("unknown value '{}' of {}", node.text, key.name);
    if (key.name == "model.name") problem = fmt::format("unknown model '{}'", node.text);
    if (key.name == "family.name") problem = fmt::format("unknown family '{}'", node.text);
    if (key.name == "sampler.names") problem = fmt::format("unknown sampler '{}'", node.text);
    if (key.name == "estimators.names") problem = fmt::format("unknown estimator '{}'", node.text);
    const std::string near = nearest(node.text, key.choices);
    fail(file, node.at, problem, "valid: " + join(key.choices), near.empty() ? "" : "Did you mean '" + near + "'?");
  }
  if (key.name == "study.name") {
    const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const bool valid = !node.text.empty() && node.text.size() <= 200 && node.text.find_first_not_of(allowed) == std::string::npos &&
                       node.text[0] != '.' && node.text[0] != '-';
    if (!valid) {
      fail(file, node.at, fmt::format("study.name '{}' cannot name a directory", node.text),
           "letters, digits, '_', '.' and '-' only, the first a letter, a digit or '_'", "");
    }
  }
  if (node.text.empty() && (key.name == "data.file" || key.name == "data.response")) {
    fail(file, node.at, key.name + " is empty", key.meaning, "");
  }
  return node.text;
}

std::vector<double> read_reals(const Key& key, const Node& node, const std::string& file) {
  if (node.kind != NodeKind::array) return {read_real(key, node, file)};
  std::vector<double> values;
  for (const Node& item : node.items) values.push_back(read_real(key, item, file));
  if (values.empty() && key.name != "path.points")
    fail(file, node.at, key.name + " is an empty list", "must be " + key.describe_type(), "");
  for (std::size_t i = 1; key.name == "path.points" && i < values.size(); ++i) {
    if (values[i] <= values[i - 1]) {
      fail(file, node.items[i].at, fmt::format("path.points are not increasing: {} after {}", values[i], values[i - 1]), "",
           "Sort them, each once.");
    }
  }
  return values;
}

std::vector<double> read_matrix(const Key& key, const Node& node, const std::string& file) {
  const bool has_rows = node.kind == NodeKind::array && !node.items.empty() && node.items[0].kind == NodeKind::array;
  if (!has_rows) return read_reals(key, node, file);
  std::vector<double> values;
  for (const Node& row : node.items) {
    if (row.kind != NodeKind::array) wrong_type(key, row, file, "A matrix is a list of rows, each a list.");
    if (row.items.size() != node.items[0].items.size()) {
      fail(file, row.at, fmt::format("{} has rows of {} and {} numbers", key.name, node.items[0].items.size(), row.items.size()),
           "the rows of a matrix are of one length", "");
    }
    for (const double value : read_reals(key, row, file)) values.push_back(value);
  }
  return values;
}

std::vector<std::string> read_names(const Key& key, const Node& node, const std::string& file) {
  if (node.kind != NodeKind::array) return {read_text(key, node, file)};
  std::vector<std::string> values;
  for (const Node& item : node.items) {
    const std::string name = read_text(key, item, file);
    if (std::find(values.begin(), values.end(), name) != values.end()) {
      fail(file, item.at, fmt::format("'{}' stands twice in {}", name, key.name), "", "Remove one.");
    }
    values.push_back(name);
  }
  if (values.empty() && (key.required || key.name == "estimators.names" || key.name == "sampler.names"))
    fail(file, node.at, key.name + " is an empty list", key.meaning, "Name at least one.");
  return values;
}

/// How deep lists of one value nest: a list one deeper is a sweep.
int value_depth(const Key& key) {
  switch (key.type) {
    case Type::reals:
    case Type::names:
      return 1;
    case Type::matrix:
      return 2;
    default:
      return 0;
  }
}

int depth(const Node& node) {
  if (node.kind != NodeKind::array) return 0;
  int deepest = 0;
  for (const Node& item : node.items) deepest = std::max(deepest, depth(item));
  return deepest + 1;
}

}  // namespace

Value read_value(const Key& key, const Node& node, const std::string& file) {
  switch (key.type) {
    case Type::boolean:
      if (node.kind != NodeKind::boolean) wrong_type(key, node, file);
      return node.boolean;
    case Type::integer:
    case Type::rows:
      return read_integer(key, node, file);
    case Type::real:
      return read_real(key, node, file);
    case Type::text:
      return read_text(key, node, file);
    case Type::reals:
      return read_reals(key, node, file);
    case Type::names:
      return read_names(key, node, file);
    case Type::matrix:
      return read_matrix(key, node, file);
  }
  return {};
}

Given read_given(const Key& key, const Member& member, const std::string& file) {
  const Node& node = member.value;
  Given given{key, member.at, depth(node) > value_depth(key), {}};
  if (!given.swept) {
    given.alternatives.push_back({read_value(key, node, file), node.at});
    return given;
  }
  if (!key.sweepable) fail(file, node.at, key.name + " is a list", "it holds for the whole study and cannot be swept", "Give one value.");
  if (node.items.empty())
    fail(file, node.at, key.name + " is an empty list", "a list is a sweep over its values", "Give at least one value.");
  for (const Node& item : node.items) {
    if (value_depth(key) > 0 && item.kind != NodeKind::array) {
      fail(file, item.at, fmt::format("{} mixes lists and single values", key.name), "a sweep of this key is a list of lists",
           "Put this value into brackets.");
    }
    Alternative alternative{read_value(key, item, file), item.at};
    for (const Alternative& other : given.alternatives) {
      if (other.value == alternative.value) {
        fail(file, item.at, fmt::format("{} takes the value {} twice", key.name, value_text(alternative.value, key.type)),
             "each value of a sweep makes cells", "Remove one.");
      }
    }
    given.alternatives.push_back(std::move(alternative));
  }
  return given;
}

}  // namespace variscope::experiments::detail
