/// What the scheduler says of jobs: a hint, where the run directory's own files are the truth.
#include <fmt/format.h>

#include <algorithm>

#include "cluster/schedulers/lines.hpp"
#include "engine/error.hpp"
#include "experiments/submit/run_command.hpp"
#include "experiments/submit/submit.hpp"

namespace variscope::experiments {
namespace {

constexpr double answer_seconds = 60;

/// "123" of "123_4", "123[4].server" and "123.server".
std::string number_of(const std::string& id) { return id.substr(0, id.find_first_not_of("0123456789")); }

bool belongs(const std::string& id, const std::string& key) {
  return key == id || (!number_of(id).empty() && number_of(key) == number_of(id));
}

bool known(const std::string& id, const cluster::JobReports& reports) {
  return std::any_of(reports.begin(), reports.end(), [&](const auto& report) { return belongs(id, report.first); });
}

}  // namespace

cluster::JobReports reports_of(const std::string& id, const cluster::JobReports& reports) {
  cluster::JobReports own;
  for (const auto& [key, report] : reports) {
    if (belongs(id, key)) own[key] = report;
  }
  return own;
}

cluster::JobReports ask_scheduler(const std::string& scheduler, const std::vector<std::string>& ids, std::string* trouble) {
  const auto* entry = cluster::find_scheduler(scheduler);
  if (entry == nullptr) throw UserError(fmt::format("scheduler '{}': not known. This run was submitted by another version.", scheduler));
  const auto served = entry->make();
  cluster::JobReports reports;
  std::vector<std::string> asked = ids;
  for (std::size_t query = 0; !asked.empty(); ++query) {
    const auto commands = served->status(asked);
    if (query >= commands.size()) break;
    // Later commands are for what the first did not know, all of them at once where the scheduler can.
    for (std::size_t i = query; i < (query == 0 ? 1 : commands.size()); ++i) {
      const CommandOutcome outcome = run_command(commands[i], "/", {}, answer_seconds);
      for (const auto& [key, report] : served->parse_status(i, outcome.output)) reports.emplace(key, report);
      if (outcome.status != 0 && outcome.output.empty() && trouble != nullptr)
        *trouble = fmt::format("{}: {}", commands[i].words[0], cluster::one_line(outcome.error.substr(0, outcome.error.find('\n'))));
    }
    if (query > 0) break;
    asked.erase(std::remove_if(asked.begin(), asked.end(), [&](const std::string& id) { return known(id, reports); }), asked.end());
  }
  return reports;
}

}  // namespace variscope::experiments
