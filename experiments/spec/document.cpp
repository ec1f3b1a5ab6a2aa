/// Walk a TOML tree: every table and key must be known.
#include "experiments/spec/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/spec/nearest.hpp"

namespace variscope::experiments::detail {
namespace {

std::string table_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}
std::string leaf_of(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    const std::string table = table_of(key.name);
    if (!table.empty() && table.find('.') == std::string::npos && std::find(names.begin(), names.end(), table) == names.end())
      names.push_back(table);
  }
  names.emplace_back("exclude");
  return names;
}

/// Whether it belongs to one sampler of several: sampler.NAME.KEY.
bool is_nested(const std::string& key) { return std::count(key.begin(), key.end(), '.') > 1; }

/// Keys of all the models that the file names; a key belongs to the cells whose model has it.
std::vector<Key> keys_of_models(const Given& model_name) {
  std::vector<Key> merged;
  for (const Alternative& alternative : model_name.alternatives) {
    const models::Entry* entry = models::find(std::get<std::string>(alternative.value));
    for (Key& key : model_keys(*entry)) {
      const auto same = std::find_if(merged.begin(), merged.end(), [&](const Key& k) { return k.name == key.name; });
      if (same == merged.end()) {
        key.applies = [leaf = leaf_of(key.name)](const models::Entry& of) {
          const bool number = std::any_of(of.parameters.begin(), of.parameters.end(), [&](const auto& p) { return p.name == leaf; });
          return number || std::any_of(of.words.begin(), of.words.end(), [&](const auto& w) { return w.name == leaf; });
        };
        merged.push_back(std::move(key));
      } else if (key.type == Type::matrix) {
        same->type = key.type;
        same->set = key.set;
      }
    }
  }
  return merged;
}

[[noreturn]] void unknown_key(const std::string& name, const std::vector<Key>& valid, const std::string& owner, Position at,
                              const std::string& file) {
  std::vector<std::string> here;
  std::vector<std::string> everywhere;
  for (const Key& key : valid) {
    if (!is_nested(key.name)) everywhere.push_back(key.name);
    if (table_of(key.name) == table_of(name)) here.push_back(leaf_of(key.name));
  }
  std::string found = nearest(leaf_of(name), here);
  if (!found.empty()) {
    found = table_of(name).empty() ? found : table_of(name) + "." + found;
  } else {
    // Perhaps the right key in the wrong table.
    for (const std::string& key : everywhere) {
      if (found.empty() && leaf_of(key) == leaf_of(name)) found = key;
    }
    if (found.empty()) found = nearest(name, everywhere);
  }
  fail(file, at, fmt::format("unknown key '{}'", name), fmt::format("{}: {}", owner, join(here)),
       found.empty() ? "" : fmt::format("Did you mean '{}'?", found));
}

const Member* find_member(const Node& table, const std::string& key) {
  for (const Member& member : table.members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

class Walker {
 public:
  explicit Walker(Document& document) : document_(document), valid_(keys()) {}

  void walk(const Node& root) {
    learn_model_keys(root);
    for (const Member& member : root.members) {
      const bool is_table = member.value.kind == NodeKind::table;
      if (member.key == "exclude") continue;
      if (is_table && known_table(member.key)) {
        for (const Member& inner : member.value.members) take_nested(member.key + "." + inner.key, inner);
      } else if (is_table && find_key(member.key) == nullptr) {
        fail(document_.file, member.value.at.line != 0 ? member.value.at : member.at, fmt::format("unknown table '{}'", member.key),
             "tables: " + join(table_names()), near_table(member.key));
      } else if (known_table(member.key)) {
        fail(document_.file, member.value.at, fmt::format("{} is {}", member.key, kind_name(member.value.kind)), "must be a table",
             fmt::format("Write [{}] and its keys below it.", member.key));
      } else {
        take(member.key, member);
      }
    }
    if (const Member* exclude = find_member(root, "exclude")) read_exclusions(exclude->value, document_);
  }

 private:
  static bool known_table(const std::string& name) {
    const auto names = table_names();
    return name != "exclude" && std::find(names.begin(), names.end(), name) != names.end();
  }
  static std::string near_table(const std::string& name) {
    const std::string found = nearest(name, table_names());
    return found.empty() ? "" : fmt::format("Did you mean '{}'?", found);
  }

  /// The model decides which keys `[model]` has, wherever in the file its name stands.
  void learn_model_keys(const Node& root) {
    const Member* model = find_member(root, "model");
    if (model == nullptr || model->value.kind != NodeKind::table) return;
    const Member* name = find_member(model->value, "name");
    if (name == nullptr) {
      fail(document_.file, model->value.at, "missing key 'model.name'", find_key("model.name")->meaning, "Add name = \"...\" to [model].");
    }
    const Given given = read_given(*find_key("model.name"), *name, document_.file);
    for (const Alternative& alternative : given.alternatives) models_.push_back(std::get<std::string>(alternative.value));
    for (Key& key : keys_of_models(given)) valid_.push_back(std::move(key));
  }

  /// [sampler.NAME] is the one table within a table.
  void take_nested(const std::string& name, const Member& member) {
    const bool is_table = member.value.kind == NodeKind::table && table_of(name) == "sampler" && find_key(name) == nullptr;
    if (!is_table) return take(name, member);
    std::vector<std::string> owners;
    for (const Key& key : valid_) {
      if (is_nested(key.name) && std::find(owners.begin(), owners.end(), leaf_of(table_of(key.name))) == owners.end())
        owners.push_back(leaf_of(table_of(key.name)));
    }
    if (std::find(owners.begin(), owners.end(), member.key) == owners.end()) {
      const std::string found = nearest(member.key, owners);
      fail(document_.file, member.at, fmt::format("unknown table '{}'", name), "samplers with parameters: " + join(owners),
           found.empty() ? "" : fmt::format("Did you mean 'sampler.{}'?", found));
    }
    for (const Member& inner : member.value.members) take(name + "." + inner.key, inner);
  }

  void take(const std::string& name, const Member& member) {
    const auto key = std::find_if(valid_.begin(), valid_.end(), [&](const Key& k) { return k.name == name; });
    if (key == valid_.end()) {
      std::string owner = table_of(name).empty() ? "keys outside tables" : fmt::format("keys of [{}]", table_of(name));
      if (table_of(name) == "model") owner = fmt::format("keys of model {}", join(models_, " and "));
      unknown_key(name, valid_, owner, member.at, document_.file);
    }
    document_.givens.push_back(read_given(*key, member, document_.file));
  }

  Document& document_;
  std::vector<Key> valid_;
  std::vector<std::string> models_;
};

}  // namespace

const Given* Document::find(const std::string& key) const {
  for (const Given& given : givens) {
    if (given.key.name == key) return &given;
  }
  return nullptr;
}

Document read_document(const std::string& text, const std::string& file) {
  Document document;
  document.file = file;
  Walker(document).walk(parse_toml(text, file));
  std::sort(document.givens.begin(), document.givens.end(), [](const Given& a, const Given& b) { return a.at < b.at; });
  for (const Key& key : keys()) {
    if (!key.required || document.find(key.name) != nullptr) continue;
    const std::string example = key.type == Type::names ? "[\"...\"]" : "\"...\"";
    fail(file, {}, fmt::format("missing key '{}'", key.name), key.meaning,
         fmt::format("Add {} = {} to [{}].", leaf_of(key.name), example, table_of(key.name)));
  }
  return document;
}

}  // namespace variscope::experiments::detail
