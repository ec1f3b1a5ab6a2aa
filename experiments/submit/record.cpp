/// job/jobs.json: what was submitted, where, and under which ids.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cluster/schedulers/lines.hpp"
#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "experiments/submit/submit.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

fs::path record_file(const std::string& run) { return fs::path(run) / "job" / "jobs.json"; }

}  // namespace

std::vector<std::string> JobRecord::ids(const std::string& run) const {
  std::vector<std::string> all;
  for (const Entry& entry : jobs) all.push_back(entry.id);
  std::error_code ignored;
  for (const char* name : {"ids", "ids.collect"}) {
    const fs::path successors = fs::path(run) / "job" / name;
    if (!fs::is_regular_file(successors, ignored)) continue;
    for (const std::string& id : cluster::detail::lines_of(store::read_text_file(successors))) {
      // A script wrote it: only what can be an id is passed on to commands.
      const bool harmless = !id.empty() && id.find_first_of(" \t'\"\\$;`|&<>") == std::string::npos && !id.starts_with('-');
      if (harmless && std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
    }
  }
  return all;
}

std::optional<JobRecord> read_job_record(const std::string& run) {
  const fs::path file = record_file(run);
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  const auto json = nlohmann::json::parse(store::read_text_file(file), nullptr, false);
  try {
    JobRecord record;
    json.at("site").get_to(record.site);
    json.at("scheduler").get_to(record.scheduler);
    json.at("host").get_to(record.host);
    json.at("command").get_to(record.command);
    json.at("spec").get_to(record.spec);
    json.at("spec_sha256").get_to(record.spec_sha256);
    for (const auto& job : json.at("jobs")) record.jobs.push_back({job.at("id"), job.at("submitted")});
    return record;
  } catch (const nlohmann::json::exception&) {
    throw UserError(fmt::format("{}: damaged (not what submit writes). Remove it; the run itself does not need it.", file.string()));
  }
}

void write_job_record(const std::string& run, const JobRecord& record) {
  nlohmann::ordered_json json;
  json["site"] = record.site;
  json["scheduler"] = record.scheduler;
  json["host"] = record.host;
  json["command"] = record.command;
  json["spec"] = record.spec;
  json["spec_sha256"] = record.spec_sha256;
  json["jobs"] = nlohmann::ordered_json::array();
  for (const JobRecord::Entry& entry : record.jobs) json["jobs"].push_back({{"id", entry.id}, {"submitted", entry.submitted}});
  store::write_text_file(record_file(run), json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace variscope::experiments
