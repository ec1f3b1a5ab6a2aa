/// A site: what a cluster's jobs have in common, from a TOML profile.
#include "experiments/submit/site.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "cluster/launchers/launcher.hpp"
#include "cluster/schedulers/scheduler.hpp"
#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "experiments/spec/nearest.hpp"
#include "experiments/spec/node.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;
using detail::fail;
using detail::kind_name;
using detail::Member;
using detail::Node;
using detail::NodeKind;

/// Reads members of a table by name, and refuses those that have none.
class Table {
 public:
  Table(const Node& node, std::string prefix, std::string file) : node_(node), prefix_(std::move(prefix)), file_(std::move(file)) {}

  void text(const std::string& key, std::string& target) {
    take(key, NodeKind::text, [&](const Node& value) { target = value.text; });
  }
  /// A text in which $NAME, ${NAME} and a leading ~ are read from the environment.
  void path(const std::string& key, std::string& target) {
    take(key, NodeKind::text, [&](const Node& value) { target = expanded(key, value); });
  }
  void texts(const std::string& key, std::vector<std::string>& target) {
    take(key, NodeKind::array, [&](const Node& value) {
      target.clear();
      for (const Node& item : value.items) {
        require(item, key, NodeKind::text);
        target.push_back(item.text);
      }
    });
  }
  void flag(const std::string& key, bool& target) {
    take(key, NodeKind::boolean, [&](const Node& value) { target = value.boolean; });
  }
  void count(const std::string& key, Index& target) {
    take(key, NodeKind::integer, [&](const Node& value) {
      constexpr Index most = 100'000'000;
      if (value.integer < 1 || value.integer > most) bad(key, value, std::to_string(value.integer), "a whole number of at least 1");
      target = value.integer;
    });
  }
  void gibibytes(const std::string& key, Index& mebibytes) {
    known_.push_back(key);
    const Member* member = find(key);
    if (member == nullptr) return;
    const Node& value = member->value;
    if (value.kind != NodeKind::integer && value.kind != NodeKind::real) require(value, key, NodeKind::real);
    constexpr double most = 1e6;
    if (!(value.real > 0 && value.real <= most)) bad(key, value, fmt::format("{}", value.real), "GiB, above 0");
    mebibytes = static_cast<Index>(std::ceil(value.real * 1024));
  }
  /// A text as --time takes it, or whole minutes.
  bool time(const std::string& key, Index& seconds) {
    known_.push_back(key);
    const Member* member = find(key);
    if (member == nullptr) return false;
    const Node& value = member->value;
    if (value.kind != NodeKind::integer) require(value, key, NodeKind::text);
    const std::string given = value.kind == NodeKind::integer ? std::to_string(value.integer) : value.text;
    const auto parsed = parse_seconds(given);
    if (!parsed) bad(key, value, given, "minutes, HH:MM:SS or D-HH:MM:SS");
    seconds = *parsed;
    return true;
  }
  /// The members of a table below this one; whatever is in it is handled by `each`.
  void members(const std::string& key, const std::function<void(const Member&)>& each) {
    take(key, NodeKind::table, [&](const Node& value) {
      for (const Member& member : value.members) each(member);
    });
  }
  void table(const std::string& key, const std::function<void(Table&)>& read) {
    take(key, NodeKind::table, [&](const Node& value) {
      Table below(value, prefix_ + key + ".", file_);
      read(below);
      below.finish();
    });
  }
  void finish() const {
    for (const Member& member : node_.members) {
      if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
      fail(file_, member.at, fmt::format("unknown key '{}{}'", prefix_, member.key), "keys: " + join(known_),
           suggestion(suggest(member.key, known_)));
    }
  }
  [[noreturn]] void bad(const std::string& key, const Node& value, const std::string& given, const std::string& wanted) const {
    fail(file_, value.at, fmt::format("{}{} = {}", prefix_, key, given), "must be " + wanted, "");
  }
  void require(const Node& value, const std::string& key, NodeKind kind) const {
    if (value.kind == kind) return;
    fail(file_, value.at, fmt::format("{}{} is {}", prefix_, key, kind_name(value.kind)), fmt::format("must be {}", kind_name(kind)), "");
  }
  [[nodiscard]] const Member* find(const std::string& key) const {
    for (const Member& member : node_.members) {
      if (member.key == key) return &member;
    }
    return nullptr;
  }

 private:
  static std::string suggestion(const std::string& text) { return text.empty() ? "" : text.substr(1); }

  void take(const std::string& key, NodeKind kind, const std::function<void(const Node&)>& set) {
    known_.push_back(key);
    const Member* member = find(key);
    if (member == nullptr) return;
    require(member->value, key, kind);
    set(member->value);
  }

  [[nodiscard]] std::string expanded(const std::string& key, const Node& value) const {
    std::string rest = value.text;
    if (rest == "~" || rest.starts_with("~/")) rest = "${HOME}" + rest.substr(1);
    std::string made;
    while (!rest.empty()) {
      const std::size_t at = rest.find('$');
      made += rest.substr(0, at);
      if (at == std::string::npos) break;
      rest = rest.substr(at + 1);
      const bool braces = rest.starts_with('{');
      const auto end = braces ? rest.find('}') : rest.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
      const std::string name = rest.substr(braces ? 1 : 0, braces ? end - 1 : end);
      const char* found = name.empty() ? nullptr : std::getenv(name.c_str());
      if (found == nullptr) bad(key, value, value.text, fmt::format("a path whose variables are set ('{}' is not)", name));
      made += found;
      rest = end == std::string::npos ? "" : rest.substr(braces ? end + 1 : end);
    }
    return made;
  }

  const Node& node_;
  std::string prefix_;
  std::string file_;
  std::vector<std::string> known_;
};

void read_limits(Table& table, SiteLimits& limits) {
  table.count("nodes", limits.nodes);
  table.count("cpus_per_node", limits.cpus_per_node);
  table.gibibytes("memory_gib_per_node", limits.memory_mib_per_node);
  table.time("time", limits.wall_seconds);
  table.count("array", limits.array_tasks);
}

template <class Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

std::vector<fs::path> directories() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::vector<fs::path> found;
  const std::string own = variable("XDG_CONFIG_HOME");
  if (!own.empty())
    found.emplace_back(own);
  else if (!variable("HOME").empty())
    found.emplace_back(fs::path(variable("HOME")) / ".config");
  std::string shared = variable("XDG_CONFIG_DIRS");
  if (shared.empty()) shared = "/etc/xdg";
  while (!shared.empty()) {
    const std::size_t colon = shared.find(':');
    if (colon != 0) found.emplace_back(shared.substr(0, colon));
    shared = colon == std::string::npos ? "" : shared.substr(colon + 1);
  }
  for (fs::path& path : found) path = path / "variscope" / "sites";
  return found;
}

}  // namespace

std::optional<Index> parse_seconds(const std::string& text) {
  constexpr std::size_t longest = 7;  // digits of a part
  const auto number = [](const std::string& part) -> Index {
    if (part.empty() || part.size() > longest || part.find_first_not_of("0123456789") != std::string::npos) return -1;
    return std::stoll(part);
  };
  std::string rest = text;
  Index days = 0;
  if (const std::size_t dash = rest.find('-'); dash != std::string::npos) {
    days = number(rest.substr(0, dash));
    rest = rest.substr(dash + 1);
    if (days < 0 || std::count(rest.begin(), rest.end(), ':') != 2) return std::nullopt;
  }
  Index seconds = -1;
  const auto colons = std::count(rest.begin(), rest.end(), ':');
  if (colons == 2) {
    const std::size_t first = rest.find(':');
    const std::size_t second = rest.find(':', first + 1);
    const Index h = number(rest.substr(0, first));
    const Index m = number(rest.substr(first + 1, second - first - 1));
    const Index s = number(rest.substr(second + 1));
    if (h < 0 || m < 0 || m > 59 || s < 0 || s > 59) return std::nullopt;
    seconds = (h * 60 + m) * 60 + s;
  } else if (colons == 0 && !rest.empty()) {
    const std::string unit = std::string("smh").find(rest.back()) == std::string::npos ? "" : rest.substr(rest.size() - 1);
    const Index value = number(rest.substr(0, rest.size() - unit.size()));
    if (value < 0) return std::nullopt;
    seconds = value * (unit == "s" ? 1 : unit == "h" ? 3600 : 60);
  }
  seconds = seconds < 0 ? -1 : seconds + days * 24 * 3600;
  return seconds > 0 ? std::optional(seconds) : std::nullopt;
}

Site parse_site(const std::string& text, const std::string& name, const std::string& file) {
  const Node root = detail::parse_toml(text, file);
  Table table(root, "", file);
  Site site;
  site.name = name;
  site.file = file;
  cluster::Job& job = site.job;
  job.site = name;
  table.text("description", site.description);
  table.text("scheduler", site.scheduler);
  const auto* scheduler = cluster::find_scheduler(site.scheduler);
  if (scheduler == nullptr) {
    const auto valid = names_of(cluster::schedulers());
    const Member* given = table.find("scheduler");
    const std::string nearby = suggest(site.scheduler, valid);
    fail(file, given == nullptr ? root.at : given->value.at,
         given == nullptr ? "no scheduler is given" : fmt::format("scheduler = \"{}\" is not known", site.scheduler),
         "schedulers: " + join(valid), nearby.empty() ? "" : nearby.substr(1));
  }
  job.launcher = scheduler->launcher;
  table.text("launcher", job.launcher);
  if (cluster::find_launcher_entry(job.launcher) == nullptr) {
    const auto valid = names_of(cluster::launchers());
    const std::string nearby = suggest(job.launcher, valid);
    fail(file, table.find("launcher")->value.at, fmt::format("launcher = \"{}\" is not known", job.launcher), "launchers: " + join(valid),
         nearby.empty() ? "" : nearby.substr(1));
  }
  table.path("program", site.program);
  table.path("results", site.results);
  std::string scratch;
  table.path("scratch", scratch);
  if (!scratch.empty()) job.environment.emplace_back("TMPDIR", scratch);
  table.text("account", job.account);
  table.text("partition", job.partition);
  table.text("constraint", job.constraint);
  table.text("parallel_environment", job.parallel_environment);
  table.texts("modules", job.modules);
  table.texts("prologue", job.prologue);
  table.texts("extra_directives", job.extra_directives);
  table.texts("skip_directives", job.skip_directives);
  table.texts("launcher_options", job.launcher_options);
  table.members("environment", [&](const Member& member) {
    table.require(member.value, "environment." + member.key, NodeKind::text);
    job.environment.emplace_back(member.key, member.value.text);
  });
  table.table("resources", [&](Table& resources) {
    resources.count("nodes", job.resources.nodes);
    resources.count("tasks_per_node", job.resources.tasks_per_node);
    resources.count("cpus_per_task", job.resources.cpus_per_task);
    resources.gibibytes("memory_gib", job.resources.memory_mib);
    site.wall_time_given = resources.time("time", job.resources.wall_seconds);
  });
  table.table("limits", [&](Table& limits) { read_limits(limits, site.limits); });
  table.members("partitions", [&](const Member& member) {
    table.require(member.value, "partitions." + member.key, NodeKind::table);
    Table partition(member.value, "partitions." + member.key + ".", file);
    read_limits(partition, site.partitions[member.key]);
    partition.finish();
  });
  table.table("mail", [&](Table& mail) {
    mail.text("user", job.mail.user);
    mail.flag("begin", job.mail.begin);
    mail.flag("end", job.mail.end);
    mail.flag("fail", job.mail.fail);
  });
  table.table("signal", [&](Table& signal) {
    signal.text("name", job.signal.name);
    signal.count("lead_seconds", job.signal.lead_seconds);
  });
  table.table("requeue", [&](Table& requeue) {
    requeue.flag("enabled", job.requeue);
    requeue.count("maximum_tries", job.maximum_tries);
  });
  table.finish();
  return site;
}

std::vector<SiteName> known_sites() {
  std::vector<SiteName> sites;
  const auto add = [&](const std::string& name, const std::string& file, const std::string& text) {
    if (std::any_of(sites.begin(), sites.end(), [&](const SiteName& other) { return other.name == name; })) return;
    std::string description;
    try {
      description = parse_site(text, name, file).description;
    } catch (const UserError& error) {
      description = fmt::format("not usable: {}", error.what());
    }
    sites.push_back({name, file, description});
  };
  for (const fs::path& directory : directories()) {
    std::error_code none;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory, none)) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) add(file.stem().string(), file.string(), store::read_text_file(file));
  }
  for (const auto& [name, text] : detail::shipped_sites()) add(name, "(shipped)", text);
  return sites;
}

Site read_site(const std::string& name) {
  const bool is_file = name.find('/') != std::string::npos || name.ends_with(".toml");
  std::error_code ignored;
  if (is_file) {
    if (!fs::is_regular_file(name, ignored))
      throw UserError(fmt::format("{}: no such site profile. Give a .toml file, or the name of a site ('variscope list sites').", name));
    return parse_site(store::read_text_file(name), fs::path(name).stem().string(), name);
  }
  for (const fs::path& directory : directories()) {
    const fs::path file = directory / (name + ".toml");
    if (!name.empty() && fs::is_regular_file(file, ignored)) return parse_site(store::read_text_file(file), name, file.string());
  }
  for (const auto& [shipped, text] : detail::shipped_sites()) {
    if (shipped == name) return parse_site(text, name, "(shipped) " + name + ".toml");
  }
  const auto valid = names_of(known_sites());
  std::string nearby = suggest(name, valid);
  if (nearby.empty()) nearby = fmt::format(" Write {}.", (directories().front() / "NAME.toml").string());
  throw UserError(fmt::format("--site: no profile '{}' (sites: {}).{}", cluster::one_line(name), join(valid), nearby));
}

void check_limits(const Site& site, const cluster::Job& job) {
  SiteLimits limits = site.limits;
  std::string where = fmt::format("site '{}'", site.name);
  const auto partition = site.partitions.find(job.partition);
  if (partition != site.partitions.end()) {
    const SiteLimits& own = partition->second;
    const auto take = [](Index& limit, Index value) { limit = value > 0 ? value : limit; };
    take(limits.nodes, own.nodes);
    take(limits.cpus_per_node, own.cpus_per_node);
    take(limits.memory_mib_per_node, own.memory_mib_per_node);
    take(limits.wall_seconds, own.wall_seconds);
    take(limits.array_tasks, own.array_tasks);
    where += fmt::format(", partition '{}'", job.partition);
  }
  const auto refuse = [&](const std::string& what, const std::string& asked, const std::string& most, const std::string& option) {
    throw UserError(fmt::format("{}: {} of {} (at most {}: {}). Use {} to ask for less.", where, what, asked, most, site.file, option));
  };
  const cluster::Resources& r = job.resources;
  const auto above = [](Index value, Index limit) { return limit > 0 && value > limit; };
  if (above(r.nodes, limits.nodes)) refuse("nodes", std::to_string(r.nodes), std::to_string(limits.nodes), "--nodes");
  if (above(r.cpus_per_node(), limits.cpus_per_node)) {
    refuse("tasks x CPUs on a node", std::to_string(r.cpus_per_node()), std::to_string(limits.cpus_per_node),
           "--tasks-per-node or --cpus-per-task");
  }
  if (above(r.memory_mib, limits.memory_mib_per_node))
    refuse("memory of a node", fmt::format("{} MiB", r.memory_mib), fmt::format("{} MiB", limits.memory_mib_per_node), "--memory");
  if (above(r.wall_seconds, limits.wall_seconds))
    refuse("wall time", cluster::clock_text(r.wall_seconds), cluster::clock_text(limits.wall_seconds), "--time");
  if (above(job.array.tasks, limits.array_tasks))
    refuse("array", std::to_string(job.array.tasks), std::to_string(limits.array_tasks), "--array");
}

}  // namespace variscope::experiments
