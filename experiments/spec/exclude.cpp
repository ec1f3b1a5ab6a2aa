/// Read `[[exclude]]`: which cells of the product are left out, and why.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/spec/document.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments::detail {
namespace {

/// `when = { "path.steps" = 5 }` and `when = { path.steps = 5 }` mean the same.
void flatten(const Node& table, const std::string& prefix, std::vector<Member>& out) {
  for (const Member& member : table.members) {
    if (member.value.kind == NodeKind::table)
      flatten(member.value, prefix + member.key + ".", out);
    else
      out.push_back({prefix + member.key, member.at, member.value});
  }
}

Exclusion::Condition read_condition(const Member& member, const Document& document) {
  std::vector<std::string> swept;
  for (const Given& given : document.givens) {
    if (given.swept) swept.push_back(given.key.name);
  }
  const Given* given = document.find(member.key);
  if (given == nullptr || !given->swept) {
    const std::string why = swept.empty() ? "this spec sweeps nothing" : "swept keys: " + join(swept);
    const std::string found = nearest(member.key, swept);
    fail(document.file, member.at, fmt::format("'{}' is not swept", member.key), why,
         found.empty() ? "" : fmt::format("Did you mean '{}'?", found));
  }
  std::vector<std::string> valid;
  for (const Alternative& alternative : given->alternatives) valid.push_back(value_text(alternative.value, given->key.type));

  const Given wanted = read_given(given->key, member, document.file);
  Exclusion::Condition condition{member.key, {}};
  for (const Alternative& alternative : wanted.alternatives) {
    const std::string text = value_text(alternative.value, given->key.type);
    if (std::find(valid.begin(), valid.end(), text) == valid.end()) {
      fail(document.file, alternative.at, fmt::format("{} is never {}", member.key, text), "its values: " + join(valid),
           "Remove the rule or correct the value.");
    }
    condition.texts.push_back(text);
  }
  return condition;
}

Exclusion read_exclusion(const Node& table, const Document& document) {
  Exclusion exclusion;
  exclusion.at = table.at;
  const std::string example = "Write reason = \"why these cells are left out\".";
  for (const Member& member : table.members) {
    if (member.key == "reason") {
      if (member.value.kind != NodeKind::text || member.value.text.find_first_not_of(" \t\r\n") == std::string::npos) {
        fail(document.file, member.value.at, "exclude.reason is not a text, or empty", "the report prints it", example);
      }
      exclusion.reason = member.value.text;
    } else if (member.key == "when") {
      if (member.value.kind != NodeKind::table) {
        fail(document.file, member.value.at, fmt::format("exclude.when is {}", kind_name(member.value.kind)),
             "must be a table of swept keys and values", "Write when = { \"estimators.samples\" = 1 }.");
      }
      std::vector<Member> conditions;
      flatten(member.value, "", conditions);
      for (const Member& condition : conditions) exclusion.conditions.push_back(read_condition(condition, document));
    } else {
      fail(document.file, member.at, fmt::format("unknown key 'exclude.{}'", member.key), "keys of [[exclude]]: when, reason",
           nearest(member.key, {"when", "reason"}).empty() ? ""
                                                           : fmt::format("Did you mean '{}'?", nearest(member.key, {"when", "reason"})));
    }
  }
  if (exclusion.reason.empty()) fail(document.file, table.at, "missing key 'exclude.reason'", "the report prints it", example);
  if (exclusion.conditions.empty()) {
    fail(document.file, table.at, "missing key 'exclude.when'", "it says which cells are left out",
         "Write when = { \"estimators.samples\" = 1 }.");
  }
  return exclusion;
}

}  // namespace

void read_exclusions(const Node& node, Document& document) {
  const bool tables = node.kind == NodeKind::array &&
                      std::all_of(node.items.begin(), node.items.end(), [](const Node& n) { return n.kind == NodeKind::table; });
  if (!tables)
    fail(document.file, node.at, fmt::format("exclude is {}", kind_name(node.kind)), "must be a list of tables",
         "Write [[exclude]], with two brackets.");
  for (const Node& table : node.items) document.exclusions.push_back(read_exclusion(table, document));
}

}  // namespace variscope::experiments::detail
